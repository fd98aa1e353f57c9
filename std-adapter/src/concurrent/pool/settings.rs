//! What a pool is to be like.

use std::error::Error;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use inkle_core::roster::{MAX_QUEUED, MAX_WORKERS};

use crate::threading::NulInName;

/// How to make a pool.
#[derive(Clone)]
pub(in crate::concurrent) struct Settings {
    /// The most workers that are not waiting for other jobs. (CF034)
    pub(in crate::concurrent) workers: u32,
    /// So many stay when there is nothing to do. (CF065)
    pub(in crate::concurrent) keep: u32,
    /// How long the others stay.
    pub(in crate::concurrent) keep_alive: Duration,
    /// For so many workers that wait for other jobs the pool starts others meanwhile.
    pub(in crate::concurrent) spares: u32,
    /// How many jobs may wait; `None` is without limit. (CF063)
    pub(in crate::concurrent) queue: Option<u32>,
    /// What the names of the threads begin with. (CF039)
    pub(in crate::concurrent) name: Option<String>,
    /// Whether the end of the process leaves the workers alone. (CF064)
    pub(in crate::concurrent) daemon: bool,
    /// As [`Builder::stack_size`](crate::threading::Builder::stack_size).
    pub(in crate::concurrent) stack_size: usize,
    /// What each worker calls first. (CF040)
    pub(in crate::concurrent) initializer: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// A worker without work stays so long.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Workers that wait for jobs which run: for more than so many nobody else is started. A wait for a job
/// that has not begun needs none, the waiting worker runs it itself.
const SPARES: u32 = 256;
/// Python's limit of the default.
const DEFAULT_MOST: usize = 32;

impl Default for Settings {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            workers: processors.saturating_add(4).min(DEFAULT_MOST) as u32,
            keep: 0,
            keep_alive: KEEP_ALIVE,
            spares: SPARES,
            queue: None,
            name: None,
            daemon: false,
            stack_size: 0,
            initializer: None,
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<(), BadPool> {
        if self.workers == 0 {
            return Err(BadPool::NoWorkers);
        }
        if self.workers.checked_add(self.spares).is_none_or(|all| all > MAX_WORKERS) {
            return Err(BadPool::TooManyWorkers);
        }
        match self.queue {
            Some(0) => return Err(BadPool::NoRoom),
            Some(room) if room > MAX_QUEUED => return Err(BadPool::TooMuchRoom),
            _ => {}
        }
        match self.name.as_deref().map(NulInName::check) {
            Some(Err(NulInName { position })) => Err(BadPool::NulInName { position }),
            _ => Ok(()),
        }
    }
}

/// No executor can be like this. (CF034)
///
/// ```
/// use inkle::concurrent::{BadPool, ThreadPoolExecutor};
///
/// assert_eq!(ThreadPoolExecutor::new(0).unwrap_err(), BadPool::NoWorkers);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadPool {
    /// A pool needs at least one worker.
    NoWorkers,
    /// So many workers, with the spare ones, cannot be counted.
    TooManyWorkers,
    /// A bounded queue needs room for at least one job.
    NoRoom,
    /// So many jobs cannot be counted.
    TooMuchRoom,
    /// A thread's name cannot have a NUL byte.
    NulInName {
        /// Where it is.
        position: usize,
    },
}

impl fmt::Display for BadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWorkers => f.write_str("a pool needs at least one worker"),
            Self::TooManyWorkers => {
                write!(f, "a pool has at most {MAX_WORKERS} workers, spare ones included")
            }
            Self::NoRoom => f.write_str("a bounded pool needs room for at least one waiting job"),
            Self::TooMuchRoom => write!(f, "at most {MAX_QUEUED} jobs can wait"),
            Self::NulInName { position } => write!(f, "{}", NulInName { position: *position }),
        }
    }
}

impl Error for BadPool {}
