//! A semaphore: a count and an [event count](crate::event_count). Three words.

use core::fmt;
use core::time::Duration;

use crate::atomic::{AtomicU32, Ordering};
use crate::error::{TimedOut, TooManyPermits};
use crate::event_count::EventCount;
use crate::platform::{Deadline, Platform};

/// Counts permits: acquire takes one or waits, release gives some back.
///
/// Any thread or interrupt handler may release. Which waiter is served next is not promised: a
/// newcomer may overtake one that is waking up (TH052).
///
/// ```
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::Semaphore;
///
/// static CHANNELS: Semaphore<Spin<NoBoard>> = Semaphore::new(2);
///
/// CHANNELS.acquire();
/// assert!(CHANNELS.try_acquire());
/// assert!(!CHANNELS.try_acquire());
/// CHANNELS.release(2).unwrap();
/// assert_eq!(CHANNELS.available(), 2);
/// ```
#[repr(C)]
pub struct Semaphore<P> {
    permits: AtomicU32,
    released: EventCount<P>,
}

impl<P: Platform> Semaphore<P> {
    const_fn! {
        /// A semaphore with `permits` permits (Python's default is 1; TH049).
        pub const fn new(permits: u32) -> Self {
            Self { permits: AtomicU32::new(permits), released: EventCount::new() }
        }
    }

    /// Takes a permit; waits for one without limit.
    ///
    /// Progress: blocking. Interrupt-safe: no. Ordering: acquire, pairs with
    /// [`release`](Self::release)'s release. Source: TH050.
    #[inline]
    pub fn acquire(&self) {
        // Without a deadline it cannot time out.
        let _ = self.acquire_until(Deadline::NEVER);
    }

    /// Takes a permit if there is one now.
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: as [`acquire`](Self::acquire).
    #[inline]
    pub fn try_acquire(&self) -> bool {
        // Relaxed: the exchange below checks it, and seeing no permit hands nothing over.
        let mut permits = self.permits.load(Ordering::Relaxed);
        while permits != 0 {
            // Acquire, pairs with the Release of `release`: what came before the release.
            match self.permits.compare_exchange_weak(
                permits,
                permits - 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => permits = now,
            }
        }
        false
    }

    /// Takes a permit; waits for one until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`]. Progress: blocking. Interrupt-safe: no.
    #[inline]
    pub fn acquire_until(&self, deadline: impl Into<Deadline>) -> Result<(), TimedOut> {
        if self.try_acquire() {
            return Ok(());
        }
        self.released.block(deadline.into(), || self.try_acquire().then_some(())).ok_or(TimedOut)
    }

    /// Takes a permit; waits for one for at most `timeout`. See
    /// [`acquire_until`](Self::acquire_until).
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<(), TimedOut> {
        self.acquire_until(Deadline::after::<P>(timeout))
    }

    /// Gives `count` permits back and wakes as many waiters. Zero does nothing.
    ///
    /// Errors: [`TooManyPermits`] if the count would not fit into 32 bits; nothing changes then.
    /// Progress: lock-free. Interrupt-safe: yes, if the platform's `wake` is. Ordering: release,
    /// pairs with [`acquire`](Self::acquire)'s acquire. Source: TH051.
    #[inline]
    pub fn release(&self, count: u32) -> Result<(), TooManyPermits> {
        // Relaxed: the exchange below checks it.
        let mut permits = self.permits.load(Ordering::Relaxed);
        loop {
            let sum = permits.checked_add(count).ok_or(TooManyPermits)?;
            // Release, pairs with the Acquire of `try_acquire`.
            match self.permits.compare_exchange_weak(
                permits,
                sum,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => permits = now,
            }
        }
        self.released.notify_after_rmw(count);
        Ok(())
    }

    /// How many permits there are: a snapshot.
    pub fn available(&self) -> u32 {
        // Relaxed: a snapshot orders nothing.
        self.permits.load(Ordering::Relaxed)
    }
}

impl<P: Platform> fmt::Debug for Semaphore<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("available", &self.available()).finish()
    }
}
