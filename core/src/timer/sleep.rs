//! Floor 4: futures that time makes ready, on any runtime.
//!
//! A sleep is a timer that carries the task's waker. Nothing is pinned by the wheel and nothing points to
//! the future: it keeps a handle, and cancels it when dropped.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::geometry::Geometry;
use super::handle::Handle;
use super::slot::Slots;
use super::timers::TimersOver;
use crate::error::{SleepError, WheelFull};
use crate::platform::{Deadline, Platform};

/// Ready at a deadline: [`TimersOver::sleep`].
///
/// It takes a slot of the wheel while it waits; the error is that there was none. Dropped, it gives the
/// slot back. [`Deadline::NEVER`] takes none and is never ready.
#[must_use = "nothing sleeps before this is awaited"]
pub struct Sleep<'a, T, S: Slots<Value = T>, P: Platform, G: Geometry> {
    timers: &'a TimersOver<S, P, G>,
    deadline: Deadline,
    /// The timer, and whom it wakes.
    armed: Option<(Handle, Waker)>,
}

impl<'a, T: From<Waker>, S: Slots<Value = T>, P: Platform, G: Geometry> Sleep<'a, T, S, P, G> {
    pub(super) fn new(timers: &'a TimersOver<S, P, G>, deadline: Deadline) -> Self {
        const { assert!(!P::SHARED, "a waker cannot lie in memory that processes share") };
        Self { timers, deadline, armed: None }
    }
}

impl<T, S: Slots<Value = T>, P: Platform, G: Geometry> Sleep<'_, T, S, P, G> {
    fn cancel(&mut self) {
        if let Some((handle, _)) = self.armed.take() {
            // Too late is fine: then it has woken somebody who is gone or awake.
            drop(self.timers.cancel(handle));
        }
    }
}

// Nothing points into it.
impl<T, S: Slots<Value = T>, P: Platform, G: Geometry> Unpin for Sleep<'_, T, S, P, G> {}

impl<T: From<Waker>, S: Slots<Value = T>, P: Platform, G: Geometry> Future
    for Sleep<'_, T, S, P, G>
{
    type Output = Result<(), WheelFull>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.deadline.has_passed::<P>() {
            self.cancel();
            return Poll::Ready(Ok(()));
        }
        if self.deadline == Deadline::NEVER {
            return Poll::Pending;
        }
        if let Some((handle, waker)) = &self.armed {
            if waker.will_wake(context.waker()) && self.timers.is_pending(*handle) {
                return Poll::Pending;
            }
        }
        self.cancel();
        let waker = context.waker();
        match self.timers.schedule(self.deadline, T::from(waker.clone())) {
            Ok(handle) => {
                self.armed = Some((handle, waker.clone()));
                Poll::Pending
            }
            Err(_) => Poll::Ready(Err(WheelFull)),
        }
    }
}

impl<T, S: Slots<Value = T>, P: Platform, G: Geometry> Drop for Sleep<'_, T, S, P, G> {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl<T, S: Slots<Value = T>, P: Platform, G: Geometry> fmt::Debug for Sleep<'_, T, S, P, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// A future with a deadline: [`TimersOver::timeout`]. The future is asked first, so one that is ready at
/// once needs no slot.
#[must_use = "nothing is done before this is awaited"]
pub struct Timeout<'a, F, T, S: Slots<Value = T>, P: Platform, G: Geometry> {
    sleep: Sleep<'a, T, S, P, G>,
    future: F,
}

impl<'a, F, T, S: Slots<Value = T>, P: Platform, G: Geometry> Timeout<'a, F, T, S, P, G> {
    pub(super) fn new(sleep: Sleep<'a, T, S, P, G>, future: F) -> Self {
        Self { sleep, future }
    }
}

impl<F: Future, T: From<Waker>, S: Slots<Value = T>, P: Platform, G: Geometry> Future
    for Timeout<'_, F, T, S, P, G>
{
    type Output = Result<F::Output, SleepError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: `future` stays where it is: it is only ever reached through this pin, and there is no
        // `Drop`; `sleep` may be moved.
        let Self { sleep, future } = unsafe { self.get_unchecked_mut() };
        // SAFETY: as above.
        if let Poll::Ready(output) = unsafe { Pin::new_unchecked(future) }.poll(context) {
            return Poll::Ready(Ok(output));
        }
        match Pin::new(sleep).poll(context) {
            Poll::Ready(Ok(())) => Poll::Ready(Err(SleepError::TimedOut)),
            Poll::Ready(Err(WheelFull)) => Poll::Ready(Err(SleepError::Full)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<F, T, S: Slots<Value = T>, P: Platform, G: Geometry> fmt::Debug
    for Timeout<'_, F, T, S, P, G>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").field("sleep", &self.sleep).finish_non_exhaustive()
    }
}
