//! Floor 2: a value that only the holder of its lock can touch, for the few instructions that a list
//! or a heap needs.
//!
//! [`Locked`] is what a queue with an order of its own, a backlog and a list of waiting tasks have in
//! common. Who holds it also keeps interrupt handlers out ([`Platform::masked`]), so that on bare
//! metal a handler never waits for the code that it interrupted.
//!
//! It stands on [`WordLock`], which needs nothing above floor 1.

use crate::atomic::UnsafeCell;
use crate::platform::Platform;
use crate::word_lock::WordLock;

/// A value, the lock around it, and the rule that what is done inside is short.
pub(crate) struct Locked<T, P> {
    lock: WordLock<P>,
    value: UnsafeCell<T>,
}

// SAFETY: the value is only touched by the holder of the lock, one thread at a time, so it needs
// `Send` and no more.
unsafe impl<T: Send, P> Sync for Locked<T, P> {}

impl<T, P: Platform> Locked<T, P> {
    const_fn! {
        pub(crate) const fn new(value: T) -> Self {
            Self { lock: WordLock::new(), value: UnsafeCell::new(value) }
        }
    }

    /// Runs `f` on the value. If `f` panics the lock is released; the value stays as `f` left it.
    ///
    /// Progress: blocking. Interrupt-safe: if the platform's `masked` keeps handlers out. Ordering:
    /// that of the lock.
    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        P::masked(|| {
            let _guard = self.lock.guard();
            // SAFETY: the guard is ours and lives until `f` is done, and nobody else releases this
            // private lock, so no other reference to the value exists.
            self.value.with_mut(|value| f(unsafe { &mut *value }))
        })
    }

    /// The value, which nobody else can reach any more.
    pub(crate) fn into_inner(self) -> T {
        self.value.into_inner()
    }
}
