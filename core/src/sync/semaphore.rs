//! Semaphores: a count of permits, and those who wait for one.
//!
//! # Linearization points
//!
//! Acquire, release: the exchange of the count. An acquire that finds no permit: the load that saw it.

use core::fmt;
use core::time::Duration;

use crate::atomic::{AtomicU32, Ordering, PlainU32};
use crate::error::{Cancelled, TimedOut, TooManyPermits};
use crate::operation::{Attempt, Operation};
use crate::platform::{Deadline, Platform};
use crate::sync::CancelToken;
use crate::waiting::WaitQueue;

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
    released: WaitQueue<P>,
    permits: AtomicU32,
}

impl<P: Platform> Semaphore<P> {
    const_fn! {
        /// A semaphore with `permits` permits (Python's default is 1; TH049).
        #[must_use]
        pub const fn new(permits: u32) -> Self {
            Self { released: WaitQueue::new(), permits: AtomicU32::new(permits) }
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
    #[must_use]
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

    /// Takes a permit; waits for one until `token` is cancelled.
    ///
    /// Errors: [`Cancelled`]. Progress: blocking. Interrupt-safe: no. Source: TH077.
    pub fn acquire_unless(&self, token: &CancelToken<'_, P>) -> Result<(), Cancelled> {
        self.acquire_async().unless(token)
    }

    /// [`acquire`](Self::acquire) to await or to select.
    ///
    /// Dropped before it is done it has taken nothing. Progress: each poll is lock-free, and if there
    /// is no permit takes a short lock on the list of waiters. Interrupt-safe: to be polled in a
    /// handler, if the platform's [`masked`](Platform::masked) keeps handlers out.
    pub fn acquire_async(&self) -> AcquirePermit<'_, P> {
        Operation::new(Acquiring(self), self.released.place())
    }

    /// Gives `count` permits back and wakes as many waiters. Zero does nothing.
    ///
    /// Errors: [`TooManyPermits`] if the count would not fit into 32 bits; nothing changes then.
    /// Progress: lock-free, and with tasks waiting a short lock. Interrupt-safe: yes, if the platform's
    /// `wake` is, and with tasks if its [`masked`](Platform::masked) keeps handlers out. Ordering:
    /// release, pairs with [`acquire`](Self::acquire)'s acquire. Source: TH051.
    #[inline]
    pub fn release(&self, count: u32) -> Result<(), TooManyPermits> {
        self.release_within(count, u32::MAX)
    }

    /// [`release`](Self::release), if there are at most `limit` permits then.
    #[inline]
    fn release_within(&self, count: u32, limit: u32) -> Result<(), TooManyPermits> {
        // Relaxed: the exchange below checks it.
        let mut permits = self.permits.load(Ordering::Relaxed);
        loop {
            let sum = permits.checked_add(count).filter(|sum| *sum <= limit);
            // Release, pairs with the Acquire of `try_acquire`.
            match self.permits.compare_exchange_weak(
                permits,
                sum.ok_or(TooManyPermits)?,
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
    #[must_use]
    pub fn available(&self) -> u32 {
        // Relaxed: a snapshot orders nothing.
        self.permits.load(Ordering::Relaxed)
    }

    /// Whoever waits looks again: see [`crate::robust`].
    #[cfg(any(target_has_atomic = "64", inkle_loom))]
    pub(crate) fn rouse(&self) {
        self.released.rouse();
    }
}

impl<P: Platform> fmt::Debug for Semaphore<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("available", &self.available()).finish()
    }
}

/// A semaphore that knows how many permits there are in all: to release more than were taken is an
/// error, and changes nothing (TH053).
///
/// Everything else is as in [`Semaphore`].
///
/// ```
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::BoundedSemaphore;
///
/// static SEATS: BoundedSemaphore<Spin<NoBoard>> = BoundedSemaphore::new(2);
///
/// SEATS.acquire();
/// assert!(SEATS.release(2).is_err());
/// assert_eq!(SEATS.available(), 1);
/// assert!(SEATS.release(1).is_ok());
/// ```
#[repr(C)]
pub struct BoundedSemaphore<P> {
    inner: Semaphore<P>,
    /// Never written, and an atomic for others' sake: see [`crate::robust`].
    limit: PlainU32,
}

impl<P: Platform> BoundedSemaphore<P> {
    const_fn! {
        /// A semaphore with `permits` permits, all of them free.
        #[must_use]
        pub const fn new(permits: u32) -> Self {
            Self { inner: Semaphore::new(permits), limit: PlainU32::new(permits) }
        }
    }

    /// As [`Semaphore::acquire`].
    pub fn acquire(&self) {
        self.inner.acquire();
    }

    /// As [`Semaphore::try_acquire`].
    #[must_use]
    pub fn try_acquire(&self) -> bool {
        self.inner.try_acquire()
    }

    /// As [`Semaphore::acquire_until`].
    pub fn acquire_until(&self, deadline: impl Into<Deadline>) -> Result<(), TimedOut> {
        self.inner.acquire_until(deadline)
    }

    /// As [`Semaphore::acquire_timeout`].
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<(), TimedOut> {
        self.inner.acquire_timeout(timeout)
    }

    /// As [`Semaphore::acquire_unless`].
    pub fn acquire_unless(&self, token: &CancelToken<'_, P>) -> Result<(), Cancelled> {
        self.inner.acquire_unless(token)
    }

    /// As [`Semaphore::acquire_async`].
    pub fn acquire_async(&self) -> AcquirePermit<'_, P> {
        self.inner.acquire_async()
    }

    /// Gives `count` permits back, all or none.
    ///
    /// Errors: [`TooManyPermits`] if there would be more than there were at first; nothing changes
    /// then. The rest as [`Semaphore::release`]. Source: TH053.
    pub fn release(&self, count: u32) -> Result<(), TooManyPermits> {
        self.inner.release_within(count, self.limit())
    }

    /// As [`Semaphore::available`].
    #[must_use]
    pub fn available(&self) -> u32 {
        self.inner.available()
    }

    /// As [`Semaphore::rouse`].
    #[cfg(any(target_has_atomic = "64", inkle_loom))]
    pub(crate) fn rouse(&self) {
        self.inner.rouse();
    }

    /// How many permits there are in all.
    #[must_use]
    pub fn limit(&self) -> u32 {
        // Relaxed: it never changes.
        self.limit.load(Ordering::Relaxed)
    }
}

impl<P: Platform> fmt::Debug for BoundedSemaphore<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore")
            .field("available", &self.available())
            .field("limit", &self.limit())
            .finish()
    }
}

/// A permit being acquired; see [`Semaphore::acquire_async`].
pub type AcquirePermit<'a, P> = Operation<'a, Acquiring<'a, P>, P>;

/// See [`AcquirePermit`].
pub struct Acquiring<'a, P>(&'a Semaphore<P>);

debug_name!(impl[P] Acquiring<'_, P>: "Acquiring";);

impl<'a, P: Platform> Attempt for Acquiring<'a, P> {
    type Output = ();

    fn attempt(&mut self, _waited: bool) -> Option<()> {
        self.0.try_acquire().then_some(())
    }
}
