//! A value that is promised by one and taken by one.
//!
//! Layout, invariants, linearization points, and why no wake-up is lost: `write_once.rs`. Nobody ever
//! reads the value in its place.

use core::fmt;
use core::time::Duration;

use super::CancelToken;
use super::write_once::{Found, WriteOnce};
use crate::error::{Cancelled, TakeError};
use crate::operation::{Attempt, Operation};
use crate::platform::{Deadline, Platform};

/// The result of something that is done once: set once, taken once.
///
/// Anybody may set it; only the first one does. Of those who wait exactly one gets the value, which one
/// is not promised, and the others are told that it has been taken. If it is clear that nobody will set
/// it, [`abandon`](Self::abandon) tells those who wait.
///
/// ```
/// use inkle_core::error::TakeError;
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::Promise;
///
/// static ANSWER: Promise<u32, Spin<NoBoard>> = Promise::new();
///
/// assert_eq!(ANSWER.set(42), Ok(()));
/// assert_eq!(ANSWER.set(43), Err(43));
/// assert_eq!(ANSWER.take(), Ok(42));
/// assert_eq!(ANSWER.take(), Err(TakeError::Taken));
/// ```
#[repr(C)]
pub struct Promise<T, P: Platform> {
    inner: WriteOnce<T, P>,
}

// SAFETY: the value goes from the one who sets it to the one who takes it, which takes `Send`; nobody
// ever has a reference to it but by having everything for itself (invariant 2 of `WriteOnce`).
unsafe impl<T: Send, P: Platform> Sync for Promise<T, P> {}

impl<T, P: Platform> Promise<T, P> {
    const_fn! {
        /// A promise that is not kept yet.
        #[must_use]
        pub const fn new() -> Self {
            Self { inner: WriteOnce::new() }
        }
    }

    /// Keeps the promise, and wakes those who wait.
    ///
    /// Errors: the value comes back if one has been set, or another is being set at this moment, or the
    /// promise abandoned. Progress: wait-free while nobody waits, else lock-free, and with tasks waiting a
    /// short lock. Interrupt-safe: yes, if the platform's `wake` is, and with tasks if its
    /// [`masked`](Platform::masked) keeps handlers out. Ordering: release, pairs with the acquire of
    /// [`take`](Self::take).
    pub fn set(&self, value: T) -> Result<(), T> {
        self.inner.set(value)
    }

    /// Breaks the promise: nobody will set it. Who waits, and who comes later, gets
    /// [`TakeError::Broken`]. Says whether this did it: `false` if it has been set or abandoned,
    /// or is being set at this moment.
    ///
    /// Progress, interrupt safety and ordering: as [`set`](Self::set).
    pub fn abandon(&self) -> bool {
        self.inner.abandon()
    }

    /// Whether a value has been set, taken or not.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: acquire, pairs with [`set`](Self::set)'s
    /// release.
    #[must_use]
    pub fn is_set(&self) -> bool {
        matches!(self.inner.find(), Found::Value | Found::Taken)
    }

    /// Takes the value if there is one now.
    ///
    /// Errors: [`TakeError::Empty`], [`TakeError::Taken`], [`TakeError::Broken`]. Progress: wait-free.
    /// Interrupt-safe: yes. Ordering: acquire, pairs with the release of [`set`](Self::set) and
    /// [`abandon`](Self::abandon).
    pub fn try_take(&self) -> Result<T, TakeError> {
        self.take_once().unwrap_or(Err(TakeError::Empty))
    }

    /// Takes the value; waits without limit until it is set.
    ///
    /// Errors: [`TakeError::Taken`], [`TakeError::Broken`]. Progress: blocking. Interrupt-safe: no.
    /// Ordering: as [`try_take`](Self::try_take). Source: TH076, TH084.
    pub fn take(&self) -> Result<T, TakeError> {
        self.take_until(Deadline::NEVER)
    }

    /// As [`take`](Self::take), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: also [`TakeError::TimedOut`].
    pub fn take_until(&self, deadline: impl Into<Deadline>) -> Result<T, TakeError> {
        let result = self.inner.block(deadline.into(), || self.take_once());
        result.unwrap_or(Err(TakeError::TimedOut))
    }

    /// As [`take`](Self::take), for at most `timeout`. See [`take_until`](Self::take_until).
    pub fn take_timeout(&self, timeout: Duration) -> Result<T, TakeError> {
        self.take_until(Deadline::after::<P>(timeout))
    }

    /// As [`take`](Self::take), until `token` is cancelled.
    ///
    /// Errors: also [`TakeError::Cancelled`]. Source: TH077.
    pub fn take_unless(&self, token: &CancelToken<'_, P>) -> Result<T, TakeError> {
        let result = self.take_async().unless(token);
        result.unwrap_or_else(|Cancelled(reason)| Err(TakeError::Cancelled(reason)))
    }

    /// [`take`](Self::take) to await or to select.
    ///
    /// Dropped before it is done it has taken nothing. Progress: each poll is wait-free, and if there is
    /// no value takes a short lock on the list of waiters. Interrupt-safe: to be polled in a handler, if
    /// the platform's [`masked`](Platform::masked) keeps handlers out.
    pub fn take_async(&self) -> Take<'_, T, P> {
        Operation::new(Taking(self), self.inner.place())
    }

    /// The value, if one has been set and not taken.
    #[must_use]
    pub fn into_inner(mut self) -> Option<T> {
        self.inner.clear()
    }

    /// One try; `None` if there may be a value later.
    fn take_once(&self) -> Option<Result<T, TakeError>> {
        // SAFETY: nothing here calls `get`.
        match unsafe { self.inner.take() } {
            Ok(value) => Some(Ok(value)),
            Err(Found::Taken) => Some(Err(TakeError::Taken)),
            Err(Found::Broken) => Some(Err(TakeError::Broken)),
            Err(_) => None,
        }
    }
}

impl<T, P: Platform> Default for Promise<T, P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, P: Platform> fmt::Debug for Promise<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.inner.find() {
            Found::Nothing => "open",
            Found::Value => "set",
            Found::Taken => "taken",
            Found::Broken => "abandoned",
        };
        f.debug_struct("Promise").field("state", &format_args!("{state}")).finish()
    }
}

/// A promised value being taken; see [`Promise::take_async`].
pub type Take<'a, T, P> = Operation<'a, Taking<'a, T, P>, P>;

/// See [`Take`].
pub struct Taking<'a, T, P: Platform>(&'a Promise<T, P>);

debug_name!(impl[T, P: Platform] Taking<'_, T, P>: "Taking";);

impl<'a, T, P: Platform> Attempt for Taking<'a, T, P> {
    type Output = Result<T, TakeError>;

    fn attempt(&mut self, _waited: bool) -> Option<Self::Output> {
        self.0.take_once()
    }
}
