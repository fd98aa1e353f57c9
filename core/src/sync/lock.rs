//! A lock of one word.
//!
//! # Layout and transitions
//!
//! `FREE -> HELD` by an acquire that met nobody, `-> CONTENDED` by one that may have to sleep;
//! `-> FREE` by a release, which wakes one sleeper if it came from `CONTENDED`. A waiter always
//! leaves `CONTENDED` behind, also when it gets the lock, because it cannot know whether it was the
//! last one: one wake-up too many at the end, never one too few. (Drepper, "Futexes are tricky",
//! mutex 3; the same shape as std's.)
//!
//! # Linearization points
//!
//! Acquire: the exchange that finds `FREE`. Release: the swap.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use crate::atomic::{AtomicU32, Ordering};
use crate::error::{NotHeld, TimedOut};
use crate::platform::{Deadline, Platform, Wake};

const FREE: u32 = 0;
const HELD: u32 = 1;
const CONTENDED: u32 = 2;

/// A lock that protects no value in particular and may be released by any thread, as Python's.
///
/// Not re-entrant: a thread that acquires it twice waits for itself (TH034). Which waiter gets it
/// next is not promised: a newcomer may overtake one that is waking up. One word.
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
pub struct Lock<P> {
    state: AtomicU32,
    platform: PhantomData<fn() -> P>,
}

impl<P: Platform> Lock<P> {
    const_fn! {
        /// A lock that nobody holds.
        pub const fn new() -> Self {
            Self { state: AtomicU32::new(FREE), platform: PhantomData }
        }
    }

    /// Acquires the lock; waits without limit.
    ///
    /// Progress: blocking. Interrupt-safe: no. Ordering: acquire, pairs with the release of
    /// [`release`](Self::release). Source: TH034.
    #[inline]
    pub fn acquire(&self) {
        // Without a deadline it cannot time out.
        let _ = self.acquire_until(Deadline::NEVER);
    }

    /// Acquires the lock if it is free now.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: as [`acquire`](Self::acquire).
    #[inline]
    pub fn try_acquire(&self) -> bool {
        // Acquire, pairs with the Release of `release`: what the last holder did.
        self.state.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Acquires the lock; waits until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`]. Progress: blocking. Interrupt-safe: no. Source: TH034.
    #[inline]
    pub fn acquire_until(&self, deadline: impl Into<Deadline>) -> Result<(), TimedOut> {
        if self.try_acquire() { Ok(()) } else { self.acquire_slowly(deadline.into()) }
    }

    /// Acquires the lock; waits for at most `timeout`. See [`acquire_until`](Self::acquire_until).
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<(), TimedOut> {
        self.acquire_until(Deadline::after::<P>(timeout))
    }

    /// Acquires the lock and gives a guard that releases it when dropped.
    #[inline]
    pub fn guard(&self) -> Guard<'_, P> {
        self.acquire();
        Guard { lock: self }
    }

    /// Releases the lock; any thread may.
    ///
    /// Errors: [`NotHeld`] if nobody holds it, and then nothing changes (TH033). Progress:
    /// wait-free. Interrupt-safe: yes, if the platform's `wake` is. Ordering: release, pairs with
    /// [`acquire`](Self::acquire)'s acquire.
    #[inline]
    pub fn release(&self) -> Result<(), NotHeld> {
        let word = &raw const self.state;
        // Release, pairs with the Acquire of `acquire`. From here on the lock may be gone: the next
        // holder may free it.
        match self.state.swap(FREE, Ordering::Release) {
            HELD => Ok(()),
            FREE => Err(NotHeld),
            _ => {
                P::wake(word, 1);
                Ok(())
            }
        }
    }

    /// Whether somebody holds the lock: a snapshot.
    pub fn is_held(&self) -> bool {
        // Relaxed: a snapshot orders nothing.
        self.state.load(Ordering::Relaxed) != FREE
    }

    #[cold]
    fn acquire_slowly(&self, deadline: Deadline) -> Result<(), TimedOut> {
        if deadline.has_passed::<P>() {
            return Err(TimedOut);
        }
        // Somebody who sleeps already would be overtaken for as long as we spin: spin only while
        // the lock is held by somebody whom nobody waits for.
        let mut round = 0;
        while self.state.load(Ordering::Relaxed) != CONTENDED && P::relax(round) {
            if self.state.load(Ordering::Relaxed) == FREE && self.try_acquire() {
                return Ok(());
            }
            round += 1;
        }
        loop {
            // Acquire, pairs with the Release of `release`. We leave `CONTENDED` behind whatever we
            // find, so that the release after us wakes whoever else sleeps.
            if self.state.swap(CONTENDED, Ordering::Acquire) == FREE {
                return Ok(());
            }
            if P::wait(&self.state, CONTENDED, deadline) == Wake::TimedOut {
                // Once more: a release may have come since, and its wake-up may have been ours.
                return if self.state.swap(CONTENDED, Ordering::Acquire) == FREE {
                    Ok(())
                } else {
                    Err(TimedOut)
                };
            }
        }
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

/// Holds a [`Lock`] and releases it when dropped.
#[derive(Debug)]
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct Guard<'a, P: Platform> {
    lock: &'a Lock<P>,
}

impl<'a, P: Platform> Guard<'a, P> {
    /// The lock that is held.
    pub fn lock(&self) -> &'a Lock<P> {
        self.lock
    }
}

impl<P: Platform> Drop for Guard<'_, P> {
    fn drop(&mut self) {
        // An error would mean that somebody else has released the lock meanwhile, which `Lock`
        // allows: then there is nothing left to do.
        let _ = self.lock.release();
    }
}
