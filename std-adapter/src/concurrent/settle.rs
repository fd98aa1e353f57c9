//! Who waits for a task that is done elsewhere: in another process, on another machine.

use std::sync::Arc;

use super::cell::Settled;
use super::error::FutureError;
use super::promise::Promise;

/// The one who waits, for what is made of an `I`: whoever has the task need not know what that is.
pub(crate) trait Settle<I>: Send {
    /// Whether it is still to be done; then nobody can cancel it any more. From then on `stop` is called
    /// when somebody wants it to stop.
    fn begin(&mut self, stop: &Arc<dyn Fn() + Send + Sync>) -> bool;
    fn is_asked_to_stop(&self) -> bool;
    /// Somebody has cancelled it, before it has begun.
    #[cfg(feature = "remote")]
    fn is_cancelled(&self) -> bool;
    fn cancel(self: Box<Self>);
    fn give(self: Box<Self>, came: I);
    fn fail(self: Box<Self>, error: FutureError);
}

/// A future, and how to read what comes for it.
pub(crate) struct Reader<T: Send + 'static, I> {
    pub(crate) promise: Promise<T>,
    pub(crate) read: fn(I) -> Settled<T>,
}

impl<T: Send + 'static, I> Settle<I> for Reader<T, I> {
    fn begin(&mut self, stop: &Arc<dyn Fn() + Send + Sync>) -> bool {
        let begun = self.promise.set_running();
        if begun {
            self.promise.when_asked_to_stop(Arc::clone(stop));
        }
        begun
    }

    fn is_asked_to_stop(&self) -> bool {
        self.promise.is_asked_to_stop()
    }

    #[cfg(feature = "remote")]
    fn is_cancelled(&self) -> bool {
        self.promise.is_cancelled()
    }

    fn cancel(self: Box<Self>) {
        self.promise.cancel();
    }

    fn give(self: Box<Self>, came: I) {
        let Self { promise, read } = *self;
        // Whether anybody still wants to know.
        drop(promise.end(read(came)));
    }

    fn fail(self: Box<Self>, error: FutureError) {
        let _ = self.promise.fail(error);
    }
}
