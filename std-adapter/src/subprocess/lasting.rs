//! A thread that lives as long as the process: what the system does when a child's parent ends, it does
//! when the thread ends that has started the child.

use std::io;
use std::os::fd::RawFd;
use std::sync::{Arc, OnceLock};

use crate::contextvars::Context;
use crate::os::process::{self, Plan, Stage, Started};
use crate::queue::SimpleQueue;
use crate::threading::{Builder, Promise};

/// What the thread is asked to do.
struct Request {
    plan: *const Plan<'static>,
    entrance: Option<RawFd>,
    answer: Arc<Promise<Started>>,
}

// SAFETY: the plan is only read, and lives until the answer is there: `start` waits for it.
unsafe impl Send for Request {}

/// As [`process::start`], by the lasting thread.
pub(crate) fn start(plan: &Plan<'_>) -> Started {
    start_in(plan, None)
}

/// As [`process::start_in`], by the lasting thread.
pub(super) fn start_in(plan: &Plan<'_>, entrance: Option<RawFd>) -> Started {
    static REQUESTS: OnceLock<SimpleQueue<Request>> = OnceLock::new();
    static STARTED: OnceLock<bool> = OnceLock::new();

    let requests = REQUESTS.get_or_init(SimpleQueue::new);
    let started = STARTED.get_or_init(|| {
        let builder = Builder::new().name("subprocess").daemon(true).context(Context::new());
        builder.spawn(|| serve(requests)).is_ok()
    });
    if !started {
        let error =
            io::Error::other("no thread could be started that lives as long as the process");
        return Err((Stage::DeathSignal, error));
    }
    let answer = Arc::new(Promise::new());
    let plan = std::ptr::from_ref(plan).cast();
    requests.put(Request { plan, entrance, answer: Arc::clone(&answer) });
    // The thread never ends, and answers everything.
    answer.take().unwrap_or_else(|error| Err((Stage::DeathSignal, io::Error::other(error))))
}

fn serve(requests: &SimpleQueue<Request>) {
    loop {
        let Request { plan, entrance, answer } = requests.get();
        // SAFETY: it lives until it is answered.
        let started = process::start_in(unsafe { &*plan }, entrance);
        // Nobody else does.
        let _ = answer.set(started);
    }
}
