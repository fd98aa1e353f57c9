//! `map`: CF024 to CF030.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use inkle::Deadline;
use inkle::concurrent::{Executor, FutureError, Inline, Pending, Results, Spawn, Submit, ZeroSize};
use inkle::threading::Latch;
use inkle_tests::{Ledger, eventually, watchdog};

use super::{Shelf, Threads, message};

fn square(n: u64) -> u64 {
    n * n
}

#[test]
fn cf024_in_the_order_of_the_items_and_begun_at_once() {
    let _watchdog = watchdog();
    let threads = Threads::default();
    let slow_first = |n: u64| {
        std::thread::sleep(Duration::from_millis(20 - 2 * n));
        n
    };
    let results: Result<Vec<_>, _> = threads.map(slow_first, 0..10).into_iter().collect();
    assert!(results.unwrap().into_iter().eq(0..10));
    let shelf = Shelf::default();
    let results = shelf.map(square, 0..10).into_iter();
    assert_eq!(shelf.len(), 10, "before the first is asked for");
    shelf.run();
    assert_eq!(results.flatten().sum::<u64>(), 285);
    let inline = Inline::new();
    let zipped = inline.map(|(a, b)| a + b, [1, 2, 3].into_iter().zip([10, 20]));
    assert_eq!(zipped.into_iter().flatten().collect::<Vec<_>>(), [11, 22]);
}

#[test]
fn cf025_no_more_are_out_than_the_buffer_holds() {
    let shelf = Shelf::default();
    let asked = Arc::new(AtomicUsize::new(0));
    let own = asked.clone();
    let items = (0..).inspect(move |_| {
        own.fetch_add(1, Ordering::Relaxed);
    });
    let mut results = shelf.map(square, items).buffer_size(3).unwrap().into_iter();
    for taken in 0..5 {
        assert_eq!(
            (shelf.len(), asked.load(Ordering::Relaxed)),
            (if taken == 0 { 3 } else { 1 }, 3 + taken)
        );
        shelf.run();
        assert_eq!(results.next().unwrap().unwrap(), (taken * taken) as u64);
    }
    let shelf = Shelf::default();
    let mut chunks =
        shelf.map(square, 0..).chunk_size(2).unwrap().buffer_size(3).unwrap().into_iter();
    assert_eq!(shelf.len(), 2, "rounded up");
    shelf.run();
    assert_eq!(chunks.next().unwrap().unwrap(), 0);
}

#[test]
fn cf025_cf030_nothing_is_no_size() {
    let inline = Inline::new();
    assert_eq!(inline.map(square, [1]).buffer_size(0).unwrap_err(), ZeroSize);
    assert_eq!(inline.map(square, [1]).chunk_size(0).unwrap_err(), ZeroSize);
    assert_eq!(inline.map(square, []).into_iter().count(), 0);
}

#[test]
fn cf026_one_deadline_for_all_and_then_the_rest_is_cancelled() {
    let shelf = Shelf::default();
    for unordered in [false, true] {
        let map = shelf.map(square, 0..5).timeout(Duration::from_millis(1));
        let mut results = if unordered { map.unordered() } else { map }.into_iter();
        assert!(matches!(results.next(), Some(Err(FutureError::TimedOut))));
        assert!(results.next().is_none() && results.next().is_none());
        assert_eq!((shelf.len(), shelf.run()), (5, 0), "all cancelled");
    }
    let inline = Inline::new();
    let done = inline.map(square, 0..5).until(Deadline::PASSED).into_iter();
    assert_eq!(done.flatten().count(), 5, "what is there is there");
}

#[test]
fn cf027_an_error_is_its_items_and_collected_it_ends_all() {
    let shelf = Shelf::default();
    let mut results = shelf.map(|n| 6 / n, [3, 0, 2]).into_iter();
    shelf.run();
    assert_eq!(results.next().unwrap().unwrap(), 2);
    assert_eq!(message(results.next().unwrap()), "attempt to divide by zero");
    assert_eq!(results.next().unwrap().unwrap(), 3);
    assert!(results.next().is_none());

    let results = shelf.map(|n| 6 / n, [0, 1, 2]).buffer_size(1).unwrap().into_iter();
    shelf.run();
    let all: Result<Vec<i32>, _> = results.collect();
    assert_eq!(message(all), "attempt to divide by zero");
    assert_eq!(shelf.run(), 0, "the next was submitted and is cancelled");
}

#[test]
fn cf028_dropped_it_cancels_the_rest_and_never_begun_it_does_nothing() {
    let ledger = Ledger::new(10);
    let items: Vec<_> = (0..10).map(|id| ledger.value(id)).collect();
    let shelf = Shelf::default();
    let mut results = shelf.map(drop, items).into_iter();
    let tasks = std::mem::take(&mut *shelf.0.lock().unwrap());
    let mut tasks = tasks.into_iter();
    assert!(tasks.next().unwrap().run());
    assert!(results.next().unwrap().is_ok());
    drop(results);
    assert!(tasks.all(|task| task.is_cancelled()));
    ledger.assert_each_once();
    drop(shelf.map(square, 0..10));
    assert_eq!(shelf.len(), 0);
}

#[test]
fn cf028_a_chunk_that_runs_stops_at_its_next_item() {
    let _watchdog = watchdog();
    let threads = Threads::default();
    let (begun, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Latch::new(1)));
    let (own_begun, own_go) = (begun.clone(), go.clone());
    let work = move |_| {
        own_begun.fetch_add(1, Ordering::SeqCst);
        own_go.wait();
    };
    let results = threads.map(work, 0..100).chunk_size(100).unwrap().into_iter();
    eventually(|| begun.load(Ordering::SeqCst) == 1);
    drop(results);
    go.count_down(1).unwrap();
    threads.shutdown(Pending::Run, Deadline::NEVER).unwrap();
    assert_eq!(begun.load(Ordering::SeqCst), 1);
}

#[test]
fn cf029_after_a_shutdown_the_rest_is_one_error() {
    let inline = Inline::new();
    let mut results = inline.map(square, 0..10).buffer_size(2).unwrap().into_iter();
    assert_eq!(results.next().unwrap().unwrap(), 0);
    inline.shutdown(Pending::Run, Deadline::NEVER).unwrap();
    // Those that it has taken are there.
    assert_eq!(results.next().unwrap().unwrap(), 1);
    assert_eq!(results.next().unwrap().unwrap(), 4);
    let error = results.next().unwrap().unwrap_err();
    assert!(matches!(error, FutureError::Failed(_)));
    assert!(error.to_string().ends_with("the executor has been shut down"));
    assert!(results.next().is_none());
    let mut never = inline.map(square, 0..10).into_iter();
    assert!(matches!(never.next(), Some(Err(FutureError::Failed(_)))) && never.next().is_none());
}

#[test]
fn cf030_a_panic_in_a_chunk_is_its_items_alone() {
    let inline = Inline::new();
    let sixth = |n: u32| 6 / n;
    for ordered in [true, false] {
        let map = inline.map(sixth, [1, 2, 0, 3, 6]).chunk_size(2).unwrap();
        let results: Vec<_> = if ordered { map } else { map.unordered() }.into_iter().collect();
        assert!(matches!(results[..], [Ok(6), Ok(3), Err(_), Ok(2), Ok(1)]));
    }
    let results = inline.map_fn(|n: u32| 6 / n, [1, 0, 2]).chunk_size(3).unwrap();
    assert!(matches!(results.into_iter().collect::<Vec<_>>()[..], [Ok(6), Err(_), Ok(3)]));
}

#[test]
fn a_chunk_that_is_lost_is_an_error_for_each_item() {
    let shelf = Shelf::default();
    let results = shelf.map(square, 0..5).chunk_size(2).unwrap().into_iter();
    shelf.shutdown(Pending::Cancel, Deadline::NEVER).unwrap();
    let results: Vec<_> = results.collect();
    assert_eq!(results.len(), 5);
    assert!(results.iter().all(|result| matches!(result, Err(FutureError::Cancelled))));
}

#[test]
fn unordered_they_come_as_they_are_done() {
    let shelf = Shelf::default();
    let mut results = shelf.map(square, 0..3).unordered().into_iter();
    let tasks = std::mem::take(&mut *shelf.0.lock().unwrap());
    let mut seen = Vec::new();
    for task in tasks.into_iter().rev() {
        task.run();
        seen.push(results.next().unwrap().unwrap());
    }
    assert_eq!(seen, [4, 1, 0]);
    assert!(results.next().is_none());

    let _watchdog = watchdog();
    let threads = Threads::default();
    let endless = threads.map(square, 0..).chunk_size(40).unwrap().buffer_size(160).unwrap();
    let mut some: Vec<_> = endless.unordered().into_iter().take(4000).flatten().collect();
    some.sort_unstable();
    assert_eq!(some.len(), 4000);
    assert!(some.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn unordered_none_is_lost_when_memory_is_used_again() {
    let inline = Inline::new();
    let results = inline.map(square, 0..1000).buffer_size(1).unwrap().unordered();
    assert_eq!(results.into_iter().flatten().count(), 1000);
}

#[test]
fn results_can_go_to_another_thread() {
    fn check<T: Send>(_: &T) {}
    let inline = Inline::new();
    let results: Results<'_, _, u64> = inline.map(square, vec![1]).into_iter();
    check(&results);
}
