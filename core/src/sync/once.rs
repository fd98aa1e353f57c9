//! A value that is written once and then read by all.
//!
//! Layout, invariants, linearization points, and why no wake-up is lost: `write_once.rs`. Nothing is
//! ever taken out while others may read.

use core::convert::Infallible;
use core::fmt;
use core::time::Duration;

use super::CancelToken;
use super::write_once::{Found, WriteOnce};
use crate::error::{Cancelled, TimedOut};
use crate::operation::{Attempt, Operation};
use crate::platform::{Deadline, Platform};

/// A value that is set once, or made by whoever needs it first, and then read by all.
///
/// ```
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::Once;
///
/// static TABLE: Once<[u8; 4], Spin<NoBoard>> = Once::new();
///
/// assert_eq!(TABLE.get(), None);
/// assert_eq!(TABLE.get_or_init(|| [1, 2, 4, 8]), &[1, 2, 4, 8]);
/// assert_eq!(TABLE.set([0; 4]), Err([0; 4]));
/// assert_eq!(TABLE.wait()[3], 8);
/// ```
#[repr(C)]
pub struct Once<T, P: Platform> {
    inner: WriteOnce<T, P>,
}

// SAFETY: all threads read the value, which takes `Sync`; one writes it and another may drop it, which
// takes `Send`. Nobody else touches the room (invariant 2 of `WriteOnce`).
unsafe impl<T: Send + Sync, P: Platform> Sync for Once<T, P> {}

impl<T, P: Platform> Once<T, P> {
    const_fn! {
        /// No value yet.
        #[must_use]
        pub const fn new() -> Self {
            Self { inner: WriteOnce::new() }
        }
    }

    /// The value, if there is one.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: acquire, pairs with the release of whoever
    /// wrote it. Source: TH084.
    #[must_use]
    #[inline]
    pub fn get(&self) -> Option<&T> {
        (self.inner.find() == Found::Value).then(|| self.found())
    }

    /// Sets the value and lets through who waits for it.
    ///
    /// Errors: the value comes back if there is one already, or if somebody else is making one at this
    /// moment; it does not wait to see whether that succeeds. Progress: wait-free while nobody waits,
    /// else lock-free, and with tasks waiting a short lock. Interrupt-safe: yes, if the platform's `wake`
    /// is, and with tasks if its [`masked`](Platform::masked) keeps handlers out. Ordering: release,
    /// pairs with the acquire of [`get`](Self::get) and [`wait`](Self::wait).
    pub fn set(&self, value: T) -> Result<(), T> {
        self.inner.set(value)
    }

    /// The value; made by `make` if there is none. If somebody else is making it, waits for that.
    ///
    /// If `make` panics there is still no value, and the next one who waits here tries. A `make` that
    /// asks for the value of the same cell waits for itself.
    ///
    /// Progress: wait-free if there is a value, else blocking. Interrupt-safe: no. Ordering: as
    /// [`get`](Self::get).
    #[inline]
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        let Ok(value) = self.get_or_try_init(|| Ok::<T, Infallible>(make()));
        value
    }

    /// As [`get_or_init`](Self::get_or_init), for a `make` that may fail: then there is still no value,
    /// and the next one who waits here tries.
    ///
    /// Errors: that of `make`.
    #[inline]
    pub fn get_or_try_init<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        match self.get() {
            Some(value) => Ok(value),
            None => self.make(make),
        }
    }

    /// Waits without limit until there is a value, and gives it. Makes none.
    ///
    /// Progress: blocking. Interrupt-safe: no. Ordering: as [`get`](Self::get). Source: TH084.
    pub fn wait(&self) -> &T {
        loop {
            // Without a deadline it cannot time out.
            if let Ok(value) = self.wait_until(Deadline::NEVER) {
                return value;
            }
        }
    }

    /// As [`wait`](Self::wait), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`].
    pub fn wait_until(&self, deadline: impl Into<Deadline>) -> Result<&T, TimedOut> {
        self.inner.block(deadline.into(), || self.get()).ok_or(TimedOut)
    }

    /// As [`wait`](Self::wait), for at most `timeout`. See [`wait_until`](Self::wait_until).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<&T, TimedOut> {
        self.wait_until(Deadline::after::<P>(timeout))
    }

    /// As [`wait`](Self::wait), until `token` is cancelled.
    ///
    /// Errors: [`Cancelled`]. Source: TH077.
    pub fn wait_unless(&self, token: &CancelToken<'_, P>) -> Result<&T, Cancelled> {
        self.wait_async().unless(token)
    }

    /// [`wait`](Self::wait) to await or to select.
    ///
    /// Progress: each poll is wait-free, and if there is no value takes a short lock on the list of
    /// waiters. Interrupt-safe: to be polled in a handler, if the platform's [`masked`](Platform::masked)
    /// keeps handlers out.
    pub fn wait_async(&self) -> WaitOnce<'_, T, P> {
        Operation::new(Waiting(self), self.inner.place())
    }

    /// The value, if there is one, which nobody else can reach at the moment.
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.inner.get_mut()
    }

    /// Takes the value out, if there is one; then it may be set again.
    pub fn take(&mut self) -> Option<T> {
        self.inner.clear()
    }

    /// The value, if there is one.
    #[must_use]
    pub fn into_inner(mut self) -> Option<T> {
        self.take()
    }

    #[cold]
    fn make<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        let claim = loop {
            let turn = self.inner.block(Deadline::NEVER, || match self.inner.claim() {
                Err(Found::Nothing) => None,
                claim => Some(claim),
            });
            match turn {
                Some(Ok(claim)) => break claim,
                Some(Err(_)) => return Ok(self.found()),
                // It has no deadline, so it does not come back with nothing.
                None => {}
            }
        };
        claim.fill(make()?);
        Ok(self.found())
    }

    /// The value, which the caller has found, or has set itself.
    fn found(&self) -> &T {
        // SAFETY: by the caller. It was found by `find` or `claim`, which says `Value` and never `Taken`
        // or `Broken` here: nobody takes or abandons.
        unsafe { self.inner.get() }
    }
}

impl<T, P: Platform> Default for Once<T, P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, P: Platform> From<T> for Once<T, P> {
    /// A cell that is set.
    fn from(value: T) -> Self {
        Self { inner: WriteOnce::with(value) }
    }
}

impl<T: fmt::Debug, P: Platform> fmt::Debug for Once<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Once").field(&self.get()).finish()
    }
}

/// A value being waited for; see [`Once::wait_async`].
pub type WaitOnce<'a, T, P> = Operation<'a, Waiting<'a, T, P>, P>;

/// See [`WaitOnce`].
pub struct Waiting<'a, T, P: Platform>(&'a Once<T, P>);

debug_name!(impl[T, P: Platform] Waiting<'_, T, P>: "Waiting";);

impl<'a, T, P: Platform> Attempt for Waiting<'a, T, P> {
    type Output = &'a T;

    fn attempt(&mut self, _waited: bool) -> Option<&'a T> {
        self.0.get()
    }
}
