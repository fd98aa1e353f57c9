//! How a pool of processes stands.

/// What a [`ProcessPoolExecutor`](super::ProcessPoolExecutor) has done and has to do: a snapshot. (CF065)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Jobs that wait.
    pub waiting: u64,
    /// Jobs that are with a process.
    pub running: u64,
    /// Jobs that were done, also those that panicked.
    pub completed: u64,
    /// Jobs that a process died of, for good.
    pub lost: u64,
    /// How often such a job was tried again.
    pub retried: u64,
    /// Processes that there are.
    pub workers: u64,
    /// The most that there were at a time.
    pub peak: u64,
    /// All that have been started.
    pub started: u64,
}
