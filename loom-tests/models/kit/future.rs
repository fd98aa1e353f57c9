//! The smallest runtime: one future, on the thread that asks for it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use inkle_core::Platform;
use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::platform::Deadline;

use super::Loom;

/// Counts the times it was woken.
struct Bell(AtomicU32);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release, pairs with the Acquire in `block_on`, as every runtime does it.
        self.0.fetch_add(1, Ordering::Release);
        Loom::wake(&raw const self.0, 1);
    }
}

/// Polls until ready; sleeps while nobody has woken it. A lost wake-up is a deadlock.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let bell = Arc::new(Bell(AtomicU32::new(0)));
    let waker = Waker::from(bell.clone());
    let mut future = pin!(future);
    loop {
        let woken = bell.0.load(Ordering::Acquire);
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            // May return for no reason: then the future is polled for no reason.
            Poll::Pending => drop(Loom::wait(&bell.0, woken, Deadline::NEVER)),
        }
    }
}

/// As [`block_on`], by a task that goes to another worker behind its first poll: from then on it has another waker.
pub fn block_on_elsewhere<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // Nobody sleeps at it.
    let waker = Waker::from(Arc::new(Bell(AtomicU32::new(0))));
    match future.as_mut().poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(output) => output,
        Poll::Pending => block_on(future),
    }
}

/// Polls once and drops the future.
pub fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
