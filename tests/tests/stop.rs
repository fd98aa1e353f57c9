//! Work that runs is asked to stop, by its future or with its pool. (CF065)

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::thread::scope;

use inkle::concurrent::{
    Future, FutureError, Halt, Inline, Spawn, ThreadPoolExecutor, join_all, promise, task,
    with_token,
};
use inkle::threading::{self, Event, Reason};
use inkle_tests::{SCALE, eventually, watchdog};

fn pool(workers: u32) -> ThreadPoolExecutor {
    ThreadPoolExecutor::new(workers).unwrap()
}

/// Waits until the caller's token is cancelled.
fn until_stopped() -> Reason {
    with_token(|token| token.unwrap().wait())
}

/// Whether the caller's token is cancelled.
fn is_stopped() -> bool {
    with_token(|token| token.unwrap().is_cancelled())
}

/// A task that runs until it is stopped, and has begun.
fn endless(executor: &impl Spawn) -> Future<Reason> {
    let future = executor.submit(until_stopped).unwrap();
    eventually(|| future.is_running());
    future
}

#[test]
fn cf065_what_runs_ends_by_itself_and_keeps_its_result() {
    let _watch = watchdog();
    let executor = pool(1);
    let future = endless(&executor);
    assert!(!future.cancel(), "it runs");
    assert!(future.stop());
    assert_eq!(future.result().unwrap(), &Reason::REQUESTED);
    assert!(!future.is_cancelled() && !future.stop(), "it is done");
    // Its worker goes on.
    assert_eq!(executor.submit(|| 7).unwrap().join().unwrap(), 7);
    let panics = executor.submit(|| -> () { panic!("{}", until_stopped()) }).unwrap();
    eventually(|| panics.is_running());
    assert!(panics.stop());
    assert!(panics.exception().unwrap().is_some());
}

#[test]
fn cf065_a_stop_that_comes_before_the_work_looks_is_not_lost() {
    let _watch = watchdog();
    let go = Arc::new(Event::new());
    let its = Arc::clone(&go);
    let future = pool(1).submit(move || {
        its.wait();
        (until_stopped(), is_stopped())
    });
    let future = future.unwrap();
    eventually(|| future.is_running());
    assert!(future.stop() && future.stop(), "twice is once");
    go.set();
    assert_eq!(future.join().unwrap(), (Reason::REQUESTED, true));
}

#[test]
fn cf065_what_has_not_begun_is_cancelled_and_what_is_done_is_left_alone() {
    let (task, future) = task(|| 7);
    assert!(future.stop() && future.is_cancelled() && future.stop());
    assert!(!task.run());
    let done = Inline::new().submit(|| 7).unwrap();
    assert!(!done.stop());
    assert_eq!(done.join().unwrap(), 7);
}

#[test]
fn cf065_only_the_one_that_is_meant_stops() {
    let _watch = watchdog();
    let executor = pool(3);
    let [one, two, three] = [(); 3].map(|()| endless(&executor));
    assert!(two.stop());
    assert_eq!(two.join().unwrap(), Reason::REQUESTED);
    assert!(one.is_running() && three.is_running());
    assert!(three.stop());
    assert_eq!(three.join().unwrap(), Reason::REQUESTED);
    executor.shutdown_with(Halt { cancel_running: true, ..Halt::WAIT });
    assert_eq!(one.join().unwrap(), Reason::SHUTDOWN);
}

#[test]
fn cf043_work_that_a_worker_does_while_it_waits_has_a_token_of_its_own() {
    let _watch = watchdog();
    let executor = pool(1);
    let shared = Arc::new(OnceLock::<Future<Reason>>::new());
    let (its, inside) = (Arc::clone(&shared), executor.clone());
    let outer = executor.submit(move || {
        assert!(!is_stopped());
        its.set(inside.submit(until_stopped).unwrap()).unwrap();
        let reason = *its.get().unwrap().result().unwrap();
        (reason, is_stopped())
    });
    let outer = outer.unwrap();
    eventually(|| shared.get().is_some_and(Future::is_running));
    assert!(shared.get().unwrap().stop());
    assert_eq!(outer.join().unwrap(), (Reason::REQUESTED, false), "the outer one was not asked");
}

#[test]
fn cf065_work_outside_of_pools_has_a_token_too() {
    let _watch = watchdog();
    let (task, future) = task(until_stopped);
    let thread = threading::spawn(move || task.run()).unwrap();
    eventually(|| future.is_running());
    assert!(future.stop());
    assert_eq!(future.join().unwrap(), Reason::REQUESTED);
    assert!(thread.join().unwrap());
    assert!(Inline::new().submit(|| with_token(|token| token.is_some())).unwrap().join().unwrap());
    assert!(with_token(|token| token.is_none()));
    // Nor does a callback count as work of its own.
    let (promise, future) = promise::<()>();
    let seen = Arc::new(AtomicBool::new(true));
    let its = Arc::clone(&seen);
    future.add_done_callback(move |_| its.store(with_token(|token| token.is_some()), SeqCst));
    promise.set_result(()).unwrap();
    assert!(!seen.load(SeqCst));
}

#[test]
fn cf068_what_is_made_of_others_is_cancelled_and_they_are_stopped() {
    let _watch = watchdog();
    let executor = pool(4);
    let ends = Arc::new(AtomicUsize::new(0));
    let endless = || {
        let ends = Arc::clone(&ends);
        let future = executor.submit(move || {
            until_stopped();
            ends.fetch_add(1, SeqCst);
        });
        let future = future.unwrap();
        eventually(|| future.is_running());
        future
    };
    let mapped = endless().map(|()| 7);
    assert!(mapped.stop() && mapped.is_cancelled());
    let all = join_all([endless(), endless()]);
    assert!(all.stop() && matches!(all.join(), Err(FutureError::Cancelled)));
    let (next, begun) = (endless(), Inline::new().submit(|| ()).unwrap());
    let chained = begun.then(|()| next);
    assert!(chained.stop() && chained.is_cancelled());
    eventually(|| ends.load(SeqCst) == 4);
    // A cancel leaves alone what runs.
    let last = endless().map(|()| 7);
    assert!(last.cancel());
    eventually(|| executor.counters().running == 1);
    executor.shutdown_with(Halt { cancel_running: true, ..Halt::WAIT });
    assert_eq!(ends.load(SeqCst), 5);
}

#[test]
fn cf065_stops_and_ends_may_meet() {
    let _watch = watchdog();
    let executor = pool(2);
    for round in 0..500 * SCALE {
        let future = executor.submit(move || if round % 2 == 0 { is_stopped() } else { false });
        let future = future.unwrap();
        scope(|scope| {
            scope.spawn(|| future.stop());
            future.stop();
        });
        // Cancelled, stopped or done before.
        assert!(matches!(future.join(), Ok(_) | Err(FutureError::Cancelled)));
    }
}
