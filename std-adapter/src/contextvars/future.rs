//! Futures in contexts.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use super::Context;
use super::carrier::Load;
use super::here::{Frame, here};
use super::map::Map;

/// Puts a future into a context.
pub trait FutureExt: Future + Sized {
    /// The future, in `context` each time it is polled and when it is dropped: so it sees its own values
    /// behind every `.await`, on any executor and whatever thread. What it sets stays in its context. (CV018)
    ///
    /// ```
    /// use inkle::contextvars::{Context, ContextVar, FutureExt, copy_context};
    /// # use std::future::Future;
    /// # use std::pin::pin;
    /// # use std::task::{self, Poll, Waker};
    ///
    /// static REQUEST: ContextVar<u32> = ContextVar::new("request");
    ///
    /// let handler = {
    ///     let _request = REQUEST.bind(7);
    ///     async { REQUEST.get() }.with_context(copy_context())
    /// };
    /// # let mut context = task::Context::from_waker(Waker::noop());
    /// # let Poll::Ready(got) = pin!(handler).poll(&mut context) else { unreachable!() };
    /// // Awaited by whomever:
    /// assert_eq!(got, Ok(7));
    /// ```
    fn with_context(self, context: Context) -> InContext<Self> {
        context.wrap(self)
    }
}

impl<F: Future> FutureExt for F {}

/// A future in a context: [`FutureExt::with_context`].
#[must_use = "nothing is done before this is awaited"]
pub struct InContext<F> {
    frame: Frame,
    load: Load,
    /// Always there until it is dropped.
    future: Option<F>,
}

impl<F> InContext<F> {
    pub(super) fn new(map: Map, load: Load, future: F) -> Self {
        Self { frame: Frame::alone(map), load, future: Some(future) }
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<F::Output> {
        // SAFETY: `future` is not moved: it is reached through this pin only, and dropped in its
        // place.
        let this = unsafe { self.get_unchecked_mut() };
        let Some(future) = this.future.as_mut() else { return Poll::Pending };
        // SAFETY: as above.
        let future = unsafe { Pin::new_unchecked(future) };
        here(|here| here.within(&this.frame, || this.load.within(|| future.poll(context))))
    }
}

impl<F> Drop for InContext<F> {
    fn drop(&mut self) {
        let Self { frame, load, future } = self;
        // In its place: it is pinned.
        here(|here| here.within(frame, || load.within(|| *future = None)));
    }
}

impl<F> fmt::Debug for InContext<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InContext").finish_non_exhaustive()
    }
}
