//! The scheduler as its users see it; `hub` is its inside.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "cron")]
use super::Cron;
use super::error::{CancelError, EnterCause, EnterError, Report, RunError};
use super::event::{Event, Once};
use super::every::Every;
use super::hub::{Hub, Span, Work};
use super::rule::Rule;
use super::{Clock, Inline, Moment, Monotonic, Runner, background};
use crate::contextvars::Inherited;
use crate::platform::Deadline;
use crate::threading::{Builder, CancelToken, SpawnCause, Thread};

/// Runs actions at their times.
///
/// A handle: clone it freely, all clones are one scheduler, and any thread may use them. Nothing runs
/// unless somebody [runs](Self::run) it, or has [started](Self::start) a thread for it. An action that
/// owns a clone keeps the scheduler alive until it has run or was cancelled.
///
/// Order: by time, then lower priority first, then in the order of entering (SC003). What is late runs
/// as soon as it can; nothing is dropped (SC004). Actions run without a lock held and may use the
/// scheduler in any way (SC011, SC012).
///
/// ```
/// use std::sync::Mutex;
/// use std::time::Duration;
/// use inkle::sched::{Scheduler, VirtualClock};
///
/// static SEEN: Mutex<Vec<&str>> = Mutex::new(Vec::new());
/// let say = |word| move || SEEN.lock().unwrap().push(word);
///
/// let scheduler = Scheduler::with_clock(VirtualClock::jumping());
/// scheduler.enter(Duration::from_secs(10), 1, say("default")).unwrap();
/// scheduler.enter(Duration::from_secs(5), 2, say("second")).unwrap();
/// scheduler.enter(Duration::from_secs(5), 1, say("first")).unwrap();
/// let never = scheduler.enter(Duration::from_secs(7), 0, say("never")).unwrap();
/// scheduler.cancel(&never).unwrap();
/// scheduler.run().unwrap();
/// assert_eq!(*SEEN.lock().unwrap(), ["first", "second", "default"]);
/// ```
pub struct Scheduler<C: Clock = Monotonic> {
    hub: Arc<Hub>,
    clock: PhantomData<fn() -> C>,
}

impl Scheduler {
    /// A scheduler on the monotonic clock, whose actions run in the thread that runs it.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Monotonic)
    }
}

impl<C: Clock> Scheduler<C> {
    /// A scheduler on this clock. (SC001)
    pub fn with_clock(clock: C) -> Self {
        Self::with_runner(clock, Inline)
    }

    /// A scheduler on this clock whose actions run where `runner` has them run.
    pub fn with_runner(clock: C, runner: impl Runner) -> Self {
        Self { hub: Hub::new(Box::new(clock), Box::new(runner)), clock: PhantomData }
    }

    /// Has `action` run after `delay`, which is counted from this call, in a copy of the caller's
    /// [context](crate::contextvars). Python's `enter`. Does not block. (SC002)
    ///
    /// Errors: [`EnterError`], with the action, if the scheduler was stopped.
    pub fn enter<F>(
        &self,
        delay: Duration,
        priority: i32,
        action: F,
    ) -> Result<Event<C::Time>, EnterError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        self.add(self.hub.now().saturating_add(delay.nanos()), priority, action)
    }

    /// Has `action` run at `time`: at the next occasion if that is past, never if it is the end of
    /// time ([`Deadline::NEVER`]). Python's `enterabs`. Does not block. (SC002, SC004)
    ///
    /// Errors: [`EnterError`], with the action, if the scheduler was stopped.
    pub fn enter_at<F>(
        &self,
        time: impl Into<C::Time>,
        priority: i32,
        action: F,
    ) -> Result<Event<C::Time>, EnterError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        self.add(time.into().nanos(), priority, action)
    }

    fn add<F>(&self, time: u64, priority: i32, action: F) -> Result<Event<C::Time>, EnterError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        let mut status = None;
        let context = Inherited::from_here();
        let work = |action: F| {
            let once = Once::new(move || context.run(action));
            status = Some(Arc::clone(&once.status));
            Work::Once(once)
        };
        match self.hub.add(time, priority, action, work) {
            Ok(place) => Ok(Event::new(&self.hub, place, status)),
            Err(action) => Err(EnterError { cause: EnterCause::Stopped, action }),
        }
    }

    /// A job that is due again and again, `period` from time to time, whatever its runs take. To be
    /// [started](Every::start). (SC019)
    pub fn every(&self, period: Duration) -> Every<C> {
        Every::new(&self.hub, Rule::Rate(period.nanos()))
    }

    /// A job that is due again and again, `pause` after the end of each run. To be
    /// [started](Every::start). (SC019)
    pub fn spaced(&self, pause: Duration) -> Every<C> {
        Every::new(&self.hub, Rule::Spaced(pause.nanos()))
    }

    /// Sees to it that the event's action never runs, and drops that. Does not block. (SC005)
    ///
    /// Errors: [`CancelError`]; nothing has changed then.
    pub fn cancel(&self, event: &Event<C::Time>) -> Result<(), CancelError> {
        event.cancel(&self.hub)
    }

    /// Whether nothing is to come: a snapshot. Actions may be running. Python's `empty`. (SC006)
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many events are to come, a periodic job counting once: a snapshot.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hub.len()
    }

    /// What is to come, in order: a snapshot, which takes a time that grows with how many there are
    /// and keeps others from the scheduler meanwhile. Python's `queue`. (SC006)
    #[must_use]
    pub fn snapshot(&self) -> Vec<Event<C::Time>> {
        let events = self.hub.snapshot().into_iter();
        events.map(|(place, status)| Event::new(&self.hub, place, status)).collect()
    }

    /// Runs all there is to come, sleeping in between, until nothing is. An action that another thread
    /// runs may enter more, so it waits for that too; called from an action it does not. An action must
    /// not wait for a run in another thread, which waits for that action. Several threads may call
    /// this at once: each event runs once. (SC007, SC015)
    ///
    /// An event at the end of time is waited for without end.
    ///
    /// Errors: [`RunError::Panicked`] if an action panicked in this thread (SC010),
    /// [`RunError::Stopped`]. To be called again after a panic.
    pub fn run(&self) -> Result<(), RunError> {
        self.hub.run(Span::Empty)
    }

    /// As [`run`](Self::run), and nothing that is due later than `time`, on the scheduler's own clock.
    /// What is due then or before does run, however late it is; so a time in the past runs what
    /// should have run by then.
    ///
    /// Errors: [`RunError::TimedOut`] if the clock has come to `time` with events left, beside those
    /// of `run`.
    pub fn run_until(&self, time: impl Into<C::Time>) -> Result<(), RunError> {
        self.hub.run(Span::Until(time.into().nanos()))
    }

    /// As [`run_until`](Self::run_until), for `timeout` on the scheduler's own clock.
    pub fn run_timeout(&self, timeout: Duration) -> Result<(), RunError> {
        self.hub.run(Span::Until(self.hub.now().saturating_add(timeout.nanos())))
    }

    /// As [`run`](Self::run), until `token` is cancelled. A token that is cancelled already wins over
    /// what is due.
    ///
    /// Errors: [`RunError::Cancelled`] beside those of `run`. (TH077)
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::sched::{RunError, Scheduler};
    /// use inkle::threading::{CancelToken, Reason};
    ///
    /// let scheduler = Scheduler::new();
    /// scheduler.enter(Duration::from_secs(3600), 0, || ()).unwrap();
    /// let token = CancelToken::new();
    /// std::thread::scope(|scope| {
    ///     let run = scope.spawn(|| scheduler.run_unless(&token));
    ///     token.cancel(Reason::REQUESTED);
    ///     let error = run.join().unwrap().unwrap_err();
    ///     assert!(matches!(error, RunError::Cancelled(Reason::REQUESTED)));
    /// });
    /// ```
    pub fn run_unless(&self, token: &CancelToken<'_>) -> Result<(), RunError> {
        self.hub.run(Span::Unless(token))
    }

    /// Runs what is due, without sleeping, and says how long it is from then to the next event;
    /// `None` if there is none. Python's `run(blocking=False)`. (SC008)
    ///
    /// Errors: as [`run`](Self::run).
    pub fn run_pending(&self) -> Result<Option<Duration>, RunError> {
        self.hub.run_pending()
    }

    /// Starts a daemon called `sched` that runs the scheduler, whether or not there is anything to
    /// come, until the [`stop`](Self::stop) or the end of the process. Panics of actions go to
    /// [`set_panic_hook`](crate::threading::set_panic_hook)'s function. (SC019)
    ///
    /// Errors: [`SpawnCause`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::platform::Deadline;
    /// use inkle::sched::Scheduler;
    /// use inkle::threading::Event;
    ///
    /// static DING: Event = Event::new();
    ///
    /// let scheduler = Scheduler::new();
    /// let thread = scheduler.start().unwrap();
    /// scheduler.enter(Duration::from_millis(1), 0, || DING.set()).unwrap();
    /// DING.wait();
    /// scheduler.stop(Deadline::NEVER);
    /// thread.join().unwrap();
    /// ```
    pub fn start(&self) -> Result<Thread<()>, SpawnCause> {
        self.start_with(&Builder::new().name("sched").daemon(true))
    }

    /// As [`start`](Self::start), in a thread as `builder` says. At the end of the process no further
    /// action begins; what runs in one that is no daemon, and on the scheduler's
    /// [`Runner`], is waited for.
    ///
    /// Errors: [`SpawnCause`].
    pub fn start_with(&self, builder: &Builder) -> Result<Thread<()>, SpawnCause> {
        background::start(&self.hub, builder)
    }

    /// Ends the scheduler for good: no further action begins, what is to come is dropped, everybody
    /// who runs it returns. Then waits until `deadline` for actions that run, but not for one that
    /// calls this. From any thread. (SC019)
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::platform::after;
    /// use inkle::sched::{RunError, Scheduler};
    ///
    /// let scheduler = Scheduler::new();
    /// scheduler.enter(Duration::from_secs(3600), 0, || ()).unwrap();
    /// let report = scheduler.stop(after(Duration::from_secs(1)));
    /// assert_eq!((report.cancelled, report.finished, report.running.len()), (1, 0, 0));
    /// assert!(matches!(scheduler.run(), Err(RunError::Stopped)));
    /// ```
    pub fn stop(&self, deadline: impl Into<Deadline>) -> Report {
        self.hub.stop(deadline.into())
    }

    /// Whether [`stop`](Self::stop) has been called.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.hub.is_stopped()
    }
}

#[cfg(feature = "cron")]
impl<C: Clock<Time = std::time::SystemTime>> Scheduler<C> {
    /// A job that is due at the times of a cron expression. To be [started](Every::start). (SC019)
    ///
    /// ```
    /// use inkle::sched::{Cron, Scheduler, Wall};
    ///
    /// let scheduler = Scheduler::with_clock(Wall::new());
    /// let nightly = scheduler.cron(Cron::utc("30 2 * * *").unwrap());
    /// let job = nightly.start(|_| println!("good night")).unwrap();
    /// job.cancel().unwrap();
    /// ```
    pub fn cron(&self, cron: Cron) -> Every<C> {
        Every::new(&self.hub, Rule::Cron(Box::new(cron)))
    }
}

impl Default for Scheduler {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Clock> Clone for Scheduler<C> {
    fn clone(&self) -> Self {
        Self { hub: Arc::clone(&self.hub), clock: PhantomData }
    }
}

impl<C: Clock> fmt::Debug for Scheduler<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler")
            .field("len", &self.len())
            .field("stopped", &self.is_stopped())
            .finish_non_exhaustive()
    }
}
