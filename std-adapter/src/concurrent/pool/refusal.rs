//! What becomes of jobs that wait when the system refuses a thread.
//!
//! # Why no job is stranded
//!
//! A job that waits needs a worker who is counted as active. Workers stop being so when they go, when they
//! set out to wait for other work, and when the system has refused them. The first two are steps of the
//! roster that leave nobody waiting alone: they count a new worker for what waits if there is no other. So
//! only a refusal can leave jobs without a worker; and all who were refused come by [`Shared::refused`]
//! *after* they have stopped being counted. The last of them sees that nobody is left.
//!
//! Somebody then tries again, until the system gives a thread: a timer, which has a thread of its own. If
//! that is refused too, what waits fails, and its futures say why. A worker that is away, waiting for other
//! work, is not relied upon: it may wait for the very job.
//!
//! # Progress
//!
//! At most one timer of a pool is armed, and only while it has jobs and nobody to do them.

use std::sync::{Arc, Weak};
use std::time::Duration;

use inkle_core::atomic::Ordering;
use inkle_core::roster::MAX_QUEUED;

use super::{Cause, Job, Shared};
use crate::threading::{SpawnCause, Timer};

/// After so long the system is asked again.
const PAUSE: Duration = Duration::from_millis(50);

impl<J: Job> Shared<J> {
    /// The system has refused a worker, which the roster counts no more.
    #[cold]
    pub(super) fn refused(self: &Arc<Self>, cause: &SpawnCause) {
        self.staff.refused();
        // Not older than the caller's own step.
        let census = self.roster.census();
        if census.active > 0 || census.queued == 0 {
            return;
        }
        // AcqRel, as all exchanges of it: who finds it armed relies on the one who disarms it, who then
        // sees what it has left in the roster.
        if self.retries.swap(1, Ordering::AcqRel) == 1 {
            return;
        }
        let retry = Retry(Arc::downgrade(self));
        if let Err(_unused) = Timer::start(PAUSE, move || drop(retry)) {
            // Before the function is dropped, which would try again.
            self.retries.swap(0, Ordering::AcqRel);
            self.fail_all(|| Cause::of(cause));
        }
    }

    /// Takes what waits, and tells whoever waits for it why it is not done.
    pub(super) fn fail_all(&self, why: impl Fn() -> Cause) {
        for _ in 0..self.roster.revoke(MAX_QUEUED) {
            self.claimed();
            self.store.take().fail(why());
        }
    }
}

/// Tries again when it is dropped: by its timer when that is due, or at the end of the process.
struct Retry<J: Job>(Weak<Shared<J>>);

impl<J: Job> Drop for Retry<J> {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            if shared.retries.swap(0, Ordering::AcqRel) == 1 {
                shared.start_for_queue();
            }
        }
    }
}
