//! Processes that call a function.

mod builder;
mod child;
mod error;
mod family;
mod helper;
mod method;
mod order;
mod slot;
mod start;

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::call::Call;
use crate::platform::{Deadline, after};
use crate::threading::{CancelToken, Cancelled};

pub use builder::Builder;
pub use child::ChildProcess;
pub use error::{PanicReport, ProcessError, SpawnCause, SpawnError};
pub use family::{ProcessInfo, active_children, cpu_count, current_process, parent_process};
pub use helper::start_fork_server;
pub use method::{StartMethod, set_start_method, start_method};

pub(super) use child::{PANICKED, UNSENDABLE};
pub(super) use family::adopt;
pub(super) use order::{Function, Order, Reply, Report};
pub(super) use slot::Slot;

/// A process that was started to call a function, and the place where its result will be.
///
/// It is a [`ChildProcess`] too, with its name, its number, signals for it and how it ended.
///
/// Dropping the handle neither ends the process nor waits for it, and when it ends nothing is left of it; Python's
/// `close`, which does not refuse (MP014, MP018). The end of this process waits for it, unless it is a daemon, which
/// is asked to end then (MP015); and if this process is killed, so is it, with all that it has started (MP016).
///
/// ```
/// use inkle::multiprocessing::Process;
///
/// fn product(a: u64, b: u64) -> u64 {
///     a * b
/// }
///
/// let process = Process::spawn(product, (6, 7)).unwrap();
/// assert_ne!(process.pid(), std::process::id());
/// assert_eq!(process.join().unwrap(), 42);
/// assert!(process.status().unwrap().success());
/// ```
pub struct Process<R> {
    child: ChildProcess,
    result: PhantomData<fn() -> R>,
}

impl<R> Process<R> {
    fn new(child: ChildProcess) -> Self {
        Self { child, result: PhantomData }
    }
}

impl<R: Serialize + DeserializeOwned> Process<R> {
    /// Starts a process with a name of the form `Process-N`; see [`Builder::spawn`]. (MP008)
    ///
    /// Errors: [`SpawnError`], with the arguments.
    pub fn spawn<F, A>(f: F, args: A) -> Result<Self, SpawnError<A>>
    where
        F: Call<A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
    {
        Builder::new().spawn(f, args)
    }

    /// As [`spawn`](Self::spawn), with the function that is [registered](crate::register) under this name; see
    /// [`Builder::spawn_named`].
    pub fn spawn_named<A>(name: &str, args: A) -> Result<Self, SpawnError<A>>
    where
        A: Serialize + DeserializeOwned + 'static,
    {
        Builder::new().spawn_named(name, args)
    }

    /// Waits without limit until the process has ended, and gives what its function returned, to the first who
    /// asks. (MP010)
    ///
    /// The end is the end for the system: the process has waited for its own threads, but for daemons, and nothing
    /// of it is left.
    ///
    /// Errors: [`ProcessError`], to all who ask; [`ProcessError::Taken`] to all but the first if there is a result.
    pub fn join(&self) -> Result<R, ProcessError> {
        self.join_until(Deadline::NEVER)
    }

    /// As [`join`](Self::join), if it has ended. Does not block for long.
    ///
    /// Errors: [`ProcessError::TimedOut`] beside those of `join`.
    pub fn try_join(&self) -> Result<R, ProcessError> {
        self.join_until(Deadline::PASSED)
    }

    /// As [`join`](Self::join), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`ProcessError::TimedOut`] beside those of `join`; the result stays for a later call.
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::multiprocessing::{Process, ProcessError};
    ///
    /// fn idle() {
    ///     std::thread::sleep(Duration::from_secs(600));
    /// }
    ///
    /// let process = Process::spawn(idle, ()).unwrap();
    /// let joined = process.join_timeout(Duration::from_millis(1));
    /// assert!(matches!(joined, Err(ProcessError::TimedOut)));
    /// process.kill().unwrap();
    /// assert!(matches!(process.join(), Err(ProcessError::Signaled { .. })));
    /// ```
    pub fn join_until(&self, deadline: impl Into<Deadline>) -> Result<R, ProcessError> {
        match self.child.wait_until(deadline) {
            Ok(_) => self.result(),
            Err(_) => Err(ProcessError::TimedOut),
        }
    }

    /// As [`join`](Self::join), for at most `timeout`. Zero polls, and a timeout too long to count is none.
    pub fn join_timeout(&self, timeout: Duration) -> Result<R, ProcessError> {
        self.join_until(after(timeout))
    }

    /// As [`join`](Self::join), until `token` is cancelled. The process runs on. (TH077)
    ///
    /// Errors: [`ProcessError::Cancelled`] beside those of `join`; the result stays for a later call.
    pub fn join_unless(&self, token: &CancelToken<'_>) -> Result<R, ProcessError> {
        if let Err(Cancelled(reason)) = self.child.ended().wait_unless(token) {
            if self.child.is_alive() {
                return Err(ProcessError::Cancelled(reason));
            }
        }
        self.result()
    }

    /// As [`join`](Self::join), for a task: dropped before it is ready it takes nothing.
    pub async fn join_async(&self) -> Result<R, ProcessError> {
        self.child.wait_async().await;
        self.result()
    }

    /// To be called when it has ended.
    fn result(&self) -> Result<R, ProcessError> {
        match self.child.0.take() {
            child::Outcome::Returned(parcel) => parcel.unpack().map_err(ProcessError::Decode),
            child::Outcome::Taken => Err(ProcessError::Taken),
            child::Outcome::Failed(error) => Err(error),
        }
    }
}

impl<R> Deref for Process<R> {
    type Target = ChildProcess;

    fn deref(&self) -> &ChildProcess {
        &self.child
    }
}

/// Its [`sentinel`](ChildProcess::sentinel), for [`wait`](crate::multiprocessing::wait).
impl<R> AsFd for Process<R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.child.as_fd()
    }
}

impl<R> fmt::Debug for Process<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Process").field(&self.child).finish()
    }
}
