//! Time that a test makes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Alarm, Clock, Moment, Nap};
use crate::platform::Deadline;
use crate::threading::locked;

/// A clock for tests: its time is what the test says. (SC001)
///
/// A handle: all clones are one clock. A day of events takes as long as their actions.
///
/// With actions on other threads ([`Crew`](super::Crew)) a clock that [jumps](Self::jumping) does not
/// wait for them: take one that is moved by hand.
///
/// ```
/// use std::time::Duration;
/// use inkle::sched::{Scheduler, VirtualClock};
///
/// // Jumps to the next event instead of sleeping.
/// let clock = VirtualClock::jumping();
/// let scheduler = Scheduler::with_clock(clock.clone());
/// scheduler.enter(Duration::from_secs(86_400), 0, || ()).unwrap();
/// scheduler.run().unwrap();
/// assert_eq!(clock.time(), Duration::from_secs(86_400));
///
/// // Moves only by hand.
/// let clock = VirtualClock::new();
/// let scheduler = Scheduler::with_clock(clock.clone());
/// scheduler.enter(Duration::from_secs(3), 0, || ()).unwrap();
/// assert_eq!(scheduler.run_pending().unwrap(), Some(Duration::from_secs(3)));
/// clock.advance(Duration::from_secs(3));
/// assert_eq!(scheduler.run_pending().unwrap(), None);
/// ```
#[derive(Clone, Debug)]
pub struct VirtualClock {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    now: u64,
    jumps: bool,
    sleepers: Vec<Alarm>,
}

impl VirtualClock {
    /// A clock at zero that moves only by [`advance`](Self::advance) and [`set`](Self::set). Who sleeps
    /// by it sleeps until somebody moves it.
    #[must_use]
    pub fn new() -> Self {
        Self::with(false)
    }

    /// A clock at zero that jumps to the time when a scheduler would sleep until then; it can be
    /// moved by hand too.
    #[must_use]
    pub fn jumping() -> Self {
        Self::with(true)
    }

    fn with(jumps: bool) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { now: 0, jumps, sleepers: Vec::new() })) }
    }

    /// The time since the clock's start.
    #[must_use]
    pub fn time(&self) -> Duration {
        Duration::from_nanos(locked(&self.inner).now)
    }

    /// Moves the time on; it stops at the end of time. Does not block.
    pub fn advance(&self, by: Duration) {
        self.change(|now| now.saturating_add(by.nanos()));
    }

    /// Sets the time, also back. Does not block.
    pub fn set(&self, time: Duration) {
        self.change(|_| time.nanos());
    }

    fn change(&self, new: impl FnOnce(u64) -> u64) {
        let mut inner = locked(&self.inner);
        inner.now = new(inner.now);
        for sleeper in inner.sleepers.drain(..) {
            sleeper.ring();
        }
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for VirtualClock {
    type Time = Duration;

    fn now(&self) -> Duration {
        self.time()
    }

    fn sleep(&self, until: Option<Duration>, nap: Nap<'_>) {
        let mut inner = locked(&self.inner);
        if let Some(until) = until.map(Moment::nanos) {
            // Under the lock: a move before this is seen here, a later one rings.
            if until <= inner.now {
                return;
            }
            if inner.jumps {
                drop(inner);
                return self.change(|now| now.max(until));
            }
        }
        let alarm = nap.alarm();
        if !inner.sleepers.iter().any(|known| known.is(&alarm)) {
            inner.sleepers.push(alarm);
        }
        drop(inner);
        nap.wait_until(Deadline::NEVER);
    }
}
