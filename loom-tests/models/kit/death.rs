//! A thread that dies: it stops for ever before one of its accesses to an atomic, or before it falls
//! asleep or wakes somebody. Which one is the same in a whole search; there is one search for each.
//!
//! Loom wants every thread to end. So whoever dies buries itself, which is what somebody else would do
//! who learns of the death, waits until the model has been judged, and then runs on to its end, where
//! nothing is asked of it any more; a model leaves things so that it comes there.

use std::sync::Arc;
use std::sync::Mutex as Plain;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use inkle_core::Platform;
use loom::sync::{Condvar, Mutex};
use loom::thread::{JoinHandle, spawn};

use super::Loom;

const NOBODY: usize = 0;
const NEVER: usize = usize::MAX;

// None of these is a loom object: what changes them depends only on choices that loom has made.

/// Before which step somebody dies, in this search.
static AT: AtomicUsize = AtomicUsize::new(NEVER);
/// Whether somebody has come as far as that in any execution of this search.
static REACHED: AtomicBool = AtomicBool::new(false);
/// Who may die, by the number of its thread, and how many steps it has done.
static MORTAL: AtomicUsize = AtomicUsize::new(NOBODY);
static STEPS: AtomicUsize = AtomicUsize::new(0);
/// Who has died.
static DEAD: AtomicUsize = AtomicUsize::new(NOBODY);
/// What it does then.
static LAST: Plain<Option<Box<dyn FnOnce() + Send>>> = Plain::new(None);

/// Searches once for each step at which somebody may die, and once where nobody does.
pub(super) fn at_each_step(search: impl Fn()) {
    for at in 0.. {
        AT.store(at, Relaxed);
        REACHED.store(false, Relaxed);
        search();
        if !REACHED.load(Relaxed) {
            break;
        }
    }
}

/// Called before each execution.
pub(super) fn start() {
    MORTAL.store(NOBODY, Relaxed);
    STEPS.store(0, Relaxed);
    DEAD.store(NOBODY, Relaxed);
    *LAST.lock().unwrap() = None;
}

/// Before each step of every thread.
pub(super) fn step() {
    if MORTAL.load(Relaxed) == NOBODY || MORTAL.load(Relaxed) != Loom::current() {
        return;
    }
    if STEPS.fetch_add(1, Relaxed) == AT.load(Relaxed) {
        REACHED.store(true, Relaxed);
        // From now on its steps do not count.
        DEAD.store(MORTAL.swap(NOBODY, Relaxed), Relaxed);
        let last = LAST.lock().unwrap().take();
        last.expect("somebody lives")();
    }
}

/// Whether the thread with this number has died.
pub(super) fn is_dead(thread: usize) -> bool {
    DEAD.load(Relaxed) == thread
}

/// How far a mortal thread has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Lives,
    Ended,
    Died,
    /// The model has been judged.
    Rests,
}

struct Grave {
    stage: Mutex<Stage>,
    changed: Condvar,
}

impl Grave {
    fn go_to(&self, stage: Stage) {
        *self.stage.lock().unwrap() = stage;
        self.changed.notify_all();
    }

    /// Waits until the stage is none of these.
    fn wait_past(&self, stages: &[Stage]) -> Stage {
        let mut stage = self.stage.lock().unwrap();
        while stages.contains(&stage) {
            stage = self.changed.wait(stage).unwrap();
        }
        *stage
    }
}

/// A thread that may die: see [`life`].
pub struct Life {
    grave: Arc<Grave>,
    thread: JoinHandle<()>,
}

/// Runs `work` on a thread that dies at the step of this search, if it comes as far; then it does `bury`.
/// What `work` does after that is nobody's concern, so it asserts nothing.
pub fn life(work: impl FnOnce() + 'static, bury: impl FnOnce() + Send + 'static) -> Life {
    let grave = Arc::new(Grave { stage: Mutex::new(Stage::Lives), changed: Condvar::new() });
    let own = grave.clone();
    let thread = spawn(move || {
        let died = own.clone();
        *LAST.lock().unwrap() = Some(Box::new(move || {
            bury();
            died.go_to(Stage::Died);
            died.wait_past(&[Stage::Died]);
        }));
        MORTAL.store(Loom::current(), Relaxed);
        work();
        MORTAL.store(NOBODY, Relaxed);
        // What it holds are objects of this execution.
        drop(LAST.lock().unwrap().take());
        if DEAD.load(Relaxed) == NOBODY {
            own.go_to(Stage::Ended);
        }
    });
    Life { grave, thread }
}

impl Life {
    /// Waits until the thread has ended or died; whether it has died.
    pub fn end(&self) -> bool {
        self.grave.wait_past(&[Stage::Lives]) == Stage::Died
    }

    /// To be called at the end of the model, when all has been judged.
    pub fn rest(self) {
        self.end();
        self.grave.go_to(Stage::Rests);
        self.thread.join().unwrap();
    }
}
