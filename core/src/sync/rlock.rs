//! A lock that its owner may acquire again.
//!
//! # Layout
//!
//! A [`Lock`], the owner's number or 0, and how many times the owner has acquired it.
//!
//! # Invariants
//!
//! 1. `owner` and `depth` are written only by who holds the lock, who sets `owner` to 0 before releasing.
//! 2. So a thread that finds its own number in `owner` holds the lock: nobody else writes that number,
//!    and what it wrote last itself is what it sees, without any ordering.
//! 3. `depth` is not 0 exactly while `owner` is not 0, as the holder sees them.
//!
//! All three rest on the platform's [`current`](Platform::current). With numbers that are not unique two
//! threads could both take the lock for theirs; no memory is at stake here.
//!
//! Linearization points, and why no wake-up is lost: those of the lock, at the outermost level.
//!
//! # Why it cannot be awaited
//!
//! Its owner is a thread. A task that awaits goes to another thread, or leaves its own to tasks that
//! would all be that owner and find the lock theirs. Take [`Lock`] or
//! [`Mutex`](super::Mutex) there.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use crate::atomic::{AtomicU32, AtomicUsize, Ordering};
use crate::error::{RLockError, ReleaseError, TimedOut};
use crate::platform::{Deadline, Platform};
use crate::sync::condition::{Held, Sealed};
use crate::sync::{CancelToken, Lock};

const NOBODY: usize = 0;

/// A lock that its owner may acquire again, and that is free when it has released it as often.
///
/// Its owner is a thread, so there is nothing to await: see [`Lock`] for that. An interrupt handler is
/// the same owner as the code that it interrupted, so no handler may use it. Between processes it works
/// if [`current`](Platform::current) is unique among all their threads, as a thread number of the
/// system's is; a process that forks has to forget the one that it inherited.
///
/// A thread that ends without releasing leaves it held. A thread that gets the same number later is then
/// taken for the owner.
///
/// ```
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::RLock;
///
/// static TREE: RLock<Spin<NoBoard>> = RLock::new();
///
/// let outer = TREE.guard()?;
/// let inner = TREE.guard()?;
/// drop(outer);
/// assert!(TREE.is_held(), "once more");
/// drop(inner);
/// assert!(!TREE.is_held());
/// # Ok::<(), inkle_core::error::RLockError>(())
/// ```
#[repr(C)]
pub struct RLock<P: Platform> {
    lock: Lock<P>,
    owner: AtomicUsize,
    depth: AtomicU32,
}

impl<P: Platform> RLock<P> {
    const_fn! {
        /// A lock that nobody holds.
        #[must_use]
        pub const fn new() -> Self {
            Self { lock: Lock::new(), owner: AtomicUsize::new(NOBODY), depth: AtomicU32::new(0) }
        }
    }

    /// Acquires the lock, or one level more of it; waits without limit while another thread holds it.
    ///
    /// Errors: [`RLockError::TooDeep`] after 2^32 - 1 levels; nothing changes then. Progress: blocking,
    /// for the owner wait-free. Interrupt-safe: no. Ordering: acquire, pairs with the release of
    /// [`release`](Self::release). Source: TH038.
    #[inline]
    pub fn acquire(&self) -> Result<(), RLockError> {
        self.acquire_until(Deadline::NEVER)
    }

    /// Acquires the lock, or one level more, if it is free now or the caller's.
    ///
    /// Errors: [`RLockError::Held`] if it is another's, [`RLockError::TooDeep`]. Progress: wait-free.
    /// The rest as [`acquire`](Self::acquire).
    #[inline]
    pub fn try_acquire(&self) -> Result<(), RLockError> {
        self.enter(|lock| lock.try_acquire().then_some(()).ok_or(RLockError::Held))
    }

    /// As [`acquire`](Self::acquire), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`RLockError::TimedOut`], [`RLockError::TooDeep`].
    #[inline]
    pub fn acquire_until(&self, deadline: impl Into<Deadline>) -> Result<(), RLockError> {
        self.enter(|lock| lock.acquire_until(deadline).map_err(|TimedOut| RLockError::TimedOut))
    }

    /// As [`acquire`](Self::acquire), for at most `timeout`. See [`acquire_until`](Self::acquire_until).
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<(), RLockError> {
        self.acquire_until(Deadline::after::<P>(timeout))
    }

    /// As [`acquire`](Self::acquire), until `token` is cancelled. A token that is cancelled already wins.
    ///
    /// Errors: [`RLockError::Cancelled`], [`RLockError::TooDeep`]. Source: TH077.
    pub fn acquire_unless(&self, token: &CancelToken<'_, P>) -> Result<(), RLockError> {
        token.check()?;
        self.enter(|lock| Ok(lock.acquire_unless(token)?))
    }

    /// Acquires the lock, or one level more, and gives a guard that releases it when dropped.
    ///
    /// Errors: [`RLockError::TooDeep`].
    #[inline]
    pub fn guard(&self) -> Result<RLockGuard<'_, P>, RLockError> {
        self.guard_until(Deadline::NEVER)
    }

    /// As [`guard`](Self::guard), if the lock is free now or the caller's. See
    /// [`try_acquire`](Self::try_acquire).
    #[inline]
    pub fn try_guard(&self) -> Result<RLockGuard<'_, P>, RLockError> {
        self.try_acquire()?;
        Ok(RLockGuard { lock: self, owner: PhantomData })
    }

    /// As [`guard`](Self::guard), until `deadline`. See [`acquire_until`](Self::acquire_until).
    #[inline]
    pub fn guard_until(
        &self,
        deadline: impl Into<Deadline>,
    ) -> Result<RLockGuard<'_, P>, RLockError> {
        self.acquire_until(deadline)?;
        Ok(RLockGuard { lock: self, owner: PhantomData })
    }

    /// As [`guard`](Self::guard), for at most `timeout`. See [`acquire_until`](Self::acquire_until).
    pub fn guard_timeout(&self, timeout: Duration) -> Result<RLockGuard<'_, P>, RLockError> {
        self.guard_until(Deadline::after::<P>(timeout))
    }

    /// As [`guard`](Self::guard), until `token` is cancelled. See [`acquire_unless`](Self::acquire_unless).
    pub fn guard_unless(
        &self,
        token: &CancelToken<'_, P>,
    ) -> Result<RLockGuard<'_, P>, RLockError> {
        self.acquire_unless(token)?;
        Ok(RLockGuard { lock: self, owner: PhantomData })
    }

    /// Releases one level; with the last the lock is free. Only the owner may.
    ///
    /// Errors: [`ReleaseError::NotOwner`] if another thread holds it, [`ReleaseError::NotHeld`] if nobody
    /// does; nothing changes then (TH038). Progress: wait-free, and with threads waiting that give up
    /// when a token is cancelled, a short lock. Interrupt-safe: no. Ordering: release, pairs with
    /// [`acquire`](Self::acquire)'s acquire. Source: TH038, TH039.
    #[inline]
    pub fn release(&self) -> Result<(), ReleaseError> {
        if !self.is_ours() {
            let held = self.is_held();
            return Err(if held { ReleaseError::NotOwner } else { ReleaseError::NotHeld });
        }
        // Relaxed, here and wherever the holder touches its own words: see the invariants.
        match self.depth.load(Ordering::Relaxed).checked_sub(1) {
            None | Some(0) => Ok(self.free()?),
            Some(less) => {
                self.depth.store(less, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    /// Whether some thread holds the lock: a snapshot. Source: TH040.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.lock.is_held()
    }

    /// Whether the caller holds it.
    #[inline]
    fn is_ours(&self) -> bool {
        // Relaxed: invariant 2.
        self.owner.load(Ordering::Relaxed) == P::current()
    }

    /// One level more, the first one by `acquire`.
    #[inline]
    fn enter(
        &self,
        acquire: impl FnOnce(&Lock<P>) -> Result<(), RLockError>,
    ) -> Result<(), RLockError> {
        let caller = P::current();
        // Relaxed: invariant 2.
        if self.owner.load(Ordering::Relaxed) == caller {
            let more = self.depth.load(Ordering::Relaxed).checked_add(1);
            self.depth.store(more.ok_or(RLockError::TooDeep)?, Ordering::Relaxed);
        } else {
            acquire(&self.lock)?;
            self.own(caller, 1);
        }
        Ok(())
    }

    /// Takes note of who holds the lock, the caller, and how deep.
    #[inline]
    fn own(&self, caller: usize, depth: u32) {
        // Relaxed, both: only the same thread understands them (invariant 2).
        self.owner.store(caller, Ordering::Relaxed);
        self.depth.store(depth, Ordering::Relaxed);
    }

    /// Releases the lock, which the caller holds, however deep.
    #[inline]
    fn free(&self) -> Result<(), crate::error::NotHeld> {
        self.depth.store(0, Ordering::Relaxed);
        self.owner.store(NOBODY, Ordering::Relaxed);
        self.lock.release()
    }
}

impl<P: Platform> Default for RLock<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform> fmt::Debug for RLock<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RLock").field("held", &self.is_held()).finish()
    }
}

/// Holds one level of an [`RLock`] and releases it when dropped. Stays on its thread.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RLockGuard<'a, P: Platform> {
    lock: &'a RLock<P>,
    /// Of no use to another thread, neither to be dropped there nor to wait with.
    owner: PhantomData<*const ()>,
}

impl<'a, P: Platform> RLockGuard<'a, P> {
    /// The lock that is held.
    #[must_use]
    pub fn lock(&self) -> &'a RLock<P> {
        self.lock
    }
}

impl<P: Platform> fmt::Debug for RLockGuard<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RLockGuard").field("lock", self.lock).finish()
    }
}

impl<P: Platform> Drop for RLockGuard<'_, P> {
    #[inline]
    fn drop(&mut self) {
        // An error would mean that its thread has released more levels than it had besides us.
        let _ = self.lock.release();
    }
}

impl<P: Platform> Sealed<P> for RLockGuard<'_, P> {}

impl<P: Platform> Held<P> for RLockGuard<'_, P> {
    /// All levels are released, and come back.
    fn released<R>(&mut self, wait: impl FnOnce() -> R) -> R {
        // If the caller holds nothing, having released behind our back, it comes back with our level.
        let mut again = Again { lock: self.lock, depth: 1 };
        if self.lock.is_ours() {
            again.depth = self.lock.depth.load(Ordering::Relaxed);
            let _ = self.lock.free();
        }
        wait()
    }
}

/// Acquires a lock again when dropped, also by a panic of the platform's.
struct Again<'a, P: Platform> {
    lock: &'a RLock<P>,
    depth: u32,
}

impl<P: Platform> Drop for Again<'_, P> {
    fn drop(&mut self) {
        self.lock.lock.acquire();
        self.lock.own(P::current(), self.depth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{NoBoard, Spin};

    type Ground = Spin<NoBoard>;

    #[test]
    fn th038_no_deeper_than_can_be_counted() {
        let lock = RLock::<Ground>::new();
        lock.acquire().unwrap();
        lock.own(Ground::current(), u32::MAX - 1);
        lock.acquire().unwrap();
        assert_eq!(lock.try_acquire(), Err(RLockError::TooDeep));
        assert_eq!(lock.acquire(), Err(RLockError::TooDeep));
        assert!(lock.guard().is_err());
        // Nothing has changed: so many levels as before.
        assert_eq!(lock.depth.load(Ordering::Relaxed), u32::MAX);
        lock.own(Ground::current(), 1);
        assert_eq!(lock.release(), Ok(()));
        assert!(!lock.is_held());
    }
}
