//! The end of a pool.

use inkle_core::roster::MAX_QUEUED;

use super::exit::AtExit;
use super::{Job, Pool, Shared};
use crate::platform::Deadline;
use crate::threading::{Reason, ThreadInfo};

/// How to shut an executor down; see
/// [`ThreadPoolExecutor::shutdown_with`](super::super::ThreadPoolExecutor::shutdown_with).
///
/// ```
/// use std::time::Duration;
/// use inkle::concurrent::Halt;
/// use inkle::platform::after;
///
/// let soon = Halt { wait: after(Duration::from_secs(10)), cancel_pending: true, ..Halt::WAIT };
/// # assert!(!soon.cancel_running);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halt {
    /// Wait until then for the workers to end.
    pub wait: Deadline,
    /// Cancel the tasks that have not begun. (CF032)
    pub cancel_pending: bool,
    /// Cancel the [tokens](super::super::with_token) of the tasks that run. (CF065)
    pub cancel_running: bool,
}

impl Halt {
    /// Everything is done, and waited for.
    pub const WAIT: Self =
        Self { wait: Deadline::NEVER, cancel_pending: false, cancel_running: false };
    /// Everything is done, and not waited for.
    pub const LEAVE: Self = Self { wait: Deadline::PASSED, ..Self::WAIT };
}

/// What has become of an executor that was shut down.
///
/// ```
/// use inkle::concurrent::{Halt, ThreadPoolExecutor};
///
/// let halted = ThreadPoolExecutor::new(2).unwrap().shutdown_with(Halt::WAIT);
/// assert!(halted.stragglers.is_empty());
/// assert_eq!(halted.cancelled, 0);
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Halted {
    /// How many tasks this call has taken out of the queue.
    pub cancelled: usize,
    /// Workers that have not ended.
    pub stragglers: Vec<ThreadInfo>,
}

impl<J: Job> Pool<J> {
    /// Takes no more jobs. What waits is run, unless it is cancelled, then the workers end. May be called
    /// again. A worker of the pool that calls this does not wait for itself. (CF031)
    pub(in crate::concurrent) fn shutdown(&self, how: Halt) -> Halted {
        let shared = &self.shared;
        shared.close();
        if how.cancel_running {
            shared.stop.cancel(Reason::SHUTDOWN);
        }
        let mut report = Halted::default();
        if how.cancel_pending {
            report.cancelled = shared.cancel(MAX_QUEUED);
        }
        // Only if threads were refused before.
        shared.start_for_queue();
        report.stragglers = shared.staff.wait(how.wait, || shared.roster.census());
        let census = shared.roster.census();
        if census.active + census.away == 0 {
            // They are refused now too: nobody will ever run these.
            report.cancelled += shared.cancel(MAX_QUEUED);
        }
        report
    }
}

impl<J: Job> AtExit for Shared<J> {
    fn exit(&self) {
        self.close();
        if self.settings.daemon {
            // Nobody waits for the workers.
            self.cancel(MAX_QUEUED);
            self.stop.cancel(Reason::SHUTDOWN);
        }
    }
}
