//! A condition variable of two words: an [event count](crate::event_count) whose two sides are
//! ordered by the lock instead of by fences.
//!
//! # Why no wake-up is lost
//!
//! The waiter is counted before it releases the lock. A notifier that changed the state under the
//! lock afterwards therefore sees it counted; one that changed it before is seen by the waiter's own
//! look at the state.

use core::fmt;
use core::time::Duration;

use super::Guard;
use crate::error::TimedOut;
use crate::platform::{Deadline, Platform, Wake};
use crate::waiting::WaitQueue;

/// Waits, with a lock held, until another thread says that what the lock protects has changed.
///
/// Several conditions may share one lock (TH041). A notification is not remembered: without a waiter
/// it does nothing (TH046). Two words.
///
/// ```
/// use core::cell::Cell;
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::{Condition, Lock};
///
/// let lock: Lock<Spin<NoBoard>> = Lock::new();
/// let changed = Condition::new();
/// let ready = Cell::new(true);
///
/// let guard = lock.guard();
/// changed.wait_for(&guard, || ready.get());
/// drop(guard);
/// changed.notify_all();
/// ```
#[repr(C)]
pub struct Condition<P> {
    changed: WaitQueue<P>,
}

impl<P: Platform> Condition<P> {
    const_fn! {
        /// A condition that nobody waits for.
        pub const fn new() -> Self {
            Self { changed: WaitQueue::new() }
        }
    }

    /// Releases the guard's lock, waits for a notification without limit, and acquires the lock
    /// again. May also return for no reason: look at the state, or use
    /// [`wait_for`](Self::wait_for).
    ///
    /// Progress: blocking. Interrupt-safe: no. Ordering: that of the lock. Source: TH043, TH044.
    pub fn wait(&self, guard: &Guard<'_, P>) {
        // Without a deadline it cannot time out.
        let _ = self.wait_until(guard, Deadline::NEVER);
    }

    /// As [`wait`](Self::wait), until `deadline`. A deadline that has passed still releases and
    /// acquires the lock once. Acquiring it again is not limited by the deadline (TH044).
    ///
    /// Errors: [`TimedOut`] if no notification came (TH045).
    pub fn wait_until(
        &self,
        guard: &Guard<'_, P>,
        deadline: impl Into<Deadline>,
    ) -> Result<(), TimedOut> {
        let deadline = deadline.into();
        let key = self.changed.threads().enroll();
        // An error would mean that somebody else released the lock that this guard stands for;
        // then there is nothing to release.
        let _ = guard.lock().release();
        let wake = self.changed.threads().wait(key, deadline);
        guard.lock().acquire();
        match wake {
            Wake::Woken => Ok(()),
            Wake::TimedOut => Err(TimedOut),
        }
    }

    /// As [`wait`](Self::wait), for at most `timeout`. See [`wait_until`](Self::wait_until).
    pub fn wait_timeout(&self, guard: &Guard<'_, P>, timeout: Duration) -> Result<(), TimedOut> {
        self.wait_until(guard, Deadline::after::<P>(timeout))
    }

    /// Waits until `predicate`, called with the lock held, is true. Does not wait if it is true
    /// now.
    ///
    /// Progress: blocking. Interrupt-safe: no. Source: TH048.
    pub fn wait_for(&self, guard: &Guard<'_, P>, predicate: impl FnMut() -> bool) {
        // Without a deadline it cannot time out.
        let _ = self.wait_for_until(guard, Deadline::NEVER, predicate);
    }

    /// As [`wait_for`](Self::wait_for), until `deadline`, however often it is woken meanwhile.
    ///
    /// Errors: [`TimedOut`] if the predicate is still false then.
    pub fn wait_for_until(
        &self,
        guard: &Guard<'_, P>,
        deadline: impl Into<Deadline>,
        mut predicate: impl FnMut() -> bool,
    ) -> Result<(), TimedOut> {
        let deadline = deadline.into();
        while !predicate() {
            if self.wait_until(guard, deadline).is_err() {
                return if predicate() { Ok(()) } else { Err(TimedOut) };
            }
        }
        Ok(())
    }

    /// Wakes at most `count` waiters, those that have slept longest first. Call it with the lock
    /// held, or after releasing it.
    ///
    /// Progress: wait-free while nobody waits, else lock-free. Interrupt-safe: only with a state
    /// that needs no lock, that is hardly ever. Source: TH046.
    pub fn notify(&self, count: u32) {
        self.changed.notify_ordered(count);
    }

    /// Wakes all waiters (TH047). See [`notify`](Self::notify).
    pub fn notify_all(&self) {
        self.notify(u32::MAX);
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
