//! What follows the work, the pool, and timers.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use inkle::concurrent::{Executor, Future, FutureError, Pending, Spawn, ThreadPoolExecutor};
use inkle::contextvars::{ContextVar, copy_context};
use inkle::platform::Deadline;
use inkle::threading::Timer;

use crate::kit::{Soak, Turn};

/// Timers, contexts and the pool.
pub(crate) fn all(soak: &mut Soak) {
    static DEPTH: ContextVar<u64> = ContextVar::with_default("depth", 0);
    soak.play("contextvars", |turn| {
        while turn.goes_on() {
            let number = turn.number();
            let token = DEPTH.set(number);
            let context = copy_context();
            context.run(|| drop(DEPTH.set(number + 1))).unwrap();
            assert_eq!((DEPTH.get(), context.get(&DEPTH)), (Ok(number), Some(number + 1)));
            drop(token);
        }
    });

    let pool = ThreadPoolExecutor::builder().workers(3).build().unwrap();
    let calls = std::sync::Arc::new(AtomicU64::new(0));
    let begun = AtomicU64::new(0);
    soak.play("ThreadPoolExecutor", |turn| {
        let mut futures = Vec::new();
        while turn.goes_on() {
            let (number, calls, panics) = (turn.number(), calls.clone(), turn.roll(64) == 0);
            let task = move || {
                calls.fetch_add(1, Relaxed);
                if panics {
                    std::panic::resume_unwind(Box::new("on purpose"));
                }
                number
            };
            futures.push((number, panics, pool.submit(task).unwrap()));
            turn.kept(number);
            if futures.len() == 32 {
                settle(turn, &begun, &mut futures);
            }
        }
        settle(turn, &begun, &mut futures);
    });
    assert_eq!(calls.load(Relaxed), begun.into_inner());
    let (left, right) = pool.join(|| 1, || 2);
    assert_eq!((left, right), (1, 2));
    pool.shutdown(Pending::Run, Deadline::NEVER).unwrap();

    let fired = std::sync::Arc::new(AtomicU64::new(0));
    let cancelled = AtomicU64::new(0);
    let started = AtomicU64::new(0);
    soak.play("Timer", |turn| {
        let mut timers = Vec::new();
        while turn.goes_on() {
            let fired = fired.clone();
            let soon = Duration::from_micros(turn.roll(300) as u64);
            let timer = Timer::start(soon, move || fired.fetch_add(1, Relaxed)).unwrap();
            started.fetch_add(1, Relaxed);
            timers.push(timer);
            if timers.len() == 32 {
                for timer in timers.drain(..) {
                    cancelled.fetch_add(u64::from(timer.cancel()), Relaxed);
                }
            }
        }
        for timer in timers {
            cancelled.fetch_add(u64::from(timer.cancel()), Relaxed);
        }
    });
    inkle_tests::eventually(|| {
        fired.load(Relaxed) + cancelled.load(Relaxed) == started.load(Relaxed)
    });
}

/// Each task either gave its number, or panicked on purpose, or was cancelled before it began.
fn settle(turn: &mut Turn, begun: &AtomicU64, futures: &mut Vec<(u64, bool, Future<u64>)>) {
    for (number, panics, future) in futures.drain(..) {
        let is_cancelled = turn.roll(8) == 0 && future.cancel();
        match future.join() {
            Ok(result) => assert!(result == number && !panics && !is_cancelled),
            Err(FutureError::Cancelled) => assert!(is_cancelled),
            Err(error) => assert!(panics && error.panic().is_some(), "{error}"),
        }
        begun.fetch_add(u64::from(!is_cancelled), Relaxed);
        // Answered for.
        turn.got(number, false);
    }
}
