//! The other end of a future whose work is no function: for those who build executors.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use inkle_core::sync::Phase;

use super::cell::{Cell, Link, Revoke, Root, Runnable, Settled};
use super::{Future, FutureError};

/// The duty to give a [`Future`] its result: for work that is done by others than threads of this process,
/// or when an event comes. (CF014, CF015)
///
/// Each of the methods that end it takes the promise, so nobody sets a result twice. Dropped without, the
/// future says [`FutureError::Broken`]: nobody waits in vain.
///
/// ```
/// use inkle::concurrent::{FutureError, promise};
///
/// let (promise_a, a) = promise();
/// promise_a.set_result(7).unwrap();
/// assert_eq!(a.result().unwrap(), &7);
///
/// let (promise_b, b) = promise::<u32>();
/// drop(promise_b);
/// assert!(matches!(b.result(), Err(FutureError::Broken)));
/// ```
#[must_use = "dropped, its future is broken"]
pub struct Promise<T: Send + 'static> {
    cell: Arc<Cell<Link, T>>,
    begun: bool,
    ended: bool,
}

/// A promise, and the future that it is for.
pub fn promise<T: Send + 'static>() -> (Promise<T>, Future<T>) {
    linked(None, None)
}

/// As [`promise`]; who cancels the future cancels `upstream`, and who waits for it waits for `root`.
pub(super) fn linked<T: Send + 'static>(
    upstream: Option<Arc<dyn Revoke>>,
    root: Option<Arc<dyn Root>>,
) -> (Promise<T>, Future<T>) {
    let cell = Arc::new(Cell::new(0, Link(upstream)));
    (Promise { cell: cell.clone(), begun: false, ended: false }, Future::of(cell, root))
}

impl<T: Send + 'static> Promise<T> {
    /// Says that the work has begun, from where on nobody can cancel it; `false` if somebody has, and then
    /// the work need not be done. Later calls say the same again. (CF014)
    ///
    /// ```
    /// use inkle::concurrent::promise;
    ///
    /// let (mut promise, future) = promise::<u32>();
    /// assert!(future.cancel());
    /// assert!(!promise.set_running());
    /// assert_eq!(promise.set_result(3), Err(3));
    /// ```
    pub fn set_running(&mut self) -> bool {
        self.begun = self.begun || self.cell.begin();
        self.begun
    }

    /// The result. (CF015)
    ///
    /// Errors: the value comes back if the future was cancelled.
    pub fn set_result(self, value: T) -> Result<(), T> {
        match self.end(Ok(value)) {
            Err(Ok(value)) => Err(value),
            _ => Ok(()),
        }
    }

    /// The work panicked with this payload, which [`catch_unwind`](std::panic::catch_unwind) gave. Whether
    /// the future learns of it: not if it was cancelled.
    ///
    /// ```
    /// use inkle::concurrent::promise;
    ///
    /// let (promise, future) = promise::<u32>();
    /// let payload = std::panic::catch_unwind(|| panic!("out of yarn")).unwrap_err();
    /// assert!(promise.set_panic(payload));
    /// assert_eq!(future.result().unwrap_err().to_string(), "the work panicked: out of yarn");
    /// ```
    pub fn set_panic(self, payload: Box<dyn Any + Send>) -> bool {
        self.fail(FutureError::unwound(payload))
    }

    /// The work cannot be done, and this is why. Whether the future learns of it: not if it was cancelled.
    pub fn fail(self, error: FutureError) -> bool {
        self.end(Err(error)).is_ok()
    }

    /// Whether the future was cancelled, and the work need not be done.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cell.phase() == Phase::Cancelled
    }

    /// Whether somebody has asked the work, which has begun, to [stop](Future::stop).
    ///
    /// ```
    /// use inkle::concurrent::promise;
    ///
    /// let (mut promise, future) = promise::<u32>();
    /// promise.set_running();
    /// assert!(future.stop());
    /// assert!(promise.is_asked_to_stop());
    /// promise.set_result(3).unwrap();
    /// assert_eq!(future.join().unwrap(), 3);
    /// ```
    #[must_use]
    pub fn is_asked_to_stop(&self) -> bool {
        self.cell.bell().is_rung()
    }

    /// Has `act` called as soon as somebody asks the work, which has begun, to [stop](Future::stop): on the
    /// thread that asks, or here and now if that was before. It is called once, and takes the place of one
    /// that was to be called before it. It should be quick, and must not panic.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use inkle::concurrent::{FutureError, promise};
    /// use inkle::threading::Event;
    ///
    /// let (mut promise, future) = promise::<u32>();
    /// let stopped = Arc::new(Event::new());
    /// promise.set_running();
    /// let told = Arc::clone(&stopped);
    /// promise.when_asked_to_stop(Arc::new(move || _ = told.set()));
    /// assert!(!stopped.is_set());
    /// assert!(future.stop());
    /// assert!(stopped.is_set());
    /// assert!(promise.fail(FutureError::Cancelled));
    /// assert!(future.is_cancelled());
    /// ```
    pub fn when_asked_to_stop(&self, act: Arc<dyn Fn() + Send + Sync>) {
        self.cell.bell().call(act);
    }

    /// Cancels the future, if the work has not begun.
    #[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
    pub(crate) fn cancel(self) {
        self.cell.cancel();
    }

    /// Ends it; the result comes back if the future was cancelled.
    pub(crate) fn end(mut self, result: Settled<T>) -> Result<(), Settled<T>> {
        if !self.set_running() {
            return Err(result);
        }
        self.ended = true;
        // SAFETY: it has begun, and whoever ends it takes the promise; dropping it ends it no more.
        unsafe { self.cell.finish(result) };
        Ok(())
    }
}

impl<T: Send + 'static> Drop for Promise<T> {
    fn drop(&mut self) {
        if !self.ended && self.set_running() {
            // SAFETY: it has begun, and nobody has ended it.
            unsafe { self.cell.finish(Err(FutureError::Broken)) };
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promise").field("phase", &self.cell.phase()).finish()
    }
}
