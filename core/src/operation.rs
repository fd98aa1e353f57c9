//! Floor 4: operations that wait, as values.
//!
//! An [`Operation`] is one thing to be done that may have to wait: a get, a put, the acquisition of a
//! lock. It is a future to await, an arm of a [`Select`], and what a thread blocks on when a
//! [`CancelToken`] may call it off. All three are the same two things: one try that never waits, and a
//! place to wait for the next try.
//!
//! Nothing is allocated: an operation carries its own place in the list of those who wait. Dropped
//! before it is done it has taken and given nothing.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use crate::error::{Cancelled, TimedOut};
use crate::platform::{Deadline, Platform};
use crate::select::{Arm, Select};
use crate::sync::{CancelToken, Reason};
use crate::waiting::{Place, Waiter};

/// What an [`Operation`] does.
pub trait Attempt {
    /// What comes of it.
    type Output;

    /// One try. `waited` says whether the operation has ever stood in the list.
    fn attempt(&mut self, waited: bool) -> Option<Self::Output>;

    /// The operation does not wait any more, done or not; it may be tried again later. For one that
    /// others can see waiting. Not called when the operation is dropped.
    fn stop(&mut self) {}
}

/// Something to be done that may have to wait: await it, select it, or block on it.
///
/// ```
/// use core::time::Duration;
/// use inkle_core::platform::{Deadline, NoBoard, Spin};
/// use inkle_core::sync::{CancelToken, Reason, Semaphore};
///
/// static SEATS: Semaphore<Spin<NoBoard>> = Semaphore::new(1);
/// static CLOSING: CancelToken<'_, Spin<NoBoard>> = CancelToken::new();
///
/// let mut seat = SEATS.acquire_async();
/// assert_eq!(seat.unless(&CLOSING), Ok(()));
///
/// let mut second = SEATS.acquire_async();
/// assert!(second.until(Deadline::PASSED).is_err());
/// CLOSING.cancel(Reason::SHUTDOWN);
/// assert_eq!(second.unless(&CLOSING).unwrap_err().0, Reason::SHUTDOWN);
/// ```
#[must_use = "nothing is done before this is awaited, selected or blocked on"]
pub struct Operation<'a, A: Attempt, P: Platform> {
    pub(crate) what: A,
    result: Option<A::Output>,
    waiter: Waiter,
    place: Place<'a, P>,
}

impl<'a, A: Attempt, P: Platform> Operation<'a, A, P> {
    /// Something to be done, and where to wait for the next try.
    #[inline(always)]
    pub(crate) fn new(what: A, place: Place<'a, P>) -> Self {
        Self { what, result: None, waiter: Waiter::new(), place }
    }

    /// The result, once a select has said that this is done. Only the first call gives it.
    pub fn take(&mut self) -> Option<A::Output> {
        self.result.take()
    }

    /// Blocks the thread until this is done, or until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`]; then nothing was done, and this may be tried again. Progress: blocking.
    /// Interrupt-safe: no.
    pub fn until(&mut self, deadline: impl Into<Deadline>) -> Result<A::Output, TimedOut> {
        Select::new().wait(&mut [self], deadline)?;
        self.take().ok_or(TimedOut)
    }

    /// Blocks the thread until this is done, or until `token` is cancelled or its deadline passes. A
    /// token that is cancelled already wins over an operation that could be done.
    ///
    /// Errors: [`Cancelled`], with the reason; then nothing was done, and this may be tried again.
    /// Progress: blocking. Interrupt-safe: no. Source: TH077.
    pub fn unless(&mut self, token: &CancelToken<'_, P>) -> Result<A::Output, Cancelled> {
        token.check()?;
        match self.attempt() {
            Some(result) => Ok(result),
            None => self.wait_unless(token),
        }
    }

    #[cold]
    fn wait_unless(&mut self, token: &CancelToken<'_, P>) -> Result<A::Output, Cancelled> {
        let mut cancelled = token.wait_async();
        // The token first in every round: it begins with the first arm until one was served.
        match Select::new().wait(&mut [&mut cancelled, self], token.deadline()) {
            Ok(0) => {}
            Ok(_) => {
                if let Some(result) = self.take() {
                    return Ok(result);
                }
            }
            // The last try, after the deadline, has asked the token, and its deadline is a reason.
            Err(TimedOut) => {}
        }
        Err(Cancelled(cancelled.take().or(token.reason()).unwrap_or(Reason::DEADLINE)))
    }

    fn attempt(&mut self) -> Option<A::Output> {
        match self.result.take() {
            Some(result) => Some(result),
            None => self.what.attempt(self.waiter.has_waited()),
        }
    }
}

impl<'a, A: Attempt, P: Platform> Future for Operation<'a, A, P> {
    type Output = A::Output;

    /// Polled again after it was ready, it begins anew.
    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: nothing is moved out of the pin but the result and what the attempt keeps, which
        // nobody points to; the waiter stays where it is.
        let this = unsafe { self.get_unchecked_mut() };
        let Self { what, result, waiter, place } = this;
        if let Some(result) = result.take() {
            return Poll::Ready(result);
        }
        // Outside of `Place::poll`, which is cold, so that what is done at once never leaves the
        // registers.
        if !waiter.has_entered() {
            if let Some(result) = what.attempt(waiter.has_waited()) {
                return Poll::Ready(result);
            }
        }
        // SAFETY: this is the one place that the waiter ever enters; it is pinned, and leaves when
        // dropped.
        unsafe { place.poll(waiter, context.waker(), || what.attempt(waiter.has_waited())) }
    }
}

impl<'a, A: Attempt, P: Platform> Arm<P> for Operation<'a, A, P> {
    fn attempt(&mut self) -> bool {
        self.result = self.attempt();
        self.result.is_some()
    }

    fn place(&self) -> (Place<'_, P>, &Waiter) {
        (self.place, &self.waiter)
    }

    fn stop(&mut self) {
        self.what.stop();
    }
}

impl<'a, A: Attempt, P: Platform> Drop for Operation<'a, A, P> {
    fn drop(&mut self) {
        self.place.leave(&self.waiter);
    }
}

impl<'a, A: Attempt, P: Platform> fmt::Debug for Operation<'a, A, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("done", &self.result.is_some()).finish_non_exhaustive()
    }
}
