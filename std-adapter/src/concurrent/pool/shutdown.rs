//! The end of a pool.

use inkle_core::roster::MAX_QUEUED;

use super::exit::AtExit;
use super::{Job, Pool, Shared};
use crate::platform::Deadline;
use crate::threading::{Reason, ThreadInfo};

/// How to shut a pool down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// Wait until then for the workers to end.
    pub wait: Deadline,
    /// Drop the jobs that wait, which cancels them. (CF032)
    pub cancel_pending: bool,
    /// Cancel the tokens of the jobs that run.
    pub cancel_running: bool,
}

/// What has become of a pool that was shut down.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// How many jobs this call has given up.
    pub cancelled: usize,
    /// Workers that still run.
    pub stragglers: Vec<ThreadInfo>,
}

impl<J: Job> Pool<J> {
    /// Takes no more jobs. What waits is run, unless it is cancelled, then the workers end. May be called
    /// again. A worker of the pool that calls this does not wait for itself. (CF031)
    pub fn shutdown(&self, how: Shutdown) -> Report {
        let shared = &self.shared;
        shared.close();
        if how.cancel_running {
            shared.stop.cancel(Reason::SHUTDOWN);
        }
        let mut report = Report::default();
        if how.cancel_pending {
            report.cancelled = shared.cancel(MAX_QUEUED);
        }
        // Only if threads were refused before.
        shared.start_for_queue();
        report.stragglers = shared.staff.wait(how.wait, || shared.roster.census());
        if report.stragglers.is_empty() {
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

