//! When a job runs again.

#[cfg(feature = "cron")]
use super::Cron;
use crate::agenda::NEVER;

pub(super) enum Rule {
    /// So many nanoseconds from time to time, whatever the runs take.
    Rate(u64),
    /// So many nanoseconds from the end of a run to the next.
    Spaced(u64),
    #[cfg(feature = "cron")]
    Cron(Box<Cron>),
}

/// Times of a cron expression are looked at one by one: so many are counted at most.
#[cfg(feature = "cron")]
const COUNTED: u64 = 1000;

impl Rule {
    /// The first time for a job made at `now`. [`NEVER`] if there is none, here and below.
    pub(super) fn first(&self, now: u64) -> u64 {
        match self {
            Self::Rate(period) | Self::Spaced(period) => now.saturating_add(*period),
            #[cfg(feature = "cron")]
            Self::Cron(cron) => cron.after_nanos(now),
        }
    }

    /// The first time that is not before `start`.
    pub(super) fn from(&self, start: u64) -> u64 {
        match self {
            Self::Rate(_) | Self::Spaced(_) => start,
            #[cfg(feature = "cron")]
            Self::Cron(cron) => start.checked_sub(1).map_or(0, |before| cron.after_nanos(before)),
        }
    }

    /// The time after `time`; `None` if only the end of a run tells.
    pub(super) fn after(&self, time: u64) -> Option<u64> {
        match self {
            Self::Rate(_) => Some(self.first(time)),
            Self::Spaced(_) => None,
            #[cfg(feature = "cron")]
            Self::Cron(_) => Some(self.first(time)),
        }
    }

    /// The first time after `now`, and how many there are after `time` before that.
    pub(super) fn past(&self, time: u64, now: u64) -> (u64, u64) {
        match self {
            Self::Rate(period) => {
                let gone = now.saturating_sub(time) / period;
                let last = time.saturating_add(gone.saturating_mul(*period));
                (last.saturating_add(*period), gone)
            }
            Self::Spaced(period) => (now.saturating_add(*period), 0),
            #[cfg(feature = "cron")]
            Self::Cron(cron) => {
                let (mut next, mut gone) = (cron.after_nanos(time), 0);
                while next <= now && gone < COUNTED {
                    next = cron.after_nanos(next);
                    gone += 1;
                }
                (if next <= now { cron.after_nanos(now) } else { next }, gone)
            }
        }
    }

    pub(super) fn is_pointless(&self) -> bool {
        matches!(self, Self::Rate(0) | Self::Spaced(0))
    }
}

const _: () = assert!(NEVER == u64::MAX, "saturating sums end there");
