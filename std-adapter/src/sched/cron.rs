//! Cron expressions, which the crate `croner` reads and searches, in the zones of the crate `jiff`.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::Moment;
use crate::agenda::NEVER;

/// Times by a cron expression: minute, hour, day of the month, month, day of the week; optionally
/// seconds before them and a year behind. The dialect is that of the crate `croner`: lists, ranges,
/// steps, names, `L`, `W`, `#`, and nicknames as `@daily`.
///
/// # Daylight saving
///
/// Where clocks are put forward, an expression with a fixed time in the hour that is left out
/// (`30 2 * * *`) is due at the first moment after it; one with `*` or a step in its seconds, minutes
/// or hours (`*/15 * * * *`) has no time in it. Where they are put back, the fixed one is due once, at
/// the first of the two, the other one in both hours. In UTC there is neither.
///
/// ```
/// use std::time::{Duration, SystemTime, UNIX_EPOCH};
/// use inkle::sched::Cron;
///
/// let tea = Cron::utc("0 17 * * MON-FRI").unwrap();
/// // 1970-01-01 was a Thursday, and the 3rd a Saturday.
/// let day = Duration::from_secs(86_400);
/// let five = Duration::from_secs(17 * 3600);
/// assert_eq!(tea.after(UNIX_EPOCH), Some(UNIX_EPOCH + five));
/// assert_eq!(tea.after(UNIX_EPOCH + 2 * day), Some(UNIX_EPOCH + 4 * day + five));
///
/// assert!(Cron::utc("61 * * * *").is_err());
/// assert_eq!(Cron::utc("0 0 30 2 *").unwrap().after(SystemTime::now()), None);
/// ```
#[derive(Clone, Debug)]
pub struct Cron {
    pattern: croner::Cron,
    zone: TimeZone,
}

impl Cron {
    /// The expression's times in UTC.
    ///
    /// Errors: [`BadCron`].
    pub fn utc(expression: &str) -> Result<Self, BadCron> {
        Self::new(expression, TimeZone::UTC)
    }

    /// The expression's times in the system's zone, as it is set at this call; UTC where the system
    /// does not tell.
    ///
    /// Errors: [`BadCron`].
    ///
    /// ```
    /// assert!(inkle::sched::Cron::local("@daily").is_ok());
    /// ```
    pub fn local(expression: &str) -> Result<Self, BadCron> {
        Self::new(expression, TimeZone::system())
    }

    /// The expression's times in a zone of the system's list, `Europe/Berlin` for instance.
    ///
    /// Errors: [`BadCron`], also for a zone that is not there.
    ///
    /// ```
    /// assert!(inkle::sched::Cron::in_zone("@daily", "Middle/Earth").is_err());
    /// ```
    pub fn in_zone(expression: &str, zone: &str) -> Result<Self, BadCron> {
        let zone = TimeZone::get(zone).map_err(|error| BadCron(error.to_string()))?;
        Self::new(expression, zone)
    }

    fn new(expression: &str, zone: TimeZone) -> Result<Self, BadCron> {
        let pattern =
            croner::Cron::from_str(expression).map_err(|error| BadCron(error.to_string()))?;
        Ok(Self { pattern, zone })
    }

    /// The first time after `time`; `None` if there is none that can be counted.
    #[must_use]
    pub fn after(&self, time: SystemTime) -> Option<SystemTime> {
        let start = Timestamp::try_from(time).ok()?.to_zoned(self.zone.clone());
        let next: Zoned = self.pattern.find_next_occurrence(&start, false).ok()?;
        let next = SystemTime::from(next.timestamp());
        // A whole second: never before the one that it follows.
        (next > time).then_some(next)
    }

    pub(super) fn after_nanos(&self, time: u64) -> u64 {
        self.after(SystemTime::at(time)).map_or(NEVER, Moment::nanos)
    }
}

/// A cron expression that makes no sense, or a zone that is not there.
///
/// ```
/// let error = inkle::sched::Cron::utc("at tea time").unwrap_err();
/// assert!(!error.to_string().is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCron(String);

impl fmt::Display for BadCron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a cron expression: {}", self.0)
    }
}

impl Error for BadCron {}
