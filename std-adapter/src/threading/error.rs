//! Why a thread did not start, and why a join gave no result.

use std::error::Error;
use std::fmt;
use std::io;

use super::{Panic, Reason};

/// A thread was not started. Nothing is lost: the function comes back, unused, from
/// [`into_inner`](Self::into_inner), and the [`Builder`](super::Builder) with the name is still the
/// caller's.
///
/// ```
/// use inkle::threading::{Builder, SpawnCause};
///
/// let work = vec![1, 2, 3];
/// let error = Builder::new().name("bad\0name").spawn(move || work.len()).unwrap_err();
/// assert!(matches!(error.cause(), SpawnCause::NulInName { position: 3 }));
///
/// // Do it here instead.
/// let body = error.into_inner();
/// assert_eq!(body(), 3);
/// ```
pub struct SpawnError<F> {
    pub(crate) cause: SpawnCause,
    pub(super) body: F,
}

impl<F> SpawnError<F> {
    /// What the matter was.
    pub fn cause(&self) -> &SpawnCause {
        &self.cause
    }

    /// The function that was to run.
    pub fn into_inner(self) -> F {
        self.body
    }
}

/// What kept a thread from starting.
///
/// ```
/// use inkle::threading::{Builder, SpawnCause};
///
/// // No system has an address space that large.
/// let error = Builder::new().stack_size(usize::MAX / 4).spawn(|| ()).unwrap_err();
/// assert!(matches!(error.cause(), SpawnCause::Refused(_)));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SpawnCause {
    /// The name has a NUL byte at this position. Systems end names there.
    NulInName {
        /// Counted in bytes from 0.
        position: usize,
    },
    /// The process is ending: all threads that it waits for have ended, or the time for that has run
    /// out; for a timer: the first hook has been called. See [`shutdown`](super::shutdown). (EX005)
    Exiting,
    /// The operating system refused: too many threads, no memory, no such stack. (TH023)
    Refused(io::Error),
}

impl fmt::Display for SpawnCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NulInName { position } => NulInName { position: *position }.fmt(f),
            Self::Exiting => f.write_str("no thread starts at the end of the process"),
            Self::Refused(error) => write!(f, "the system refused to start a thread: {error}"),
        }
    }
}

impl<F> fmt::Debug for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnError").field("cause", &self.cause).finish_non_exhaustive()
    }
}

impl<F> fmt::Display for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl<F> Error for SpawnError<F> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

impl Error for SpawnCause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NulInName { .. } | Self::Exiting => None,
            Self::Refused(error) => Some(error),
        }
    }
}

/// A name has a NUL byte. Systems end names there.
///
/// ```
/// use inkle::threading::{self, NulInName};
///
/// let NulInName { position } = threading::set_name("bad\0name").unwrap_err();
/// assert_eq!(position, 3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NulInName {
    /// Where the first one is, counted in bytes from 0.
    pub position: usize,
}

impl NulInName {
    pub(crate) fn check(name: &str) -> Result<(), Self> {
        match name.bytes().position(|byte| byte == 0) {
            Some(position) => Err(Self { position }),
            None => Ok(()),
        }
    }
}

impl fmt::Display for NulInName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the thread's name has a NUL byte at position {}", self.position)
    }
}

impl Error for NulInName {}

/// Why [`Thread::join`](super::Thread::join) or [`Timer::join`](super::Timer::join) gave no result.
///
/// ```
/// use std::time::Duration;
/// use inkle::threading::{self, Event, JoinError};
///
/// static GO: Event = Event::new();
///
/// let thread = threading::spawn(|| GO.wait()).unwrap();
/// assert!(matches!(thread.join_timeout(Duration::ZERO), Err(JoinError::TimedOut)));
/// GO.set();
/// assert!(thread.join().is_ok());
/// assert!(matches!(thread.join(), Err(JoinError::Taken)));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// The thread did not end before the deadline. Join again later.
    TimedOut,
    /// The thread has ended, and an earlier join was given its result or its panic.
    Taken,
    /// The thread's function panicked.
    Panicked(Panic),
    /// The function was left by [`thread::exit`](crate::thread::exit). (LT009)
    Exited,
    /// A thread cannot wait for its own end, nor a timer's function for its timer's. (TH026)
    SelfJoin,
    /// The wait was called off by its token, for this reason. Join again later.
    Cancelled(Reason),
    /// The timer was cancelled and its function never runs. Never the answer for a thread. (TH058)
    TimerCancelled,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("the thread did not end before the deadline"),
            Self::Taken => f.write_str("the thread's result was given to an earlier join"),
            Self::Panicked(panic) => write!(f, "the thread panicked: {panic}"),
            Self::Exited => f.write_str("the thread left its function without a result"),
            Self::SelfJoin => f.write_str("a thread cannot wait for its own end"),
            Self::Cancelled(reason) => write!(f, "the wait was called off: {reason}"),
            Self::TimerCancelled => f.write_str("the timer was cancelled"),
        }
    }
}

impl Error for JoinError {}
