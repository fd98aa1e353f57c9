//! Why a process did not start, and why a join gave no result.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::super::error::{DecodeError, EncodeError};
use crate::contextvars::PackError;
use crate::subprocess::{Signal, Status};
use crate::threading::{PanicPlace, Reason};

/// No process runs the function, and nothing is left of an attempt. The arguments come back from
/// [`into_inner`](Self::into_inner).
///
/// ```
/// use inkle::multiprocessing::{Builder, SpawnCause};
///
/// fn double(number: u32) -> u32 {
///     2 * number
/// }
///
/// let error = Builder::new().executable("/no/such/program").spawn(double, (21,)).unwrap_err();
/// assert!(matches!(error.cause(), SpawnCause::Refused(_)));
/// // Do it here instead.
/// let (number,) = error.into_inner();
/// assert_eq!(double(number), 42);
/// ```
pub struct SpawnError<A> {
    pub(super) cause: SpawnCause,
    pub(super) args: A,
}

impl<A> SpawnError<A> {
    /// What the matter was.
    pub fn cause(&self) -> &SpawnCause {
        &self.cause
    }

    /// The arguments.
    pub fn into_inner(self) -> A {
        self.args
    }

    /// The cause and the arguments.
    pub fn into_parts(self) -> (SpawnCause, A) {
        (self.cause, self.args)
    }
}

impl<A> fmt::Debug for SpawnError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnError").field("cause", &self.cause).finish_non_exhaustive()
    }
}

impl<A> fmt::Display for SpawnError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl<A> Error for SpawnError<A> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

impl Error for SpawnCause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Encode(error) => Some(error),
            Self::Context(error) => Some(error),
            Self::Arguments(error) => Some(error),
            Self::Refused(error) => Some(error),
            _ => None,
        }
    }
}

/// What kept a process from running the function.
#[derive(Debug)]
#[non_exhaustive]
pub enum SpawnCause {
    /// The calling process is a daemon and may have no children. (MP009)
    Daemon,
    /// The calling process is ending.
    Exiting,
    /// The arguments could not be made into bytes.
    Encode(EncodeError),
    /// The value of a context variable that travels could not.
    Context(PackError),
    /// The system refused: no descriptors, no memory, too many processes, no such program.
    Refused(io::Error),
    /// This code is not in the program but in a library, which may lie elsewhere in another process, or not at
    /// all: name a program with [`executable`](super::Builder::executable), and a function that is registered there.
    Library,
    /// The child ended before it called the function; or the [fork server](super::StartMethod::ForkServer) twice before
    /// there was a child, then nobody knows how.
    NeverStarted(Status),
    /// The child was not there within [`startup_timeout`](super::Builder::startup_timeout), and was ended.
    TimedOut,
    /// The child runs another program, where the function may lie anywhere: only a registered one can be called.
    OtherImage {
        /// Which this process runs.
        ours: String,
        /// Which the child would.
        theirs: String,
    },
    /// There is no such function in the child, by its place or by its name.
    NoSuchFunction,
    /// The function of this name takes or returns something else.
    OtherTypes {
        /// What was asked for.
        ours: String,
        /// What there is.
        theirs: String,
    },
    /// The child could not make the arguments of the bytes.
    Arguments(DecodeError),
    /// The child could not go on, for this reason.
    Failed(String),
}

impl fmt::Display for SpawnCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daemon => f.write_str("a daemonic process may not have children"),
            Self::Exiting => f.write_str("no process starts at the end of the process"),
            Self::Encode(error) => write!(f, "the arguments: {error}"),
            Self::Context(error) => error.fmt(f),
            Self::Refused(error) => write!(f, "the system refused to start a process: {error}"),
            Self::Library => f.write_str("the code is not in the program but in a library"),
            Self::NeverStarted(status) => {
                write!(f, "the process ended before it called the function: {status}")
            }
            Self::TimedOut => f.write_str("the process did not start in time"),
            Self::OtherImage { ours, theirs } => {
                write!(f, "the process runs another program ({theirs}) than this one ({ours})")
            }
            Self::NoSuchFunction => f.write_str("there is no such function in the process"),
            Self::OtherTypes { ours, theirs } => {
                write!(f, "the function is {theirs}, not {ours}")
            }
            Self::Arguments(error) => write!(f, "the arguments: {error}"),
            Self::Failed(why) => write!(f, "the process could not go on: {why}"),
        }
    }
}

/// Why there is no result of a process.
///
/// ```
/// use inkle::multiprocessing::{Process, ProcessError};
///
/// fn give_up() -> u32 {
///     std::process::exit(3)
/// }
///
/// let process = Process::spawn(give_up, ()).unwrap();
/// assert!(matches!(process.join(), Err(ProcessError::Exited(3))));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ProcessError {
    /// It called `exit` with this code, which the system cuts to 8 bits, before or after its function returned;
    /// 0 only if before. (MP012)
    Exited(i32),
    /// A signal ended it. (MP011)
    Signaled {
        /// Which.
        signal: Signal,
        /// Whether it has left an image of its memory.
        core_dumped: bool,
    },
    /// Its function panicked; or there was an abort, and a panic before it that may have been its cause: so it is
    /// in a program compiled with `panic = "abort"`, and after a panic in a destructor that runs for a panic.
    Panicked(PanicReport),
    /// What the function returned could not be made into bytes.
    Unsendable(EncodeError),
    /// What the function returned is not a value of its type: its `Serialize` and `Deserialize` differ.
    Decode(DecodeError),
    /// The result was there and could not be taken over: no descriptors, no memory.
    Os(Arc<io::Error>),
    /// It has ended, but somebody else in this process was told how: who waits for all children, or ignores
    /// SIGCHLD. There is no result either.
    Unknown,
    /// The process did not end before the deadline. Join again later.
    TimedOut,
    /// The wait was called off by its token, for this reason. Join again later.
    Cancelled(Reason),
    /// The process has ended, and an earlier join was given its result.
    Taken,
}

impl ProcessError {
    /// That of a process that ended like this and left nothing else.
    pub(super) fn of(status: Status) -> Self {
        match status {
            Status::Exited(code) => Self::Exited(code),
            Status::Killed { signal, core_dumped } => Self::Signaled { signal, core_dumped },
            Status::Unknown => Self::Unknown,
        }
    }
}

impl fmt::Display for ProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "the process exited with code {code}"),
            Self::Signaled { signal, core_dumped } => {
                let status = Status::Killed { signal: *signal, core_dumped: *core_dumped };
                write!(f, "the process was {status}")
            }
            Self::Panicked(panic) => write!(f, "the process panicked: {panic}"),
            Self::Unsendable(error) => write!(f, "the result: {error}"),
            Self::Decode(error) => write!(f, "the result: {error}"),
            Self::Os(error) => write!(f, "the result could not be taken over: {error}"),
            Self::Unknown => f.write_str("the process ended, nobody knows how"),
            Self::TimedOut => f.write_str("the process did not end before the deadline"),
            Self::Cancelled(reason) => write!(f, "the wait was called off: {reason}"),
            Self::Taken => f.write_str("the process's result was given to an earlier join"),
        }
    }
}

impl Error for ProcessError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unsendable(error) => Some(error),
            Self::Decode(error) => Some(error),
            Self::Os(error) => Some(error),
            _ => None,
        }
    }
}

/// A panic in another process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PanicReport {
    /// The message of an ordinary `panic!("...")`; `None` if the payload was something else.
    pub message: Option<String>,
    /// Where it began, if that is known.
    pub place: Option<PanicPlace>,
    /// The name of the thread, `main` for that of the function.
    pub thread: String,
}

impl fmt::Display for PanicReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message.as_deref().unwrap_or("a payload that is not text"))?;
        if let Some(place) = &self.place {
            write!(f, " at {place}")?;
        }
        Ok(())
    }
}
