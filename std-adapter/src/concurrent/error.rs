//! Why a future gave no result, and why an executor took no work.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use inkle_core::error::OutcomeError;

use crate::threading::{Panic, Reason, is_exit};

/// Why a future gave no result.
///
/// The first three are of the wait, and a later one may get the result; all others are what became of the
/// work, and stay so. (CF002, CF007, CF009)
///
/// ```
/// use inkle::concurrent::{FutureError, task};
///
/// let (task, future) = task(|| -> u32 { panic!("out of yarn") });
/// assert!(matches!(future.try_result(), Err(FutureError::NotDone)));
/// task.run();
/// match future.result() {
///     Err(FutureError::Panicked(panic)) => assert_eq!(panic.message(), Some("out of yarn")),
///     _ => unreachable!(),
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FutureError {
    /// The work is not done yet, and the call was not to wait.
    NotDone,
    /// The work was not done until the deadline of the call.
    TimedOut,
    /// The wait was called off by its token, for this reason.
    CalledOff(Reason),
    /// The work would wait for itself: the future of a task in the task itself, or in one that it waits
    /// for on this thread; or the value was to be moved out by a callback of its own.
    SelfWait,
    /// The work was cancelled before it began.
    Cancelled,
    /// The work panicked. The panic is shared by all who ask.
    Panicked(Arc<Panic>),
    /// The work left its function by [`thread::exit`](crate::thread::exit).
    Exited,
    /// Whoever should have done the work has dropped it half-way.
    Broken,
    /// The time that [`Future::timeout`](super::Future::timeout) gave it was over.
    Expired,
    /// The executor could not do the work.
    Failed(Arc<dyn Error + Send + Sync>),
}

impl FutureError {
    /// Of what a function unwound with.
    pub(crate) fn unwound(payload: Box<dyn Any + Send>) -> Self {
        if is_exit(&*payload) {
            return Self::Exited;
        }
        Self::Panicked(Arc::new(Panic::new(payload)))
    }

    /// Of a panic in another process.
    #[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
    pub(crate) fn panicked(panic: Panic) -> Self {
        Self::Panicked(Arc::new(panic))
    }

    /// That the work could not be done, for this reason: for executors.
    ///
    /// ```
    /// use inkle::concurrent::FutureError;
    ///
    /// let error = FutureError::failed("no such place");
    /// assert_eq!(error.to_string(), "the work could not be done: no such place");
    /// ```
    pub fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(Arc::from(error.into()))
    }

    /// Whether it says what became of the work: no later call gets another answer.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::NotDone | Self::TimedOut | Self::CalledOff(_) | Self::SelfWait)
    }

    /// The panic, if it is one.
    #[must_use]
    pub fn panic(&self) -> Option<&Arc<Panic>> {
        match self {
            Self::Panicked(panic) => Some(panic),
            _ => None,
        }
    }
}

impl From<OutcomeError> for FutureError {
    fn from(error: OutcomeError) -> Self {
        match error {
            OutcomeError::NotDone => Self::NotDone,
            OutcomeError::TimedOut => Self::TimedOut,
            OutcomeError::CalledOff(reason) => Self::CalledOff(reason),
            // The only other that there is.
            _ => Self::Cancelled,
        }
    }
}

impl fmt::Display for FutureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDone => f.write_str("the work is not done yet"),
            Self::TimedOut => f.write_str("the work was not done until the deadline"),
            Self::CalledOff(reason) => write!(f, "the wait was called off: {reason}"),
            Self::SelfWait => f.write_str("the work cannot wait for itself"),
            Self::Cancelled => f.write_str("the work was cancelled"),
            Self::Panicked(panic) => write!(f, "the work panicked: {panic}"),
            Self::Exited => f.write_str("the work left its function without a result"),
            Self::Broken => f.write_str("the work was dropped half-way"),
            Self::Expired => f.write_str("the time for the work was over"),
            Self::Failed(error) => write!(f, "the work could not be done: {error}"),
        }
    }
}

impl Error for FutureError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(error) => Some(&**error),
            _ => None,
        }
    }
}

/// An executor did not take work. Nothing is lost: it comes back, not begun, from
/// [`into_inner`](Self::into_inner). (CF023, CF044)
///
/// ```
/// use inkle::concurrent::{Executor, Inline, Pending, Spawn, SubmitCause};
/// use inkle::platform::Deadline;
///
/// let executor = Inline::new();
/// executor.shutdown(Pending::Run, Deadline::NEVER).unwrap();
/// let error = executor.submit(|| 6 * 7).unwrap_err();
/// assert!(matches!(error.cause(), SubmitCause::ShutDown));
/// // Do it here instead.
/// assert_eq!(error.into_inner()(), 42);
/// ```
pub struct SubmitError<W> {
    cause: SubmitCause,
    work: W,
}

impl<W> SubmitError<W> {
    /// That `work` was not taken, and why: for executors.
    pub fn new(cause: SubmitCause, work: W) -> Self {
        Self { cause, work }
    }

    /// What the matter was.
    pub fn cause(&self) -> &SubmitCause {
        &self.cause
    }

    /// The work.
    pub fn into_inner(self) -> W {
        self.work
    }

    /// What the matter was, and the work.
    pub fn into_parts(self) -> (SubmitCause, W) {
        (self.cause, self.work)
    }

    /// The same of other work.
    pub(super) fn map<V>(self, f: impl FnOnce(W) -> V) -> SubmitError<V> {
        SubmitError { cause: self.cause, work: f(self.work) }
    }
}

/// What kept an executor from taking work. See [`SubmitError`] for an example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SubmitCause {
    /// The executor has been shut down.
    ShutDown,
    /// There is no room for more work, and the call was not to wait.
    Full,
    /// There was no room for more work until the deadline.
    TimedOut,
    /// The executor is broken, and this is why: no work is done any more. (CF003)
    Broken(Arc<dyn Error + Send + Sync>),
    /// The system refused what the work needs, a thread for instance. (CF044)
    Refused(Arc<dyn Error + Send + Sync>),
    /// The process is ending. (EX004)
    Exiting,
    /// The work cannot be sent to where it would be done. (CF049)
    Unsendable(Arc<dyn Error + Send + Sync>),
}

impl fmt::Display for SubmitCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShutDown => f.write_str("the executor has been shut down"),
            Self::Full => f.write_str("the executor has no room for more work"),
            Self::TimedOut => f.write_str("the executor had no room until the deadline"),
            Self::Broken(error) => write!(f, "the executor is broken: {error}"),
            Self::Refused(error) => write!(f, "the system refused: {error}"),
            Self::Exiting => f.write_str("no work is taken at the end of the process"),
            Self::Unsendable(error) => write!(f, "the work cannot be sent: {error}"),
        }
    }
}

impl Error for SubmitCause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Broken(error) | Self::Refused(error) | Self::Unsendable(error) => Some(&**error),
            _ => None,
        }
    }
}

impl<W> fmt::Debug for SubmitError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmitError").field("cause", &self.cause).finish_non_exhaustive()
    }
}

impl<W> fmt::Display for SubmitError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl<W> Error for SubmitError<W> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}
