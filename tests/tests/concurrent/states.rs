//! The state machine: CF004 to CF009, CF014 to CF017.

use std::sync::Arc;
use std::time::Duration;

use inkle::Deadline;
use inkle::concurrent::{Executor, Future, FutureError, Pending, Spawn, promise, task};
use inkle::platform::after;
use inkle::threading::{self, CancelToken, Reason};
use inkle_tests::{Ledger, block_on, eventually, watchdog};

use super::{Shelf, Threads, gate, is_cancelled, message};

#[test]
fn cf004_pending_running_finished() {
    let _watchdog = watchdog();
    let threads = Threads::default();
    let (open, body) = gate();
    let future = threads.submit(body).unwrap();
    eventually(|| future.is_running());
    assert!(!future.is_done() && !future.is_cancelled());
    open.count_down(1).unwrap();
    future.result().unwrap();
    assert!(future.is_done() && !future.is_running() && !future.is_cancelled());
}

#[test]
fn cf004_finished_without_running() {
    let (promise, future) = promise();
    assert!(!future.is_running() && !future.is_done());
    promise.set_result(1).unwrap();
    assert_eq!(future.join().unwrap(), 1);
}

#[test]
fn cf005_only_what_has_not_begun_is_cancelled_and_again_and_again() {
    let (mut promise_a, a) = promise::<u32>();
    assert!(promise_a.set_running());
    assert!(!a.cancel());
    promise_a.set_result(1).unwrap();
    assert!(!a.cancel() && !a.is_cancelled());

    let (_promise_b, b) = promise::<u32>();
    assert!(b.cancel() && b.cancel());
}

#[test]
fn cf006_done_includes_cancelled() {
    let (_promise, future) = promise::<u32>();
    future.cancel();
    assert!(future.is_done() && future.is_cancelled() && !future.is_running());
}

#[test]
fn cf007_the_result_again_and_again_and_by_many() {
    let _watchdog = watchdog();
    let threads = Threads::default();
    let (open, body) = gate();
    let future = Arc::new(threads.submit(move || (body(), String::from("woven")).1).unwrap());
    let others: Vec<_> = (0..4)
        .map(|_| {
            let future = future.clone();
            threading::spawn(move || future.result().unwrap().len()).unwrap()
        })
        .collect();
    open.count_down(1).unwrap();
    assert_eq!(future.result().unwrap(), "woven");
    assert_eq!(future.result().unwrap(), "woven");
    assert!(others.into_iter().all(|other| other.join().unwrap() == 5));
    assert_eq!(Arc::into_inner(future).unwrap().join().unwrap(), "woven");
}

#[test]
fn cf007_the_same_panic_for_all_who_ask() {
    let (task, future) = task(|| panic!("out of yarn"));
    task.run();
    let [FutureError::Panicked(a), FutureError::Panicked(b)]: [_; 2] =
        [future.result().unwrap_err(), future.result().unwrap_err()]
    else {
        panic!("no panics");
    };
    assert!(Arc::ptr_eq(&a, &b));
    drop((a, b));
    let Err(FutureError::Panicked(panic)) = future.join() else { panic!("no panic") };
    let panic = Arc::into_inner(panic).unwrap();
    assert_eq!(panic.into_inner().downcast_ref(), Some(&"out of yarn"));
}

#[test]
fn cf007_waits_end_by_deadline_by_token_and_by_none() {
    let (_promise, future) = promise::<u32>();
    assert!(matches!(future.try_result(), Err(FutureError::NotDone)));
    let soon = Duration::from_millis(1);
    for result in [
        future.result_timeout(Duration::ZERO),
        future.result_timeout(soon),
        future.result_until(Deadline::PASSED),
        future.result_until(after(soon)),
    ] {
        assert!(matches!(result, Err(FutureError::TimedOut)));
    }
    let token = CancelToken::new();
    threading::scope(|scope| {
        let _ = scope.spawn(|| token.cancel(Reason::custom(3)));
        match future.result_unless(&token) {
            Err(FutureError::CalledOff(reason)) => assert_eq!(reason, Reason::custom(3)),
            other => panic!("{other:?}"),
        }
    })
    .unwrap();
}

#[test]
fn cf008_the_exception_or_none() {
    let (good, a) = task(|| 1);
    let (bad, b) = task(|| -> u32 { panic!("out of yarn") });
    let (_never, c) = promise::<u32>();
    good.run();
    bad.run();
    assert!(a.exception().unwrap().is_none());
    assert_eq!(b.exception().unwrap().unwrap().message(), Some("out of yarn"));
    assert!(matches!(c.exception_timeout(Duration::ZERO), Err(FutureError::TimedOut)));
    c.cancel();
    assert!(is_cancelled(c.exception()));
}

#[test]
fn cf008_the_panic_knows_its_place() {
    threading::locate_panics();
    threading::locate_panics();
    let (task, future) = task(|| -> u32 { panic!("out of {}", "yarn") });
    task.run();
    let panic = future.exception().unwrap().unwrap();
    let place = panic.place().unwrap();
    assert!(place.file.ends_with("states.rs") && place.line > 100, "{place}");
    // What is passed on began elsewhere.
    let (passes, future) = promise::<u32>();
    passes.set_panic(Box::new("from afar"));
    assert!(future.exception().unwrap().unwrap().place().is_none());
}

#[test]
fn cf009_the_time_out_of_a_wait_is_none_of_the_work() {
    let (inner_promise, inner) = promise::<u32>();
    let (outer, future) = task(move || inner.result_timeout(Duration::ZERO).copied());
    outer.run();
    // The wait went well, and the work says what became of its own wait.
    assert!(matches!(future.result(), Ok(Err(FutureError::TimedOut))));
    drop(inner_promise);
}

#[test]
fn cf014_set_running_says_whether_there_is_work_and_says_it_again() {
    let (mut promise_a, a) = promise::<u32>();
    assert!(promise_a.set_running() && promise_a.set_running());
    assert!(a.is_running());
    let (mut promise_b, b) = promise::<u32>();
    b.cancel();
    assert!(!promise_b.set_running() && !promise_b.set_running() && promise_b.is_cancelled());
}

#[test]
fn cf015_a_result_for_a_cancelled_future_comes_back() {
    let (promise_a, a) = promise();
    a.cancel();
    assert_eq!(promise_a.set_result(vec![1]), Err(vec![1]));
    let (promise_b, b) = promise::<u32>();
    b.cancel();
    assert!(!promise_b.fail(FutureError::Broken));
    assert!(is_cancelled(a.join()) && is_cancelled(b.join()));
}

#[test]
fn cf016_a_cancel_tells_all_who_wait_at_once() {
    let _watchdog = watchdog();
    let (promise, future) = promise::<u32>();
    let future = Arc::new(future);
    let (blocks, awaits) = (future.clone(), future.clone());
    let blocks = threading::spawn(move || is_cancelled(blocks.result().copied())).unwrap();
    let awaits = threading::spawn(move || block_on(async { is_cancelled((&*awaits).await) }));
    // Nobody ever touches the promise.
    future.cancel();
    assert!(blocks.join().unwrap());
    assert!(awaits.unwrap().join().unwrap());
    drop(promise);
}

#[test]
fn cf017_a_shutdown_that_cancels_leaves_nobody_waiting() {
    let _watchdog = watchdog();
    let shelf = Shelf::default();
    let futures: Vec<Future<u32>> = (0..1000).map(|n| shelf.submit(move || n).unwrap()).collect();
    shelf.shutdown(Pending::Cancel, Deadline::NEVER).unwrap();
    assert!(futures.into_iter().all(|future| is_cancelled(future.join())));
}

#[test]
fn blocking_and_async_waiters_mix() {
    let _watchdog = watchdog();
    let threads = Threads::default();
    let (open, body) = gate();
    let future = Arc::new(threads.submit(move || (body(), 7).1).unwrap());
    let mut others = Vec::new();
    for n in 0..6 {
        let future = future.clone();
        let wait = move || {
            if n % 2 == 0 {
                *future.result().unwrap()
            } else {
                block_on(async { *(&*future).await.unwrap() })
            }
        };
        others.push(threading::spawn(wait).unwrap());
    }
    open.count_down(1).unwrap();
    assert!(others.into_iter().all(|other| other.join().unwrap() == 7));
}

#[test]
fn a_future_that_is_dropped_changes_nothing() {
    let ledger = Ledger::new(2);
    let (task_a, a) = task({
        let ledger = ledger.clone();
        move || ledger.value(0)
    });
    drop(a);
    assert!(task_a.run());
    assert_eq!(ledger.drops(0), 1);
    // Neither does an await that is given up; a panic of the result's own drop harms nobody.
    let (task_b, b) = task({
        let ledger = ledger.clone();
        move || ledger.bomb(1)
    });
    assert!(inkle_tests::poll_once(std::future::IntoFuture::into_future(b)).is_none());
    assert!(task_b.run());
    ledger.assert_each_once();
}

#[test]
fn awaited_it_gives_the_value_or_the_panic() {
    let _watchdog = watchdog();
    let threads = Threads::default();
    let future = threads.submit(|| vec![1]).unwrap();
    assert_eq!(block_on(async { future.await.unwrap() }), [1]);
    let future = threads.submit(|| -> u32 { panic!("out of yarn") }).unwrap();
    assert_eq!(message(block_on(async { future.await })), "out of yarn");
}

#[test]
fn a_value_that_cannot_be_shared_can_be_moved() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let (task, future) = task(|| std::cell::Cell::new(7));
    task.run();
    let joining = is_send(std::future::IntoFuture::into_future(future));
    assert_eq!(block_on(joining).unwrap().get(), 7);
}
