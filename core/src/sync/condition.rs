//! A condition variable: an [event count](crate::event_count) whose two sides are ordered by the lock
//! instead of by fences, and a list of those who wait as tasks or with a token.
//!
//! # Why no wake-up is lost
//!
//! The waiter is counted, or stands in the list, before it releases the lock. A notifier that changed
//! the state under the lock afterwards therefore sees it; one that changed it before is seen by the
//! waiter's own look at the state.
//!
//! A thread that was notified returns from its wait, so it uses the notification. Whoever stands in the
//! list may give up meanwhile: then it passes the notification on to the next in the list, also when it
//! has left the list already and is about to acquire the lock.
//!
//! # Linearization points
//!
//! Of a wait: the release of the lock, and its acquisition. Of a notification: the exchange that signals
//! threads; each of the list when it is taken out.

use core::fmt;
use core::future::Future;
use core::mem::{self, ManuallyDrop};
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use crate::atomic::{AtomicU32, Ordering};
use crate::error::{Cancelled, TimedOut};
use crate::platform::{Deadline, Platform, Wake};
use crate::select::Arm;
use crate::sync::{AcquireLock, CancelToken, Lock, LockGuard, Reason};
use crate::waiting::{Place, WaitQueue, Waiter, Whom};

/// Waits, with a lock held, until somebody says that what the lock protects has changed.
///
/// It waits with the guard of any lock of this module, which it takes exclusively: while it waits the
/// lock is released, and nobody can use the guard. Several conditions may share one lock (TH041). A
/// notification is not remembered: without a waiter it does nothing (TH046). To wait without holding the
/// lock is no error but impossible (TH042).
///
/// ```
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::{Condition, Mutex};
///
/// type Ground = Spin<NoBoard>;
/// static YARNS: Mutex<u32, Ground> = Mutex::new(0);
/// static MORE: Condition<Ground> = Condition::new();
///
/// *YARNS.lock() += 1;
/// MORE.notify(1);
///
/// let mut yarns = YARNS.lock();
/// MORE.wait_for(&mut yarns, |yarns| **yarns > 0);
/// *yarns -= 1;
/// ```
#[repr(C)]
pub struct Condition<P> {
    changed: WaitQueue<P>,
}

impl<P: Platform> Condition<P> {
    const_fn! {
        /// A condition that nobody waits for.
        #[must_use]
        pub const fn new() -> Self {
            Self { changed: WaitQueue::new() }
        }
    }

    /// Releases the guard's lock, waits for a notification without limit, and acquires the lock again,
    /// as deep as it was. May also return for no reason: look at the state, or use
    /// [`wait_for`](Self::wait_for).
    ///
    /// Progress: blocking. Interrupt-safe: no. Ordering: that of the lock. Source: TH043, TH044.
    pub fn wait(&self, guard: &mut impl Held<P>) {
        // Without a deadline it cannot time out.
        let _ = self.wait_until(guard, Deadline::NEVER);
    }

    /// As [`wait`](Self::wait), until `deadline`. A deadline that has passed still releases and
    /// acquires the lock once. Acquiring it again is not limited by the deadline (TH044).
    ///
    /// Errors: [`TimedOut`] if no notification came (TH045).
    pub fn wait_until(
        &self,
        guard: &mut impl Held<P>,
        deadline: impl Into<Deadline>,
    ) -> Result<(), TimedOut> {
        let deadline = deadline.into();
        let threads = self.changed.threads();
        // Before the lock is released: see the module.
        let key = threads.enroll();
        match guard.released(|| threads.wait(key, deadline)) {
            Wake::Woken => Ok(()),
            Wake::TimedOut => Err(TimedOut),
        }
    }

    /// As [`wait`](Self::wait), for at most `timeout`. See [`wait_until`](Self::wait_until).
    pub fn wait_timeout(
        &self,
        guard: &mut impl Held<P>,
        timeout: Duration,
    ) -> Result<(), TimedOut> {
        self.wait_until(guard, Deadline::after::<P>(timeout))
    }

    /// As [`wait`](Self::wait), until `token` is cancelled or its deadline passes. A token that is
    /// cancelled already wins over a notification; acquiring the lock again is not limited by it.
    ///
    /// Errors: [`Cancelled`]; a notification that came as well goes to somebody else. Source: TH077.
    pub fn wait_unless(
        &self,
        guard: &mut impl Held<P>,
        token: &CancelToken<'_, P>,
    ) -> Result<(), Cancelled> {
        token.check()?;
        // Counts notifications. Declared before the seats, so dropped after them.
        let word = &AtomicU32::new(0);
        let (waiter, cancelled) = (Waiter::new(), token.wait_async());
        let (tokens, at_token) = cancelled.place();
        let here = Seat { place: self.changed.place(), waiter: &waiter, word };
        let there = Seat { place: tokens, waiter: at_token, word };
        // Before the lock is released: see the module.
        here.enter();
        there.enter();
        guard.released(move || {
            let mut wake = Wake::Woken;
            loop {
                // Relaxed: the lock under which `is_told` looks orders it. Read before that, so that a
                // notification after the look finds us awake.
                let seen = word.load(Ordering::Relaxed);
                token.check()?;
                if here.is_told() {
                    return Ok(());
                }
                if there.is_told() {
                    // Another token of the same tree was cancelled. Enter again, and look again.
                    there.enter();
                } else if wake == Wake::TimedOut {
                    return Err(Cancelled(Reason::DEADLINE));
                } else {
                    wake = P::wait(word, seen, token.deadline());
                }
            }
            // Both seats are left here, before the lock is acquired again.
        })
    }

    /// Waits until `predicate`, called with the lock held, is true. Does not wait if it is true
    /// now. If it panics, the panic goes through, and the guard, where its owner drops it, releases the
    /// lock.
    ///
    /// Progress: blocking. Interrupt-safe: no. Source: TH048.
    pub fn wait_for<G: Held<P>>(&self, guard: &mut G, predicate: impl FnMut(&mut G) -> bool) {
        // Without a deadline it cannot time out.
        let _ = self.wait_for_until(guard, Deadline::NEVER, predicate);
    }

    /// As [`wait_for`](Self::wait_for), until `deadline`, however often it is woken meanwhile.
    ///
    /// Errors: [`TimedOut`] if the predicate is still false then.
    pub fn wait_for_until<G: Held<P>>(
        &self,
        guard: &mut G,
        deadline: impl Into<Deadline>,
        predicate: impl FnMut(&mut G) -> bool,
    ) -> Result<(), TimedOut> {
        let deadline = deadline.into();
        until_true(guard, predicate, |guard| self.wait_until(guard, deadline))
    }

    /// As [`wait_for`](Self::wait_for), for at most `timeout`. See
    /// [`wait_for_until`](Self::wait_for_until).
    pub fn wait_for_timeout<G: Held<P>>(
        &self,
        guard: &mut G,
        timeout: Duration,
        predicate: impl FnMut(&mut G) -> bool,
    ) -> Result<(), TimedOut> {
        self.wait_for_until(guard, Deadline::after::<P>(timeout), predicate)
    }

    /// As [`wait_for`](Self::wait_for), until `token` is cancelled.
    ///
    /// Errors: [`Cancelled`] if the predicate is still false then. Source: TH077.
    pub fn wait_for_unless<G: Held<P>>(
        &self,
        guard: &mut G,
        token: &CancelToken<'_, P>,
        predicate: impl FnMut(&mut G) -> bool,
    ) -> Result<(), Cancelled> {
        until_true(guard, predicate, |guard| self.wait_unless(guard, token))
    }

    /// [`wait`](Self::wait) to await: takes the guard and gives it back. The lock stays held until the
    /// first poll; from then on it is released until this is done.
    ///
    /// Dropped before it is done it holds nothing: the lock is released, and a notification that it was
    /// given goes to the next task. Not for an [`RLock`](super::RLock), whose owner is a thread.
    ///
    /// Progress: each poll takes a short lock on a list of waiters. Interrupt-safe: to be polled in a
    /// handler, if the platform's [`masked`](Platform::masked) keeps handlers out. Ordering: that of the
    /// lock. Source: TH043.
    ///
    /// ```
    /// use core::cell::Cell;
    /// use inkle_core::platform::Platform;
    /// use inkle_core::sync::{Condition, Lock};
    ///
    /// async fn until_ready<P: Platform>(lock: &Lock<P>, changed: &Condition<P>, ready: &Cell<bool>) {
    ///     let mut guard = lock.guard_async().await;
    ///     while !ready.get() {
    ///         guard = changed.wait_async(guard).await;
    ///     }
    /// }
    /// ```
    pub fn wait_async<'a, G>(&'a self, guard: G) -> WaitCondition<'a, G>
    where
        G: HeldLock<Ground = P> + 'a,
    {
        WaitCondition { place: self.changed.place(), phase: Phase::Held(guard) }
    }

    /// Wakes at most `count` threads that wait, those that have slept longest first; and besides, so that
    /// none of them is forgotten for the other kind, at most `count` of those who wait as tasks or with a
    /// token, in the order in which they came. Call it with the lock held, or after releasing it.
    ///
    /// Progress: wait-free while nobody waits, else lock-free, and with tasks waiting a short lock.
    /// Interrupt-safe: only with a state that needs no lock, that is hardly ever. Source: TH046.
    pub fn notify(&self, count: u32) {
        // No fence: both sides have held the lock.
        self.changed.notify_ordered(count);
    }

    /// Wakes all waiters (TH047). See [`notify`](Self::notify).
    pub fn notify_all(&self) {
        self.notify(u32::MAX);
    }

    /// Whoever waits returns from its wait: see [`crate::robust`].
    #[cfg(any(target_has_atomic = "64", inkle_loom))]
    pub(crate) fn rouse(&self) {
        self.changed.rouse();
    }
}

impl<P: Platform> Default for Condition<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P> fmt::Debug for Condition<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Condition")
    }
}

/// Waits again and again until `predicate` is true, and asks it once more when a wait has failed.
fn until_true<G, E>(
    guard: &mut G,
    mut predicate: impl FnMut(&mut G) -> bool,
    mut wait: impl FnMut(&mut G) -> Result<(), E>,
) -> Result<(), E> {
    while !predicate(guard) {
        if let Err(error) = wait(guard) {
            return if predicate(guard) { Ok(()) } else { Err(error) };
        }
    }
    Ok(())
}

/// A thread's place in a list of guests. Left when dropped.
struct Seat<'s, 'a, P: Platform> {
    place: Place<'a, P>,
    waiter: &'s Waiter,
    word: &'s AtomicU32,
}

impl<P: Platform> Seat<'_, '_, P> {
    fn enter(&self) {
        // SAFETY: `wait_unless` enters each of its two waiters at one place only, at first and when it
        // has been told, that is taken out; waiter and word are borrowed for longer than we live, so
        // they stay where they are, and we leave when dropped.
        unsafe { self.place.enter(self.waiter, Whom::Thread(self.word)) };
    }

    /// Whether a notifier has taken us out: then the notification is used.
    fn is_told(&self) -> bool {
        self.place.is_notified(self.waiter)
    }
}

impl<P: Platform> Drop for Seat<'_, '_, P> {
    fn drop(&mut self) {
        // Passes on a notification that nobody has asked for.
        self.place.leave(self.waiter);
    }
}

/// A guard that a [`Condition`] can wait with: that of a [`Lock`], of an [`RLock`](super::RLock), and of
/// what is built on them. Sealed.
pub trait Held<P: Platform>: Sealed<P> {
    /// Releases the lock, runs `wait`, and acquires the lock again, as deep as it was, also if `wait`
    /// panics.
    fn released<R>(&mut self, wait: impl FnOnce() -> R) -> R;
}

/// A guard that a [`Condition`] can wait with as a task: one that belongs to no thread. Sealed.
pub trait HeldLock {
    /// What the lock stands on.
    type Ground: Platform;

    /// What it holds.
    #[doc(hidden)]
    fn on_lock<'a>(&self) -> OnLock<'a, Self::Ground>
    where
        Self: 'a;
}

/// Keeps others from implementing [`Held`].
pub trait Sealed<P> {}

/// A lock that only the condition may touch.
pub struct OnLock<'a, P: Platform>(pub(super) &'a Lock<P>);

debug_name!(impl[P: Platform] OnLock<'_, P>: "OnLock";);

impl<P: Platform> HeldLock for LockGuard<'_, P> {
    type Ground = P;

    fn on_lock<'a>(&self) -> OnLock<'a, P>
    where
        Self: 'a,
    {
        OnLock(self.lock())
    }
}

impl<P: Platform, G: HeldLock<Ground = P>> Sealed<P> for G {}

impl<P: Platform, G: HeldLock<Ground = P>> Held<P> for G {
    fn released<R>(&mut self, wait: impl FnOnce() -> R) -> R {
        let _again = Again(self.on_lock().0);
        // An error would mean that somebody else released the lock that this guard stands for; then
        // there is nothing to release.
        let _ = self.on_lock().0.release();
        wait()
    }
}

/// Acquires a lock again when dropped, also by a panic of the platform's: what the guard promises.
struct Again<'a, P: Platform>(&'a Lock<P>);

impl<P: Platform> Drop for Again<'_, P> {
    fn drop(&mut self) {
        self.0.acquire();
    }
}

/// A condition being waited for; see [`Condition::wait_async`].
#[must_use = "the lock stays held until this is awaited or dropped"]
pub struct WaitCondition<'a, G: HeldLock + 'a> {
    place: Place<'a, G::Ground>,
    phase: Phase<'a, G>,
}

/// A guard in `ManuallyDrop` holds nothing at the moment and must not be dropped.
enum Phase<'a, G: HeldLock> {
    /// Not polled yet.
    Held(G),
    /// Released, and in the list.
    Waiting { guard: ManuallyDrop<G>, waiter: Waiter },
    /// Notified, and not in the list any more.
    Acquiring { guard: ManuallyDrop<G>, acquire: AcquireLock<'a, G::Ground> },
    /// The guard has been given back.
    Done,
}

impl<'a, G: HeldLock + 'a> Future for WaitCondition<'a, G> {
    type Output = G;

    /// Once ready, never again.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<G> {
        // SAFETY: the pinned parts of the phases, waiter and acquisition, are never moved, only dropped
        // where they are; the guards, which are moved, are never pinned.
        let Self { place, phase } = unsafe { self.get_unchecked_mut() };
        if let Phase::Held(_) = phase {
            let waker = context.waker().clone();
            let Phase::Held(guard) = mem::replace(phase, Phase::Done) else {
                return Poll::Pending;
            };
            let lock = guard.on_lock().0;
            *phase = Phase::Waiting { guard: ManuallyDrop::new(guard), waiter: Waiter::new() };
            if let Phase::Waiting { waiter, .. } = phase {
                // SAFETY: new, entered here only, pinned, and it leaves when we are dropped.
                unsafe { place.enter(waiter, Whom::Task(waker)) };
            }
            // After entering: see the module. An error is as in `released`.
            let _ = lock.release();
            return Poll::Pending;
        }
        if let Phase::Waiting { guard, waiter } = phase {
            if place.stays(waiter, context.waker()) {
                return Poll::Pending;
            }
            // SAFETY: never used again: the phase ends in the next line.
            let guard = ManuallyDrop::new(unsafe { ManuallyDrop::take(guard) });
            *phase = Phase::Acquiring { acquire: guard.on_lock().0.guard_async(), guard };
        }
        if let Phase::Acquiring { guard, acquire } = phase {
            // SAFETY: it is pinned with us.
            let held = ready!(unsafe { Pin::new_unchecked(acquire) }.poll(context));
            // The guard below stands for it.
            mem::forget(held);
            // SAFETY: never used again: the phase ends in the next line.
            let guard = unsafe { ManuallyDrop::take(guard) };
            *phase = Phase::Done;
            return Poll::Ready(guard);
        }
        Poll::Pending
    }
}

impl<'a, G: HeldLock + 'a> Drop for WaitCondition<'a, G> {
    fn drop(&mut self) {
        match &self.phase {
            Phase::Waiting { waiter, .. } => self.place.leave(waiter),
            // It was notified, and nothing came of it.
            Phase::Acquiring { .. } => self.place.notify(1),
            Phase::Held(_) | Phase::Done => {}
        }
    }
}

impl<'a, G: HeldLock + 'a> fmt::Debug for WaitCondition<'a, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WaitCondition")
    }
}
