//! Re-entrant locks, locks with readers, barriers, and values made once.

use std::hint::black_box;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use inkle::platform::Private;
use inkle_core::sync::{Barrier, Once, RLock, RwLock};

use super::{ours, peer};
use crate::harness::{Bar, Row, Run};
use crate::threads::{Task, timed};

/// Does `work` so many times on one thread.
#[inline(always)]
fn alone(count: u64, mut work: impl FnMut(u64)) -> Duration {
    let start = Instant::now();
    (0..count).for_each(&mut work);
    start.elapsed()
}

/// Does `work` on something shared, so many times in all on `THREADS` threads.
fn together<T: Send + Sync + 'static, const THREADS: u64>(
    count: u64,
    shared: T,
    work: fn(&T),
) -> Duration {
    let shared = Arc::new(shared);
    let tasks = (0..THREADS).map(|_| -> Task {
        let shared = Arc::clone(&shared);
        Box::new(move || (0..count / THREADS).for_each(|_| work(&shared)))
    });
    timed(tasks.collect())
}

/// A lock taken twice by its owner.
fn nested() -> Vec<(&'static str, Run, bool)> {
    vec![
        (
            "RLock",
            |count| {
                let lock = RLock::<Private>::new();
                alone(count, |_| {
                    let _outer = black_box(&lock).guard();
                    let _inner = black_box(&lock).guard();
                })
            },
            true,
        ),
        (
            "parking_lot",
            |count| {
                let lock = parking_lot::ReentrantMutex::new(());
                alone(count, |_| {
                    let _outer = black_box(&lock).lock();
                    let _inner = black_box(&lock).lock();
                })
            },
            false,
        ),
    ]
}

fn reads<const THREADS: u64>() -> Vec<(&'static str, Run, bool)> {
    vec![
        (
            "RwLock",
            |count| {
                together::<_, THREADS>(count, RwLock::<u64, Private>::new(7), |lock| {
                    _ = black_box(*lock.read());
                })
            },
            true,
        ),
        (
            "parking_lot",
            |count| {
                together::<_, THREADS>(count, parking_lot::RwLock::new(7_u64), |lock| {
                    _ = black_box(*lock.read());
                })
            },
            false,
        ),
        (
            "std",
            |count| {
                together::<_, THREADS>(count, std::sync::RwLock::new(7_u64), |lock| {
                    _ = black_box(*lock.read().unwrap_or_else(PoisonError::into_inner));
                })
            },
            false,
        ),
    ]
}

fn writes<const THREADS: u64>() -> Vec<(&'static str, Run, bool)> {
    vec![
        (
            "RwLock",
            |count| {
                together::<_, THREADS>(count, RwLock::<u64, Private>::new(7), |lock| {
                    *lock.write() += 1;
                })
            },
            true,
        ),
        (
            "parking_lot",
            |count| {
                together::<_, THREADS>(count, parking_lot::RwLock::new(7_u64), |lock| {
                    *lock.write() += 1;
                })
            },
            false,
        ),
        (
            "std",
            |count| {
                together::<_, THREADS>(count, std::sync::RwLock::new(7_u64), |lock| {
                    *lock.write().unwrap_or_else(PoisonError::into_inner) += 1;
                })
            },
            false,
        ),
    ]
}

fn rounds<const THREADS: u64>() -> Vec<(&'static str, Run, bool)> {
    vec![
        (
            "Barrier",
            |count| {
                let barrier = Barrier::<Private>::new(THREADS as u32).expect("a few");
                together::<_, THREADS>(count, barrier, |barrier| assert!(barrier.wait().is_ok()))
            },
            true,
        ),
        (
            "std",
            |count| {
                let barrier = std::sync::Barrier::new(THREADS as usize);
                together::<_, THREADS>(count, barrier, |barrier| _ = barrier.wait())
            },
            false,
        ),
    ]
}

fn made_once() -> Vec<(&'static str, Run, bool)> {
    vec![
        (
            "Once",
            |count| {
                let once = Once::<u64, Private>::new();
                alone(count, |turn| _ = black_box(black_box(&once).get_or_init(|| turn)))
            },
            true,
        ),
        (
            "std OnceLock",
            |count| {
                let once = OnceLock::new();
                alone(count, |turn| _ = black_box(black_box(&once).get_or_init(|| turn)))
            },
            false,
        ),
    ]
}

fn row(
    group: &'static str,
    shape: &'static str,
    contenders: Vec<(&'static str, Run, bool)>,
) -> Row {
    let contenders = contenders.into_iter().map(|(name, run, is_ours)| {
        if is_ours { ours(name, Some(Bar::AS_FAST), run) } else { peer(name, run) }
    });
    Row { group, shape, contenders: contenders.collect() }
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row("re-entrant lock", "uncontended, twice", nested()),
        row("read-write lock", "one reader", reads::<1>()),
        row("read-write lock", "2 readers", reads::<2>()),
        row("read-write lock", "one writer", writes::<1>()),
        row("read-write lock", "2 writers", writes::<2>()),
        row("barrier", "2 threads", rounds::<2>()),
        row("barrier", "4 threads", rounds::<4>()),
        row("value made once", "read", made_once()),
    ]
}
