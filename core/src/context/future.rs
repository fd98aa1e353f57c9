//! A future with a context of its own.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{self, Poll};

use super::current::switched;
use super::{Context, Ground};

/// A future that runs in a context each time it is polled: [`Context::wrap`].
///
/// No two polls see each other's values, however an executor interleaves them. Dropped, the future is
/// dropped in the context too.
///
/// Progress and interrupt safety: that of the future; the context costs two stores a poll.
///
/// ```
/// # use inkle_core::context::{Context, ContextVar, Slots};
/// # // SAFETY: one core, and no tasks.
/// # inkle_core::single_core_context!(unsafe App: Slots<4>);
/// # use core::future::{Future, ready};
/// # use core::task::{self, Poll, Waker};
/// static TASK: ContextVar<u8, App> = ContextVar::new("task");
///
/// let mut task = core::pin::pin!(Context::<App>::new().wrap(async {
///     TASK.set(1).unwrap();
///     ready(()).await;
///     TASK.get()
/// }));
/// let mut context = task::Context::from_waker(Waker::noop());
/// assert_eq!(task.as_mut().poll(&mut context), Poll::Ready(Some(1)));
/// assert_eq!(TASK.get(), None);
/// ```
#[must_use = "nothing is done before this is awaited"]
pub struct Within<F, G: Ground> {
    context: Context<G>,
    /// Always there until it is dropped.
    future: Option<F>,
}

impl<F, G: Ground> Within<F, G> {
    pub(super) fn new(context: Context<G>, future: F) -> Self {
        Self { context, future: Some(future) }
    }
}

impl<F: Future, G: Ground> Future for Within<F, G> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<F::Output> {
        // SAFETY: neither field is moved: `future` is reached through this pin only, and dropped in its
        // place.
        let this = unsafe { self.get_unchecked_mut() };
        let Some(future) = this.future.as_mut() else { return Poll::Pending };
        // SAFETY: as above.
        let future = unsafe { Pin::new_unchecked(future) };
        // SAFETY: nobody else has the context, and we have all of it for ourselves.
        unsafe { switched(&this.context, || future.poll(context)) }
    }
}

impl<F, G: Ground> Drop for Within<F, G> {
    fn drop(&mut self) {
        let future = &mut self.future;
        // SAFETY: as in `poll`. The future is dropped in its place.
        unsafe { switched(&self.context, || *future = None) };
    }
}

impl<F, G: Ground> fmt::Debug for Within<F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Within").field("context", &self.context).finish_non_exhaustive()
    }
}
