//! How late timers are: a thread that sleeps until the next one is due, and two that never sleep.
//!
//! A round is 400 timers, each due within 1 to 20 ms at random; one operation is one timer, and its time
//! the given percentile of how late they were.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use inkle::platform::{Private, until};
use inkle_core::Deadline;
use inkle_core::timer::{Then, Timers};

use super::{Random, ours, peer};
use crate::harness::{Kept, Row};

const TIMERS: usize = 400;

/// Deadlines of one round.
fn deadlines(random: &mut Random) -> Vec<Instant> {
    let start = Instant::now();
    let delay = |_| start + Duration::from_micros(1_000 + u64::from(random.below(19_000)));
    (0..TIMERS).map(delay).collect()
}

/// The lateness of each timer of a round, on a thread of its own.
type Wait = fn(&mut Random) -> Vec<Duration>;

/// On [`Timers`] with that resolution, or the next smaller power of two in nanoseconds. (That of tokio is a
/// millisecond.)
fn wheel<const MICROS: u64>(random: &mut Random) -> Vec<Duration> {
    let timers: Timers<Instant, TIMERS, Private> = Timers::new(Duration::from_micros(MICROS));
    timers.catch_up();
    for deadline in deadlines(random) {
        assert!(timers.schedule(until(deadline), deadline).is_ok(), "there are slots enough");
    }
    let mut late = Vec::with_capacity(TIMERS);
    while late.len() < TIMERS {
        let fire = |deadline: Instant| {
            late.push(deadline.elapsed());
            Then::Done
        };
        assert!(timers.drive_once(Deadline::NEVER, fire).is_ok(), "that is never");
    }
    late
}

/// On a runtime of that thread, a task a timer.
fn tokio(random: &mut Random) -> Vec<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(async {
        let wait = |deadline: Instant| async move {
            tokio::time::sleep_until(deadline.into()).await;
            deadline.elapsed()
        };
        let tasks: Vec<_> = deadlines(random).into_iter().map(|d| tokio::spawn(wait(d))).collect();
        let mut late = Vec::with_capacity(TIMERS);
        for task in tasks {
            late.push(task.await.expect("it does not panic"));
        }
        late
    })
}

/// A percentile of a round, as if it had been so many operations.
fn late(percent: usize, wait: Wait) -> Kept {
    let mut random = Random::new(percent);
    Box::new(move |count| {
        let is_over = AtomicBool::new(false);
        let mut late = thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        spin_loop();
                    }
                });
            }
            let late = scope.spawn(|| wait(&mut random)).join();
            is_over.store(true, Ordering::Relaxed);
            late.expect("a contender panicked")
        });
        late.sort();
        late[(TIMERS - 1) * percent / 100] * count as u32
    })
}

pub(super) fn rows() -> Vec<Row> {
    let row = |shape, percent| Row {
        group: "timers, lateness beside two busy threads",
        shape,
        contenders: vec![
            ours("Timers, 1 ms", None, late(percent, wheel::<1_000>)),
            ours("Timers, 10 µs", None, late(percent, wheel::<10>)),
            peer("tokio", late(percent, tokio)),
        ],
    };
    vec![row("median", 50), row("99th percentile", 99)]
}
