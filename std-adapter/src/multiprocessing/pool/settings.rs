//! What a pool of processes is to be like.

use std::error::Error;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;

use super::job::Order;
use crate::threading::NulInName;

/// The most workers of a pool.
const MOST: u32 = 4096;

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) workers: u32,
    /// What the names of the workers begin with.
    pub(super) name: Option<String>,
    /// What each worker does first.
    pub(super) initializer: Option<Order>,
    /// After so many jobs a worker is replaced.
    pub(super) most_jobs: Option<u32>,
    /// A worker that uses more memory than this, in bytes, is replaced when its job is done.
    pub(super) most_memory: Option<u64>,
    /// So many jobs are with a worker at a time: the one it does, and those that wait there for it.
    pub(super) at_hand: u32,
    /// Whether the end of the process leaves what waits undone.
    pub(super) daemon: bool,
    pub(super) options: Options,
}

/// What holds for one job.
#[derive(Clone, Copy, Default)]
pub(super) struct Options {
    pub(super) retries: u32,
    pub(super) timeout: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        let workers = available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            workers: u32::try_from(workers).unwrap_or(MOST).min(MOST),
            name: None,
            initializer: None,
            most_jobs: None,
            most_memory: None,
            at_hand: 1,
            daemon: false,
            options: Options::default(),
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<(), BadProcessPool> {
        if self.workers == 0 || self.at_hand == 0 {
            return Err(BadProcessPool::NoWorkers);
        }
        if self.workers > MOST {
            return Err(BadProcessPool::TooManyWorkers);
        }
        if self.at_hand > MOST_AT_HAND {
            return Err(BadProcessPool::TooManyAtHand);
        }
        if self.most_jobs == Some(0) {
            return Err(BadProcessPool::NoJobs);
        }
        match self.name.as_deref().map(NulInName::check) {
            Some(Err(NulInName { position })) => Err(BadProcessPool::NulInName { position }),
            _ => Ok(()),
        }
    }
}

/// For more the queue to a worker has no room for certain.
const MOST_AT_HAND: u32 = 4;

/// No pool can be like this. (CF045, MP060)
///
/// ```
/// use inkle::multiprocessing::{BadProcessPool, ProcessPoolExecutor};
///
/// assert_eq!(ProcessPoolExecutor::new(0).unwrap_err(), BadProcessPool::NoWorkers);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadProcessPool {
    /// A pool needs at least one worker, and a worker needs at least one job at hand.
    NoWorkers,
    /// At most 4096.
    TooManyWorkers,
    /// At most 4 jobs are with a worker at a time.
    TooManyAtHand,
    /// A worker that is replaced after no job does none.
    NoJobs,
    /// The system has no memory or no descriptor left for what the workers share.
    Refused(io::ErrorKind),
    /// A process's name cannot have a NUL byte.
    NulInName {
        /// Where it is.
        position: usize,
    },
}

impl fmt::Display for BadProcessPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWorkers => {
                f.write_str("a pool needs at least one worker with at least one job")
            }
            Self::TooManyWorkers => write!(f, "a pool has at most {MOST} workers"),
            Self::TooManyAtHand => {
                write!(f, "at most {MOST_AT_HAND} jobs are with a worker at a time")
            }
            Self::Refused(kind) => write!(f, "the system refused: {kind}"),
            Self::NoJobs => f.write_str("a worker does at least one job before it is replaced"),
            Self::NulInName { position } => write!(f, "{}", NulInName { position: *position }),
        }
    }
}

impl Error for BadProcessPool {}
