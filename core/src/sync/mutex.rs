//! A value behind a [`Lock`].
//!
//! # Layout
//!
//! The lock, then the value. Between processes both may lie in shared memory, if the value may.
//!
//! # Invariants
//!
//! 1. Who holds the lock has a [`MutexGuard`], and there is at most one: the lock is private, so nobody
//!    else acquires or releases it.
//! 2. The value is touched through that guard, or by whoever has the whole mutex for itself.
//!
//! Linearization points, and why no wake-up is lost: as in the lock.
//!
//! # No poisoning
//!
//! The core neither unwinds nor catches: whether a panic was survived, and what it left of the value, is
//! known above it. A panic with the guard held releases the lock, and the value stays as it was then.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

use super::condition::OnLock;
use super::lock::Acquiring;
use super::{CancelToken, HeldLock, Lock, LockGuard};
use crate::atomic::UnsafeCell;
use crate::error::{Cancelled, TimedOut};
use crate::operation::{Attempt, Operation};
use crate::platform::{Deadline, Platform};

/// A value that one at a time may use.
///
/// Not re-entrant: a thread that locks it twice waits for itself. Which waiter gets it next is not
/// promised. A panic with the guard held unlocks it and leaves the value as it is: there is no poisoning.
///
/// ```
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::Mutex;
///
/// static TOTAL: Mutex<u32, Spin<NoBoard>> = Mutex::new(0);
///
/// *TOTAL.lock() += 1;
/// let guard = TOTAL.lock();
/// assert_eq!(*guard, 1);
/// assert!(TOTAL.try_lock().is_none());
/// ```
#[repr(C)]
pub struct Mutex<T, P: Platform> {
    lock: Lock<P>,
    value: UnsafeCell<T>,
}

// SAFETY: the value is used by the one holder of the lock (invariants), which may be any thread: it is
// handed from thread to thread and never shared but by a guard, which asks for `Sync` itself.
unsafe impl<T: Send, P: Platform> Sync for Mutex<T, P> {}

impl<T, P: Platform> Mutex<T, P> {
    const_fn! {
        /// A mutex that nobody holds.
        #[must_use]
        pub const fn new(value: T) -> Self {
            Self { lock: Lock::new(), value: UnsafeCell::new(value) }
        }
    }

    /// Locks the value; waits without limit.
    ///
    /// Progress: blocking. Interrupt-safe: no. Ordering: acquire, pairs with the release of the guard
    /// that was dropped before. Source: TH034.
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn lock(&self) -> MutexGuard<'_, T, P> {
        MutexGuard::new(self, self.lock.guard())
    }

    /// Locks the value if it is free now.
    ///
    /// Progress: wait-free. Interrupt-safe: yes, and so is dropping the guard if the platform's `wake`
    /// is, and with tasks if its [`masked`](Platform::masked) keeps handlers out. Ordering: as
    /// [`lock`](Self::lock).
    #[must_use]
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T, P>> {
        if self.lock.try_acquire() { Some(self.acquired()) } else { None }
    }

    /// Locks the value; waits until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`]. Progress: blocking. Interrupt-safe: no. Source: TH034.
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn lock_until(
        &self,
        deadline: impl Into<Deadline>,
    ) -> Result<MutexGuard<'_, T, P>, TimedOut> {
        self.lock.acquire_until(deadline)?;
        Ok(self.acquired())
    }

    /// Locks the value; waits for at most `timeout`. See [`lock_until`](Self::lock_until).
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn lock_timeout(&self, timeout: Duration) -> Result<MutexGuard<'_, T, P>, TimedOut> {
        self.lock_until(Deadline::after::<P>(timeout))
    }

    /// Locks the value; waits until `token` is cancelled.
    ///
    /// Errors: [`Cancelled`]. Progress: blocking. Interrupt-safe: no. Source: TH077.
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn lock_unless(
        &self,
        token: &CancelToken<'_, P>,
    ) -> Result<MutexGuard<'_, T, P>, Cancelled> {
        self.lock_async().unless(token)
    }

    /// [`lock`](Self::lock) to await, to select, or to block on with a limit.
    ///
    /// Dropped before it is done it holds nothing. Progress and interrupt safety: as
    /// [`Lock::guard_async`].
    pub fn lock_async(&self) -> LockMutex<'_, T, P> {
        let locking = Locking { mutex: self, acquiring: Acquiring(&self.lock) };
        Operation::new(locking, self.lock.guests.place())
    }

    /// Whether somebody holds it: a snapshot.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.lock.is_held()
    }

    /// The value, which nobody else can reach at the moment.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: the mutex is borrowed exclusively, so there is no guard, but for one that was leaked,
        // whose borrow has ended.
        self.value.with_mut(|value| unsafe { &mut *value })
    }

    /// The value, which nobody else can reach any more.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    /// The guard of a caller that has just acquired the lock.
    fn acquired(&self) -> MutexGuard<'_, T, P> {
        MutexGuard::new(self, LockGuard { lock: &self.lock })
    }
}

impl<T: Default, P: Platform> Default for Mutex<T, P> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T, P: Platform> From<T> for Mutex<T, P> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: fmt::Debug, P: Platform> fmt::Debug for Mutex<T, P> {
    /// Shows the value if it is free now.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_lock() {
            Some(guard) => f.debug_struct("Mutex").field("value", &*guard).finish(),
            None => f.debug_struct("Mutex").finish_non_exhaustive(),
        }
    }
}

/// Holds a [`Mutex`] and gives its value; unlocks it when dropped.
#[must_use = "the mutex is unlocked as soon as the guard is dropped"]
pub struct MutexGuard<'a, T, P: Platform> {
    mutex: &'a Mutex<T, P>,
    /// Unlocks it when dropped.
    _held: LockGuard<'a, P>,
    /// It gives the value away as `&mut`, and may be shared or sent only where that may.
    gives: PhantomData<&'a mut T>,
}

impl<'a, T, P: Platform> MutexGuard<'a, T, P> {
    /// `guard` is of the mutex's own lock.
    fn new(mutex: &'a Mutex<T, P>, guard: LockGuard<'a, P>) -> Self {
        Self { mutex, _held: guard, gives: PhantomData }
    }
}

/// The condition takes the guard exclusively, or altogether, so nobody has a reference to the value while
/// the lock is released.
impl<T, P: Platform> HeldLock for MutexGuard<'_, T, P> {
    type Ground = P;

    fn on_lock<'a>(&self) -> OnLock<'a, P>
    where
        Self: 'a,
    {
        OnLock(&self.mutex.lock)
    }
}

impl<T, P: Platform> Deref for MutexGuard<'_, T, P> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: we hold the lock (invariant 1) for as long as we live, so nobody else touches the
        // value, and through us only `deref_mut`, which takes us exclusively, gives `&mut`.
        self.mutex.value.with(|value| unsafe { &*value })
    }
}

impl<T, P: Platform> DerefMut for MutexGuard<'_, T, P> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: we hold the lock (invariant 1) for as long as we live, and we are borrowed exclusively.
        self.mutex.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: fmt::Debug, P: Platform> fmt::Debug for MutexGuard<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display, P: Platform> fmt::Display for MutexGuard<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A mutex being locked; see [`Mutex::lock_async`].
pub type LockMutex<'a, T, P> = Operation<'a, Locking<'a, T, P>, P>;

/// See [`LockMutex`].
pub struct Locking<'a, T, P: Platform> {
    mutex: &'a Mutex<T, P>,
    acquiring: Acquiring<'a, P>,
}

debug_name!(impl[T, P: Platform] Locking<'_, T, P>: "Locking";);

impl<'a, T, P: Platform> Attempt for Locking<'a, T, P> {
    type Output = MutexGuard<'a, T, P>;

    fn attempt(&mut self, waited: bool) -> Option<MutexGuard<'a, T, P>> {
        let guard = self.acquiring.attempt(waited)?;
        Some(MutexGuard::new(self.mutex, guard))
    }
}
