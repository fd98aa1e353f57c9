//! What a thread of a pool does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use inkle_core::roster::Next;

use super::super::here::{self, Worker};
use super::{Cause, Job, Shared};
use crate::contextvars::Context;
use crate::threading::{Builder, Panic, SpawnCause, current, locked, report_panic};

/// What a worker begins with.
pub(super) enum First<J> {
    Job(J),
    /// A job that it has a claim to.
    Claim,
    /// To look for work.
    Look,
}

/// Starts a worker, which is counted already.
///
/// Errors: what was handed in, if the system refuses.
pub(super) fn start<J: Job>(
    shared: &Arc<Shared<J>>,
    first: First<J>,
) -> Result<(), (SpawnCause, Option<First<J>>)> {
    // Shared with the thread, so that the job survives a refusal.
    let first = Arc::new(Mutex::new(Some(first)));
    let thread = {
        let (shared, first) = (Arc::clone(shared), Arc::clone(&first));
        move || here::as_worker(&shared, || work(&shared, &first))
    };
    let builder = Builder::new()
        .name(shared.staff.next_name())
        .daemon(shared.settings.daemon)
        .context(Context::new())
        .stack_size(shared.settings.stack_size);
    match builder.spawn(thread) {
        Ok(_) => Ok(()),
        Err(error) => Err((error.cause, locked(&first).take())),
    }
}

/// The whole life of a worker.
fn work<J: Job>(shared: &Arc<Shared<J>>, first: &Mutex<Option<First<J>>>) {
    let tally = shared.staff.enter();
    let first = match locked(first).take() {
        Some(First::Job(job)) => Some(job),
        Some(First::Claim) => Some(take(shared)),
        Some(First::Look) | None => None,
    };
    match (initialize(shared), first) {
        (Ok(()), Some(job)) => tally.count(run(shared, job)),
        (Ok(()), None) => {}
        (Err(panic), job) => {
            let panic = shared.break_with(panic);
            if let Some(job) = job {
                job.fail(Cause::Broken(panic));
            }
        }
    }
    let elsewhere = || shared.nests.has_any();
    loop {
        match shared.roster.next(|| shared.limits(), shared.settings.keep_alive, elsewhere) {
            Next::Job => tally.count(run(shared, take(shared))),
            Next::Elsewhere => shared.do_branch(),
            Next::End => break,
        }
    }
    shared.nests.take_away();
    shared.staff.leave(&tally);
}

/// A job for a claim.
#[inline]
fn take<J: Job>(shared: &Shared<J>) -> J {
    shared.claimed();
    shared.store.take()
}

fn initialize<J: Job>(shared: &Shared<J>) -> Result<(), Panic> {
    match &shared.settings.initializer {
        Some(initializer) => catch_unwind(AssertUnwindSafe(|| initializer())).map_err(Panic::new),
        None => Ok(()),
    }
}

/// Runs a job in the calling thread. Whether it ran: see [`Job::run`].
///
/// Whatever is to hold around every job belongs here.
#[inline]
pub(super) fn run<J: Job>(shared: &Shared<J>, job: J) -> bool {
    let ran = here::in_job(&shared.stop, || catch_unwind(AssertUnwindSafe(|| job.run())));
    ran.unwrap_or_else(|payload| {
        // Jobs keep their panics to themselves; one that did not must not end the worker.
        report_panic(&current(), &Panic::new(payload));
        true
    })
}

impl<J: Job> Worker for Arc<Shared<J>> {
    fn home(&self) -> usize {
        self.home
    }

    /// If as many workers as may be wait already, this one just waits.
    fn block(&self, wait: &mut dyn FnMut()) {
        struct Return<'a>(&'a dyn Fn());
        impl Drop for Return<'_> {
            fn drop(&mut self) {
                (self.0)();
            }
        }
        let Some(needed) = self.roster.go_away(self.limits()) else { return wait() };
        let come_back = || self.roster.came_back();
        let _return = Return(&come_back);
        if needed {
            self.start_spare();
        }
        wait();
    }
}
