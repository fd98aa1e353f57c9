//! Futures in a runtime that is not ours.

use std::sync::Arc;
use std::time::Duration;

use inkle::concurrent::{FutureError, Spawn, join_all, promise};
use inkle_tests::watchdog;
use tokio::runtime::Builder;

use super::{Threads, gate};

#[test]
fn tokio_awaits_by_value_and_by_reference() {
    let _watchdog = watchdog();
    let threads = Arc::new(Threads::default());
    let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let sum = runtime.block_on(async {
        let tasks: Vec<_> = (0..50)
            .map(|n| {
                let threads = threads.clone();
                tokio::spawn(async move {
                    let future = threads.submit(move || n).unwrap();
                    let seen = *(&future).await.unwrap();
                    seen + future.await.unwrap()
                })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum + join_all((0..3).map(|n| threads.submit(move || n).unwrap())).await.unwrap().len()
    });
    assert_eq!(sum, 2 * 1225 + 3);
}

#[test]
fn an_await_that_is_given_up_can_be_begun_again() {
    let _watchdog = watchdog();
    let threads = Threads::default();
    let (open, body) = gate();
    let future = threads.submit(move || (body(), 7).1).unwrap();
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let soon = Duration::from_millis(5);
        assert!(tokio::time::timeout(soon, &future).await.is_err());
        open.count_down(1).unwrap();
        assert_eq!(future.await.unwrap(), 7);
    });
}

#[test]
fn a_cancel_wakes_a_task_of_another_runtime() {
    let _watchdog = watchdog();
    let (promise, future) = promise::<u32>();
    let future = Arc::new(future);
    let own = future.clone();
    let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let task = runtime.spawn(async move { matches!((&*own).await, Err(FutureError::Cancelled)) });
    future.cancel();
    assert!(runtime.block_on(task).unwrap());
    drop(promise);
}
