//! Floor 2: a lock of one word, for threads alone. [`sync::Lock`](crate::sync::Lock) is this and a
//! list of tasks; the kernel's own short sections are guarded by this alone.
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

use core::marker::PhantomData;

use crate::atomic::{AtomicU32, Ordering};
use crate::error::{NotHeld, TimedOut};
use crate::platform::{Deadline, Platform, Wake};

const FREE: u32 = 0;
const HELD: u32 = 1;
const CONTENDED: u32 = 2;

/// A lock that protects no value in particular and may be released by any thread.
#[repr(C)]
pub(crate) struct WordLock<P> {
    state: AtomicU32,
    platform: PhantomData<fn() -> P>,
}

/// What a release found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Released {
    /// Nobody waits.
    Alone,
    /// Somebody may wait; one thread has been woken.
    Contended,
}

impl<P: Platform> WordLock<P> {
    const_fn! {
        /// A lock that nobody holds.
        pub(crate) const fn new() -> Self {
            Self { state: AtomicU32::new(FREE), platform: PhantomData }
        }
    }

    /// Acquires the lock; waits without limit, and gives a guard.
    #[inline]
    pub(crate) fn guard(&self) -> WordGuard<'_, P> {
        // Without a deadline it cannot time out.
        let _ = self.acquire_until(Deadline::NEVER);
        WordGuard(self)
    }

    /// Acquires the lock if it is free now.
    #[inline]
    pub(crate) fn try_acquire(&self) -> bool {
        // Acquire, pairs with the Release of `release`: what the last holder did.
        self.state.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// As [`try_acquire`](Self::try_acquire), for somebody who waits outside of this lock or has done
    /// so: whatever comes of it, the next release will find the lock contended.
    pub(crate) fn try_acquire_waiting(&self) -> bool {
        // Acquire, pairs with the Release of `release`.
        self.state.swap(CONTENDED, Ordering::Acquire) == FREE
    }

    /// Acquires the lock; waits until `deadline`. A deadline that has passed polls.
    #[inline]
    pub(crate) fn acquire_until(&self, deadline: Deadline) -> Result<(), TimedOut> {
        if self.try_acquire() { Ok(()) } else { self.acquire_slowly(deadline) }
    }

    /// Releases the lock and wakes one thread that sleeps.
    #[inline]
    pub(crate) fn release(&self) -> Result<Released, NotHeld> {
        let word = &raw const self.state;
        // Release, pairs with the Acquire of `try_acquire`. From here on the lock may be gone: the next
        // holder may free it.
        match self.state.swap(FREE, Ordering::Release) {
            HELD => Ok(Released::Alone),
            FREE => Err(NotHeld),
            _ => {
                P::wake(word, 1);
                Ok(Released::Contended)
            }
        }
    }

    /// Whether somebody holds the lock: a snapshot.
    pub(crate) fn is_held(&self) -> bool {
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
        // We leave `CONTENDED` behind whatever we find, so that the release after us wakes whoever else
        // sleeps.
        while !self.try_acquire_waiting() {
            if P::wait(&self.state, CONTENDED, deadline) == Wake::TimedOut {
                // Once more: a release may have come since, and its wake-up may have been ours.
                return if self.try_acquire_waiting() { Ok(()) } else { Err(TimedOut) };
            }
        }
        Ok(())
    }
}

/// Holds a [`WordLock`] and releases it when dropped.
pub(crate) struct WordGuard<'a, P: Platform>(&'a WordLock<P>);

impl<P: Platform> Drop for WordGuard<'_, P> {
    #[inline]
    fn drop(&mut self) {
        // An error would mean that somebody else released what we hold: nothing to do about it.
        let _ = self.0.release();
    }
}
