//! An event: a count of its changes, and a list of who waits.
//!
//! # Layout
//!
//! `state` counts: odd is set, even is not. `set` makes it odd, `clear` makes it even again by going
//! on. A waiter remembers what it found; whatever else it finds later, the event has been set since
//! then. So a waiter that was there when `set` came is released, even if the event is cleared at once
//! (TH056), and it takes no list of waiters to know. After exactly 2^31 rounds of set and clear during
//! one sleep without ever looking, a waiter would miss them all and wait for the next one.
//!
//! # Linearization points
//!
//! Set: the `or`. Clear: the exchange, or the load that found nothing to clear.

use core::fmt;
use core::time::Duration;

use crate::atomic::{AtomicU32, Ordering};
use crate::error::{Cancelled, TimedOut};
use crate::operation::{Attempt, Operation};
use crate::platform::{Deadline, Platform};
use crate::sync::CancelToken;
use crate::waiting::WaitQueue;

/// Something that happens once, or until it is cleared, and everybody can wait for.
///
/// ```
/// use core::time::Duration;
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::Event;
///
/// static POWERED: Event<Spin<NoBoard>> = Event::new();
///
/// assert!(POWERED.wait_timeout(Duration::ZERO).is_err());
/// POWERED.set();
/// POWERED.wait();
/// assert!(POWERED.is_set());
/// ```
#[repr(C)]
pub struct Event<P> {
    changed: WaitQueue<P>,
    state: AtomicU32,
}

impl<P: Platform> Event<P> {
    const_fn! {
        /// An event that is not set.
        #[must_use]
        pub const fn new() -> Self {
            Self { changed: WaitQueue::new(), state: AtomicU32::new(0) }
        }
    }

    /// Sets the event and releases everybody who waits, even if it is cleared at once.
    ///
    /// Progress: wait-free while nobody waits, else lock-free, and with tasks waiting a short lock.
    /// Interrupt-safe: yes, if the platform's `wake` is, and with tasks if its
    /// [`masked`](Platform::masked) keeps handlers out. Ordering: release, pairs with
    /// [`wait`](Self::wait)'s acquire. Source: TH055, TH056.
    pub fn set(&self) {
        // Release, pairs with the Acquire of `state`: what came before the event. Also when it is set
        // already: then this is one more message to whoever waits next.
        self.state.fetch_or(1, Ordering::Release);
        self.changed.notify_after_rmw(u32::MAX);
    }

    /// Clears the event: who waits from now on waits for the next [`set`](Self::set).
    ///
    /// Progress: wait-free. Interrupt-safe: yes.
    pub fn clear(&self) {
        // Relaxed: clearing hands nothing over. Being a read-modify-write the exchange continues the
        // release sequence of the `set` before it, which is what a waiter that sees only this value
        // synchronises with.
        let state = self.state.load(Ordering::Relaxed);
        if state & 1 != 0 {
            // If it fails, somebody else has cleared it at this moment.
            let _ = self.state.compare_exchange(
                state,
                state.wrapping_add(1),
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
        }
    }

    /// Whether the event is set now.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: acquire, pairs with
    /// [`set`](Self::set)'s release.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.state() & 1 != 0
    }

    /// Waits without limit until the event is set.
    ///
    /// Progress: blocking. Interrupt-safe: no. Ordering: acquire, pairs with
    /// [`set`](Self::set)'s release.
    pub fn wait(&self) {
        // Without a deadline it cannot time out.
        let _ = self.wait_until(Deadline::NEVER);
    }

    /// As [`wait`](Self::wait), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`].
    pub fn wait_until(&self, deadline: impl Into<Deadline>) -> Result<(), TimedOut> {
        let seen = self.state();
        self.changed.block(deadline.into(), || self.set_since(seen)).ok_or(TimedOut)
    }

    /// As [`wait`](Self::wait), for at most `timeout`. See [`wait_until`](Self::wait_until).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<(), TimedOut> {
        self.wait_until(Deadline::after::<P>(timeout))
    }

    /// As [`wait`](Self::wait), until `token` is cancelled.
    ///
    /// Errors: [`Cancelled`]. Source: TH077.
    pub fn wait_unless(&self, token: &CancelToken<'_, P>) -> Result<(), Cancelled> {
        self.wait_async().unless(token)
    }

    /// [`wait`](Self::wait) to await or to select. It waits from the moment of this call: a
    /// [`set`](Self::set) after it counts, even if the event is cleared before the first poll.
    ///
    /// Progress: each poll is wait-free, and if the event is not set takes a short lock on the list of
    /// waiters. Interrupt-safe: to be polled in a handler, if the platform's
    /// [`masked`](Platform::masked) keeps handlers out.
    pub fn wait_async(&self) -> WaitEvent<'_, P> {
        Operation::new(Waiting { event: self, seen: self.state() }, self.changed.place())
    }

    /// Whoever waits looks again: see [`crate::robust`].
    #[cfg(any(target_has_atomic = "64", inkle_loom))]
    pub(crate) fn rouse(&self) {
        self.changed.rouse();
    }

    fn state(&self) -> u32 {
        // Acquire, pairs with the Release of `set`.
        self.state.load(Ordering::Acquire)
    }

    /// Whether the event is set, or has been since `seen` was read.
    fn set_since(&self, seen: u32) -> Option<()> {
        let state = self.state();
        (state & 1 != 0 || state != seen).then_some(())
    }
}

impl<P: Platform> Default for Event<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform> fmt::Debug for Event<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("set", &self.is_set()).finish()
    }
}

/// An event being waited for; see [`Event::wait_async`].
pub type WaitEvent<'a, P> = Operation<'a, Waiting<'a, P>, P>;

/// See [`WaitEvent`].
pub struct Waiting<'a, P> {
    event: &'a Event<P>,
    seen: u32,
}

debug_name!(impl[P] Waiting<'_, P>: "Waiting";);

impl<'a, P: Platform> Attempt for Waiting<'a, P> {
    type Output = ();

    fn attempt(&mut self, _waited: bool) -> Option<()> {
        self.event.set_since(self.seen)
    }
}
