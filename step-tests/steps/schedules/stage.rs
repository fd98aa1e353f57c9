//! Where threads of a program run under shuttle: each step is a scheduling point, a sleep too.
//!
//! All threads of an execution are coroutines on one thread of the system, so what they share needs
//! neither locks nor atomics of its own.

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::panicking;

use shuttle::sync::atomic::AtomicBool;

/// How a call ends that would wait for ever.
pub struct Asleep;

struct Sleeper {
    task: usize,
    word: usize,
    woken: bool,
    forever: bool,
}

/// How far an execution is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It sets up or puts away, or there is none.
    Quiet,
    /// The first thread makes the others.
    Spawning,
    /// Each step is a scheduling point.
    On,
    /// All that have not ended sleep for ever: their calls are given up.
    Over,
    /// A call has panicked: all others are given up at their next step.
    Failed,
}

thread_local! {
    static PHASE: Cell<Phase> = const { Cell::new(Phase::Quiet) };
    static SLEEPERS: RefCell<Vec<Sleeper>> = const { RefCell::new(Vec::new()) };
    /// The call that each thread is in.
    static CALLS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    /// Scheduling points of this execution.
    static POINTS: Cell<u32> = const { Cell::new(0) };
    /// Shuttle stops before each access to it.
    static POINT: AtomicBool = const { AtomicBool::new(false) };
}

/// See [`Phase`].
pub fn phase() -> Phase {
    PHASE.get()
}

/// Nobody sleeps, and the next phase begins.
pub fn enter(phase: Phase) {
    if phase == Phase::Quiet {
        SLEEPERS.take();
        CALLS.take();
        POINTS.set(0);
    }
    PHASE.set(phase);
}

/// Whether threads of a program run.
pub fn is_on() -> bool {
    matches!(PHASE.get(), Phase::On | Phase::Over | Phase::Failed)
}

/// A scheduling point.
pub fn point() {
    if PHASE.get() == Phase::On {
        POINTS.set(POINTS.get() + 1);
        assert!(POINTS.get() < MOST_POINTS, "the threads go round in circles");
        // All accesses are sequentially consistent under shuttle.
        POINT.with(|point| point.load(SeqCst));
    }
    if PHASE.get() == Phase::Failed && !panicking() {
        give_up();
    }
}

/// More than any program takes.
const MOST_POINTS: u32 = 50_000;

/// Not a panic: nothing is reported.
fn give_up() -> ! {
    resume_unwind(Box::new(Asleep));
}

/// Does `look` as part of the step before.
pub fn quietly<R>(look: impl FnOnce() -> R) -> R {
    let before = PHASE.replace(Phase::Quiet);
    let result = look();
    PHASE.set(before);
    result
}

fn me() -> usize {
    shuttle::current::me().into()
}

/// The caller begins the call with this number.
pub fn begin(call: usize) {
    let me = me();
    CALLS.with_borrow_mut(|calls| {
        if calls.len() <= me {
            calls.resize(me + 1, 0);
        }
        calls[me] = call;
    });
}

/// The call that the caller is in, which is who owns what it acquires.
pub fn call() -> usize {
    CALLS.with_borrow(|calls| calls[me()])
}

/// Sleeps on `word`. Whoever sleeps until some moment stays awake for the scheduler: if it is chosen before it
/// is woken, the moment has passed. Whether it was woken.
pub fn sleep(word: usize, forever: bool) -> bool {
    let task = me();
    SLEEPERS.with_borrow_mut(|all| all.push(Sleeper { task, word, woken: false, forever }));
    point();
    let woken = SLEEPERS.with_borrow_mut(|all| {
        let at = all.iter().position(|sleeper| sleeper.task == task).expect("it sleeps");
        all.remove(at).woken
    });
    if !woken && forever {
        assert!(PHASE.get() == Phase::Over, "it was scheduled in its sleep");
        give_up();
    }
    woken
}

/// Wakes so many who sleep on `word`.
pub fn wake(word: usize, count: usize) {
    SLEEPERS.with_borrow_mut(|all| {
        let asleep = all.iter_mut().filter(|sleeper| sleeper.word == word && !sleeper.woken);
        asleep.take(count).for_each(|sleeper| sleeper.woken = true);
    });
}

/// Whether the task sleeps, and nothing but a wake-up ends that.
pub fn is_asleep(task: usize) -> bool {
    SLEEPERS.with_borrow(|all| {
        all.iter().any(|sleeper| sleeper.task == task && sleeper.forever && !sleeper.woken)
    })
}
