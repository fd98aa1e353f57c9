//! Floor 2: a lock of one word, for threads alone. [`sync::Lock`](crate::sync::Lock) is this and a
//! list of tasks; the kernel's own short sections are guarded by this alone.
//!
//! # Layout and transitions
//!
//! Three bits: `HELD`; `SLEEPERS`, threads may sleep on the word; `GUESTS`, somebody may stand in a list
//! beside it. An acquire that met nobody goes from `FREE` to `HELD`; whoever may have to wait sets its
//! own bit together with `HELD`; a release goes to `FREE` and wakes one of each kind whose bit was set.
//!
//! # Invariant
//!
//! While somebody of a kind waits, the bit of that kind is set, or one of that kind has been woken and
//! will set it again: a waiter always leaves its bit behind, also when it gets the lock, because it
//! cannot know whether it was the last one. One wake-up too many at the end, never one too few.
//! (Drepper, "Futexes are tricky", mutex 3, with two kinds of waiters.)
//!
//! # Linearization points
//!
//! Acquire: the exchange, or the `or`, that finds `HELD` unset. Release: the swap.

use core::marker::PhantomData;

use crate::atomic::{AtomicU32, Ordering};
use crate::error::{NotHeld, TimedOut};
use crate::platform::{Deadline, Platform, Wake};

const FREE: u32 = 0;
const HELD: u32 = 1;
const SLEEPERS: u32 = 2;
const GUESTS: u32 = 4;

/// A lock that protects no value in particular and may be released by any thread.
#[repr(C)]
pub(crate) struct WordLock<P> {
    state: AtomicU32,
    platform: PhantomData<fn() -> P>,
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

    /// As [`try_acquire`](Self::try_acquire), for a guest: the next release will tell of it.
    pub(crate) fn try_acquire_as_guest(&self) -> bool {
        self.hold(GUESTS) & HELD == 0
    }

    /// Holds the lock if nobody else does, and leaves a bit behind; gives what was there.
    fn hold(&self, waiting: u32) -> u32 {
        // Acquire, pairs with the Release of `release`.
        self.state.fetch_or(HELD | waiting, Ordering::Acquire)
    }

    /// Acquires the lock; waits until `deadline`. A deadline that has passed polls.
    #[inline]
    pub(crate) fn acquire_until(&self, deadline: Deadline) -> Result<(), TimedOut> {
        if self.try_acquire() { Ok(()) } else { self.acquire_slowly(deadline) }
    }

    /// Releases the lock and wakes one thread that sleeps. Says whether there may be guests.
    #[inline]
    pub(crate) fn release(&self) -> Result<bool, NotHeld> {
        let word = &raw const self.state;
        // Release, pairs with the Acquire of `try_acquire` and `hold`. From here on the lock may be
        // gone: the next holder may free it.
        match self.state.swap(FREE, Ordering::Release) {
            HELD => Ok(false),
            FREE => Err(NotHeld),
            state => {
                if state & SLEEPERS != 0 {
                    P::wake(word, 1);
                }
                Ok(state & GUESTS != 0)
            }
        }
    }

    /// Whether somebody holds the lock: a snapshot.
    pub(crate) fn is_held(&self) -> bool {
        // Relaxed: a snapshot orders nothing.
        self.state.load(Ordering::Relaxed) != FREE
    }

    #[cold]
    pub(crate) fn acquire_slowly(&self, deadline: Deadline) -> Result<(), TimedOut> {
        if deadline.has_passed::<P>() {
            return Err(TimedOut);
        }
        // Somebody who waits already would be overtaken for as long as we spin: spin only while the
        // lock is held by somebody whom nobody waits for.
        let mut round = 0;
        while self.state.load(Ordering::Relaxed) <= HELD && P::relax(round) {
            if self.state.load(Ordering::Relaxed) == FREE && self.try_acquire() {
                return Ok(());
            }
            round += 1;
        }
        loop {
            let state = self.hold(SLEEPERS);
            if state & HELD == 0 {
                return Ok(());
            }
            if P::wait(&self.state, state | HELD | SLEEPERS, deadline) == Wake::TimedOut {
                // Once more: a release may have come since, and its wake-up may have been ours.
                return if self.hold(SLEEPERS) & HELD == 0 { Ok(()) } else { Err(TimedOut) };
            }
        }
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
