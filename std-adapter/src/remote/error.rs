//! What can become of work on another machine.

use std::error::Error;
use std::fmt;

use crate::concurrent::FutureError;

/// The worker died that did the task, or nothing was heard of it for longer than the lease; and the task
/// had been tried as often as it may be. Others are not affected.
///
/// It may be that the worker lives and does the task to its end, if only the network was cut.
///
/// It is the source of a [`FutureError::Failed`]: [`WorkerLost::of`] finds it there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerLost {
    /// The number of the task, from 1, in the order in which the executor got them.
    pub task: u64,
    /// The machine, and the worker's process number: `HOST:PID`. Empty if it is not known.
    pub host: String,
    /// How often the task has been tried, this time included.
    pub attempt: u32,
}

impl WorkerLost {
    /// Why the future has no result, if this is why.
    #[must_use]
    pub fn of(error: &FutureError) -> Option<&Self> {
        source(error)
    }
}

impl fmt::Display for WorkerLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, host, attempt } = self;
        let host = if host.is_empty() { "nobody knows where" } else { host };
        write!(f, "the worker was lost with task {task} ({host}), attempt {attempt}")
    }
}

impl Error for WorkerLost {}

/// A worker refused a task, or its result could not be brought back. It is the source of a
/// [`FutureError::Failed`]: [`Refusal::of`] finds it there.
///
/// ```
/// use inkle::remote::Refusal;
///
/// let refusal = Refusal::OtherVersion { ours: "2.1".into(), theirs: "2.0".into() };
/// assert_eq!(refusal.to_string(), "the worker has version \"2.0\" of the code, and we have \"2.1\"");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No function of this name is registered there, or several.
    UnknownFunction {
        /// The name.
        name: String,
        /// Whether there are several.
        ambiguous: bool,
    },
    /// The function of this name has other types there.
    OtherTypes {
        /// The name.
        name: String,
        /// What was asked for.
        ours: String,
        /// What is there.
        theirs: String,
    },
    /// The worker has another version of the code.
    OtherVersion {
        /// That of the one who asked.
        ours: String,
        /// The worker's.
        theirs: String,
    },
    /// The worker cannot read the arguments, or the context.
    Arguments(String),
    /// The result cannot be sent.
    Result(String),
    /// There is no way for so many bytes.
    TooLarge {
        /// So many.
        bytes: u64,
        /// The most there may be.
        limit: u64,
    },
    /// In this job the task of this number was another one, with another function or other arguments, and
    /// is done.
    OtherTask,
    /// The server's store, where large arguments and results lie, did not do what it should.
    Store(String),
    /// What arrived was not sent by this crate.
    Garbled,
}

impl Refusal {
    /// Why the future has no result, if this is why.
    #[must_use]
    pub fn of(error: &FutureError) -> Option<&Self> {
        source(error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownFunction { name, ambiguous: false } => {
                write!(f, "no function {name:?} is registered there")
            }
            Self::UnknownFunction { name, .. } => {
                write!(f, "several functions {name:?} are registered there")
            }
            Self::OtherTypes { name, ours, theirs } => {
                write!(f, "the function {name:?} is `{theirs}` there, and `{ours}` was asked for")
            }
            Self::OtherVersion { ours, theirs } => {
                write!(f, "the worker has version {theirs:?} of the code, and we have {ours:?}")
            }
            Self::Arguments(why) => write!(f, "the worker cannot read the arguments: {why}"),
            Self::Result(why) => write!(f, "the result cannot be sent: {why}"),
            Self::TooLarge { bytes, limit } => {
                write!(f, "{bytes} bytes are too many, {limit} is the most")
            }
            Self::OtherTask => f.write_str("in this job the task of this number was another one"),
            Self::Store(why) => write!(f, "the server's store: {why}"),
            Self::Garbled => f.write_str("what arrived is none of our messages"),
        }
    }
}

impl Error for Refusal {}

fn source<T: Error + 'static>(error: &FutureError) -> Option<&T> {
    match error {
        FutureError::Failed(cause) => cause.downcast_ref(),
        _ => None,
    }
}
