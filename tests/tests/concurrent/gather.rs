//! `wait` and `as_completed`: CF018 to CF022.

use std::sync::Arc;
use std::time::Duration;

use inkle::Deadline;
use inkle::concurrent::{
    Future, Inline, Promise, ReturnWhen, Spawn, Task, as_completed, promise, task, wait,
};
use inkle::platform::after;
use inkle::threading;
use inkle_tests::{Ledger, watchdog};

use super::{Shelf, Threads};

fn promises<const N: usize>() -> ([Option<Promise<usize>>; N], [Future<usize>; N]) {
    let both: [_; N] = std::array::from_fn(|_| promise());
    let mut futures = Vec::new();
    let promises = both.map(|(promise, future)| {
        futures.push(future);
        Some(promise)
    });
    (promises, futures.try_into().unwrap())
}

fn keep(promises: &mut [Option<Promise<usize>>], number: usize) {
    promises[number].take().unwrap().set_result(number).unwrap();
}

#[test]
fn cf018_done_and_not_done_each_once_and_no_error_at_a_deadline() {
    let (mut promises, futures) = promises::<3>();
    keep(&mut promises, 1);
    let [a, b, c] = &futures;
    let waited = wait([a, b, c, b, a], ReturnWhen::AllCompleted, after(Duration::from_millis(1)));
    assert!(waited.done.len() == 1 && std::ptr::eq(waited.done[0], b));
    assert!(waited.not_done.len() == 2 && std::ptr::eq(waited.not_done[1], c));
    let waited = wait(&futures, ReturnWhen::AllCompleted, Deadline::PASSED);
    assert_eq!((waited.done.len(), waited.not_done.len()), (1, 2));
}

#[test]
fn cf019_of_nothing_it_returns_at_once() {
    for when in [ReturnWhen::AllCompleted, ReturnWhen::FirstCompleted, ReturnWhen::FirstException] {
        let waited = wait(Vec::<Future<u32>>::new(), when, Deadline::NEVER);
        assert!(waited.done.is_empty() && waited.not_done.is_empty());
    }
    assert!(as_completed(Vec::<Future<u32>>::new(), Deadline::NEVER).next().is_none());
}

#[test]
fn cf020_the_first_that_is_done_or_cancelled() {
    let _watchdog = watchdog();
    let (mut promises, futures) = promises::<3>();
    futures[2].cancel();
    keep(&mut promises, 0);
    let waited = wait(&futures, ReturnWhen::FirstCompleted, Deadline::NEVER);
    assert_eq!((waited.done.len(), waited.not_done.len()), (2, 1), "all that are done already");
}

#[test]
fn cf020_the_first_error_and_a_cancel_is_none() {
    let _watchdog = watchdog();
    let (tasks, futures): (Vec<Task>, Vec<_>) =
        (0..4).map(|n| task(move || 6_usize.checked_div(n).unwrap())).unzip();
    let mut tasks: Vec<_> = tasks.into_iter().map(Some).collect();
    futures[3].cancel();
    assert!(tasks[1].take().unwrap().run());
    let soon = after(Duration::from_millis(1));
    let waited = wait(&futures, ReturnWhen::FirstException, soon);
    assert_eq!((waited.done.len(), waited.not_done.len()), (2, 2));
    assert!(tasks[0].take().unwrap().run());
    let waited = wait(&futures, ReturnWhen::FirstException, Deadline::NEVER);
    assert_eq!((waited.done.len(), waited.not_done.len()), (3, 1));
    // Without errors: all.
    futures[2].cancel();
    let waited = wait(&futures[1..], ReturnWhen::FirstException, Deadline::NEVER);
    assert_eq!((waited.done.len(), waited.not_done.len()), (3, 0));
}

#[test]
fn cf016_who_waits_for_several_is_told_of_a_cancel_at_once() {
    let _watchdog = watchdog();
    let shelf = Shelf::default();
    let futures: Vec<_> = (0..3).map(|n| shelf.submit(move || n).unwrap()).collect();
    let futures = Arc::new(futures);
    let own = futures.clone();
    let waits = threading::spawn(move || {
        wait(own.iter(), ReturnWhen::AllCompleted, Deadline::NEVER).done.len()
    });
    let own = futures.clone();
    let collects = threading::spawn(move || as_completed(own.iter(), Deadline::NEVER).count());
    futures.iter().for_each(|future| assert!(future.cancel()));
    assert_eq!(waits.unwrap().join().unwrap(), 3);
    assert_eq!(collects.unwrap().join().unwrap(), 3);
    assert_eq!(shelf.len(), 3, "its executor never came to them");
}

#[test]
fn cf021_each_once_as_it_is_done_whatever_the_executor() {
    let _watchdog = watchdog();
    let (mut promises, futures) = promises::<4>();
    keep(&mut promises, 2);
    let order = [3, 0, 1];
    let mut order = order.into_iter();
    let mut seen = Vec::new();
    let twice = futures.iter().chain(&futures);
    for future in as_completed(twice, Deadline::NEVER) {
        seen.push(*future.unwrap().result().unwrap());
        if let Some(next) = order.next() {
            keep(&mut promises, next);
        }
    }
    assert_eq!(seen, [2, 3, 0, 1]);

    let (threads, inline) = (Threads::default(), Inline::new());
    let mixed = (0..20).map(|n| {
        if n % 2 == 0 {
            threads.submit(move || n).unwrap()
        } else {
            inline.submit(move || n).unwrap()
        }
    });
    let mut all: Vec<_> = as_completed(mixed, Deadline::NEVER)
        .map(|future| future.unwrap().join().unwrap())
        .collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..20));
}

#[test]
fn cf021_what_was_given_back_is_let_go_of() {
    let ledger = Ledger::new(2);
    let futures: Vec<_> = (0..2)
        .map(|id| {
            let ledger = ledger.clone();
            Inline::new().submit(move || ledger.value(id)).unwrap()
        })
        .collect();
    let mut completed = as_completed(futures, Deadline::NEVER);
    drop(completed.next());
    assert_eq!(ledger.total(), 1);
    drop(completed);
    ledger.assert_each_once();
}

#[test]
fn cf022_the_time_counts_from_the_call_and_ends_the_iterator() {
    let _watchdog = watchdog();
    let (mut promises, futures) = promises::<3>();
    keep(&mut promises, 0);
    let mut completed = as_completed(&futures, after(Duration::from_millis(1)));
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(*completed.next().unwrap().unwrap().result().unwrap(), 0, "it is there");
    let error = completed.next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "2 of 3 futures unfinished");
    assert_eq!(error.futures.len(), 2);
    assert!(completed.next().is_none());
    assert_eq!(completed.size_hint(), (0, Some(0)));
}

#[test]
fn many_threads_end_what_one_waits_for() {
    let _watchdog = watchdog();
    let threads = Threads::default();
    for _ in 0..20 {
        let futures: Vec<_> = (0..16).map(|n| threads.submit(move || n).unwrap()).collect();
        let waited = wait(&futures, ReturnWhen::AllCompleted, Deadline::NEVER);
        assert_eq!((waited.done.len(), waited.not_done.len()), (16, 0));
        let sum: i32 = as_completed(futures, Deadline::NEVER)
            .map(|future| future.unwrap().join().unwrap())
            .sum();
        assert_eq!(sum, 120);
    }
}
