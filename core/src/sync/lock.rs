//! The lock: one word that threads sleep on, and a list of guests, that is of tasks and of threads that
//! wait for several things.
//!
//! # Why no wake-up is lost
//!
//! A guest enters the list, then tries to hold the word and leaves its bit there. If it does not get the
//! lock by that, the release which ends this holding finds the bit and looks into the list, where the
//! guest stands. Whoever was told tries again in the same way, so the bit is there again before it waits
//! on; whoever was told and gives up passes the word on.

use core::fmt;
use core::time::Duration;

use crate::error::{Cancelled, NotHeld, TimedOut};
use crate::operation::{Attempt, Operation};
use crate::platform::{Deadline, Platform, Step};
use crate::sync::CancelToken;
use crate::waiting::Guests;
use crate::watch;
use crate::word_lock::WordLock;

/// A lock that protects no value in particular and may be released by any thread, as Python's.
///
/// Not re-entrant: a thread that acquires it twice waits for itself (TH034). Which waiter gets it
/// next is not promised: a newcomer may overtake one that is waking up.
///
/// ```
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::Lock;
///
/// static DISPLAY: Lock<Spin<NoBoard>> = Lock::new();
///
/// {
///     let _guard = DISPLAY.guard();
///     assert!(DISPLAY.is_held());
///     assert!(!DISPLAY.try_acquire());
/// }
/// assert!(DISPLAY.release().is_err(), "nobody holds it");
/// ```
#[repr(C)]
pub struct Lock<P: Platform> {
    word: WordLock<P>,
    pub(super) guests: Guests<P>,
}

impl<P: Platform> Lock<P> {
    const_fn! {
        /// A lock that nobody holds.
        #[must_use]
        pub const fn new() -> Self {
            Self { word: WordLock::new(), guests: Guests::new() }
        }
    }

    /// Acquires the lock; waits without limit.
    ///
    /// Progress: blocking. Interrupt-safe: no. Ordering: acquire, pairs with the release of
    /// [`release`](Self::release). Source: TH034.
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn acquire(&self) {
        // Without a deadline it cannot time out.
        let _ = self.acquire_until(Deadline::NEVER);
    }

    /// Acquires the lock if it is free now.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: as [`acquire`](Self::acquire).
    #[must_use]
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn try_acquire(&self) -> bool {
        let acquired = self.word.try_acquire();
        if acquired {
            watch::tell::<P, _>(self, Step::Tried);
        }
        acquired
    }

    /// Acquires the lock; waits until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`]. Progress: blocking. Interrupt-safe: no. Source: TH034.
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn acquire_until(&self, deadline: impl Into<Deadline>) -> Result<(), TimedOut> {
        if !self.word.try_acquire() {
            return self.wait_until(deadline.into());
        }
        watch::tell::<P, _>(self, Step::Acquired);
        Ok(())
    }

    #[cold]
    #[cfg_attr(feature = "watch", track_caller)]
    fn wait_until(&self, deadline: Deadline) -> Result<(), TimedOut> {
        watch::tell::<P, _>(self, Step::Waits);
        let result = self.word.acquire_slowly(deadline);
        let step = if result.is_ok() { Step::Acquired } else { Step::GaveUp };
        watch::tell::<P, _>(self, step);
        result
    }

    /// Acquires the lock; waits for at most `timeout`. See [`acquire_until`](Self::acquire_until).
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<(), TimedOut> {
        self.acquire_until(Deadline::after::<P>(timeout))
    }

    /// Acquires the lock; waits until `token` is cancelled.
    ///
    /// Errors: [`Cancelled`]. Progress: blocking. Interrupt-safe: no. Source: TH077.
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn acquire_unless(&self, token: &CancelToken<'_, P>) -> Result<(), Cancelled> {
        self.guard_unless(token).map(core::mem::forget)
    }

    /// Acquires the lock and gives a guard that releases it when dropped.
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn guard(&self) -> LockGuard<'_, P> {
        self.acquire();
        LockGuard { lock: self }
    }

    /// As [`guard`](Self::guard), if the lock is free now. See [`try_acquire`](Self::try_acquire).
    #[inline]
    #[must_use = "the lock is released as soon as the guard is dropped"]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn try_guard(&self) -> Option<LockGuard<'_, P>> {
        self.try_acquire().then(|| LockGuard { lock: self })
    }

    /// As [`guard`](Self::guard), until `deadline`. See [`acquire_until`](Self::acquire_until).
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn guard_until(&self, deadline: impl Into<Deadline>) -> Result<LockGuard<'_, P>, TimedOut> {
        self.acquire_until(deadline)?;
        Ok(LockGuard { lock: self })
    }

    /// As [`guard`](Self::guard), for at most `timeout`. See [`acquire_until`](Self::acquire_until).
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn guard_timeout(&self, timeout: Duration) -> Result<LockGuard<'_, P>, TimedOut> {
        self.guard_until(Deadline::after::<P>(timeout))
    }

    /// As [`guard`](Self::guard), until `token` is cancelled. See [`acquire_unless`](Self::acquire_unless).
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn guard_unless(&self, token: &CancelToken<'_, P>) -> Result<LockGuard<'_, P>, Cancelled> {
        self.guard_async().unless(token)
    }

    /// [`guard`](Self::guard) to await, to select, or to block on with a limit.
    ///
    /// Dropped before it is done it holds nothing. Progress: each poll is wait-free, and if the lock is
    /// held takes a short lock on the list of waiters. Interrupt-safe: to be polled in a handler, if the
    /// platform's [`masked`](Platform::masked) keeps handlers out. Ordering: as
    /// [`acquire`](Self::acquire).
    pub fn guard_async(&self) -> AcquireLock<'_, P> {
        Operation::new(Acquiring(self), self.guests.place())
    }

    /// Releases the lock; any thread may.
    ///
    /// Errors: [`NotHeld`] if nobody holds it, and then nothing changes (TH033). Progress:
    /// wait-free, and with tasks waiting a short lock. Interrupt-safe: yes, if the platform's `wake` is,
    /// and with tasks if its [`masked`](Platform::masked) keeps handlers out. Ordering: release, pairs
    /// with [`acquire`](Self::acquire)'s acquire.
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn release(&self) -> Result<(), NotHeld> {
        let guests = self.word.release()?;
        watch::tell::<P, _>(self, Step::Released);
        if guests && !P::SHARED {
            self.guests.place().notify(1);
        }
        Ok(())
    }

    /// Whether somebody holds the lock: a snapshot.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.word.is_held()
    }
}

impl<P: Platform> Default for Lock<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform> fmt::Debug for Lock<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").field("held", &self.is_held()).finish()
    }
}

#[cfg(feature = "watch")]
impl<P: Platform> Drop for Lock<P> {
    fn drop(&mut self) {
        // Another one may lie at the same address soon.
        watch::tell::<P, _>(self, Step::Dropped);
    }
}

/// Holds a [`Lock`] and releases it when dropped.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct LockGuard<'a, P: Platform> {
    pub(super) lock: &'a Lock<P>,
}

impl<'a, P: Platform> LockGuard<'a, P> {
    /// The lock that is held.
    #[must_use]
    pub fn lock(&self) -> &'a Lock<P> {
        self.lock
    }
}

impl<P: Platform> fmt::Debug for LockGuard<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard").field("lock", self.lock).finish()
    }
}

impl<P: Platform> Drop for LockGuard<'_, P> {
    #[inline]
    fn drop(&mut self) {
        // An error would mean that somebody else released what we hold: nothing to do about it.
        let _ = self.lock.release();
    }
}

/// A lock being acquired; see [`Lock::guard_async`].
pub type AcquireLock<'a, P> = Operation<'a, Acquiring<'a, P>, P>;

/// See [`AcquireLock`].
pub struct Acquiring<'a, P: Platform>(pub(super) &'a Lock<P>);

debug_name!(impl[P: Platform] Acquiring<'_, P>: "Acquiring";);

impl<'a, P: Platform> Attempt for Acquiring<'a, P> {
    type Output = LockGuard<'a, P>;

    fn attempt(&mut self, waited: bool) -> Option<LockGuard<'a, P>> {
        let word = &self.0.word;
        let held = if waited { word.try_acquire_as_guest() } else { word.try_acquire() };
        if held {
            watch::tell::<P, _>(self.0, Step::Acquired);
        }
        held.then(|| LockGuard { lock: self.0 })
    }
}
