//! An event: a flag and an [event count](crate::event_count). Three words.
//!
//! A waiter that was counted when `set` came is released by the movement of the epoch, not by the
//! flag: clearing the flag at once cannot call it back (TH056).

use core::fmt;
use core::time::Duration;

use crate::atomic::{AtomicU32, Ordering};
use crate::error::TimedOut;
use crate::event_count::EventCount;
use crate::platform::{Deadline, Platform, Wake};

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
    flag: AtomicU32,
    changed: EventCount<P>,
}

impl<P: Platform> Event<P> {
    const_fn! {
        /// An event that is not set.
        pub const fn new() -> Self {
            Self { flag: AtomicU32::new(0), changed: EventCount::new() }
        }
    }

    /// Sets the event and releases everybody who waits, even if it is cleared at once.
    ///
    /// Progress: lock-free. Interrupt-safe: yes, if the platform's `wake` is. Ordering: release,
    /// pairs with [`wait`](Self::wait)'s acquire. Source: TH055, TH056.
    pub fn set(&self) {
        // Release, pairs with the Acquire of `is_set`: what came before the event. A swap, because
        // it saves the fence on x86, where it is one.
        self.flag.swap(1, Ordering::Release);
        self.changed.notify_after_rmw(u32::MAX);
    }

    /// Clears the event: who waits from now on waits for the next [`set`](Self::set).
    ///
    /// Progress: wait-free. Interrupt-safe: yes.
    pub fn clear(&self) {
        // Relaxed: clearing hands nothing over.
        self.flag.store(0, Ordering::Relaxed);
    }

    /// Whether the event is set now.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: acquire, pairs with
    /// [`set`](Self::set)'s release.
    pub fn is_set(&self) -> bool {
        // Acquire, pairs with the Release of `set`.
        self.flag.load(Ordering::Acquire) != 0
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
        let deadline = deadline.into();
        if self.is_set() {
            return Ok(());
        }
        if deadline.has_passed::<P>() {
            return Err(TimedOut);
        }
        let key = self.changed.prepare();
        if self.is_set() {
            self.changed.cancel(key);
            return Ok(());
        }
        // The epoch moves only by `set`, so being woken means set, whatever the flag says now.
        match self.changed.wait(key, deadline) {
            Wake::Woken => Ok(()),
            Wake::TimedOut if self.is_set() => Ok(()),
            Wake::TimedOut => Err(TimedOut),
        }
    }

    /// As [`wait`](Self::wait), for at most `timeout`. See [`wait_until`](Self::wait_until).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<(), TimedOut> {
        self.wait_until(Deadline::after::<P>(timeout))
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
