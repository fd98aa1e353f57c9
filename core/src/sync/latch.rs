//! A latch: a count that only falls, and those who wait for zero.
//!
//! # Layout
//!
//! The count, and a queue to wait in.
//!
//! # Linearization points
//!
//! Count down: the exchange of the count. Wait: the load that saw zero.
//!
//! # Why no wake-up is lost
//!
//! Zero is reached by one exchange, for good, and whoever does it tells everybody. By the fences either a
//! waiter is seen by it or sees zero.

use core::fmt;
use core::time::Duration;

use crate::atomic::{AtomicU32, Ordering};
use crate::error::{BelowZero, Cancelled, TimedOut};
use crate::operation::{Attempt, Operation};
use crate::platform::{Deadline, Platform};
use crate::sync::CancelToken;
use crate::waiting::WaitQueue;

/// Lets everybody through once it has been counted down to zero, and from then on.
///
/// Anybody may count down, also several steps at a time; a barrier is for a fixed company that meets
/// again and again, a latch for so many things that are done once.
///
/// ```
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::Latch;
///
/// static STARTED: Latch<Spin<NoBoard>> = Latch::new(3);
///
/// STARTED.count_down(2).unwrap();
/// assert_eq!(STARTED.remaining(), 1);
/// STARTED.arrive_and_wait().unwrap();
/// assert!(STARTED.count_down(1).is_err());
/// STARTED.wait();
/// ```
#[repr(C)]
pub struct Latch<P> {
    done: WaitQueue<P>,
    count: AtomicU32,
}

impl<P: Platform> Latch<P> {
    const_fn! {
        /// A latch that lets through after `count` steps; at once if that is zero.
        #[must_use]
        pub const fn new(count: u32) -> Self {
            Self { done: WaitQueue::new(), count: AtomicU32::new(count) }
        }
    }

    /// Counts down by `steps`, and lets everybody through at zero. Zero steps do nothing.
    ///
    /// Errors: [`BelowZero`] if fewer remain; nothing changes then. Progress: lock-free, and with tasks
    /// waiting a short lock. Interrupt-safe: yes, if the platform's `wake` is, and with tasks if its
    /// [`masked`](Platform::masked) keeps handlers out. Ordering: release, pairs with
    /// [`wait`](Self::wait)'s acquire: who waits sees what came before every step. Source: TH084.
    pub fn count_down(&self, steps: u32) -> Result<(), BelowZero> {
        // Relaxed: the exchange below checks it.
        let mut count = self.count.load(Ordering::Relaxed);
        loop {
            let less = count.checked_sub(steps).ok_or(BelowZero)?;
            // Release, pairs with the Acquire of `remaining`. The exchanges of those who count down later
            // go on with its release sequence, so whoever sees zero sees all that came before.
            match self.count.compare_exchange_weak(
                count,
                less,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    if less == 0 {
                        self.done.notify_after_rmw(u32::MAX);
                    }
                    return Ok(());
                }
                Err(now) => count = now,
            }
        }
    }

    /// Counts down by one, then waits. To wait with a limit, count down and then
    /// [`wait_until`](Self::wait_until): the step stays taken whatever comes of the wait.
    ///
    /// Errors: [`BelowZero`] if nothing remains, and then it does not wait. Progress: blocking.
    /// Interrupt-safe: no. Source: TH084.
    pub fn arrive_and_wait(&self) -> Result<(), BelowZero> {
        self.count_down(1)?;
        self.wait();
        Ok(())
    }

    /// How many steps remain: a snapshot, but zero is for ever.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: acquire, pairs with
    /// [`count_down`](Self::count_down)'s release.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        // Acquire, pairs with the Release of `count_down`: at zero all of it is seen.
        self.count.load(Ordering::Acquire)
    }

    /// Whether it lets through now: [`wait`](Self::wait) without waiting. The rest as
    /// [`remaining`](Self::remaining).
    #[must_use]
    pub fn try_wait(&self) -> bool {
        self.remaining() == 0
    }

    /// Waits without limit until nothing remains.
    ///
    /// Progress: blocking. Interrupt-safe: no. Ordering: acquire, pairs with
    /// [`count_down`](Self::count_down)'s release. Source: TH084.
    pub fn wait(&self) {
        // Without a deadline it cannot time out.
        let _ = self.wait_until(Deadline::NEVER);
    }

    /// As [`wait`](Self::wait), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`].
    pub fn wait_until(&self, deadline: impl Into<Deadline>) -> Result<(), TimedOut> {
        self.done.block(deadline.into(), || self.try_wait().then_some(())).ok_or(TimedOut)
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

    /// [`wait`](Self::wait) to await or to select.
    ///
    /// Progress: each poll is wait-free, and if steps remain takes a short lock on the list of waiters.
    /// Interrupt-safe: to be polled in a handler, if the platform's [`masked`](Platform::masked) keeps
    /// handlers out.
    pub fn wait_async(&self) -> WaitLatch<'_, P> {
        Operation::new(Waiting(self), self.done.place())
    }
}

impl<P: Platform> fmt::Debug for Latch<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latch").field("remaining", &self.remaining()).finish()
    }
}

/// A latch being waited for; see [`Latch::wait_async`].
pub type WaitLatch<'a, P> = Operation<'a, Waiting<'a, P>, P>;

/// See [`WaitLatch`].
pub struct Waiting<'a, P>(&'a Latch<P>);

debug_name!(impl[P] Waiting<'_, P>: "Waiting";);

impl<'a, P: Platform> Attempt for Waiting<'a, P> {
    type Output = ();

    fn attempt(&mut self, _waited: bool) -> Option<()> {
        self.0.try_wait().then_some(())
    }
}
