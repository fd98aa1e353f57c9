//! What can go wrong: a program does not start, fails, or takes too long.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;

use inkle_core::sync::Reason;

use super::{Output, Status};

/// A program was not started. Nothing is left of it: no process, no descriptor.
///
/// ```
/// use inkle::subprocess::{Command, StartCause};
///
/// let error = Command::new("no-such-program").spawn().unwrap_err();
/// assert!(matches!(error.cause(), StartCause::NotFound));
/// assert_eq!(error.to_string(), "cannot start `no-such-program`: there is no such program");
/// ```
#[derive(Debug)]
pub struct StartError {
    pub(super) program: OsString,
    pub(super) cause: StartCause,
}

impl StartError {
    /// Why.
    #[must_use]
    pub fn cause(&self) -> &StartCause {
        &self.cause
    }

    /// What was to be started.
    #[must_use]
    pub fn program(&self) -> &OsString {
        &self.program
    }
}

/// Why a program was not started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartCause {
    /// There is no argument, and so no program. (SP011)
    NoProgram,
    /// An argument, a name or a path has a NUL byte, at this place. (SP011)
    Nul {
        /// What has it.
        what: OsString,
        /// Where.
        position: usize,
    },
    /// The name of an environment variable is empty or has a `=`. (SP019)
    BadVariable(OsString),
    /// Options that contradict each other. (SP002, SP008)
    Conflict(&'static str),
    /// There is no such user or group. (SP022)
    NoSuchIdentity(String),
    /// There is no such program in any place where it was looked for. (SP027)
    NotFound,
    /// The working directory is not there, or not to be entered. (SP018)
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The program is there and cannot be executed.
    NotExecutable(io::Error),
    /// There are no more descriptors, or one that was to be passed on is not open.
    Descriptors(io::Error),
    /// A control group of its own cannot be made, or not be entered: this process was not given (delegated) its
    /// own, or there are none of version 2.
    ControlGroup {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A new session, a process group, another user, limits: it was not allowed.
    Refused {
        /// What.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The system has no room for another process.
    System(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot start `{}`: {}", self.program.to_string_lossy(), self.cause)
    }
}

impl fmt::Display for StartCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProgram => f.write_str("no program is named"),
            Self::Nul { what, position } => {
                write!(f, "a NUL byte at {position} in {:?}", what.to_string_lossy())
            }
            Self::BadVariable(name) => {
                write!(f, "{:?} is no name for an environment variable", name.to_string_lossy())
            }
            Self::Conflict(what) => f.write_str(what),
            Self::NoSuchIdentity(name) => write!(f, "there is no user or group `{name}`"),
            Self::NotFound => f.write_str("there is no such program"),
            Self::Directory { path, source } => {
                write!(f, "the directory `{}`: {source}", path.display())
            }
            Self::NotExecutable(source) => write!(f, "it cannot be executed: {source}"),
            Self::Descriptors(source) => write!(f, "its descriptors: {source}"),
            Self::ControlGroup { path, source } => {
                write!(f, "a control group of its own, at `{}`: {source}", path.display())
            }
            Self::Refused { what, source } => write!(f, "{what}: {source}"),
            Self::System(source) => source.fmt(f),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

impl Error for StartCause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Directory { source, .. }
            | Self::NotExecutable(source)
            | Self::Descriptors(source)
            | Self::ControlGroup { source, .. }
            | Self::Refused { source, .. }
            | Self::System(source) => Some(source),
            _ => None,
        }
    }
}

/// A program ended otherwise than by itself with code 0. (SP009)
///
/// ```
/// use inkle::subprocess::{CheckError, check_call};
///
/// let CheckError::Failed(failed) = check_call(["sh", "-c", "exit 3"]).unwrap_err() else { panic!() };
/// assert_eq!(failed.status.code(), Some(3));
/// assert_eq!(failed.to_string(), "`sh -c 'exit 3'` failed: exit code 3");
/// ```
#[derive(Clone, Debug)]
pub struct CalledProcessError {
    /// The arguments, the program first.
    pub args: Vec<OsString>,
    /// How it ended.
    pub status: Status,
    /// What was read of its outputs.
    pub output: Output,
}

impl fmt::Display for CalledProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` failed: {}", super::quote::shown(&self.args), self.status)
    }
}

impl Error for CalledProcessError {}

/// A program ran for longer than it was allowed to. (SP003, SP009)
#[derive(Clone, Debug)]
pub struct TimeoutExpired {
    /// The arguments, the program first.
    pub args: Vec<OsString>,
    /// What was read of its outputs until then. (SP010)
    pub output: Output,
}

impl fmt::Display for TimeoutExpired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ran until the deadline", super::quote::shown(&self.args))
    }
}

impl Error for TimeoutExpired {}

/// Why a program that was run gave no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum CheckError {
    /// It was not started.
    Start(StartError),
    /// It failed.
    Failed(CalledProcessError),
    /// It took too long, and was killed.
    TimedOut(TimeoutExpired),
    /// The token was cancelled, and it was killed.
    Cancelled {
        /// Its arguments, the program first.
        args: Vec<OsString>,
        /// What was read of its outputs until then.
        output: Output,
        /// Why.
        reason: Reason,
    },
    /// Its pipes could not be read or written.
    Io(io::Error),
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => error.fmt(f),
            Self::Failed(error) => error.fmt(f),
            Self::TimedOut(error) => error.fmt(f),
            Self::Cancelled { args, reason, .. } => {
                write!(f, "`{}` was cancelled: {reason}", super::quote::shown(args))
            }
            Self::Io(error) => write!(f, "a pipe to the program: {error}"),
        }
    }
}

impl Error for CheckError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Start(error) => error.source(),
            Self::Io(error) => Some(error),
            Self::Failed(_) | Self::TimedOut(_) | Self::Cancelled { .. } => None,
        }
    }
}

impl From<StartError> for CheckError {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

/// Why [`communicate`](super::Child::communicate) came back without the whole output. The child runs on,
/// and so can the conversation: nothing is lost, call it again. (SP034)
#[derive(Debug)]
#[non_exhaustive]
pub enum CommunicateError<O = Output> {
    /// The deadline passed. With what has been read so far: a copy.
    TimedOut(O),
    /// The token was cancelled. With what has been read so far: a copy.
    Cancelled(O, Reason),
    /// There was input, and the conversation had begun: the input comes back. (SP035)
    Begun(Vec<u8>),
    /// There was input, and the child's standard input is no pipe, or has been taken.
    NoInput(Vec<u8>),
    /// The output has been given already.
    Done,
    /// A pipe could not be read or written.
    Io(io::Error),
}

impl<O> CommunicateError<O> {
    pub(super) fn map<P>(self, output: impl FnOnce(O) -> P) -> CommunicateError<P> {
        match self {
            Self::TimedOut(so_far) => CommunicateError::TimedOut(output(so_far)),
            Self::Cancelled(so_far, reason) => CommunicateError::Cancelled(output(so_far), reason),
            Self::Begun(input) => CommunicateError::Begun(input),
            Self::NoInput(input) => CommunicateError::NoInput(input),
            Self::Done => CommunicateError::Done,
            Self::Io(error) => CommunicateError::Io(error),
        }
    }
}

impl<O> fmt::Display for CommunicateError<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(_) => f.write_str("the deadline passed"),
            Self::Cancelled(_, reason) => write!(f, "cancelled: {reason}"),
            Self::Begun(_) => f.write_str("the input has been given already"),
            Self::NoInput(_) => f.write_str("the standard input is no pipe, or has been taken"),
            Self::Done => f.write_str("the output has been given already"),
            Self::Io(error) => write!(f, "a pipe to the program: {error}"),
        }
    }
}

impl<O: fmt::Debug> Error for CommunicateError<O> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a wait with a token came back without a status. The program runs on.
#[derive(Debug)]
#[non_exhaustive]
pub enum WaitError {
    /// The token was cancelled.
    Cancelled(Reason),
    /// There is no descriptor left to wait for the token with.
    Io(io::Error),
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled(reason) => write!(f, "cancelled: {reason}"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl Error for WaitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            Self::Cancelled(_) => None,
        }
    }
}
