//! Waits that own a share of what they wait for.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::cell::{Outcome, Shared};

/// An operation (`O`) on a future's outcome, with a share of the cell that holds it.
pub(super) struct Held<T: 'static, O> {
    // Before the share, so dropped before it.
    operation: O,
    _shared: Arc<dyn Shared<T>>,
}

// SAFETY: the operation looks at the state of the outcome, which any thread may, and at nothing of the
// value: what it gives is not looked at. Whoever drops the last share drops the value, which takes `Send`.
unsafe impl<T: Send + 'static, O> Send for Held<T, O> {}

impl<T: 'static, O: Future> Held<T, O> {
    /// What `operation` makes of the outcome. What it gives is only looked at for whether it is there.
    pub(super) fn new(shared: Arc<dyn Shared<T>>, operation: fn(&'static Outcome<T>) -> O) -> Self {
        let outcome: *const Outcome<T> = shared.outcome();
        // SAFETY: the cell holds still on the heap and lives as long as our share, and the operation is
        // dropped before that. It does not get out of here, and neither does what it gives.
        let operation = operation(unsafe { &*outcome });
        Self { operation, _shared: shared }
    }

    /// Whether it is there; if not, the waker is woken when it may be.
    pub(super) fn is_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> bool {
        // SAFETY: the operation is pinned with us: it is never moved out, and we implement no `Drop`.
        let operation = unsafe { self.map_unchecked_mut(|held| &mut held.operation) };
        matches!(operation.poll(context), Poll::Ready(_))
    }
}
