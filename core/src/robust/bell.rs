//! Sleep until something may have changed, in memory where sleepers may die: one word and no counts.
//!
//! An [event count](crate::event_count) counts who waits, so whoever is killed while it waits stays
//! counted. A bell does not know who waits, only that somebody may.
//!
//! # Layout
//!
//! `rings << 1 | SLEEPERS`. It is the word that sleepers sleep on.
//!
//! # Protocol
//!
//! ```text
//! sleeper                                  ringer
//! word |= SLEEPERS                         make the condition true
//! heavy fence                        <-->  light fence
//! condition true? -> leave                 no SLEEPERS? -> return
//! sleep while the word is as it was        rings += 1 without SLEEPERS; wake some
//! look again, from the beginning
//! ```
//!
//! # Why no wake-up is lost
//!
//! By the pair of fences, either the sleeper sees what the ringer made true, or the ringer sees the bit
//! and changes the word, before the sleeper sleeps or while it does.
//!
//! A ringer that wakes fewer than all takes the bit away under the others' feet. So whoever was woken
//! rings on: it sets the bit again before it looks, so that a ringer who comes later sees it; and what a
//! ringer made true before that it sees itself when it has taken its share ([`block`](Bell::block) asks
//! `is_more`). Whoever was to be woken and gives up looks once more, as after any sleep.
//!
//! Somebody who dies on the way is made up for by [`bury`](super::Survivor::bury), which wakes all; and
//! everybody looks once in a second.
//!
//! # Cost
//!
//! Four bytes. A ring without sleepers: one fence (none after a read-modify-write on x86), one load.

use core::fmt;
use core::marker::PhantomData;

use super::{Life, Mortal, Survivor, until_next_look};
use crate::atomic::{AtomicU32, Ordering};
use crate::platform::{Deadline, Platform, Wake};

const SLEEPERS: u32 = 1;
const RING: u32 = 2;

/// Wakes whoever waits until something, kept elsewhere in shared memory, may have changed.
///
/// ```
/// # mod alone { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/robust/alone.rs")); }
/// # use alone::Alone;
/// use inkle_core::atomic::{AtomicU32, Ordering};
/// use inkle_core::platform::Deadline;
/// use inkle_core::robust::Bell;
///
/// static BELL: Bell<Alone> = Bell::new();
/// static DONE: AtomicU32 = AtomicU32::new(0);
///
/// DONE.store(1, Ordering::Release);
/// BELL.ring(u32::MAX);
///
/// let done = || (DONE.load(Ordering::Acquire) != 0).then_some(());
/// assert_eq!(BELL.block(Deadline::NEVER, done), Some(()));
/// ```
#[repr(transparent)]
pub struct Bell<P> {
    word: AtomicU32,
    platform: PhantomData<fn() -> P>,
}

impl<P: Platform> Bell<P> {
    const_fn! {
        /// A bell that nobody waits for.
        #[must_use]
        pub const fn new() -> Self {
            Self { word: AtomicU32::new(0), platform: PhantomData }
        }
    }

    /// Says that the caller is about to sleep: look at the condition after it, then sleep on
    /// [`word`](Self::word) while it holds what this gave. For whoever waits for several bells at once;
    /// everybody else takes [`block`](Self::block).
    ///
    /// Whoever was woken and leaves the thing to others calls [`ring`](Self::ring)`(1)`: it may have been
    /// woken in somebody's place.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: the platform's heavy fence; a condition made
    /// true before a `ring` that saw nobody is visible after it.
    pub fn prepare(&self) -> u32 {
        // Acquire, pairs with the Release of `strike`: what was made true before a ring that is seen.
        let seen = self.word.fetch_or(SLEEPERS, Ordering::Acquire) | SLEEPERS;
        // Pairs with the fence of `ring`: without it the look at the condition could come before the bit
        // is set, and both sides would miss each other.
        P::heavy_fence();
        seen
    }

    /// The word to sleep on: see [`prepare`](Self::prepare).
    pub fn word(&self) -> &AtomicU32 {
        &self.word
    }

    /// Wakes `count` of those who sleep. Call it after the change. No system call while nobody sleeps.
    ///
    /// Progress: wait-free while nobody sleeps, else lock-free. Interrupt-safe: yes, if the platform's
    /// `wake` is. Ordering: the platform's light fence.
    pub fn ring(&self, count: u32) {
        // Pairs with the heavy fence of `prepare`.
        P::light_fence();
        self.ring_ordered(count);
    }

    /// As [`ring`](Self::ring), for a caller whose change was a read-modify-write.
    #[inline]
    pub(super) fn ring_after_rmw(&self, count: u32) {
        // Pairs as in `ring`.
        P::fence_after_rmw();
        self.ring_ordered(count);
    }

    #[inline]
    fn ring_ordered(&self, count: u32) {
        // Relaxed: the fence orders it.
        let state = self.word.load(Ordering::Relaxed);
        if state & SLEEPERS != 0 {
            self.strike(state, count);
        }
    }

    #[cold]
    fn strike(&self, mut state: u32, count: u32) {
        while state & SLEEPERS != 0 {
            let rung = (state & !SLEEPERS).wrapping_add(RING);
            // Release, pairs with the Acquire of `prepare`: whoever finds the word changed and prepares
            // anew sees the change that this ring is about.
            match self.word.compare_exchange_weak(state, rung, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return P::wake(&raw const self.word, count),
                // Without the bit now: somebody else rings, after our fence and for all who had set it.
                Err(now) => state = now,
            }
        }
    }

    /// Calls `attempt` until it gives something, sleeping between calls; `None` when `deadline` passes
    /// first. It is called once at least, and once more after a time-out.
    ///
    /// For bells that are rung for all ([`ring`](Self::ring)`(u32::MAX)`); where a ring is for one,
    /// `attempt` rings on if it leaves something to others.
    ///
    /// Progress: blocking. Interrupt-safe: no.
    pub fn block<R>(
        &self,
        deadline: Deadline,
        mut attempt: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        if let Some(result) = attempt() {
            return Some(result);
        }
        if deadline.has_passed::<P>() {
            return None;
        }
        let mut round = 0;
        while P::relax(round) {
            if let Some(result) = attempt() {
                return Some(result);
            }
            round += 1;
        }
        loop {
            let seen = self.prepare();
            if let Some(result) = attempt() {
                return Some(result);
            }
            let until = until_next_look::<P>(deadline);
            if P::wait(&self.word, seen, until) == Wake::TimedOut && until == deadline {
                // The bit again, as after any sleep: a ring may have been spent on us.
                self.prepare();
                return attempt();
            }
        }
    }

    /// Wakes all who sleep, whatever the word says: a ringer may have died after it changed the word, or a
    /// sleeper after it was woken.
    pub(super) fn rouse(&self) {
        // Release, pairs with the Acquire of `prepare`, as in `strike`. The bit stays: whoever has set it
        // and does not sleep yet finds the word changed; one ring too many comes of it, never one too few.
        self.word.fetch_add(RING, Ordering::Release);
        P::wake(&raw const self.word, u32::MAX);
    }
}

// SAFETY: one atomic word.
unsafe impl<P: Mortal> Survivor for Bell<P> {
    /// Whoever sleeps looks again.
    fn bury(&self, _dead: Life) {
        self.rouse();
    }
}

impl<P: Platform> Default for Bell<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P> fmt::Debug for Bell<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bell")
    }
}
