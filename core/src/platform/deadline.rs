//! A point in time on a platform's clock.

use core::time::Duration;

use super::Platform;

/// A point in time on a [`Platform`]'s clock, in nanoseconds: the one way to say "until when" in
/// every blocking operation.
///
/// A deadline that has passed makes the operation poll: it tries once and does not sleep. A time
/// too far away to count saturates to [`Deadline::NEVER`]. `None` converts to `NEVER`.
///
/// ```
/// use core::time::Duration;
/// use inkle_core::Deadline;
/// use inkle_core::platform::{Board, Platform, Spin};
///
/// struct Clock;
/// impl Board for Clock {
///     fn now() -> u64 { 5_000 }
/// }
/// type Ground = Spin<Clock>;
///
/// assert_eq!(Deadline::after::<Ground>(Duration::from_micros(1)), Deadline::at(6_000));
/// assert_eq!(Deadline::after::<Ground>(Duration::MAX), Deadline::NEVER);
/// assert!(Deadline::at(5_000).has_passed::<Ground>());
/// assert!(Deadline::PASSED < Deadline::at(1) && Deadline::at(1) < Deadline::NEVER);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(u64);

impl Deadline {
    /// Wait without limit.
    pub const NEVER: Self = Self(u64::MAX);

    /// Already over: try once, do not sleep.
    pub const PASSED: Self = Self(0);

    /// The moment when `P::now()` says `nanos`. `u64::MAX` is [`NEVER`](Self::NEVER).
    #[must_use]
    pub const fn at(nanos: u64) -> Self {
        Self(nanos)
    }

    /// `timeout` from now. Saturates to [`NEVER`](Self::NEVER). A zero timeout, or a platform
    /// without a clock, gives [`PASSED`](Self::PASSED).
    #[must_use]
    pub fn after<P: Platform>(timeout: Duration) -> Self {
        if timeout.is_zero() || !P::HAS_CLOCK {
            return Self::PASSED;
        }
        match u64::try_from(timeout.as_nanos()) {
            Ok(nanos) => Self(P::now().saturating_add(nanos)),
            Err(_) => Self::NEVER,
        }
    }

    /// Nanoseconds on the platform's clock, or `None` if there is no limit.
    #[must_use]
    pub const fn nanos(self) -> Option<u64> {
        if self.0 == u64::MAX { None } else { Some(self.0) }
    }

    /// Whether the moment is over. Reads the clock only for a finite deadline after
    /// [`PASSED`](Self::PASSED).
    #[must_use]
    pub fn has_passed<P: Platform>(self) -> bool {
        match self.nanos() {
            None => false,
            Some(0) => true,
            Some(nanos) => !P::HAS_CLOCK || P::now() >= nanos,
        }
    }
}

impl From<Option<Deadline>> for Deadline {
    fn from(deadline: Option<Deadline>) -> Self {
        deadline.unwrap_or(Self::NEVER)
    }
}
