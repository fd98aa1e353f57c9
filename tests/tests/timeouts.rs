//! Table 0.1 of the semantics, for every call that exists: no limit, zero, past, huge, and a short
//! time that passes. Only orders of magnitude are asserted of the times.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};

use inkle::platform::{Deadline, Private, until};
use inkle::queue::Queue;
use inkle::threading::{Condition, Event, JoinError, Lock, Semaphore, TIMEOUT_MAX, Timer, spawn};
use inkle_core::channel::Channel;
use inkle_core::queue::fifo::{FastFifo, Fifo};
use inkle_core::queue::word::WordRing;
use inkle_tests::{PATIENCE, SETTLE, timed, watchdog};

/// How to call.
#[derive(Clone, Copy, Debug)]
enum How {
    Forever,
    For(Duration),
    Until(Deadline),
}
use How::{For, Forever, Until};

/// A blocking call that could not succeed now, and what makes it succeed, once.
struct Row {
    name: &'static str,
    call: Box<dyn Fn(How) -> bool + Sync>,
    allow: Box<dyn Fn() + Sync>,
}

fn row<S: Sync + Send + 'static>(
    name: &'static str,
    state: S,
    call: impl Fn(&S, How) -> bool + Sync + 'static,
    allow: impl Fn(&S) + Sync + 'static,
) -> Row {
    let state = Arc::new(state);
    let its = Arc::clone(&state);
    Row { name, call: Box::new(move |how| call(&state, how)), allow: Box::new(move || allow(&its)) }
}

/// The rows for one type of channel or queue of numbers, with room for one.
macro_rules! exchange {
    ($name:literal, $new:expr) => {
        [
            row(
                concat!($name, " get"),
                $new,
                |queue, how| match how {
                    Forever => queue.get().is_ok(),
                    For(timeout) => queue.get_timeout(timeout).is_ok(),
                    Until(deadline) => queue.get_until(deadline).is_ok(),
                },
                |queue| queue.put(0).unwrap(),
            ),
            row(
                concat!($name, " put"),
                {
                    let queue = $new;
                    queue.put(0).unwrap();
                    queue
                },
                |queue, how| match how {
                    Forever => queue.put(0).is_ok(),
                    For(timeout) => queue.put_timeout(0, timeout).is_ok(),
                    Until(deadline) => queue.put_until(0, deadline).is_ok(),
                },
                |queue| assert!(queue.get().is_ok()),
            ),
            row(
                concat!($name, " join"),
                {
                    let queue = $new;
                    queue.put(0).unwrap();
                    queue
                },
                |queue, how| match how {
                    Forever => {
                        queue.join();
                        true
                    }
                    For(timeout) => queue.join_timeout(timeout).is_ok(),
                    Until(deadline) => queue.join_until(deadline).is_ok(),
                },
                |queue| queue.task_done().unwrap(),
            ),
        ]
    };
}

fn rows() -> Vec<Row> {
    let held = Lock::new();
    held.acquire();
    let go = Arc::new(Event::new());
    let its = Arc::clone(&go);
    let mut rows = vec![
        row(
            "Lock",
            held,
            |lock, how| match how {
                Forever => {
                    lock.acquire();
                    true
                }
                For(timeout) => lock.acquire_timeout(timeout).is_ok(),
                Until(deadline) => lock.acquire_until(deadline).is_ok(),
            },
            |lock| lock.release().unwrap(),
        ),
        row(
            "Semaphore",
            Semaphore::new(0),
            |permits, how| match how {
                Forever => {
                    permits.acquire();
                    true
                }
                For(timeout) => permits.acquire_timeout(timeout).is_ok(),
                Until(deadline) => permits.acquire_until(deadline).is_ok(),
            },
            |permits| permits.release(1).unwrap(),
        ),
        row(
            "Event",
            Event::new(),
            |event, how| match how {
                Forever => {
                    event.wait();
                    true
                }
                For(timeout) => event.wait_timeout(timeout).is_ok(),
                Until(deadline) => event.wait_until(deadline).is_ok(),
            },
            Event::set,
        ),
        row(
            "Condition",
            (Lock::new(), Condition::new(), AtomicBool::new(false)),
            |(lock, changed, ready), how| {
                let mut guard = lock.guard();
                let (guard, ready) = (&mut guard, |_: &mut _| ready.load(Ordering::Relaxed));
                match how {
                    Forever => {
                        changed.wait_for(guard, ready);
                        true
                    }
                    For(timeout) => changed.wait_for_timeout(guard, timeout, ready).is_ok(),
                    Until(deadline) => changed.wait_for_until(guard, deadline, ready).is_ok(),
                }
            },
            |(lock, changed, ready)| {
                let _guard = lock.guard();
                ready.store(true, Ordering::Relaxed);
                changed.notify_all();
            },
        ),
        row(
            "Thread join",
            (spawn(move || its.wait()).unwrap(), go),
            |(thread, _), how| {
                let result = match how {
                    Forever => thread.join(),
                    For(timeout) => thread.join_timeout(timeout),
                    Until(deadline) => thread.join_until(deadline),
                };
                assert!(matches!(result, Ok(()) | Err(JoinError::TimedOut)));
                result.is_ok()
            },
            |(_, go)| go.set(),
        ),
    ];
    rows.push(row(
        "Timer join",
        Timer::start(Duration::from_secs(3600), || ()).unwrap(),
        |timer, how| {
            let result = match how {
                Forever => timer.join(),
                For(timeout) => timer.join_timeout(timeout),
                Until(deadline) => timer.join_until(deadline),
            };
            assert!(matches!(result, Err(JoinError::TimerCancelled | JoinError::TimedOut)));
            matches!(result, Err(JoinError::TimerCancelled))
        },
        |timer| assert!(timer.cancel()),
    ));
    rows.extend(exchange!("Queue", Queue::<u32>::bounded(1).unwrap()));
    rows.extend(exchange!("WordRing", Channel::<WordRing<u32, 1>, Private>::new(WordRing::new())));
    rows.extend(exchange!("Fifo", Channel::<Fifo<u32, 1>, Private>::new(Fifo::new())));
    rows.extend(exchange!("FastFifo", Channel::<FastFifo<u32, 1>, Private>::new(FastFifo::new())));
    rows
}

#[test]
fn zero_and_past_poll() {
    let _watch = watchdog();
    let long_ago = until(Instant::now() - Duration::from_millis(1));
    for how in [
        For(Duration::ZERO),
        Until(Deadline::PASSED),
        Until(Deadline::at(1)),
        Until(long_ago),
        Until(Some(Deadline::PASSED).into()),
    ] {
        for row in rows() {
            let (took, succeeded) = timed(|| (row.call)(how));
            assert!(!succeeded, "{} {how:?}", row.name);
            assert!(took < PATIENCE, "{} {how:?} took {took:?}", row.name);
            (row.allow)();
            if row.name == "Thread join" {
                // Its end takes a moment.
                assert!((row.call)(Forever));
            } else {
                assert!((row.call)(how), "{} {how:?} may succeed at once", row.name);
            }
        }
    }
}

#[test]
fn a_short_time_passes_in_full() {
    let _watch = watchdog();
    let short = Duration::from_millis(10);
    for row in rows() {
        let (took, succeeded) = timed(|| (row.call)(For(short)));
        assert!(!succeeded, "{}", row.name);
        assert!(took >= short, "{} gave up after {took:?}", row.name);
        assert!(took < PATIENCE, "{} took {took:?}", row.name);
        let moment = Instant::now() + short;
        assert!(!(row.call)(Until(until(moment))), "{}", row.name);
        assert!(Instant::now() >= moment, "{}", row.name);
        (row.allow)();
    }
}

#[test]
fn no_limit_and_huge_ones_wait() {
    let _watch = watchdog();
    for how in [
        Forever,
        For(Duration::MAX),
        For(TIMEOUT_MAX),
        For(TIMEOUT_MAX + Duration::from_nanos(1)),
        For(Duration::from_secs(u64::MAX / 1_000_000_000)),
        For(PATIENCE * 2),
        Until(Deadline::NEVER),
        Until(Deadline::at(u64::MAX - 1)),
        Until(None.into()),
    ] {
        let rows = rows();
        scope(|scope| {
            let calls: Vec<_> =
                rows.iter().map(|row| scope.spawn(move || (row.call)(how))).collect();
            std::thread::sleep(SETTLE);
            for (row, call) in rows.iter().zip(calls) {
                assert!(!call.is_finished(), "{} {how:?} did not wait", row.name);
                (row.allow)();
                assert!(call.join().unwrap(), "{} {how:?}", row.name);
            }
        });
    }
}

#[test]
fn many_short_waits_do_not_wear_anything_out() {
    let _watch = watchdog();
    for row in rows() {
        for micros in 0..50 {
            assert!(!(row.call)(For(Duration::from_micros(micros))), "{}", row.name);
        }
        (row.allow)();
        assert!((row.call)(For(PATIENCE)), "{}", row.name);
    }
}

#[test]
fn th044_condition_wait_with_a_passed_deadline_lets_others_in() {
    let _watch = watchdog();
    let (lock, changed) = (Lock::new(), Condition::new());
    let mut guard = lock.guard();
    assert!(changed.wait_timeout(&mut guard, Duration::ZERO).is_err());
    assert!(changed.wait_until(&mut guard, Deadline::PASSED).is_err());
    assert!(lock.is_held(), "it is held again");
}
