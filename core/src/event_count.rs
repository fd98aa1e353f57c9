//! Floor 2: sleep until something may have changed.
//!
//! An event count turns any "try" operation into a blocking one without a lock, without a list of
//! waiters and without a system call while nobody sleeps. The idea is Dmitry Vyukov's; the
//! accounting of signals, which keeps a second notifier from waking a thread that is already on its
//! way, is ours.
//!
//! # Layout
//!
//! Two words. `epoch` counts notifications that had somebody to wake; it is the word sleepers sleep
//! on. `state` is `guests << 31 | signals << 15 | waiters`. Once there are as many waiters as can be counted,
//! the counts stay so for ever, and every notification wakes. `guests` says that somebody waits who does
//! not sleep on `epoch`: a task in the list of a wait queue (`wait_queue.rs`). It is kept here so that
//! one load tells a notifier of both.
//!
//! # Protocol
//!
//! ```text
//! waiter                                   notifier
//! key = epoch; waiters += 1                make the condition true
//! heavy fence                        <-->  light fence
//! condition true? -> leave                 signals == waiters? -> return
//! sleep while epoch == key                 signals += 1; epoch += 1; wake one
//! leave: waiters -= 1, signals -= 1 if any
//! ```
//!
//! # Invariants
//!
//! 1. `signals <= waiters`.
//! 2. `signals <= awake + pending`, where `awake` counts the waiters that cannot fall asleep any
//!    more with their key and `pending` the notifiers between their signal and their wake. So
//!    `signals == waiters` means that every waiter is awake or about to be woken, and a notifier that
//!    finds it so may return. Leaving takes a signal along whenever there is one, even if it was
//!    meant for somebody else: that makes `signals` too small, which costs a wake-up, never one too
//!    large, which would lose one.
//!
//! # Why no wake-up is lost
//!
//! By the pair of fences, either the waiter's look at the condition sees what the notifier made
//! true, or the notifier sees the waiter counted. In the second case `epoch` moves after the waiter
//! has read its key, or the waiter is awake by invariant 2, prepares again and looks again. With full
//! counts there is no second case: every notification moves `epoch` after its fence, so after the key of a
//! waiter whose look missed what was made true, and wakes as many as it is for.
//!
//! # Progress and cost
//!
//! `notify` is lock-free (wait-free while nobody waits: one fence, one load). Eight bytes.
//! Interrupt-off window: none.

use core::fmt;
use core::marker::PhantomData;

use crate::atomic::{AtomicU32, Ordering};
use crate::platform::{Deadline, Platform, Wake};

/// One waiter in `state`.
const WAITER: u32 = 1;
/// One signal in `state`. Few waiters fill the counts in a model.
const SIGNAL: u32 = if cfg!(inkle_loom) { 1 << 3 } else { 1 << 15 };
/// As many waiters as can be counted.
const MAX_WAITERS: u32 = SIGNAL - 1;
/// Somebody waits elsewhere.
const GUESTS: u32 = 1 << 31;

const fn waiters(state: u32) -> u32 {
    state & MAX_WAITERS
}

/// Whether the counts are full, and so for ever.
const fn is_full(state: u32) -> bool {
    waiters(state) == MAX_WAITERS
}

const fn signals(state: u32) -> u32 {
    (state / SIGNAL) & MAX_WAITERS
}

/// What [`EventCount::prepare`] saw; hand it to [`EventCount::wait`] or [`EventCount::cancel`].
#[derive(Debug)]
#[must_use = "a prepared waiter must wait or cancel, or it is counted for ever"]
pub struct Key(u32);

/// Blocks threads until a condition, kept elsewhere, may have changed.
///
/// The waiter prepares, looks at the condition, and waits or cancels; [`block`](Self::block) does
/// the three in a loop. The notifier makes the condition true, then notifies. Up to 32,766
/// threads can wait at once; with one more, also one that was killed while it waited, it forgets for
/// ever who sleeps, and each notification is a system call.
///
/// `P` is the ground. Works between processes if the platform's sleep does.
///
/// ```
/// use inkle_core::atomic::{AtomicU32, Ordering};
/// use inkle_core::event_count::EventCount;
/// use inkle_core::platform::{Deadline, NoBoard, Spin};
///
/// static CHANGED: EventCount<Spin<NoBoard>> = EventCount::new();
/// static VALUE: AtomicU32 = AtomicU32::new(0);
///
/// // The notifier, for instance an interrupt handler:
/// VALUE.store(7, Ordering::Release);
/// CHANGED.notify(1);
///
/// // The waiter:
/// let seen = CHANGED.block(Deadline::NEVER, || match VALUE.load(Ordering::Acquire) {
///     0 => None,
///     value => Some(value),
/// });
/// assert_eq!(seen, Some(7));
/// ```
#[repr(C)]
pub struct EventCount<P> {
    epoch: AtomicU32,
    state: AtomicU32,
    platform: PhantomData<fn() -> P>,
}

impl<P: Platform> EventCount<P> {
    const_fn! {
        /// An event count that nobody waits on.
        #[must_use]
        pub const fn new() -> Self {
            Self {
                epoch: AtomicU32::new(0),
                state: AtomicU32::new(0),
                platform: PhantomData,
            }
        }
    }

    /// Counts the caller as a waiter. After it, look at the condition once more, then
    /// [`wait`](Self::wait) or [`cancel`](Self::cancel).
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: the platform's heavy fence; a condition
    /// made true before a `notify` that did not see this waiter is visible after it.
    pub fn prepare(&self) -> Key {
        let key = self.enroll();
        // Pairs with the light fence of `notify`: without it the waiter's look at the condition
        // could come before it is counted, and both sides would miss each other.
        P::heavy_fence();
        key
    }

    /// [`prepare`](Self::prepare) without the fence, for a waiter that holds the lock under which
    /// the condition changes: the lock orders the two sides.
    pub(crate) fn enroll(&self) -> Key {
        // The key first, then the count. The other way round a signal could be counted for this
        // waiter, which then reads the epoch that came with the signal, finds nothing to do and
        // sleeps on it: counted as awake for ever.
        //
        // Acquire, pairs with the Release of `signal`'s increment: a waiter whose key is new sees
        // everything that came before that notification. It also keeps the load above the count.
        let key = Key(self.epoch.load(Ordering::Acquire));
        // Relaxed: the exchange below checks it.
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if is_full(state) {
                return key;
            }
            // Release, pairs with the Acquire of `signal`: the key was read before any notifier
            // that counts this waiter moves the epoch.
            match self.state.compare_exchange(
                state,
                state + WAITER,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return key,
                Err(now) => state = now,
            }
        }
    }

    /// Takes the caller out again: the condition was true after all.
    ///
    /// Progress: lock-free. Interrupt-safe: yes.
    pub fn cancel(&self, key: Key) {
        let Key(_) = key;
        self.leave();
    }

    /// Sleeps until a notification after [`prepare`](Self::prepare), or until `deadline`.
    ///
    /// [`Wake::TimedOut`] means that no notification came; even then the caller must look at the
    /// condition once more if a notification stands for one item of several. May return
    /// [`Wake::Woken`] for somebody else's notification.
    ///
    /// Progress: blocking. Interrupt-safe: no.
    pub fn wait(&self, key: Key, deadline: Deadline) -> Wake {
        let mut wake = Wake::Woken;
        // Acquire, pairs with the Release of `signal`'s increment: what was made true before it.
        while self.epoch.load(Ordering::Acquire) == key.0 {
            if wake == Wake::TimedOut {
                self.leave();
                return Wake::TimedOut;
            }
            wake = P::wait(&self.epoch, key.0, deadline);
        }
        // The epoch has moved. After a time-out that may have been for somebody else, who slept when
        // we did not any more; the signal tells.
        let signalled = self.leave();
        if wake == Wake::TimedOut && !signalled { Wake::TimedOut } else { Wake::Woken }
    }

    /// Wakes `count` waiters, or as many as there are. Returns at once, without a system call, when
    /// nobody waits or everybody is already on the way.
    ///
    /// Progress: wait-free while nobody waits, else lock-free. Interrupt-safe: yes, if the
    /// platform's `wake` is. Ordering: the platform's light fence; what the caller made true before
    /// is visible to every waiter that this call does not see.
    #[inline]
    pub fn notify(&self, count: u32) {
        // Pairs with the heavy fence of `prepare`.
        P::light_fence();
        self.notify_ordered(count);
    }

    /// [`notify`](Self::notify) for a caller that made the condition true by a read-modify-write, on
    /// a word that decides the waiter's look at the condition. Free of fences on x86.
    ///
    /// Progress and interrupt safety: as `notify`.
    #[inline(always)]
    pub fn notify_after_rmw(&self, count: u32) {
        // Pairs with the heavy fence of `prepare`.
        P::fence_after_rmw();
        self.notify_ordered(count);
    }

    /// [`notify`](Self::notify) without the fence, for a notifier ordered by one of its own, or by a
    /// lock, with the waiter.
    #[inline(always)]
    pub(crate) fn notify_ordered(&self, count: u32) {
        let state = self.waiting();
        if state != 0 {
            self.signal(state, count);
        }
    }

    /// What a notifier has to know, after its fence: 0 if nobody waits.
    #[inline(always)]
    pub(crate) fn waiting(&self) -> u32 {
        // Relaxed: the fence, or the lock that both sides held, orders this load.
        self.state.load(Ordering::Relaxed)
    }

    /// Says whether somebody waits elsewhere. Called under one lock of the caller's.
    pub(crate) fn set_guests(&self, guests: bool) {
        // Relaxed: what orders a guest against a notifier is the guest's heavy fence after this, or
        // the lock.
        if guests {
            self.state.fetch_or(GUESTS, Ordering::Relaxed);
        } else {
            self.state.fetch_and(!GUESTS, Ordering::Relaxed);
        }
    }

    /// Wakes `count` of the waiters in `state`, which [`waiting`](Self::waiting) gave. Says whether
    /// somebody waits elsewhere.
    #[cold]
    #[inline(never)]
    pub(crate) fn signal(&self, mut state: u32, count: u32) -> bool {
        let guests = state & GUESTS != 0;
        loop {
            if is_full(state) {
                self.wake(count);
                return guests;
            }
            // Wrapping here and in `leave`: in shared memory somebody may have written nonsense.
            let missing = waiters(state).wrapping_sub(signals(state));
            let now = if missing < count { missing } else { count };
            if now == 0 {
                return guests;
            }
            // Acquire, pairs with the Release of `enroll`: every waiter counted here has its key.
            match self.state.compare_exchange(
                state,
                state.wrapping_add(now.wrapping_mul(SIGNAL)),
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    self.wake(now);
                    return guests;
                }
                Err(seen) => state = seen,
            }
        }
    }

    fn wake(&self, count: u32) {
        // Release, pairs with the Acquire of `wait` and `enroll`: a waiter that finds the epoch moved also
        // finds what was made true.
        self.epoch.fetch_add(1, Ordering::Release);
        P::wake(&raw const self.epoch, count);
    }

    /// Wakes all who sleep, whatever the counts say: a notifier may have died between its signal and its
    /// wake, or a waiter after it was woken. The counts stay: those of the dead cost a wake-up that finds
    /// nobody, now and then.
    #[cfg(any(target_has_atomic = "64", inkle_loom))]
    pub(crate) fn rouse(&self) {
        self.wake(u32::MAX);
    }

    /// Takes one waiter out, and one signal if there is any (invariant 2). Says whether there was, or
    /// may have been.
    fn leave(&self) -> bool {
        // Relaxed: only the counts matter here, and the exchange below checks them.
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if is_full(state) {
                return true;
            }
            let signalled = signals(state) != 0;
            let less = if signalled { WAITER + SIGNAL } else { WAITER };
            // Relaxed: a count and no message. Being a read-modify-write it continues the release
            // sequences of the `enroll`s before it.
            match self.state.compare_exchange(
                state,
                state.wrapping_sub(less),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return signalled,
                Err(seen) => state = seen,
            }
        }
    }

    /// Calls `attempt` until it gives something, sleeping between calls; `None` when `deadline`
    /// passes first. `attempt` is called at least once, and once more after a time-out, so that a
    /// notification is never swallowed. If it panics, the panic goes through and a notification that the
    /// caller was given goes to the next waiter.
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
        self.sleep(deadline, attempt)
    }

    /// [`block`](Self::block) for a caller that has tried and spun already.
    pub(crate) fn sleep<R>(
        &self,
        deadline: Deadline,
        mut attempt: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        let pass_on = PassOn(self);
        let result = loop {
            let key = self.prepare();
            let leave = Leave(self);
            if let Some(result) = attempt() {
                break Some(result);
            }
            core::mem::forget(leave);
            if self.wait(key, deadline) == Wake::TimedOut {
                break attempt();
            }
        };
        core::mem::forget(pass_on);
        result
    }
}

/// Takes a prepared waiter out when dropped.
struct Leave<'a, P: Platform>(&'a EventCount<P>);

impl<P: Platform> Drop for Leave<'_, P> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// Passes a notification on when dropped, that is when an attempt panics.
struct PassOn<'a, P: Platform>(&'a EventCount<P>);

impl<P: Platform> Drop for PassOn<'_, P> {
    fn drop(&mut self) {
        self.0.notify(1);
    }
}

impl<P> fmt::Debug for EventCount<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Relaxed: a snapshot that nothing hangs on.
        let state = self.state.load(Ordering::Relaxed);
        f.debug_struct("EventCount").field("waiters", &waiters(state)).finish_non_exhaustive()
    }
}

impl<P: Platform> Default for EventCount<P> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{NoBoard, Spin};

    #[test]
    fn one_more_than_can_be_counted_waits_as_all_others() {
        let changed = EventCount::<Spin<NoBoard>>::new();
        // As those that are killed while they wait.
        (0..MAX_WAITERS).for_each(|_| drop(changed.prepare()));
        let key = changed.prepare();
        assert_eq!(changed.wait(key, Deadline::PASSED), Wake::TimedOut);
        let key = changed.prepare();
        changed.notify(1);
        assert_eq!(changed.wait(key, Deadline::NEVER), Wake::Woken);
        changed.set_guests(true);
        assert!(changed.signal(changed.waiting(), 1) && is_full(changed.waiting()));
    }
}
