//! Futures made of futures: CF068.

use std::time::Duration;

use inkle::concurrent::{
    Future, FutureError, Inline, Spawn, Task, first_success, join_all, promise, task,
};
use inkle::threading;
use inkle_tests::{Ledger, block_on, watchdog};

use super::{Shelf, Threads, gate, is_cancelled, message};

#[test]
fn map_runs_where_the_work_ends_and_passes_errors_on() {
    let _watchdog = watchdog();
    let threads = Threads::default();
    let future = threads.submit(|| 6).unwrap().map(|six| six * 7);
    assert_eq!(future.join().unwrap(), 42);
    let future =
        threads.submit(|| -> u32 { panic!("out of yarn") }).unwrap().map(|_| unreachable!());
    assert_eq!(message::<()>(future.join()), "out of yarn");
    let (task_a, a) = task(|| 1);
    let a = a.map(|_| -> u32 { panic!("in the map") });
    assert!(task_a.run());
    assert_eq!(message(a.join()), "in the map");
    let (task_b, b) = task(|| 1);
    assert!(task_b.run());
    assert_eq!(b.map(|one| one + 1).join().unwrap(), 2, "it was done already");
}

#[test]
fn a_cancel_goes_up() {
    let ledger = Ledger::new(1);
    let value = ledger.value(0);
    let (task_a, a) = task(|| 1);
    let a = a.map(|n| n + 1).map(move |n| (value, n)).map(|(_, n)| n);
    assert!(a.cancel() && a.is_cancelled());
    assert!(task_a.is_cancelled());
    ledger.assert_each_once();
    assert!(is_cancelled(a.join()));
}

#[test]
fn a_cancel_goes_down() {
    let (task_a, a) = task(|| 1);
    let a = a.map(|n| n + 1);
    drop(task_a);
    assert!(a.is_cancelled());
    assert!(is_cancelled(a.join()));
}

#[test]
fn then_waits_for_the_second_too() {
    let _watchdog = watchdog();
    let shelf = std::sync::Arc::new(Shelf::default());
    let (task_a, a) = task(|| 6);
    let own = shelf.clone();
    let a = a.then(move |six| own.submit(move || six * 7).unwrap());
    assert!(task_a.run());
    assert!(!a.is_done());
    assert_eq!(shelf.run(), 1);
    assert_eq!(a.join().unwrap(), 42);

    let (task_b, b) = task(|| 6);
    let own = shelf.clone();
    let b = b.then(move |six| own.submit(move || six * 7).unwrap());
    assert!(task_b.run());
    assert!(b.cancel());
    assert_eq!((shelf.len(), shelf.run()), (1, 0), "the second is cancelled");

    let (task_c, c) = task(|| 6);
    let c = c.then(|_| -> Future<u32> { panic!("in the then") });
    assert!(task_c.run());
    assert_eq!(message(c.join()), "in the then");
}

#[test]
fn join_all_gives_each_its_result() {
    let _watchdog = watchdog();
    let threads = Threads::default();
    let futures = (0..4).map(|n| threads.submit(move || 6 / n).unwrap());
    let all = block_on(async { join_all(futures).await.unwrap() });
    assert!(matches!(all[..], [Err(FutureError::Panicked(_)), Ok(6), Ok(3), Ok(2)]));
    assert!(join_all(Vec::<Future<u32>>::new()).join().unwrap().is_empty());

    let (tasks, futures): (Vec<Task>, Vec<_>) = (0..4).map(|n| task(move || n)).unzip();
    let all = join_all(futures);
    assert!(all.cancel());
    assert!(tasks.iter().all(Task::is_cancelled));
}

#[test]
fn first_success_takes_one_and_cancels_the_rest() {
    let (tasks, futures): (Vec<Task>, Vec<_>) = (0..3).map(|n| task(move || 6 / n)).unzip();
    let first = first_success(futures);
    let ran: Vec<bool> = tasks.into_iter().map(Task::run).collect();
    assert_eq!(ran, [true, true, false]);
    assert_eq!(first.join().unwrap(), 6);

    let (tasks, futures): (Vec<Task>, Vec<_>) =
        (0..3).map(|n| task(move || -> u32 { panic!("no {n}") })).unzip();
    let first = first_success(futures);
    tasks.into_iter().rev().for_each(|task| assert!(task.run()));
    assert_eq!(message(first.join()), "no 0", "the last error");
    assert!(matches!(first_success(Vec::<Future<u32>>::new()).join(), Err(FutureError::Broken)));

    let (tasks, futures): (Vec<Task>, Vec<_>) = (0..3).map(|n| task(move || n)).unzip();
    assert!(first_success(futures).cancel());
    assert!(tasks.iter().all(Task::is_cancelled));
}

#[test]
fn a_timeout_expires_or_not() {
    let _watchdog = watchdog();
    let (task_a, a) = task(|| 1);
    let a = a.timeout(Duration::from_millis(1));
    assert!(matches!(a.result(), Err(FutureError::Expired)));
    assert!(!a.is_cancelled() && a.is_done());
    while !task_a.is_cancelled() {
        std::thread::yield_now();
    }
    // Work that runs goes on.
    let threads = Threads::default();
    let (open, body) = gate();
    let b = threads.submit(body).unwrap();
    while !b.is_running() {
        std::thread::yield_now();
    }
    assert!(matches!(b.timeout(Duration::ZERO).join(), Err(FutureError::Expired)));
    open.count_down(1).unwrap();
    let in_time = Inline::new().submit(|| 7).unwrap().timeout(Duration::from_secs(3600));
    assert_eq!(in_time.join().unwrap(), 7);
    let (promise, c) = promise::<u32>();
    let c = c.timeout(Duration::from_secs(3600));
    assert!(c.cancel() && promise.is_cancelled());
}

#[test]
fn chains_of_any_length_fit_on_a_stack() {
    let _watchdog = watchdog();
    const LENGTH: u32 = 50_000;
    let chain = |future: Future<u32>| (0..LENGTH).fold(future, |future, _| future.map(|n| n + 1));
    let body = move || {
        let (task_a, a) = task(|| 0);
        let a = chain(a);
        assert!(task_a.run());
        assert_eq!(a.join().unwrap(), LENGTH);
        // Told from the top, and from the bottom.
        let (task_b, b) = task(|| 0);
        let b = chain(b);
        drop(task_b);
        assert!(is_cancelled(b.join()));
        let (task_c, c) = task(|| 0);
        let c = chain(c);
        assert!(c.cancel() && task_c.is_cancelled());
    };
    threading::Builder::new().stack_size(256 * 1024).spawn(body).unwrap().join().unwrap();
}

#[test]
fn a_future_of_a_future_of_a_future() {
    let _watchdog = watchdog();
    fn count(down: u32) -> Future<u32> {
        let here = Inline::new().submit(move || down).unwrap();
        if down == 0 { here } else { here.then(|down| count(down - 1)) }
    }
    assert_eq!(count(200).join().unwrap(), 0);
}
