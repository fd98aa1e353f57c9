//! Context variables under runtimes: tokio on one thread, tokio on several, and the smallest there is.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;

use inkle::contextvars::{Context, ContextVar, FutureExt, copy_context};
use inkle::queue::Queue;
use inkle_tests::{block_on, watchdog};

static TASK: ContextVar<usize> = ContextVar::new("task");
static STEPS: ContextVar<Vec<usize>> = ContextVar::with_default_fn("steps", Vec::new);

const TASKS: usize = 8;
const TURNS: usize = 200;

/// Sends a number round a ring of tasks that wait for each other; each sees its own values behind every
/// `.await`, however they interleave and whatever thread goes on.
async fn member(number: usize, ring: Arc<Vec<Queue<usize>>>) -> usize {
    drop(TASK.set(number));
    let mut threads = vec![thread::current().id()];
    for _ in 0..TURNS {
        let turn = ring[number].get_async().await.unwrap();
        assert_eq!(TASK.get(), Ok(number));
        let mut steps = STEPS.get().unwrap();
        steps.push(turn);
        let token = STEPS.set(steps);
        // A change that is undone behind an `.await`.
        let bound = TASK.set(number + 100);
        ring[(number + 1) % TASKS].put_async(turn + 1).await.unwrap();
        assert_eq!(TASK.get(), Ok(number + 100));
        TASK.reset(bound).unwrap();
        drop(token);
        if !threads.contains(&thread::current().id()) {
            threads.push(thread::current().id());
        }
    }
    let expected: Vec<_> = (0..TURNS).map(|round| round * TASKS + number).collect();
    assert_eq!(STEPS.get().unwrap(), expected);
    threads.len()
}

/// The tasks, and what they have to share: several contexts, and one value that all inherit.
fn members() -> Vec<impl Future<Output = usize>> {
    let ring: Arc<Vec<_>> = Arc::new((0..TASKS).map(|_| Queue::unbounded()).collect());
    ring[0].put(0).unwrap();
    (0..TASKS).map(|number| member(number, ring.clone()).with_context(copy_context())).collect()
}

/// Nothing of the tasks is seen outside.
fn clean() -> bool {
    TASK.get().is_err() && STEPS.get().unwrap().is_empty()
}

#[test]
fn cv018_cv022_tokio_on_one_thread() {
    let _watch = watchdog();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = members().into_iter().map(tokio::spawn).collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), 1);
        }
        assert!(clean());
    });
}

#[test]
fn cv018_cv022_tokio_on_several_threads() {
    let _watch = watchdog();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = members().into_iter().map(tokio::spawn).collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert!(clean());
        assert!(tokio::spawn(async { clean() }).await.unwrap());
    });
}

/// One after the other is polled, each time any is woken.
#[test]
fn cv018_cv022_the_smallest_runtime() {
    let _watch = watchdog();
    let mut tasks: Vec<Option<Pin<Box<dyn Future<Output = usize>>>>> =
        members().into_iter().map(|task| Some(Box::pin(task) as _)).collect();
    block_on(std::future::poll_fn(|context| {
        for task in &mut tasks {
            if task.as_mut().is_some_and(|task| task.as_mut().poll(context).is_ready()) {
                *task = None;
            }
        }
        assert!(clean());
        if tasks.iter().all(Option::is_none) { ().into() } else { std::task::Poll::Pending }
    }));
}

/// A task that goes on in another thread each time, without a runtime that would see to it.
#[test]
fn cv018_a_task_that_wanders() {
    let _watch = watchdog();
    let (go, back) = (Queue::unbounded(), Queue::unbounded());
    let mut task: Pin<Box<dyn Future<Output = usize> + Send>> = {
        let (go, back) = (go.clone(), back.clone());
        let body = async move {
            let mut sum = 0;
            for number in 0..20 {
                drop(TASK.set(number));
                back.put_async(thread::current().id()).await.unwrap();
                sum += go.get_async().await.unwrap();
                assert_eq!(TASK.get(), Ok(number));
            }
            sum
        };
        Box::pin(body.with_context(Context::new()))
    };
    let mut seen = Vec::new();
    for _ in 0..20 {
        task = thread::spawn(move || {
            assert!(
                inkle_tests::poll_once(std::future::poll_fn(|context| {
                    assert!(task.as_mut().poll(context).is_pending());
                    std::task::Poll::Ready(())
                }))
                .is_some()
            );
            assert!(clean());
            task
        })
        .join()
        .unwrap();
        seen.push(back.get().unwrap());
        go.put(1).unwrap();
    }
    assert_eq!(block_on(task), 20);
    seen.dedup();
    assert_eq!(seen.len(), 20, "each step in a thread of its own");
}
