//! What is to be said of a periodic job before it starts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::error::{EnterCause, EnterError};
use super::hub::Hub;
use super::job::{Beat, Body, Job, Plan, Recurring};
use super::rule::Rule;
use super::{Clock, Moment};
use crate::agenda::NEVER;
use crate::contextvars::Inherited;

/// How a periodic job runs: made by [`every`](super::Scheduler::every), which keeps a rate,
/// [`spaced`](super::Scheduler::spaced), which keeps a distance, and with the feature `cron` by
/// `cron`. (SC019)
///
/// Times are counted from the first one, not from when the scheduler got round to it: nothing drifts.
///
/// ```
/// use std::time::Duration;
/// use inkle::sched::{Missed, Scheduler, VirtualClock};
///
/// let scheduler = Scheduler::with_clock(VirtualClock::jumping());
/// let mut seen = Vec::new();
/// let job = scheduler
///     .every(Duration::from_secs(10))
///     .first_in(Duration::ZERO)
///     .times(3)
///     .missed(Missed::Skip)
///     .start(move |tick| {
///         seen.push(tick.time().as_secs());
///         assert_eq!(seen, (0..tick.number()).map(|past| past * 10).collect::<Vec<_>>());
///     })
///     .unwrap();
/// scheduler.run().unwrap();
/// assert!(job.is_over() && job.runs() == 3);
/// ```
#[must_use = "nothing runs before `start`"]
pub struct Every<C: Clock> {
    hub: Arc<Hub>,
    rule: Rule,
    first: First<C::Time>,
    priority: i32,
    missed: Missed,
    overlap: Overlap,
    on_panic: OnPanic,
    jitter: Duration,
    seed: u64,
    until: Option<C::Time>,
    times: u64,
}

enum First<T> {
    ByRule,
    At(T),
    In(Duration),
}

/// What becomes of runs whose turn comes too late: when the next one's time has come too, because
/// something took long or the clock jumped. One that is less late than that just runs.
///
/// ```
/// use std::time::Duration;
/// use inkle::sched::{Missed, Scheduler, VirtualClock};
///
/// // Due at 1, 2, 3, 4, and somebody holds everything up until 3.5.
/// let runs = |policy| {
///     let clock = VirtualClock::new();
///     let scheduler = Scheduler::with_clock(clock.clone());
///     let job = scheduler.every(Duration::from_secs(1)).missed(policy).start(|_| ()).unwrap();
///     clock.set(Duration::from_millis(3500));
///     scheduler.run_pending().unwrap();
///     (job.runs(), job.skipped(), job.next())
/// };
/// assert_eq!(runs(Missed::CatchUp), (3, 0, Some(Duration::from_secs(4))));
/// assert_eq!(runs(Missed::Coalesce), (1, 0, Some(Duration::from_secs(4))));
/// assert_eq!(runs(Missed::Skip), (0, 3, Some(Duration::from_secs(4))));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// Each of them runs, one after the other, as fast as can be.
    CatchUp,
    /// One run stands for all of them; [`Tick::missed`] says for how many more.
    #[default]
    Coalesce,
    /// None of them runs.
    Skip,
}

/// What becomes of a run that is due while the one before still runs, which takes a
/// [`Runner`](super::Runner) with threads or several threads that run the scheduler. The third answer,
/// that both run, is [`Every::start_overlapping`].
///
/// ```
/// use std::time::Duration;
/// use inkle::sched::{Crew, Overlap, Scheduler, VirtualClock};
/// use inkle::threading::Event;
///
/// static GO: Event = Event::new();
///
/// let clock = VirtualClock::new();
/// let scheduler = Scheduler::with_runner(clock.clone(), Crew::new(4).unwrap());
/// let job = scheduler.every(Duration::from_secs(1)).overlap(Overlap::Queue);
/// let job = job.start(|_| GO.wait()).unwrap();
/// for _ in 0..5 {
///     clock.advance(Duration::from_secs(1));
///     scheduler.run_pending().unwrap();
/// }
/// // One runs, one waits, three were left out.
/// assert_eq!((job.runs(), job.skipped()), (2, 3));
/// GO.set();
/// # job.cancel().unwrap();
/// # scheduler.stop(inkle::platform::Deadline::NEVER);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// It is left out.
    #[default]
    Skip,
    /// It begins when the one before ends; while one waits, further ones are left out.
    Queue,
}

/// What becomes of a job that panics.
///
/// ```
/// use std::time::Duration;
/// use inkle::sched::{OnPanic, Scheduler, VirtualClock};
///
/// let scheduler = Scheduler::with_clock(VirtualClock::jumping());
/// let job = scheduler
///     .every(Duration::from_secs(1))
///     .times(3)
///     .on_panic(OnPanic::GoOn)
///     .start(|tick| assert!(tick.number() != 2, "a bad day"))
///     .unwrap();
/// scheduler.run().unwrap();
/// assert_eq!(job.runs(), 3);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnPanic {
    /// It is over, and the panic goes where that of any action goes.
    #[default]
    Stop,
    /// It goes on, and the panic goes to [`set_panic_hook`](crate::threading::set_panic_hook)'s
    /// function and no further.
    GoOn,
}

/// One run of a periodic job.
///
/// ```
/// use std::time::Duration;
/// use inkle::sched::{Scheduler, VirtualClock};
///
/// let scheduler = Scheduler::with_clock(VirtualClock::jumping());
/// let job = scheduler.every(Duration::from_secs(5)).times(2);
/// job.start(|tick| {
///     assert_eq!(tick.time(), Duration::from_secs(5) * tick.number() as u32);
///     assert_eq!(tick.missed(), 0);
/// })
/// .unwrap();
/// scheduler.run().unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick<T> {
    time: T,
    number: u64,
    missed: u64,
}

impl<T: Moment> Tick<T> {
    fn new(beat: Beat) -> Self {
        Self { time: T::at(beat.time), number: beat.number, missed: beat.missed }
    }

    /// When it was due by the rule: without jitter, and however late it is.
    pub fn time(&self) -> T {
        self.time
    }

    /// The how manyth run this is, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How many missed runs this one stands for besides its own; of a cron job's at most 1000 are
    /// counted. See [`Missed::Coalesce`].
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

impl<C: Clock> Every<C> {
    pub(super) fn new(hub: &Arc<Hub>, rule: Rule) -> Self {
        Self {
            hub: Arc::clone(hub),
            rule,
            first: First::ByRule,
            priority: 0,
            missed: Missed::default(),
            overlap: Overlap::default(),
            on_panic: OnPanic::default(),
            jitter: Duration::ZERO,
            seed: 0,
            until: None,
            times: u64::MAX,
        }
    }

    /// The first run is at `time`, or for a cron job the first one not before. May be past: see
    /// [`Missed`]. Without this it is one period after the start.
    pub fn first_at(mut self, time: impl Into<C::Time>) -> Self {
        self.first = First::At(time.into());
        self
    }

    /// As [`first_at`](Self::first_at), so long after the start.
    pub fn first_in(mut self, delay: Duration) -> Self {
        self.first = First::In(delay);
        self
    }

    /// Lower is earlier among what is due at one time; 0 unless said.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// What becomes of runs whose turn comes too late. Has no meaning for a
    /// [`spaced`](super::Scheduler::spaced) job, which has no next time before its run.
    pub fn missed(mut self, missed: Missed) -> Self {
        self.missed = missed;
        self
    }

    /// What becomes of a run that is due while the one before still runs.
    pub fn overlap(mut self, overlap: Overlap) -> Self {
        self.overlap = overlap;
        self
    }

    /// What becomes of the job when it panics.
    pub fn on_panic(mut self, on_panic: OnPanic) -> Self {
        self.on_panic = on_panic;
        self
    }

    /// Each run is late by up to `most`, so that many jobs do not all run at one moment. How late
    /// each one is follows from `seed` alone; the times that it is late by do not add up.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use std::time::Duration;
    /// use inkle::sched::{Scheduler, VirtualClock};
    ///
    /// let begun = |seed| {
    ///     let clock = VirtualClock::jumping();
    ///     let scheduler = Scheduler::with_clock(clock.clone());
    ///     let times = Arc::new(Mutex::new(Vec::new()));
    ///     let its = Arc::clone(&times);
    ///     let job = scheduler.every(Duration::from_secs(60)).times(5);
    ///     job.jitter(Duration::from_secs(10), seed)
    ///         .start(move |tick| its.lock().unwrap().push(clock.time() - tick.time()))
    ///         .unwrap();
    ///     scheduler.run().unwrap();
    ///     let times = times.lock().unwrap();
    ///     times.clone()
    /// };
    /// assert!(begun(7).iter().all(|late| *late <= Duration::from_secs(10)));
    /// assert_eq!(begun(7), begun(7));
    /// assert_ne!(begun(7), begun(8));
    /// ```
    pub fn jitter(mut self, most: Duration, seed: u64) -> Self {
        self.jitter = most;
        self.seed = seed;
        self
    }

    /// The job is over after so many runs.
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// The job is over when its next time would be later than `time`.
    pub fn until(mut self, time: impl Into<C::Time>) -> Self {
        self.until = Some(time.into());
        self
    }

    /// Starts the job. One run at a time: see [`Overlap`]. Each run begins with a copy of the caller's
    /// [context](crate::contextvars) as it is now. Does not block.
    ///
    /// Errors: [`EnterError`], with the action.
    pub fn start<F>(self, mut action: F) -> Result<Job<C::Time>, EnterError<F>>
    where
        F: FnMut(&Tick<C::Time>) + Send + 'static,
    {
        match self.check() {
            Err(cause) => Err(EnterError { cause, action }),
            Ok(first) => {
                let context = Inherited::from_here();
                let run = move |beat| context.clone().run(|| action(&Tick::new(beat)));
                Ok(self.begin(first, Body::Alone(Box::new(run))))
            }
        }
    }

    /// As [`start`](Self::start), and a run that is due while others run begins all the same.
    ///
    /// Errors: [`EnterError`], with the action.
    pub fn start_overlapping<F>(self, action: F) -> Result<Job<C::Time>, EnterError<F>>
    where
        F: Fn(&Tick<C::Time>) + Send + Sync + 'static,
    {
        match self.check() {
            Err(cause) => Err(EnterError { cause, action }),
            Ok(first) => {
                let context = Inherited::from_here();
                let run = move |beat| context.clone().run(|| action(&Tick::new(beat)));
                Ok(self.begin(first, Body::Overlapping(Arc::new(run))))
            }
        }
    }

    /// The first time, if the job makes sense.
    fn check(&self) -> Result<u64, EnterCause> {
        if self.rule.is_pointless() {
            return Err(EnterCause::ZeroPeriod);
        }
        let first = match &self.first {
            First::ByRule => self.rule.first(self.hub.now()),
            First::At(time) => self.rule.from(time.nanos()),
            First::In(delay) => self.rule.from(self.hub.now().saturating_add(delay.nanos())),
        };
        if self.times == 0 || first == NEVER || first > self.last() {
            return Err(EnterCause::NeverDue);
        }
        if self.hub.is_stopped() { Err(EnterCause::Stopped) } else { Ok(first) }
    }

    fn last(&self) -> u64 {
        self.until.map_or(NEVER, Moment::nanos)
    }

    fn begin(self, first: u64, body: Body) -> Job<C::Time> {
        let plan = Plan {
            until: self.last(),
            rule: self.rule,
            priority: self.priority,
            missed: self.missed,
            overlap: self.overlap,
            on_panic: self.on_panic,
            jitter: self.jitter.nanos(),
        };
        Job::new(Recurring::start(&self.hub, plan, body, first, self.times, self.seed))
    }
}

impl<C: Clock> fmt::Debug for Every<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Every")
            .field("priority", &self.priority)
            .field("missed", &self.missed)
            .field("overlap", &self.overlap)
            .field("on_panic", &self.on_panic)
            .field("jitter", &self.jitter)
            .field("until", &self.until)
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}
