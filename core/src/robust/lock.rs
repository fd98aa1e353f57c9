//! A lock that knows who holds it, so that it can be taken from the dead.
//!
//! # Layout
//!
//! One word: `SLEEPERS << 31 | ABANDONED << 30 | life`. `life` is that of the process that acquired it, 0
//! if nobody holds it. `SLEEPERS`: somebody may sleep on the word. `ABANDONED`: nobody holds it, and who
//! held it last died.
//!
//! # Invariants
//!
//! 1. `ABANDONED` only with `life` 0. Whoever acquires takes it away and knows.
//! 2. While somebody sleeps, `SLEEPERS` is set, or somebody has been woken, or is dead. As in `WordLock`:
//!    a waiter leaves the bit behind also when it gets the lock.
//! 3. Only the holder, or who acts for it, makes `life` 0, and only whoever is told of its death makes it
//!    `ABANDONED`, by an exchange of the very word that names the dead. So nobody is told of a death
//!    without one, and no death of a holder goes untold: the lock stays the dead one's until then.
//!
//! # Linearization points
//!
//! Acquire: the exchange from a word without `life`. Release: the exchange to `FREE`.
//!
//! # What the dead leave
//!
//! A word with their life, which [`bury`](Survivor::bury) makes `ABANDONED`; or the wake-up after a
//! release; or, woken, a turn not taken. For these `bury` wakes all. For deaths that nobody reports each
//! sleeper looks once in a second, also whether the holder lives.
//!
//! # Progress and cost
//!
//! Acquire blocks; release is lock-free. Four bytes, one read-modify-write each way, and a load in the
//! second.

use core::fmt;
use core::marker::PhantomData;
use core::mem::replace;
use core::time::Duration;

use super::{Life, Mortal, Survivor, until_next_look};
use crate::atomic::{AtomicU32, Ordering};
use crate::error::{NotHeld, TimedOut};
use crate::platform::{Deadline, Wake};
use crate::sync::{Held, Sealed};

const FREE: u32 = 0;
const LIFE: u32 = (1 << Life::BITS) - 1;
const ABANDONED: u32 = 1 << 30;
const SLEEPERS: u32 = 1 << 31;

/// In what state a lock was found by who acquired it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what the lock protects may have been left half-changed"]
pub enum Found {
    /// The last holder released it.
    Clean,
    /// The last holder died with it: what the lock protects may be half-changed.
    Abandoned,
}

impl Found {
    /// Whether the last holder died with it.
    #[must_use]
    pub fn is_abandoned(self) -> bool {
        self == Self::Abandoned
    }

    /// That a word without life was found.
    fn of(state: u32) -> Self {
        if state & ABANDONED == 0 { Self::Clean } else { Self::Abandoned }
    }
}

/// A lock in shared memory that goes on when its holder is killed: the next one gets it and is told.
///
/// Any process or thread may release it (MP039). Whoever acquired it counts as its holder until then: if
/// that process dies, the lock is abandoned. Not re-entrant. Which waiter gets it next is not promised.
///
/// It is told of deaths by [`bury`](Survivor::bury), and asks by itself, when it has been held for a
/// second, whether the holder is alive (MP044).
///
/// ```
/// # mod alone { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/robust/alone.rs")); }
/// # use alone::Alone;
/// use inkle_core::robust::{Found, Lock, Mortal, Survivor};
///
/// static LEDGER: Lock<Alone> = Lock::new();
///
/// assert_eq!(LEDGER.acquire(), Found::Clean);
/// LEDGER.bury(Alone::life()); // as if this process had died
///
/// let guard = LEDGER.guard();
/// if guard.found().is_abandoned() {
///     // Set right what the dead may have left half-done.
/// }
/// # assert!(guard.found().is_abandoned());
/// drop(guard);
/// assert_eq!(LEDGER.try_acquire(), Some(Found::Clean));
/// ```
#[repr(transparent)]
pub struct Lock<P> {
    state: AtomicU32,
    platform: PhantomData<fn() -> P>,
}

impl<P: Mortal> Lock<P> {
    const_fn! {
        /// A lock that nobody holds.
        #[must_use]
        pub const fn new() -> Self {
            Self { state: AtomicU32::new(FREE), platform: PhantomData }
        }
    }

    /// Acquires the lock; waits without limit.
    ///
    /// Progress: blocking. Interrupt-safe: no. Ordering: acquire, pairs with the release of
    /// [`release`](Self::release) and of [`bury`](Survivor::bury). Source: MP038, MP044.
    #[inline]
    pub fn acquire(&self) -> Found {
        loop {
            // Without a deadline it cannot time out.
            if let Ok(found) = self.acquire_until(Deadline::NEVER) {
                return found;
            }
        }
    }

    /// Acquires the lock if nobody holds it now.
    ///
    /// Progress: lock-free. Interrupt-safe: no. Ordering: as [`acquire`](Self::acquire).
    #[must_use]
    #[inline]
    pub fn try_acquire(&self) -> Option<Found> {
        self.take(FREE, P::life().bits()).ok()
    }

    /// Acquires the lock; waits until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`]. Progress: blocking. Interrupt-safe: no. Source: MP038.
    #[inline]
    pub fn acquire_until(&self, deadline: impl Into<Deadline>) -> Result<Found, TimedOut> {
        match self.try_acquire() {
            Some(found) => Ok(found),
            None => self.acquire_slowly(deadline.into()),
        }
    }

    /// Acquires the lock; waits for at most `timeout`. See [`acquire_until`](Self::acquire_until).
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Found, TimedOut> {
        self.acquire_until(Deadline::after::<P>(timeout))
    }

    /// Acquires the lock and gives a guard that releases it when dropped and knows how it was found.
    #[inline]
    pub fn guard(&self) -> LockGuard<'_, P> {
        LockGuard { found: self.acquire(), lock: self }
    }

    /// As [`guard`](Self::guard), if nobody holds the lock now.
    #[must_use]
    #[inline]
    pub fn try_guard(&self) -> Option<LockGuard<'_, P>> {
        self.try_acquire().map(|found| LockGuard { found, lock: self })
    }

    /// As [`guard`](Self::guard), until `deadline`. See [`acquire_until`](Self::acquire_until).
    #[inline]
    pub fn guard_until(&self, deadline: impl Into<Deadline>) -> Result<LockGuard<'_, P>, TimedOut> {
        self.acquire_until(deadline).map(|found| LockGuard { found, lock: self })
    }

    /// As [`guard`](Self::guard), for at most `timeout`. See [`acquire_until`](Self::acquire_until).
    pub fn guard_timeout(&self, timeout: Duration) -> Result<LockGuard<'_, P>, TimedOut> {
        self.guard_until(Deadline::after::<P>(timeout))
    }

    /// Releases the lock; any process or thread may.
    ///
    /// Errors: [`NotHeld`] if nobody holds it, and then nothing changes (MP039). Progress: lock-free.
    /// Interrupt-safe: no. Ordering: release, pairs with [`acquire`](Self::acquire)'s acquire.
    #[inline]
    pub fn release(&self) -> Result<(), NotHeld> {
        self.release_if(|life| life != 0)
    }

    /// Releases the lock if its holder is whom the caller acts for.
    #[inline]
    fn release_if(&self, is_right: impl Fn(u32) -> bool) -> Result<(), NotHeld> {
        // Relaxed: the exchange checks it.
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if !is_right(state & LIFE) {
                return Err(NotHeld);
            }
            // Release, pairs with the Acquire of `take`: what the holder did.
            match self.state.compare_exchange_weak(
                state,
                FREE,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        if state & SLEEPERS != 0 {
            P::wake(&raw const self.state, 1);
        }
        Ok(())
    }

    /// Releases the lock if this process holds it. For what stands for an acquisition: it does nothing
    /// after a fork, in the child, nor when the process was taken for dead.
    #[inline]
    pub(super) fn release_own(&self) -> Result<(), NotHeld> {
        let own = P::life().bits();
        self.release_if(|life| life == own)
    }

    /// Whether somebody holds the lock, dead or alive: a snapshot.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.holder().is_some()
    }

    /// Which process holds the lock, dead or alive: a snapshot.
    #[must_use]
    pub fn holder(&self) -> Option<Life> {
        // Relaxed: a snapshot orders nothing.
        Life::new(self.state.load(Ordering::Relaxed) & LIFE)
    }

    /// Makes the word `held` if nobody holds the lock; `state` is a first guess. An error is what was
    /// there.
    #[inline]
    fn take(&self, mut state: u32, held: u32) -> Result<Found, u32> {
        while state & LIFE == 0 {
            // Acquire, pairs with the Release of `release` and `abandon`: what was done under the lock.
            match self.state.compare_exchange_weak(
                state,
                held,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(Found::of(state)),
                Err(now) => state = now,
            }
        }
        Err(state)
    }

    #[cold]
    fn acquire_slowly(&self, deadline: Deadline) -> Result<Found, TimedOut> {
        if deadline.has_passed::<P>() {
            return Err(TimedOut);
        }
        let life = P::life().bits();
        let mut round = 0;
        // Not past those who sleep already: see `WordLock`.
        while self.state.load(Ordering::Relaxed) & SLEEPERS == 0 && P::relax(round) {
            if let Some(found) = self.try_acquire() {
                return Ok(found);
            }
            round += 1;
        }
        loop {
            let held = match self.take_or_tell(life) {
                Ok(found) => return Ok(found),
                Err(held) => held,
            };
            let until = until_next_look::<P>(deadline);
            if P::wait(&self.state, held, until) == Wake::Woken {
                continue;
            }
            if until == deadline {
                // Once more: a release may have come since, and its wake-up may have been ours.
                return self.take_or_tell(life).map_err(|_| TimedOut);
            }
            // The net. The lock may be another's by now, and then it is not taken from that one.
            if let Some(holder) = Life::new(held & LIFE) {
                if !P::is_alive(holder) {
                    self.abandon(holder);
                }
            }
        }
    }

    /// Acquires the lock if nobody holds it, and leaves `SLEEPERS` there in any case. An error is the word
    /// to sleep on.
    fn take_or_tell(&self, life: u32) -> Result<Found, u32> {
        // Relaxed: the exchanges check it.
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            state = match self.take(state, life | SLEEPERS) {
                Ok(found) => return Ok(found),
                Err(state) => state,
            };
            if state & SLEEPERS != 0 {
                return Err(state);
            }
            let told = state | SLEEPERS;
            // Relaxed: hands nothing over, and being a read-modify-write it continues the release sequence
            // of what was there. Pairs with the exchange of `release`, which finds the bit.
            match self.state.compare_exchange_weak(
                state,
                told,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Err(told),
                Err(now) => state = now,
            }
        }
    }

    /// Takes the lock from a dead holder.
    fn abandon(&self, dead: Life) {
        // Relaxed: the exchange checks it.
        let mut state = self.state.load(Ordering::Relaxed);
        while state & LIFE == dead.bits() {
            // Release, pairs with the Acquire of `take`: what the dead did came before its death, of which
            // the caller knows, and the next holder may see it half-done but no less than that.
            match self.state.compare_exchange_weak(
                state,
                ABANDONED,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        // Whether it held the lock or not: it may have died before it woke somebody, or as one who was
        // woken. All, as there may have been several deaths.
        P::wake(&raw const self.state, u32::MAX);
    }
}

// SAFETY: one atomic word, of which every value is either free or somebody's.
unsafe impl<P: Mortal> Survivor for Lock<P> {
    /// If it held the lock, the next one gets it, and is told.
    fn bury(&self, dead: Life) {
        self.abandon(dead);
    }
}

impl<P: Mortal> Default for Lock<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Mortal> fmt::Debug for Lock<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").field("holder", &self.holder()).finish()
    }
}

/// Holds a [`Lock`] and releases it when dropped.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct LockGuard<'a, P: Mortal> {
    found: Found,
    lock: &'a Lock<P>,
}

impl<'a, P: Mortal> LockGuard<'a, P> {
    /// Whether somebody died with the lock before it was acquired, or while the guard
    /// [waited](crate::sync::Condition) with it: then what the lock protects may be half-changed.
    pub fn found(&self) -> Found {
        self.found
    }

    /// As [`found`](Self::found), and from now on clean: what was half-changed has been set right.
    pub fn take_found(&mut self) -> Found {
        replace(&mut self.found, Found::Clean)
    }

    /// The lock that is held.
    #[must_use]
    pub fn lock(&self) -> &'a Lock<P> {
        self.lock
    }
}

impl<P: Mortal> fmt::Debug for LockGuard<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard").field("found", &self.found).field("lock", self.lock).finish()
    }
}

impl<P: Mortal> Drop for LockGuard<'_, P> {
    #[inline]
    fn drop(&mut self) {
        // An error would mean that somebody else released what we hold, or took us for dead.
        let _ = self.lock.release_own();
    }
}

impl<P: Mortal> Sealed<P> for LockGuard<'_, P> {}

impl<P: Mortal> Held<P> for LockGuard<'_, P> {
    fn released<R>(&mut self, wait: impl FnOnce() -> R) -> R {
        // As when it is dropped.
        let _ = self.lock.release_own();
        let _again = Again(self);
        wait()
    }
}

/// Acquires a guard's lock again when dropped, also by a panic of the platform's.
struct Again<'s, 'a, P: Mortal>(&'s mut LockGuard<'a, P>);

impl<P: Mortal> Drop for Again<'_, '_, P> {
    fn drop(&mut self) {
        if self.0.lock.acquire().is_abandoned() {
            self.0.found = Found::Abandoned;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    include!("alone.rs");

    fn dead() -> Life {
        Life::new(7).unwrap()
    }

    fn held_by(life: u32) -> Lock<Alone> {
        Lock { state: AtomicU32::new(life), platform: PhantomData }
    }

    #[test]
    fn mp039_mp044_who_holds_it_and_how_it_was_found() {
        let lock = Lock::<Alone>::new();
        assert_eq!(lock.release(), Err(NotHeld));
        assert_eq!(lock.acquire(), Found::Clean);
        assert_eq!((lock.holder(), lock.try_acquire()), (Some(Alone::life()), None));
        assert_eq!(lock.acquire_until(Deadline::PASSED), Err(TimedOut));
        lock.bury(dead());
        assert_eq!(lock.holder(), Some(Alone::life()), "somebody else died");
        lock.bury(Alone::life());
        lock.bury(Alone::life());
        assert!(!lock.is_held());
        assert_eq!(lock.release(), Err(NotHeld));
        assert_eq!(
            lock.try_acquire(),
            Some(Found::Abandoned),
            "a release that failed tells nothing"
        );
        assert_eq!(lock.release(), Ok(()));
        assert_eq!(lock.try_acquire(), Some(Found::Clean), "told once");
    }

    #[test]
    fn the_guard_remembers_until_it_is_set_right() {
        let lock = held_by(ABANDONED);
        let mut guard = lock.guard();
        assert_eq!((guard.found(), guard.take_found()), (Found::Abandoned, Found::Abandoned));
        assert_eq!(guard.found(), Found::Clean);
        drop(guard);
        assert!(!lock.is_held());
    }

    #[test]
    fn whatever_the_word_it_can_be_used_or_waited_for() {
        for bits in [0, LIFE, ABANDONED, SLEEPERS, u32::MAX, SLEEPERS | ABANDONED, 7 | ABANDONED] {
            let lock = held_by(bits);
            assert_eq!(lock.try_acquire().is_some(), bits & LIFE == 0);
            assert!(lock.acquire_until(Deadline::PASSED).is_err(), "held now");
            assert_eq!(lock.release(), Ok(()));
            assert_eq!(lock.release(), Err(NotHeld));
        }
    }
}
