//! A system that refuses threads: no task of a pool is stranded. (CF044)
//!
//! In a process of its own, whose address space is made too small for the stacks of its pools.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

use std::fs::read_to_string;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use inkle::concurrent::{Future, FutureError, Spawn, SubmitCause, ThreadPoolExecutor, promise};
use inkle::threading::{self, Event, Timer};
use inkle_tests::{PATIENCE, eventually, watchdog};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A stack that fits into the process only as long as that is not cramped.
const STACK: usize = 1 << 31;
/// What a cramped process has left for everything else.
const SPARE: u64 = 1 << 30;

/// No thread with a large stack starts while this lives.
struct Cramped {
    before: Rlimit,
}

impl Cramped {
    fn new() -> Self {
        let before = getrlimit(Resource::As);
        let most = address_space() + SPARE;
        let cramped = Rlimit { current: Some(most), maximum: before.maximum };
        setrlimit(Resource::As, cramped).unwrap();
        Self { before }
    }
}

impl Drop for Cramped {
    fn drop(&mut self) {
        setrlimit(Resource::As, self.before).unwrap();
    }
}

/// One test at a time: the others' threads would be refused too.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // The test before has left threads that are about to end, and make room when they do.
    eventually(|| address_space() < STACK as u64);
    alone
}

/// How much of it the process uses, in bytes.
fn address_space() -> u64 {
    let status = read_to_string("/proc/self/status").unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    size.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn pool(workers: u32) -> ThreadPoolExecutor {
    ThreadPoolExecutor::builder().workers(workers).stack_size(STACK).build().unwrap()
}

/// A pool of one worker, which is about to wait for what the other task, which waits in the queue, does.
fn knot() -> (ThreadPoolExecutor, Arc<Event>, Future<u32>, Future<()>) {
    let executor = pool(1);
    let go = Arc::new(Event::new());
    let its = Arc::clone(&go);
    let (promise, promised) = promise::<u32>();
    let waits = executor.submit(move || {
        its.wait();
        promised.join().unwrap_or(0)
    });
    let waits = waits.unwrap();
    eventually(|| waits.is_running());
    let keeps = executor.submit(move || promise.set_result(7).unwrap()).unwrap();
    (executor, go, waits, keeps)
}

#[test]
fn cf044_a_task_that_waits_for_a_thread_gets_one_as_soon_as_the_system_has_one() {
    let (_watch, _alone) = (watchdog(), alone());
    // The timers have their thread before the system refuses any.
    let timer = Timer::start(PATIENCE * 3, || ()).unwrap();
    let (executor, go, waits, keeps) = knot();
    let cramped = Cramped::new();
    go.set();
    eventually(|| executor.counters().refused > 2);
    assert!(!waits.is_done() && !keeps.is_done());
    drop(cramped);
    // Nobody submits anything.
    keeps.join().unwrap();
    assert_eq!(waits.join().unwrap(), 7);
    timer.cancel();
}

#[test]
fn cf044_where_not_even_a_timer_starts_the_task_fails_and_nobody_hangs() {
    let (_watch, _alone) = (watchdog(), alone());
    let (executor, go, waits, keeps) = knot();
    let cramped = Cramped::new();
    let usual = threading::set_stack_size(STACK).unwrap();
    // What other tests had of the timers' threads leaves after a while.
    eventually(|| threading::enumerate().iter().all(|thread| thread.name() != "Timer"));
    go.set();
    match keeps.join() {
        Err(FutureError::Failed(cause)) => {
            let cause = cause.downcast_ref::<SubmitCause>().unwrap();
            assert!(matches!(cause, SubmitCause::Refused(_)), "{cause}");
        }
        other => unreachable!("{other:?}"),
    }
    assert_eq!(waits.join().unwrap(), 0, "its promise was broken");
    assert_eq!(executor.counters().refused, 1);
    threading::set_stack_size(usual).unwrap();
    drop(cramped);
    assert_eq!(executor.submit(|| 7).unwrap().join().unwrap(), 7);
}

#[test]
fn cf044_of_many_who_are_refused_at_once_nobody_is_forgotten() {
    let (_watch, _alone) = (watchdog(), alone());
    let timer = Timer::start(PATIENCE * 3, || ()).unwrap();
    for _ in 0..500 {
        let executor = pool(8);
        let cramped = Cramped::new();
        let taken: Vec<Future<u32>> = std::thread::scope(|scope| {
            let submit = || (0..4).filter_map(|n| executor.submit(move || n).ok()).collect();
            let threads: [_; 4] = [(); 4].map(|()| scope.spawn::<_, Vec<_>>(submit));
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        drop(cramped);
        for future in taken {
            assert!(future.join().unwrap() < 4);
        }
    }
    timer.cancel();
}
