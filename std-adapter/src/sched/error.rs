//! Why something was not entered, not cancelled, or not run to its end.

use std::error::Error;
use std::fmt;

use crate::threading::{Panic, Reason, ThreadInfo};

/// An action was not entered. Nothing is lost: it comes back, unused, from
/// [`into_inner`](Self::into_inner).
///
/// ```
/// use std::time::Duration;
/// use inkle::platform::Deadline;
/// use inkle::sched::{EnterCause, Scheduler};
///
/// let scheduler = Scheduler::new();
/// scheduler.stop(Deadline::NEVER);
/// let error = scheduler.enter(Duration::ZERO, 0, || println!("tea")).unwrap_err();
/// assert_eq!(error.cause(), EnterCause::Stopped);
/// // Do it here instead.
/// error.into_inner()();
/// ```
pub struct EnterError<F> {
    pub(super) cause: EnterCause,
    pub(super) action: F,
}

impl<F> EnterError<F> {
    /// What the matter was.
    pub fn cause(&self) -> EnterCause {
        self.cause
    }

    /// The action.
    pub fn into_inner(self) -> F {
        self.action
    }
}

/// What kept an action from being entered.
///
/// ```
/// use std::time::Duration;
/// use inkle::sched::{EnterCause, Scheduler};
///
/// let error = Scheduler::new().every(Duration::ZERO).start(|_| ()).unwrap_err();
/// assert_eq!(error.cause(), EnterCause::ZeroPeriod);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnterCause {
    /// The scheduler was [stopped](super::Scheduler::stop).
    Stopped,
    /// A job that runs again after no time at all would keep everything else from running.
    ZeroPeriod,
    /// By its own limits the job would never run: zero times, or until a time before its first.
    NeverDue,
}

impl fmt::Display for EnterCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped => "the scheduler was stopped",
            Self::ZeroPeriod => "the period is zero",
            Self::NeverDue => "the job would never run",
        })
    }
}

impl<F> fmt::Debug for EnterError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnterError").field("cause", &self.cause).finish_non_exhaustive()
    }
}

impl<F> fmt::Display for EnterError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl<F> Error for EnterError<F> {}

impl Error for EnterCause {}

/// Why an event was not cancelled. Nothing has changed then. (SC005)
///
/// ```
/// use std::time::Duration;
/// use inkle::sched::{CancelError, Scheduler};
///
/// let scheduler = Scheduler::new();
/// let event = scheduler.enter(Duration::from_secs(3600), 0, || ()).unwrap();
/// assert_eq!(Scheduler::new().cancel(&event), Err(CancelError::Elsewhere));
/// assert_eq!(scheduler.cancel(&event), Ok(()));
/// assert_eq!(scheduler.cancel(&event), Err(CancelError::Cancelled));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelError {
    /// Its action runs, or is about to.
    Running,
    /// Its action has run, or panicked.
    Done,
    /// It was cancelled before, or its scheduler was stopped.
    Cancelled,
    /// It is another scheduler's.
    Elsewhere,
    /// It is one run of a periodic job: cancel the [`Job`](super::Job).
    Periodic,
}

impl fmt::Display for CancelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "the event's action is running",
            Self::Done => "the event's action has run",
            Self::Cancelled => "the event was cancelled",
            Self::Elsewhere => "the event is another scheduler's",
            Self::Periodic => "the event is a run of a periodic job",
        })
    }
}

impl Error for CancelError {}

/// Why a run ended before the scheduler was empty. What is left stays, and can be run by a later call,
/// but after [`Stopped`](Self::Stopped).
///
/// ```
/// use std::time::Duration;
/// use inkle::sched::{RunError, Scheduler};
///
/// let scheduler = Scheduler::new();
/// scheduler.enter(Duration::ZERO, 1, || panic!("out of yarn")).unwrap();
/// scheduler.enter(Duration::ZERO, 2, || ()).unwrap();
/// match scheduler.run() {
///     Err(RunError::Panicked(panic)) => assert_eq!(panic.message(), Some("out of yarn")),
///     other => unreachable!("{other:?}"),
/// }
/// assert_eq!(scheduler.len(), 1);
/// scheduler.run().unwrap();
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// An action panicked. Its event is gone. Go on panicking with [`Panic::resume`]. (SC010)
    Panicked(Panic),
    /// The time came with events left.
    TimedOut,
    /// The token was cancelled, for this reason.
    Cancelled(Reason),
    /// The scheduler was [stopped](super::Scheduler::stop).
    Stopped,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(panic) => write!(f, "an action panicked: {panic}"),
            Self::TimedOut => f.write_str("the time came with events left"),
            Self::Cancelled(reason) => write!(f, "the run was called off: {reason}"),
            Self::Stopped => f.write_str("the scheduler was stopped"),
        }
    }
}

impl Error for RunError {}

/// The job is over: it was cancelled, has had its last run, or its scheduler was stopped.
///
/// ```
/// use std::time::Duration;
/// use inkle::sched::{JobOver, Scheduler};
///
/// let scheduler = Scheduler::new();
/// let job = scheduler.every(Duration::from_secs(60)).start(|_| ()).unwrap();
/// assert_eq!(job.cancel(), Ok(()));
/// assert_eq!(job.pause(), Err(JobOver));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobOver;

impl fmt::Display for JobOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the job is over")
    }
}

impl Error for JobOver {}

/// What [`Scheduler::stop`](super::Scheduler::stop) has done.
///
/// ```
/// use inkle::platform::Deadline;
/// use inkle::sched::Scheduler;
///
/// let report = Scheduler::new().stop(Deadline::NEVER);
/// for thread in &report.running {
///     println!("{} still runs", thread.name());
/// }
/// # assert_eq!(report.cancelled, 0);
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// How many events and jobs had not begun, and never will.
    pub cancelled: usize,
    /// How many actions were running and have ended.
    pub finished: usize,
    /// Who still runs an action.
    pub running: Vec<ThreadInfo>,
}
