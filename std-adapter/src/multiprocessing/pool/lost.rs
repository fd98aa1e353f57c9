//! Workers that died, and what of.

use std::error::Error;
use std::fmt;

use crate::concurrent::FutureError;
use crate::subprocess::Status;

/// The process died that did the job. Only this job is lost: what the worker had been given and not begun is done by
/// others. (CF053, CF067, MP074)
///
/// It is the source of a [`FutureError::Failed`]: [`WorkerLost::of`] finds it there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerLost {
    /// The number of the job, from 1, in the order in which the executor got them.
    pub task: u64,
    /// The process's number.
    pub pid: u32,
    /// How it ended.
    pub status: Status,
    /// How often the job has been tried, this time included.
    pub attempt: u32,
}

impl WorkerLost {
    /// Why the future has no result, if this is why.
    #[must_use]
    pub fn of(error: &FutureError) -> Option<&Self> {
        match error {
            FutureError::Failed(cause) => cause.downcast_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for WorkerLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, pid, status, attempt } = self;
        write!(f, "process {pid} died of task {task} ({status}), attempt {attempt}")
    }
}

impl Error for WorkerLost {}

/// The workers of a pool die before they do anything, or the initializer panics: it does no more work. (CF053, CF055,
/// MP062)
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BrokenProcessPool {
    /// The initializer panicked, or left.
    Initializer(FutureError),
    /// So many workers in a row died before they had begun anything; this is how the last one ended.
    CrashLoop {
        /// How many.
        deaths: u32,
        /// How the last one ended.
        status: Status,
    },
    /// No process could be started.
    Start(String),
}

impl fmt::Display for BrokenProcessPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Initializer(error) => write!(f, "the initializer failed: {error}"),
            Self::CrashLoop { deaths, status } => {
                write!(f, "{deaths} workers in a row died before they had done anything ({status})")
            }
            Self::Start(error) => write!(f, "no worker could be started: {error}"),
        }
    }
}

impl Error for BrokenProcessPool {}
