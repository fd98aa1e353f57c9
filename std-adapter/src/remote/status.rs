//! What can be seen from outside.

use std::time::Duration;

/// How an executor stands: a snapshot. [`RemoteExecutor::status`](super::RemoteExecutor::status)
///
/// ```no_run
/// use inkle::remote::{RemoteExecutor, Settings};
///
/// let executor = RemoteExecutor::connect(&Settings::new("nats://loom.example:4222"))?;
/// let status = executor.status();
/// println!("{} wait, {} are being done", status.waiting, status.in_flight);
/// for worker in status.workers.iter().filter(|worker| !worker.draining) {
///     println!("{}: {} of {} slots, seen {:?} ago", worker.host, worker.load, worker.slots, worker.seen);
/// }
/// # Ok::<(), inkle::remote::ConnectError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Whether there is a connection to a server now.
    pub connected: bool,
    /// Tasks that no worker has; in durable mode those that the server has not got yet.
    pub waiting: u64,
    /// Tasks that a worker has; in durable mode also those that wait in the server.
    pub in_flight: u64,
    /// Tasks that are over, whatever came of them.
    pub ended: u64,
    /// How often a task was given out again because a worker was lost.
    pub retried: u64,
    /// Tasks that ended as [`WorkerLost`](super::WorkerLost).
    pub lost: u64,
    /// Workers that have beaten lately.
    pub workers: Vec<WorkerStatus>,
}

/// A worker, as an executor sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerStatus {
    /// Machine and process: `HOST:PID`.
    pub host: String,
    /// So many tasks at a time.
    pub slots: u32,
    /// Those it said it had, of whomever.
    pub load: u32,
    /// Those that it has of this executor.
    pub in_flight: u64,
    /// It takes nothing more.
    pub draining: bool,
    /// How long ago it has beaten.
    pub seen: Duration,
}
