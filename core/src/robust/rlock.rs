//! A lock that its owner may acquire again, taken from the dead.
//!
//! # Layout
//!
//! A [`Lock`], the owner's mark or 0, and how many times the owner has acquired it.
//!
//! # Invariants
//!
//! 1. `owner` and `depth` are written only by who holds the lock, who sets `owner` to 0 before releasing.
//! 2. A mark is made of the process's life and the thread's number, so no thread has that of another one
//!    at the same time, nor that of one which died with its process. So a thread that finds its own mark
//!    in `owner` holds the lock: nobody else writes it, and what it wrote last itself is what it sees,
//!    without any ordering. What a dead owner has left there is nobody's mark, until the next one
//!    overwrites it.
//!
//! Linearization points, and what the dead leave: those of the lock, at the outermost level.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use super::{Found, Life, Lock, Mortal, Survivor};
use crate::atomic::{AtomicU32, AtomicWord, Ordering, Word};
use crate::error::{RLockError, ReleaseError, TimedOut};
use crate::platform::Deadline;
use crate::sync::{Held, Sealed};

const NOBODY: Word = 0;

/// A lock in shared memory that its owner, a thread, may acquire again, and that goes on when the owner's
/// process is killed: the next one gets it and is told.
///
/// Only the owner may release it (MP040). A thread that ends without releasing, in a process that lives
/// on, leaves it held.
///
/// ```
/// # mod alone { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/robust/alone.rs")); }
/// # use alone::Alone;
/// use inkle_core::robust::{Found, Mortal, RLock, Survivor};
///
/// static TREE: RLock<Alone> = RLock::new();
///
/// assert_eq!(TREE.acquire()?, Found::Clean);
/// let inner = TREE.guard()?;
/// TREE.bury(Alone::life()); // as if this process had died
/// # std::mem::forget(inner);
/// assert!(!TREE.is_held());
/// # Ok::<(), inkle_core::error::RLockError>(())
/// ```
#[repr(C)]
pub struct RLock<P> {
    owner: AtomicWord,
    depth: AtomicU32,
    lock: Lock<P>,
}

impl<P: Mortal> RLock<P> {
    const_fn! {
        /// A lock that nobody holds.
        #[must_use]
        pub const fn new() -> Self {
            Self { owner: AtomicWord::new(NOBODY), depth: AtomicU32::new(0), lock: Lock::new() }
        }
    }

    /// Acquires the lock, or one level more of it; waits without limit while another thread holds it. One
    /// level more is always [`Found::Clean`].
    ///
    /// Errors: [`RLockError::TooDeep`] after 2^32 - 1 levels; nothing changes then. Progress: blocking, for
    /// the owner wait-free. Interrupt-safe: no. Ordering: acquire, pairs with the release of
    /// [`release`](Self::release) and of [`bury`](Survivor::bury). Source: MP038, MP044.
    #[inline]
    pub fn acquire(&self) -> Result<Found, RLockError> {
        self.enter(|lock| Ok(lock.acquire()))
    }

    /// Acquires the lock, or one level more, if it is free now or the caller's.
    ///
    /// Errors: [`RLockError::Held`] if it is another's, [`RLockError::TooDeep`]. Progress: lock-free. The
    /// rest as [`acquire`](Self::acquire).
    #[inline]
    pub fn try_acquire(&self) -> Result<Found, RLockError> {
        self.enter(|lock| lock.try_acquire().ok_or(RLockError::Held))
    }

    /// As [`acquire`](Self::acquire), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`RLockError::TimedOut`], [`RLockError::TooDeep`].
    #[inline]
    pub fn acquire_until(&self, deadline: impl Into<Deadline>) -> Result<Found, RLockError> {
        self.enter(|lock| lock.acquire_until(deadline).map_err(|TimedOut| RLockError::TimedOut))
    }

    /// As [`acquire`](Self::acquire), for at most `timeout`. See [`acquire_until`](Self::acquire_until).
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Found, RLockError> {
        self.acquire_until(Deadline::after::<P>(timeout))
    }

    /// Acquires the lock, or one level more, and gives a guard that releases it when dropped.
    ///
    /// Errors: [`RLockError::TooDeep`].
    #[inline]
    pub fn guard(&self) -> Result<RLockGuard<'_, P>, RLockError> {
        Ok(RLockGuard::new(self.acquire()?, self))
    }

    /// As [`guard`](Self::guard), if the lock is free now or the caller's. See
    /// [`try_acquire`](Self::try_acquire).
    #[inline]
    pub fn try_guard(&self) -> Result<RLockGuard<'_, P>, RLockError> {
        Ok(RLockGuard::new(self.try_acquire()?, self))
    }

    /// As [`guard`](Self::guard), until `deadline`. See [`acquire_until`](Self::acquire_until).
    #[inline]
    pub fn guard_until(
        &self,
        deadline: impl Into<Deadline>,
    ) -> Result<RLockGuard<'_, P>, RLockError> {
        Ok(RLockGuard::new(self.acquire_until(deadline)?, self))
    }

    /// As [`guard`](Self::guard), for at most `timeout`. See [`acquire_until`](Self::acquire_until).
    pub fn guard_timeout(&self, timeout: Duration) -> Result<RLockGuard<'_, P>, RLockError> {
        self.guard_until(Deadline::after::<P>(timeout))
    }

    /// Releases one level; with the last the lock is free. Only the owner may.
    ///
    /// Errors: [`ReleaseError::NotOwner`] if another thread holds it, [`ReleaseError::NotHeld`] if nobody
    /// does; nothing changes then (MP040). Progress: lock-free. Interrupt-safe: no. Ordering: release,
    /// pairs with [`acquire`](Self::acquire)'s acquire.
    #[inline]
    pub fn release(&self) -> Result<(), ReleaseError> {
        if !self.is_ours() {
            let held = self.is_held();
            return Err(if held { ReleaseError::NotOwner } else { ReleaseError::NotHeld });
        }
        // Relaxed, here and wherever the owner touches its own words: see the invariants.
        match self.depth.load(Ordering::Relaxed).checked_sub(1) {
            None | Some(0) => Ok(self.free()?),
            Some(less) => {
                self.depth.store(less, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    /// Whether some thread holds the lock, dead or alive: a snapshot.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.lock.is_held()
    }

    /// Which process holds the lock, dead or alive: a snapshot.
    #[must_use]
    pub fn holder(&self) -> Option<Life> {
        self.lock.holder()
    }

    /// The caller's mark: no other thread's of any process.
    #[inline]
    fn mark() -> Word {
        // The life in the upper bits; numbers of threads are small.
        (Word::from(P::life().bits()) << (Word::BITS - Life::BITS)) ^ (P::current() as Word)
    }

    #[inline]
    fn is_ours(&self) -> bool {
        // Relaxed: invariant 2.
        self.owner.load(Ordering::Relaxed) == Self::mark()
    }

    /// One level more, the first one by `acquire`.
    #[inline]
    fn enter(
        &self,
        acquire: impl FnOnce(&Lock<P>) -> Result<Found, RLockError>,
    ) -> Result<Found, RLockError> {
        if self.is_ours() {
            let more = self.depth.load(Ordering::Relaxed).checked_add(1);
            self.depth.store(more.ok_or(RLockError::TooDeep)?, Ordering::Relaxed);
            return Ok(Found::Clean);
        }
        let found = acquire(&self.lock)?;
        self.own(1);
        Ok(found)
    }

    /// Takes note that the caller holds the lock, and how deep.
    #[inline]
    fn own(&self, depth: u32) {
        // The depth first: a mark says that the depth is its owner's. Relaxed, both: only the same thread
        // understands them (invariant 2).
        self.depth.store(depth, Ordering::Relaxed);
        self.owner.store(Self::mark(), Ordering::Relaxed);
    }

    /// Releases the lock, which the caller holds, however deep.
    #[inline]
    fn free(&self) -> Result<(), crate::error::NotHeld> {
        self.owner.store(NOBODY, Ordering::Relaxed);
        self.lock.release_own()
    }
}

// SAFETY: atomic words, and every value of the lock is sound by itself: the others say who may go deeper.
unsafe impl<P: Mortal> Survivor for RLock<P> {
    /// If it held the lock, however deep, the next one gets it, and is told.
    fn bury(&self, dead: Life) {
        self.lock.bury(dead);
    }
}

impl<P: Mortal> Default for RLock<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Mortal> fmt::Debug for RLock<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RLock").field("holder", &self.holder()).finish()
    }
}

/// Holds one level of an [`RLock`] and releases it when dropped. Stays on its thread.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RLockGuard<'a, P: Mortal> {
    found: Found,
    lock: &'a RLock<P>,
    /// Of no use to another thread, neither to be dropped there nor to wait with.
    owner: PhantomData<*const ()>,
}

impl<'a, P: Mortal> RLockGuard<'a, P> {
    fn new(found: Found, lock: &'a RLock<P>) -> Self {
        Self { found, lock, owner: PhantomData }
    }

    /// As that of [`LockGuard`](super::LockGuard::found).
    pub fn found(&self) -> Found {
        self.found
    }

    /// As that of [`LockGuard`](super::LockGuard::take_found).
    pub fn take_found(&mut self) -> Found {
        core::mem::replace(&mut self.found, Found::Clean)
    }

    /// The lock that is held.
    #[must_use]
    pub fn lock(&self) -> &'a RLock<P> {
        self.lock
    }
}

impl<P: Mortal> fmt::Debug for RLockGuard<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RLockGuard").field("found", &self.found).field("lock", self.lock).finish()
    }
}

impl<P: Mortal> Drop for RLockGuard<'_, P> {
    #[inline]
    fn drop(&mut self) {
        // An error would mean that its thread has released more levels than it had besides us.
        let _ = self.lock.release();
    }
}

impl<P: Mortal> Sealed<P> for RLockGuard<'_, P> {}

impl<P: Mortal> Held<P> for RLockGuard<'_, P> {
    /// All levels are released, and come back.
    fn released<R>(&mut self, wait: impl FnOnce() -> R) -> R {
        // If the caller holds nothing, having released behind our back, it comes back with our level.
        let mut again = Again { depth: 1, guard: self };
        let lock = again.guard.lock;
        if lock.is_ours() {
            again.depth = lock.depth.load(Ordering::Relaxed);
            let _ = lock.free();
        }
        wait()
    }
}

/// Acquires a guard's lock again when dropped, also by a panic of the platform's.
struct Again<'s, 'a, P: Mortal> {
    depth: u32,
    guard: &'s mut RLockGuard<'a, P>,
}

impl<P: Mortal> Drop for Again<'_, '_, P> {
    fn drop(&mut self) {
        if self.guard.lock.lock.acquire().is_abandoned() {
            self.guard.found = Found::Abandoned;
        }
        self.guard.lock.own(self.depth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    include!("alone.rs");

    #[test]
    fn mp040_as_often_released_as_acquired() {
        let lock = RLock::<Alone>::new();
        assert_eq!(lock.release(), Err(ReleaseError::NotHeld));
        assert_eq!(lock.acquire(), Ok(Found::Clean));
        assert_eq!(lock.acquire_until(Deadline::PASSED), Ok(Found::Clean));
        assert_eq!((lock.release(), lock.is_held()), (Ok(()), true));
        assert_eq!((lock.release(), lock.is_held()), (Ok(()), false));
    }

    #[test]
    fn what_a_dead_owner_left_is_nobody_s() {
        let lock = RLock::<Alone>::new();
        // A thread of the same number, in a process that died three levels deep.
        let dead = Life::new(7).unwrap();
        let mark = (Word::from(dead.bits()) << (Word::BITS - Life::BITS)) ^ 1;
        lock.owner.store(mark, Ordering::Relaxed);
        lock.depth.store(3, Ordering::Relaxed);
        lock.bury(dead);
        assert_eq!(lock.try_acquire(), Ok(Found::Clean), "it had released already");
        assert_eq!((lock.release(), lock.is_held()), (Ok(()), false));

        assert_eq!(lock.acquire(), Ok(Found::Clean));
        lock.acquire().map(drop).unwrap();
        lock.bury(Alone::life());
        assert!(!lock.is_held());
    }

    #[test]
    fn no_deeper_than_can_be_counted() {
        let lock = RLock::<Alone>::new();
        assert_eq!(lock.acquire(), Ok(Found::Clean));
        lock.own(u32::MAX);
        assert_eq!(lock.try_acquire(), Err(RLockError::TooDeep));
        assert!(lock.guard().is_err());
        lock.own(1);
        assert_eq!(lock.release(), Ok(()));
    }
}
