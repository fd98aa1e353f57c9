//! Tasks, promises and executors.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use inkle::Deadline;
use inkle::concurrent::{
    Executor, Future, FutureError, Inline, Pending, Spawn, Submit, SubmitCause, SubmitError, Task,
    TimedOut, join_all, promise, task,
};
use inkle::threading;
use inkle_tests::{Ledger, panics, watchdog};

use super::{Shelf, Threads, is_cancelled, message};

#[test]
fn a_task_that_is_dropped_is_cancelled() {
    let ledger = Ledger::new(1);
    let value = ledger.value(0);
    let (task, future) = task(move || drop(value));
    drop(task);
    assert!(is_cancelled(future.join()));
    ledger.assert_each_once();
}

#[test]
fn a_cancelled_task_lets_go_of_what_it_holds_at_once() {
    let ledger = Ledger::new(2);
    let (value, bomb) = (ledger.value(0), ledger.bomb(1));
    let (one, future) = task(move || drop(value));
    future.cancel();
    assert_eq!(ledger.drops(0), 1);
    assert!(one.is_cancelled() && !one.is_pending() && !one.run());
    // A panic there is nobody's.
    let (other, future) = task(move || drop(bomb));
    assert!(!panics(|| assert!(future.cancel())));
    drop(other);
    ledger.assert_each_once();
}

#[test]
fn a_task_that_fails_says_why() {
    let (task, future) = task(|| ());
    task.fail(FutureError::failed("no such place"));
    let error = future.result().unwrap_err();
    assert!(error.is_final());
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no such place");
}

#[test]
fn cf041_whatever_unwinds_is_caught_in_the_future() {
    let (a, unwinds) = task(|| std::panic::panic_any(7_u8));
    let (b, leaves) = task(|| inkle::thread::exit());
    assert!(a.run() && b.run());
    assert!(matches!(unwinds.result(), Err(FutureError::Panicked(_))));
    let () = match leaves.join() {
        Err(FutureError::Exited) => (),
        _ => panic!("not left"),
    };
}

#[test]
fn a_promise_that_is_dropped_is_broken_before_and_after_it_has_begun() {
    let (promise_a, a) = promise::<u32>();
    let (mut promise_b, b) = promise::<u32>();
    promise_b.set_running();
    drop((promise_a, promise_b));
    for future in [a, b] {
        assert!(matches!(future.join(), Err(FutureError::Broken)));
    }
}

#[test]
fn work_that_waits_for_itself_is_told_so() {
    let _watchdog = watchdog();
    let slot = Arc::new(threading::Mutex::new(None));
    let own = slot.clone();
    let (task, future) = task(move || {
        let future: Arc<inkle::concurrent::Future<bool>> = own.lock().take().unwrap();
        matches!(future.result(), Err(FutureError::SelfWait))
    });
    let future = Arc::new(future);
    *slot.lock() = Some(future.clone());
    task.run();
    assert!(future.result().unwrap());
}

#[test]
fn cf023_after_a_shutdown_the_work_comes_back() {
    let inline = Inline::new();
    inline.shutdown(Pending::Run, Deadline::NEVER).unwrap();
    inline.shutdown(Pending::Run, Deadline::NEVER).unwrap();
    let ledger = Ledger::new(1);
    let value = ledger.value(0);
    let error = inline.submit(move || value).unwrap_err();
    assert!(matches!(error.cause(), SubmitCause::ShutDown));
    assert_eq!(ledger.drops(0), 0);
    drop(error.into_inner()());
    let error = inline.submit_fn(|text: String| text.len(), "yarn".to_owned()).unwrap_err();
    assert_eq!(error.into_inner(), "yarn");
    let error = inline.submit_chunk(|n: u32| n, vec![1, 2]).unwrap_err();
    assert_eq!(error.into_inner(), [1, 2]);
    let task = inline.execute(task(|| ()).0).unwrap_err().into_inner();
    assert!(task.is_pending(), "it is as it was");
}

#[test]
fn cf031_a_shutdown_waits_or_says_that_it_has_not() {
    let _watchdog = watchdog();
    let threads = Threads::default();
    let done = Arc::new(AtomicU32::new(0));
    for _ in 0..8 {
        let done = done.clone();
        let work = move || {
            std::thread::sleep(Duration::from_millis(5));
            done.fetch_add(1, Ordering::Relaxed);
        };
        drop(threads.submit(work).unwrap());
    }
    threads.shutdown(Pending::Run, Deadline::NEVER).unwrap();
    assert_eq!(done.load(Ordering::Relaxed), 8);
}

#[test]
fn cf033_what_is_pending_is_done_at_a_shutdown() {
    let shelf = Shelf::default();
    let futures: Vec<_> = (0..3).map(|n| shelf.submit(move || n).unwrap()).collect();
    shelf.shutdown(Pending::Run, Deadline::NEVER).unwrap();
    let results: Result<Vec<i32>, _> = futures.into_iter().map(|future| future.join()).collect();
    assert_eq!(results.unwrap(), [0, 1, 2]);
}

#[test]
fn executors_behind_pointers_are_executors() {
    fn sum<E: Spawn>(executor: E) -> i32 {
        executor.submit(|| 1 + 2).unwrap().join().unwrap()
    }
    let threads: Arc<dyn Spawn> = Arc::new(Threads::default());
    let inline: Box<dyn Spawn> = Box::new(Inline::new());
    assert_eq!(
        (sum(threads.clone()), sum(&*threads), sum(inline), sum(Inline::new())),
        (3, 3, 3, 3)
    );
    threads.shutdown(Pending::Run, Deadline::NEVER).unwrap();
}

#[test]
fn functions_with_arguments_go_to_any_executor() {
    fn area((width, height): (u32, u32)) -> u32 {
        width * height
    }
    fn areas<E: Submit<(u32, u32), u32>>(executor: &E) -> Vec<u32> {
        let results = executor.map_fn(area, [(1, 2), (3, 4)]).into_iter();
        results.map(Result::unwrap).collect()
    }
    assert_eq!(areas(&Inline::new()), [2, 12]);
    assert_eq!(areas(&Threads::default()), [2, 12]);
    let future = Threads::default().submit_fn(area, (6, 7)).unwrap();
    assert_eq!(future.join().unwrap(), 42);
    let sixth: fn(u32) -> u32 = |n| 6 / n;
    let chunk = Inline::new().submit_chunk(sixth, vec![3, 0, 2]).unwrap().join().unwrap();
    let [Ok(2), Err(error), Ok(3)] = <[_; 3]>::try_from(chunk).unwrap() else { panic!("others") };
    assert_eq!(message::<u32>(Err(error)), "attempt to divide by zero");
}

#[test]
fn thousands_of_tasks_dropped_at_once_are_cancelled() {
    let (tasks, futures): (Vec<Task>, Vec<_>) = (0..10_000).map(|n| task(move || n)).unzip();
    drop(tasks);
    assert!(futures.iter().all(|future| future.is_cancelled()));
}

/// What can be written and read again.
trait Wire: Send + 'static {
    fn write(&self) -> Vec<u8>;
    fn read(bytes: &[u8]) -> Self;
}

impl Wire for u32 {
    fn write(&self) -> Vec<u8> {
        self.to_le_bytes().to_vec()
    }

    fn read(bytes: &[u8]) -> Self {
        Self::from_le_bytes(bytes.try_into().unwrap())
    }
}

/// Takes only what can be written, as one of processes does, and no closures.
struct Afar;

impl Executor for Afar {
    fn shutdown(&self, _: Pending, _: Deadline) -> Result<(), TimedOut> {
        Ok(())
    }
}

impl<A: Wire, R: Wire> Submit<A, R> for Afar {
    fn submit_fn(&self, function: fn(A) -> R, argument: A) -> Result<Future<R>, SubmitError<A>> {
        let (promise, future) = promise();
        let sent = argument.write();
        let there = threading::spawn(move || {
            let result = std::panic::catch_unwind(|| function(A::read(&sent)).write());
            match result {
                Ok(bytes) => promise.set_result(R::read(&bytes)).is_ok(),
                Err(payload) => promise.set_panic(payload),
            }
        });
        assert!(there.is_ok());
        Ok(future)
    }

    fn submit_chunk(
        &self,
        function: fn(A) -> R,
        chunk: Vec<A>,
    ) -> Result<Future<Vec<Result<R, FutureError>>>, SubmitError<Vec<A>>> {
        let parts = chunk.into_iter().map(|item| self.submit_fn(function, item).unwrap());
        Ok(join_all(parts.collect::<Vec<_>>()))
    }
}

#[test]
fn an_executor_may_take_functions_only_and_say_what_it_can_carry() {
    let _watchdog = watchdog();
    fn sixth(n: u32) -> u32 {
        6 / n
    }
    let results: Vec<_> =
        Afar.map_fn(sixth, [1, 0, 3]).chunk_size(2).unwrap().into_iter().collect();
    assert!(matches!(results[..], [Ok(6), Err(FutureError::Panicked(_)), Ok(2)]));
    assert_eq!(Afar.submit_fn(sixth, 2).unwrap().join().unwrap(), 3);
}
