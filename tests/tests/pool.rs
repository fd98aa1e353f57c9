//! `ThreadPoolExecutor`: threads on demand, nested waits, full queues, priorities, the end.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{scope, sleep};
use std::time::Duration;

use inkle::concurrent::{
    BadPool, BrokenPool, Executor, Future, FutureError, Halt, Pending, Spawn, SubmitCause,
    ThreadPoolExecutor, WhenFull, as_completed, task, with_token,
};
use inkle::platform::{Deadline, after};
use inkle::threading::{self, Barrier, Event, Reason};
use inkle_tests::{PATIENCE, SETTLE, eventually, panics, watchdog};

fn pool(workers: u32) -> ThreadPoolExecutor {
    ThreadPoolExecutor::new(workers).unwrap()
}

/// A task that runs until it is told to end, and has begun.
fn hold(executor: &impl Spawn) -> (Arc<Event>, Future<()>) {
    let go = Arc::new(Event::new());
    let its = Arc::clone(&go);
    let future = executor.submit(move || its.wait()).unwrap();
    eventually(|| future.is_running());
    (go, future)
}

#[test]
fn cf034_what_no_pool_can_be() {
    assert_eq!(ThreadPoolExecutor::new(0).unwrap_err(), BadPool::NoWorkers);
    assert_eq!(ThreadPoolExecutor::new(u32::MAX).unwrap_err(), BadPool::TooManyWorkers);
    let builder = ThreadPoolExecutor::builder;
    assert_eq!(builder().queue(0).build().unwrap_err(), BadPool::NoRoom);
    assert_eq!(builder().queue(u32::MAX).build().unwrap_err(), BadPool::TooMuchRoom);
    assert_eq!(builder().name("a\0b").build().unwrap_err(), BadPool::NulInName { position: 1 });
    assert_eq!(pool(1).resize(0).unwrap_err(), BadPool::NoWorkers);
}

#[test]
fn cf035_an_idle_thread_is_used_again() {
    let _watch = watchdog();
    let executor = pool(8);
    for _ in 0..10 {
        executor.submit(|| ()).unwrap().join().unwrap();
        eventually(|| executor.counters().idle == 1);
    }
    assert_eq!(executor.counters().peak, 1);
}

#[test]
fn cf036_tasks_that_wait_for_each_other_each_have_a_thread() {
    let _watch = watchdog();
    const MANY: u32 = 8;
    let executor = pool(MANY);
    for _ in 0..50 {
        let meet = Arc::new(Barrier::new(MANY).unwrap());
        let tasks: Vec<_> = (0..MANY)
            .map(|_| {
                let meet = Arc::clone(&meet);
                executor.submit(move || meet.wait().is_ok()).unwrap()
            })
            .collect();
        assert!(tasks.into_iter().all(|task| task.join().unwrap()));
    }
    assert_eq!(executor.counters().peak, MANY as usize);
}

#[test]
fn cf036_also_from_many_threads() {
    let _watch = watchdog();
    const MANY: u32 = 6;
    let executor = pool(MANY);
    for _ in 0..50 {
        let meet = Arc::new(Barrier::new(MANY).unwrap());
        scope(|scope| {
            for _ in 0..MANY {
                let (meet, executor) = (Arc::clone(&meet), &executor);
                scope.spawn(move || executor.submit(move || _ = meet.wait()).unwrap().join());
            }
        });
    }
}

#[test]
fn cf037_one_thread_does_tasks_in_order() {
    let _watch = watchdog();
    let executor = pool(1);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (go, _) = hold(&executor);
    for number in 0..2000 {
        let seen = Arc::clone(&seen);
        let _ = executor.submit(move || seen.lock().unwrap().push(number)).unwrap();
    }
    go.set();
    executor.shutdown_with(Halt::WAIT);
    assert!(seen.lock().unwrap().iter().copied().eq(0..2000));
}

#[test]
fn cf039_names() {
    let _watch = watchdog();
    let name = |executor: &ThreadPoolExecutor| {
        executor.submit(|| threading::current().name()).unwrap().join().unwrap()
    };
    let named = ThreadPoolExecutor::builder().name("loom").build().unwrap();
    assert_eq!(name(&named), "loom_0");
    let (first, second) = (pool(1), pool(1));
    assert_eq!(name(&first), format!("{}_0", first.name()));
    assert!(first.name().starts_with("ThreadPoolExecutor-"));
    assert_ne!(first.name(), second.name());
}

#[test]
fn cf040_a_broken_initializer_breaks_the_pool() {
    let _watch = watchdog();
    let go = Arc::new(Event::new());
    let its = Arc::clone(&go);
    let executor = ThreadPoolExecutor::builder()
        .workers(1)
        .initializer(move || {
            its.wait();
            panic!("no yarn")
        })
        .build()
        .unwrap();
    let tasks: Vec<_> = (0..5).map(|_| executor.submit(|| ()).unwrap()).collect();
    let urgent = executor.priority(1).submit(|| ()).unwrap();
    go.set();
    for task in tasks.into_iter().chain([urgent]) {
        match task.join() {
            Err(FutureError::Failed(error)) => {
                let broken: &BrokenPool = error.downcast_ref().unwrap();
                assert_eq!(broken.panic().message(), Some("no yarn"));
            }
            other => panic!("{other:?}"),
        }
    }
    let error = executor.submit(|| 7).unwrap_err();
    assert!(matches!(error.cause(), SubmitCause::Broken(_)), "{error}");
    assert_eq!(error.into_inner()(), 7);
    assert!(executor.shutdown_with(Halt::WAIT).stragglers.is_empty());
}

#[test]
fn cf040_the_initializer_is_called_once_a_thread() {
    let _watch = watchdog();
    let calls = Arc::new(AtomicUsize::new(0));
    let its = Arc::clone(&calls);
    let executor = ThreadPoolExecutor::builder()
        .workers(3)
        .initializer(move || _ = its.fetch_add(1, SeqCst))
        .build()
        .unwrap();
    executor.map(|n: u32| n, 0..100).into_iter().for_each(drop);
    executor.shutdown_with(Halt::WAIT);
    assert_eq!(calls.load(SeqCst), executor.counters().peak);
}

#[test]
fn cf041_a_panic_is_the_tasks_own() {
    let _watch = watchdog();
    let executor = pool(1);
    let ident = || threading::get_ident();
    let before = executor.submit(ident).unwrap().join().unwrap();
    let broken = executor.submit(|| panic!("out of yarn")).unwrap();
    assert_eq!(broken.exception().unwrap().unwrap().message(), Some("out of yarn"));
    let left = executor.submit(|| inkle::thread::exit()).unwrap();
    assert!(matches!(left.result(), Err(FutureError::Exited)));
    assert_eq!(executor.submit(ident).unwrap().join().unwrap(), before);
}

#[test]
fn cf042_a_dropped_pool_does_what_waits_and_ends() {
    let _watch = watchdog();
    let done = Arc::new(AtomicUsize::new(0));
    let executor = pool(2);
    let (go, _) = hold(&executor);
    for _ in 0..1000 {
        let done = Arc::clone(&done);
        let _ = executor.submit(move || _ = done.fetch_add(1, SeqCst)).unwrap();
    }
    let thread = executor.submit(threading::current).unwrap();
    drop(executor);
    go.set();
    let thread = thread.join().unwrap();
    eventually(|| done.load(SeqCst) == 1000 && !thread.is_alive());
}

#[test]
fn cf042_dropped_by_a_task_of_its_own() {
    let _watch = watchdog();
    let executor = pool(1);
    let inner = executor.clone();
    let future = executor.submit(move || drop(inner)).unwrap();
    drop(executor);
    future.join().unwrap();
}

fn deep(executor: &ThreadPoolExecutor, depth: u32) -> u32 {
    if depth == 0 {
        return 0;
    }
    let inner = executor.clone();
    1 + executor.submit(move || deep(&inner, depth - 1)).unwrap().join().unwrap()
}

#[test]
fn cf043_nested_waits_on_one_thread() {
    let _watch = watchdog();
    let executor = pool(1);
    assert_eq!(deep(&executor, 100), 100);
    let inner = executor.clone();
    assert_eq!(executor.submit(move || deep(&inner, 100)).unwrap().join().unwrap(), 100);
    assert_eq!(executor.counters().peak, 1);
}

#[test]
fn cf043_nested_waits_with_a_full_queue() {
    let _watch = watchdog();
    let executor = ThreadPoolExecutor::builder().workers(1).queue(3).build().unwrap();
    assert_eq!(deep(&executor, 100), 100);
}

#[test]
fn cf043_a_worker_that_waits_for_running_work_is_replaced() {
    let _watch = watchdog();
    let executor = pool(2);
    let (go, running) = hold(&executor);
    let running = Arc::new(running);
    let waits = {
        let running = Arc::clone(&running);
        executor.submit(move || running.result().is_ok()).unwrap()
    };
    // Both threads wait; what sets them free has not begun, and nobody waits for it.
    let frees = executor.submit(move || go.set()).unwrap();
    assert!(waits.join().unwrap());
    frees.join().unwrap();
    assert_eq!(executor.counters().peak, 3);
    // One was too many, and goes.
    let meet: Vec<_> = (0..4).map(|_| executor.submit(|| sleep(SETTLE)).unwrap()).collect();
    meet.into_iter().for_each(|task| task.join().unwrap());
    eventually(|| executor.counters().threads <= 2);
}

#[test]
fn cf043_a_tree_of_tasks() {
    let _watch = watchdog();
    fn leaves(executor: &ThreadPoolExecutor, depth: u32) -> u32 {
        if depth == 0 {
            return 1;
        }
        let halves = [(); 2].map(|()| {
            let inner = executor.clone();
            executor.submit(move || leaves(&inner, depth - 1)).unwrap()
        });
        halves.into_iter().map(|half| half.join().unwrap()).sum()
    }
    for workers in [1, 2, 5] {
        let executor = pool(workers);
        let inner = executor.clone();
        let root = executor.submit(move || leaves(&inner, 10)).unwrap();
        assert_eq!(root.join().unwrap(), 1024);
    }
}

#[test]
fn cf044_a_refused_thread_hands_the_task_back() {
    let executor = ThreadPoolExecutor::builder().stack_size(usize::MAX / 4).build().unwrap();
    let error = executor.submit(|| 7).unwrap_err();
    assert!(matches!(error.cause(), SubmitCause::Refused(_)), "{error}");
    assert_eq!(error.into_inner()(), 7);
    let (task, future) = task(|| ());
    assert!(executor.execute(task).is_err());
    assert!(future.is_cancelled());
    assert_eq!(executor.counters().threads, 0);
    assert!(executor.shutdown_with(Halt::WAIT).stragglers.is_empty());
}

#[test]
fn cf031_shutdown() {
    let _watch = watchdog();
    let executor = pool(2);
    let (go, held) = hold(&executor);
    let (other, _) = hold(&executor);
    let waits = executor.submit(|| 7).unwrap();
    let halted = executor.shutdown_with(Halt { wait: after(SETTLE), ..Halt::WAIT });
    assert_eq!((halted.cancelled, halted.stragglers.len()), (0, 2));
    let error = executor.submit(|| 8).unwrap_err();
    assert!(matches!(error.cause(), SubmitCause::ShutDown));
    assert!(executor.shutdown(Pending::Run, Deadline::PASSED).is_err());
    go.set();
    other.set();
    assert!(executor.shutdown(Pending::Run, after(PATIENCE)).is_ok());
    assert!(held.is_done());
    assert_eq!(waits.try_result().unwrap(), &7);
    assert!(executor.shutdown(Pending::Cancel, Deadline::PASSED).is_ok(), "again");
    assert_eq!(executor.counters().threads, 0);
}

#[test]
fn cf031_shutdown_by_a_task_of_its_own() {
    let _watch = watchdog();
    let halt = |executor: &ThreadPoolExecutor| {
        let inner = executor.clone();
        executor.submit(move || inner.shutdown_with(Halt::WAIT).stragglers.len()).unwrap()
    };
    let executor = pool(2);
    assert_eq!(halt(&executor).join().unwrap(), 0);
    assert!(executor.shutdown_with(Halt::WAIT).stragglers.is_empty());

    // What waits behind it is done, by itself.
    let executor = pool(1);
    let (go, _held) = hold(&executor);
    let (halt, waits) = (halt(&executor), executor.submit(|| 7).unwrap());
    go.set();
    assert_eq!(halt.join().unwrap(), 0);
    assert_eq!(waits.join().unwrap(), 7);
    assert!(executor.shutdown_with(Halt::WAIT).stragglers.is_empty());
}

#[test]
fn cf032_what_waits_is_cancelled_at_once() {
    let _watch = watchdog();
    let executor = pool(1);
    let (go, held) = hold(&executor);
    let waiting: Vec<_> = (0..100).map(|_| executor.submit(|| ()).unwrap()).collect();
    let halted =
        executor.shutdown_with(Halt { wait: Deadline::PASSED, cancel_pending: true, ..Halt::WAIT });
    assert_eq!((halted.cancelled, halted.stragglers.len()), (100, 1));
    // Nobody waits in vain for what was cancelled (CF016, CF017).
    let cancelled = as_completed(&waiting, Deadline::NEVER).count();
    assert_eq!(cancelled, 100);
    assert!(waiting.iter().all(Future::is_cancelled));
    go.set();
    held.join().unwrap();
    eventually(|| executor.counters().threads == 0);
    assert_eq!(executor.counters().cancelled, 100);
}

#[test]
fn cf063_a_full_queue() {
    let _watch = watchdog();
    let executor = ThreadPoolExecutor::builder().workers(1).queue(2).build().unwrap();
    let (go, _) = hold(&executor);
    let oldest = executor.submit(|| ()).unwrap();
    let second = executor.submit(|| ()).unwrap();

    let fail = executor.when_full(WhenFull::FAIL).submit(|| 7).unwrap_err();
    assert!(matches!(fail.cause(), SubmitCause::Full));
    assert_eq!(fail.into_inner()(), 7);
    let late = executor.when_full(WhenFull::Wait(after(SETTLE))).submit(|| 7).unwrap_err();
    assert!(matches!(late.cause(), SubmitCause::TimedOut));

    let here = executor.when_full(WhenFull::RunHere).submit(threading::get_ident).unwrap();
    assert_eq!(here.join().unwrap(), threading::get_ident());

    let newest = executor.when_full(WhenFull::DropOldest).submit(|| 9).unwrap();
    assert!(oldest.is_cancelled() && !second.is_cancelled());

    scope(|scope| {
        let waits = scope.spawn(|| executor.submit(|| 10).unwrap().join().unwrap());
        sleep(SETTLE);
        go.set();
        assert_eq!(waits.join().unwrap(), 10);
    });
    assert_eq!(newest.join().unwrap(), 9);
}

#[test]
fn cf063_who_waits_for_room_learns_of_the_end() {
    let _watch = watchdog();
    let executor = ThreadPoolExecutor::builder().workers(1).queue(1).build().unwrap();
    let (go, _) = hold(&executor);
    let _ = executor.submit(|| ()).unwrap();
    scope(|scope| {
        let waits = scope.spawn(|| executor.submit(|| 7).map(drop));
        sleep(SETTLE);
        executor.shutdown_with(Halt::LEAVE);
        let error = waits.join().unwrap().unwrap_err();
        assert!(matches!(error.cause(), SubmitCause::ShutDown));
        assert_eq!(error.into_inner()(), 7);
    });
    go.set();
}

#[test]
fn cf063_many_submitters_and_little_room() {
    let _watch = watchdog();
    let executor = ThreadPoolExecutor::builder().workers(2).queue(2).build().unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let done = Arc::clone(&done);
                    let _ = executor.submit(move || _ = done.fetch_add(1, SeqCst)).unwrap();
                }
            });
        }
    });
    executor.shutdown_with(Halt::WAIT);
    assert_eq!(done.load(SeqCst), 4000);
}

#[test]
fn cf065_priorities() {
    let _watch = watchdog();
    let executor = pool(1);
    let (go, _) = hold(&executor);
    let seen = Arc::new(Mutex::new(Vec::new()));
    for (name, priority) in [("a", 0), ("b", -1), ("c", 5), ("d", 5), ("e", 0), ("f", 9)] {
        let seen = Arc::clone(&seen);
        let note = move || seen.lock().unwrap().push(name);
        let _ = executor.priority(priority).submit(note).unwrap();
    }
    go.set();
    executor.shutdown_with(Halt::WAIT);
    assert_eq!(*seen.lock().unwrap(), ["f", "c", "d", "a", "e", "b"]);
}

#[test]
fn cf065_running_tasks_can_be_asked_to_stop() {
    let _watch = watchdog();
    let executor = pool(2);
    let tasks =
        [(); 2].map(|()| executor.submit(|| with_token(|token| token.unwrap().wait())).unwrap());
    eventually(|| tasks.iter().all(Future::is_running));
    let halted = executor.shutdown_with(Halt { cancel_running: true, ..Halt::WAIT });
    assert!(halted.stragglers.is_empty());
    for task in tasks {
        assert_eq!(task.join().unwrap(), Reason::SHUTDOWN);
    }
}

#[test]
fn cf065_idle_threads_go_but_for_those_that_are_kept() {
    let _watch = watchdog();
    let executor = ThreadPoolExecutor::builder()
        .workers(6)
        .keep(2)
        .keep_alive(Duration::from_millis(20))
        .build()
        .unwrap();
    for _ in 0..3 {
        let meet = Arc::new(Barrier::new(6).unwrap());
        let tasks = [(); 6].map(|()| {
            let meet = Arc::clone(&meet);
            executor.submit(move || _ = meet.wait()).unwrap()
        });
        tasks.into_iter().for_each(|task| task.join().unwrap());
        eventually(|| executor.counters().threads == 2);
    }
    sleep(SETTLE * 3);
    assert_eq!(executor.counters().threads, 2);
}

#[test]
fn cf065_resize() {
    let _watch = watchdog();
    let executor = pool(1);
    let meet = Arc::new(Barrier::new(3).unwrap());
    let tasks = [(); 3].map(|()| {
        let meet = Arc::clone(&meet);
        executor.submit(move || _ = meet.wait()).unwrap()
    });
    sleep(SETTLE);
    assert_eq!(executor.counters().threads, 1);
    // What waits gets its threads at once.
    executor.resize(3).unwrap();
    tasks.into_iter().for_each(|task| task.join().unwrap());
    executor.resize(1).unwrap();
    eventually(|| executor.counters().threads == 1);
    executor.submit(|| ()).unwrap().join().unwrap();
}

#[test]
fn cf065_counters() {
    let _watch = watchdog();
    let executor = pool(1);
    let (go, _) = hold(&executor);
    let cancelled = executor.submit(|| ()).unwrap();
    let waits = executor.submit(|| ()).unwrap();
    let counters = executor.counters();
    assert_eq!((counters.queued, counters.running, counters.idle), (2, 1, 0));
    assert!(cancelled.cancel());
    go.set();
    waits.join().unwrap();
    executor.shutdown_with(Halt::WAIT);
    let counters = executor.counters();
    assert_eq!((counters.completed, counters.cancelled, counters.peak), (2, 1, 1));
    assert_eq!((counters.queued, counters.running, counters.threads), (0, 0, 0));
}

#[test]
fn cf033_work_that_is_submitted_from_many_threads_is_done_once() {
    let _watch = watchdog();
    let executor = pool(3);
    let numbers = Mutex::new(Vec::new());
    scope(|scope| {
        for base in 0..16 {
            let (executor, numbers) = (&executor, &numbers);
            scope.spawn(move || {
                let futures: Vec<_> =
                    (0..200).map(|n| executor.submit(move || base * 200 + n).unwrap()).collect();
                let own: Vec<u32> = futures.into_iter().map(|one| one.join().unwrap()).collect();
                numbers.lock().unwrap().extend(own);
            });
        }
    });
    let numbers = numbers.into_inner().unwrap();
    assert_eq!(numbers.len(), 3200);
    assert!(numbers.into_iter().collect::<BTreeSet<_>>().into_iter().eq(0..3200));
}

#[test]
fn cf023_work_without_a_future() {
    let _watch = watchdog();
    let executor = pool(1);
    let done = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        let done = Arc::clone(&done);
        executor.start(move || _ = done.fetch_add(1, SeqCst)).unwrap();
    }
    executor.start(|| panic!("nobody asks")).unwrap();
    executor.start(|| inkle::thread::exit()).unwrap();
    executor.shutdown_with(Halt::WAIT);
    assert_eq!((done.load(SeqCst), executor.counters().completed), (100, 102));
    let error = executor.start(move || drop(done)).unwrap_err();
    assert!(matches!(error.cause(), SubmitCause::ShutDown));
    error.into_inner()();
}

#[test]
fn cf028_a_map_that_is_dropped_cancels_the_rest() {
    let _watch = watchdog();
    let executor = pool(1);
    let (go, _) = hold(&executor);
    let results = executor.map(|n: u32| n, 0..100).into_iter();
    drop(results);
    go.set();
    executor.shutdown_with(Halt::WAIT);
    assert_eq!(executor.counters().cancelled, 100);
}

/// What cannot be dropped without a panic.
struct Thorn;

impl Drop for Thorn {
    fn drop(&mut self) {
        panic!("ouch");
    }
}

#[test]
fn a_task_whose_drop_panics_harms_nobody() {
    let _watch = watchdog();
    let executor = pool(1);
    let (go, _) = hold(&executor);
    let thorn = Thorn;
    let pricks = executor.submit(move || drop(thorn)).unwrap();
    let next = executor.submit(|| 7).unwrap();
    let thorn = Thorn;
    let unrun = executor.submit(move || std::mem::forget(thorn)).unwrap();
    assert!(!panics(|| assert!(unrun.cancel())));
    go.set();
    assert!(matches!(pricks.join(), Err(FutureError::Panicked(_))));
    assert_eq!(next.join().unwrap(), 7);
}

#[test]
#[cfg(target_os = "linux")]
fn an_idle_pool_uses_no_processor() {
    let _watch = watchdog();
    let executor = ThreadPoolExecutor::builder().workers(4).keep(4).build().unwrap();
    let meet = Arc::new(Barrier::new(4).unwrap());
    let tasks = [(); 4].map(|()| {
        let meet = Arc::clone(&meet);
        executor
            .submit(move || {
                let _ = meet.wait();
                // Not `get_native_id`, which the feature `portable` knows nothing of.
                //
                // SAFETY: asks only.
                unsafe { libc::gettid() }
            })
            .unwrap()
    });
    let threads = tasks.map(|task| task.join().unwrap());
    // Ticks of the kernel's clock, 10 ms each.
    let ticks = || -> u64 {
        let of = |thread| {
            let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap();
            let fields: Vec<u64> = stat
                .rsplit(") ")
                .next()
                .unwrap()
                .split(' ')
                .filter_map(|f| f.parse().ok())
                .collect();
            // The state is no number: utime and stime are the 11th and 12th behind it.
            fields[10] + fields[11]
        };
        threads.iter().map(of).sum()
    };
    // Until they have all fallen asleep.
    eventually(|| {
        let before = ticks();
        sleep(Duration::from_millis(500));
        ticks() == before
    });
}
