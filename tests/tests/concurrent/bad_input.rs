//! What should not be done, and what comes of it.

use std::sync::Arc;

use inkle::concurrent::{Executor, FutureError, Inline, Pending, Spawn, promise, task};
use inkle::platform::Deadline;
use inkle_tests::{panics, poll_once};

#[test]
fn a_payload_that_panics_when_it_is_dropped_harms_nobody() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in the payload's drop");
        }
    }
    let (task, future) = task(|| std::panic::panic_any(Bomb));
    assert!(!panics(|| assert!(task.run())));
    assert!(matches!(future.result(), Err(FutureError::Panicked(_))));
    assert!(!panics(|| drop(future)));
}

#[test]
fn every_error_says_something_and_nothing_twice() {
    let errors = [
        FutureError::NotDone,
        FutureError::TimedOut,
        FutureError::SelfWait,
        FutureError::Cancelled,
        FutureError::Exited,
        FutureError::Broken,
        FutureError::Expired,
        FutureError::failed("x"),
    ];
    let texts: std::collections::HashSet<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), errors.len());
    let last: Vec<bool> = errors.iter().map(FutureError::is_final).collect();
    assert_eq!(last, [false, false, false, true, true, true, true, true]);
}

#[test]
fn an_await_that_was_ready_is_not_polled_again() {
    let (task, future) = task(|| 7);
    task.run();
    let mut joining = std::pin::pin!(std::future::IntoFuture::into_future(future));
    assert!(poll_once(joining.as_mut()).is_some());
    assert!(panics(|| drop(poll_once(joining.as_mut()))));
}

#[test]
fn a_pending_promise_and_its_future_are_dropped_in_any_order() {
    let (promise_a, a) = promise::<Vec<u8>>();
    drop(a);
    promise_a.set_result(vec![1]).unwrap();
    let (promise_b, b) = promise::<Vec<u8>>();
    drop(b);
    drop(promise_b);
}

#[test]
fn an_executor_that_runs_a_task_and_hands_it_back_has_run_it() {
    /// Cannot make up its mind.
    struct Odd;
    impl Executor for Odd {
        fn shutdown(&self, _: Pending, _: Deadline) -> Result<(), inkle::concurrent::TimedOut> {
            Ok(())
        }
    }
    impl Spawn for Odd {
        fn execute(
            &self,
            given: inkle::concurrent::Task,
        ) -> Result<(), inkle::concurrent::SubmitError<inkle::concurrent::Task>> {
            given.run();
            let (other, _) = task(|| ());
            Err(inkle::concurrent::SubmitError::new(inkle::concurrent::SubmitCause::Full, other))
        }
    }
    assert_eq!(Odd.submit(|| 7).unwrap().join().unwrap(), 7);
}

#[test]
fn a_future_is_shared_by_reference() {
    let future = Arc::new(Inline::new().submit(|| vec![1, 2]).unwrap());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(future.result().unwrap(), &[1, 2]));
        }
    });
}
