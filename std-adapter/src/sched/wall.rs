//! The system's time of day, which can step.
//!
//! A sleep never lasts longer than [`Wall::STEP`] of monotonic time before the clock is read again, on
//! every system alike. That is the whole mechanism: a step forward past an event's time is noticed
//! that much later at most, a step back makes the event wait for its time to come again.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::{Clock, Nap};
use crate::platform::{Deadline, after};

/// The system's time of day: for events at a time that people would name. (SC001)
///
/// The clock may be set. After a step forward an event whose time has gone by runs within
/// [`STEP`](Self::STEP); after a step back it waits until its time comes. A delay of
/// [`enter`](super::Scheduler::enter) is turned into a time of day at the call: for delays take
/// [`Monotonic`](super::Monotonic).
///
/// While something is to come, one thread wakes four times a second to look.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use inkle::sched::{Scheduler, Wall};
///
/// let scheduler = Scheduler::with_clock(Wall::new());
/// let teatime = SystemTime::now() + Duration::from_millis(5);
/// scheduler.enter_at(teatime, 0, move || assert!(SystemTime::now() >= teatime)).unwrap();
/// scheduler.run().unwrap();
/// ```
pub struct Wall {
    source: Box<dyn Fn() -> SystemTime + Send + Sync>,
}

impl Wall {
    /// How much later than an undisturbed clock a sleeper notices that the clock was set.
    pub const STEP: Duration = Duration::from_millis(250);

    /// The system's clock.
    pub fn new() -> Self {
        Self::reading(SystemTime::now)
    }

    /// A clock that asks `source`: one that is corrected by a server, or a test's.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use inkle::sched::{Clock, Wall};
    ///
    /// let ahead = Wall::reading(|| SystemTime::now() + Duration::from_secs(60));
    /// assert!(ahead.now() > SystemTime::now());
    /// ```
    pub fn reading(source: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { source: Box::new(source) }
    }
}

impl Clock for Wall {
    type Time = SystemTime;

    fn now(&self) -> SystemTime {
        (self.source)()
    }

    fn sleep(&self, until: Option<SystemTime>, nap: Nap<'_>) {
        match until {
            None => nap.wait_until(Deadline::NEVER),
            Some(until) => {
                let rest = until.duration_since(self.now()).unwrap_or_default();
                nap.wait_until(after(rest.min(Self::STEP)));
            }
        }
    }
}

impl Default for Wall {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wall").field("now", &self.now()).finish()
    }
}
