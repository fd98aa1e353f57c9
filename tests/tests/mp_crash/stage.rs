//! Where a child does one thing while it is watched.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use inkle::multiprocessing::in_place::Lock;
use inkle::multiprocessing::memory::Shared;
use inkle_tests::{eventually, thread_number};

use super::place::placed;
use super::steps::Steps;

inkle::share! {
    /// What parent and child tell each other.
    struct Signs {
        /// The child's thread, when it is ready.
        ready: AtomicU32,
        /// It may begin.
        begin: AtomicU32,
        done: AtomicU32,
        first: Lock,
    }
}

/// See the module.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Stage(Shared<Signs>);

impl Stage {
    pub(crate) fn new() -> Self {
        let [ready, begin, done] = Default::default();
        let signs = Signs { ready, begin, done, first: Lock::new() };
        Self(placed(|| Shared::new(signs).unwrap()).0)
    }

    /// In the child: does it when it is watched, and then nothing more.
    pub(crate) fn perform(&self, what: impl FnOnce()) {
        let Signs { ready, begin, done, first } = &*self.0;
        // Whoever locks for the first time asks the system who it is, and nothing is shared in that.
        drop(first.guard());
        ready.store(thread_number() as u32, SeqCst);
        while begin.load(SeqCst) == 0 {
            std::hint::spin_loop();
        }
        what();
        done.store(1, SeqCst);
        loop {
            std::thread::park();
        }
    }

    /// In the parent: waits until the child is ready.
    pub(crate) fn is_set(&self) {
        eventually(|| self.0.ready.load(SeqCst) != 0);
    }

    /// In the parent: the child stands still, about to begin.
    pub(crate) fn begin(&self) -> Steps {
        self.is_set();
        let steps = Steps::of(self.0.ready.load(SeqCst) as i32);
        self.0.begin.store(1, SeqCst);
        steps
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.done.load(SeqCst) != 0
    }
}
