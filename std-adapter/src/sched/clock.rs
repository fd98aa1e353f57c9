//! What time it is, and how to sleep until another time.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use inkle_core::sync::WaitEvent;

use crate::agenda::NEVER;
use crate::platform::{Deadline, Platform, Private};
use crate::threading::{CancelToken, Event};

/// A point in time of some [`Clock`]: nanoseconds from an origin of the clock's choice.
///
/// ```
/// use std::time::{Duration, SystemTime, UNIX_EPOCH};
/// use inkle::sched::Moment;
///
/// assert_eq!(Duration::from_micros(2).nanos(), 2_000);
/// assert_eq!(SystemTime::at(5), UNIX_EPOCH + Duration::from_nanos(5));
/// ```
pub trait Moment: Copy + Ord + Debug + Send + Sync + 'static {
    /// Nanoseconds since the origin. `u64::MAX` is no time at all, and never comes; what lies before
    /// the origin is 0, what is too late to count is `u64::MAX`.
    fn nanos(self) -> u64;

    /// The moment so many nanoseconds after the origin.
    fn at(nanos: u64) -> Self;
}

/// A moment of [`Monotonic`], and of every blocking operation of this crate.
impl Moment for Deadline {
    fn nanos(self) -> u64 {
        Deadline::nanos(self).unwrap_or(NEVER)
    }

    fn at(nanos: u64) -> Self {
        Deadline::at(nanos)
    }
}

/// A moment of [`Wall`](super::Wall): from 1970 to 2554.
impl Moment for SystemTime {
    fn nanos(self) -> u64 {
        self.duration_since(UNIX_EPOCH).map_or(0, Moment::nanos)
    }

    fn at(nanos: u64) -> Self {
        UNIX_EPOCH + Duration::from_nanos(nanos)
    }
}

/// A moment of [`VirtualClock`](super::VirtualClock): the time since the clock's start.
impl Moment for Duration {
    fn nanos(self) -> u64 {
        u64::try_from(self.as_nanos()).unwrap_or(NEVER)
    }

    fn at(nanos: u64) -> Self {
        Self::from_nanos(nanos)
    }
}

/// Python's `timefunc` and `delayfunc` in one: what a scheduler knows of time. (SC001)
///
/// A clock may stand still, jump or go back: a scheduler asks it again after every action and every
/// sleep, and remembers nothing of what it said.
///
/// ```
/// use std::time::{Duration, Instant};
/// use inkle::platform::after;
/// use inkle::sched::{Clock, Nap, Scheduler};
///
/// /// Ten times as fast as real time.
/// struct Hurried(Instant);
///
/// impl Clock for Hurried {
///     type Time = Duration;
///
///     fn now(&self) -> Duration {
///         self.0.elapsed() * 10
///     }
///
///     fn sleep(&self, until: Option<Duration>, nap: Nap<'_>) {
///         let rest = until.unwrap_or(Duration::MAX).saturating_sub(self.now());
///         nap.wait_until(after(rest / 10));
///     }
/// }
///
/// let scheduler = Scheduler::with_clock(Hurried(Instant::now()));
/// scheduler.enter(Duration::from_millis(50), 0, || println!("after 5 ms")).unwrap();
/// scheduler.run().unwrap();
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Its points in time.
    type Time: Moment;

    /// What time it is.
    fn now(&self) -> Self::Time;

    /// Sleeps until `until`, or without limit; better through `nap`, which ends when there is
    /// something new to look at. May return at any time before, and should not return long after.
    /// (SC009)
    ///
    /// A panic goes through to whoever runs the scheduler; nothing is lost by that. (SC010)
    fn sleep(&self, until: Option<Self::Time>, nap: Nap<'_>);
}

/// A sleep that ends early when the scheduler has something new to look at: an earlier event, one
/// event less, a stop, a token that was cancelled. (SC013, SC014)
///
/// A [`Clock`] that does not use it sleeps through all that, as Python's does; there is an example of
/// one that does.
#[derive(Debug)]
pub struct Nap<'a> {
    bell: &'a Alarm,
    rung: WaitEvent<'a, Private>,
    token: Option<&'a CancelToken<'a>>,
}

impl<'a> Nap<'a> {
    /// To be made before the look at what is to come: what changes after that ends it.
    pub(super) fn new(bell: &'a Alarm, token: Option<&'a CancelToken<'a>>) -> Self {
        Self { bell, rung: bell.0.wait_async(), token }
    }

    /// Sleeps until `deadline` or until there is something to look at. Blocks.
    pub fn wait_until(mut self, deadline: impl Into<Deadline>) {
        let deadline = deadline.into();
        // However it ends, its caller looks again.
        match self.token {
            None => drop(self.rung.until(deadline)),
            Some(token) => drop(self.rung.unless(&token.child_until(deadline))),
        }
    }

    /// What ends this nap, for a clock whose time somebody else moves.
    pub fn alarm(&self) -> Alarm {
        self.bell.clone()
    }
}

/// Ends every [`Nap`] of one scheduler.
///
/// ```
/// use std::sync::Mutex;
/// use std::time::Duration;
/// use inkle::sched::{Alarm, Clock, Nap, Scheduler};
///
/// /// Moved by hand. `VirtualClock` is this with more comfort.
/// #[derive(Default)]
/// struct ByHand {
///     time: Mutex<Duration>,
///     sleepers: Mutex<Vec<Alarm>>,
/// }
///
/// impl ByHand {
///     fn advance(&self, by: Duration) {
///         *self.time.lock().unwrap() += by;
///         self.sleepers.lock().unwrap().drain(..).for_each(|sleeper| sleeper.ring());
///     }
/// }
///
/// impl Clock for &'static ByHand {
///     type Time = Duration;
///
///     fn now(&self) -> Duration {
///         *self.time.lock().unwrap()
///     }
///
///     fn sleep(&self, until: Option<Duration>, nap: Nap<'_>) {
///         self.sleepers.lock().unwrap().push(nap.alarm());
///         // Moved before anybody could ring?
///         if until.is_none_or(|until| until > self.now()) {
///             nap.wait_until(None);
///         }
///     }
/// }
///
/// let clock: &'static ByHand = Box::leak(Box::default());
/// let scheduler = Scheduler::with_clock(clock);
/// scheduler.enter(Duration::from_secs(60), 0, || ()).unwrap();
/// std::thread::scope(|scope| {
///     let run = scope.spawn(|| scheduler.run());
///     clock.advance(Duration::from_secs(60));
///     run.join().unwrap().unwrap();
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Alarm(Arc<Event>);

impl Alarm {
    pub(super) fn new() -> Self {
        Self(Arc::new(Event::new()))
    }

    /// Whether both are of one scheduler.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Has all who nap look again. Does not block.
    pub fn ring(&self) {
        // Who waits is released by the first, even after the second (TH056).
        self.0.set();
        self.0.clear();
    }
}

/// The platform's monotonic clock, which no step of the system's time moves. (SC001)
///
/// ```
/// use std::time::Duration;
/// use inkle::platform::after;
/// use inkle::sched::Scheduler;
///
/// let scheduler = Scheduler::new();
/// scheduler.enter_at(after(Duration::from_millis(1)), 0, || println!("now")).unwrap();
/// scheduler.run().unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Monotonic;

impl Clock for Monotonic {
    type Time = Deadline;

    fn now(&self) -> Deadline {
        Deadline::at(Private::now())
    }

    fn sleep(&self, until: Option<Deadline>, nap: Nap<'_>) {
        nap.wait_until(until);
    }
}

/// A clock in nanoseconds: all that the inside of a scheduler wants to know.
pub(super) trait Ticks: Send + Sync {
    fn now(&self) -> u64;
    fn sleep(&self, until: Option<u64>, nap: Nap<'_>);
}

impl<C: Clock> Ticks for C {
    fn now(&self) -> u64 {
        Clock::now(self).nanos()
    }

    fn sleep(&self, until: Option<u64>, nap: Nap<'_>) {
        Clock::sleep(self, until.map(Moment::at), nap);
    }
}
