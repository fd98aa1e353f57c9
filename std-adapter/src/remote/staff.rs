//! Who does a worker's tasks: threads of its process, or processes of its own.

use std::sync::Arc;
use std::time::Duration;

use super::settings::ConnectError;
use super::wire::{self, Answer, Order, Raw, Refused};
use super::work::{perform, perform_packed};
use crate::concurrent::Executor;
use crate::concurrent::{Future, FutureError, Pending, Spawn, SubmitError, ThreadPoolExecutor};
use crate::multiprocessing::{ProcessPoolExecutor, WorkerLost};
use crate::platform::Deadline;

/// A pool.
pub(super) enum Staff {
    Threads(ThreadPoolExecutor),
    Processes(ProcessPoolExecutor),
}

/// What becomes of a task.
pub(super) enum Progress {
    Begun,
    /// The [`Answer`], packed.
    Ended(Vec<u8>),
    /// The process that did it died.
    Lost,
}

/// A task that is being done.
pub(super) enum Doing {
    Thread(Future<()>),
    Process(Future<Raw>),
}

impl Doing {
    /// Whether it has not begun, and will not. Else it is asked to stop, or its process is killed;
    /// `Progress` says what becomes of it.
    pub(super) fn stop(&self) -> bool {
        match self {
            Self::Thread(future) => future.cancel() || !future.stop(),
            // The pool tells.
            Self::Process(future) => {
                future.stop();
                false
            }
        }
    }

    /// Whether it has not begun, and will not.
    pub(super) fn cancel(&self) -> bool {
        match self {
            Self::Thread(future) => future.cancel(),
            Self::Process(future) => {
                future.cancel();
                false
            }
        }
    }
}

impl Staff {
    pub(super) fn new(slots: u32, processes: bool) -> Result<Self, ConnectError> {
        if processes {
            let pool = ProcessPoolExecutor::builder().workers(slots).name("inkle-remote").build();
            pool.map(Self::Processes).map_err(ConnectError::refused)
        } else {
            let pool = ThreadPoolExecutor::builder().workers(slots).name("inkle-remote").build();
            pool.map(Self::Threads).map_err(ConnectError::refused)
        }
    }

    /// Has it done; `tell` is called from any thread. `None` if the pool takes nothing more.
    pub(super) fn start(
        &self,
        order: Order,
        most: usize,
        tell: Arc<dyn Fn(Progress) + Send + Sync>,
    ) -> Option<Doing> {
        match self {
            Self::Threads(pool) => {
                let work = move || {
                    if order.limit.is_some() {
                        tell(Progress::Begun);
                    }
                    let answer = perform(&order, most);
                    tell(Progress::Ended(wire::pack(&answer)));
                };
                pool.submit(work).ok().map(Doing::Thread)
            }
            Self::Processes(pool) => {
                let limited;
                let pool = match order.limit {
                    Some(limit) => {
                        limited = pool.time_limit(Duration::from_micros(limit));
                        &limited
                    }
                    None => pool,
                };
                let order = (Raw(wire::pack(&order)), most as u64);
                let submitted: Result<Future<Raw>, SubmitError<_>> =
                    pool.submit(perform_packed, order);
                let future = submitted.ok()?;
                future.add_done_callback(move |result| {
                    tell(match result {
                        Ok(Raw(answer)) => Progress::Ended(answer.clone()),
                        Err(error) if WorkerLost::of(&error).is_some() => Progress::Lost,
                        Err(error) => Progress::Ended(wire::pack(&failure(&error))),
                    });
                });
                Some(Doing::Process(future))
            }
        }
    }

    pub(super) fn close(&self) {
        // Nothing is left to be done.
        let _ = match self {
            Self::Threads(pool) => pool.shutdown(Pending::Cancel, Deadline::PASSED),
            Self::Processes(pool) => pool.shutdown(Pending::Cancel, Deadline::PASSED),
        };
    }
}

fn failure(error: &FutureError) -> Answer {
    match error {
        FutureError::Expired => Answer::Expired,
        FutureError::Cancelled => Answer::Stopped,
        error => Answer::Refused(Refused::Result(error.to_string())),
    }
}
