//! Locks around one addition.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use inkle::platform::Private;
use inkle_core::sync::Lock;

use super::{ours, peer};
use crate::harness::{Bar, Row};
use crate::threads::{Task, timed};

/// A lock as the rows see it.
trait Locks: Default + Send + Sync + 'static {
    fn locked(&self, work: impl FnOnce());
}

impl Locks for Lock<Private> {
    #[inline(always)]
    fn locked(&self, work: impl FnOnce()) {
        let _guard = self.guard();
        work();
    }
}

impl Locks for std::sync::Mutex<()> {
    #[inline(always)]
    fn locked(&self, work: impl FnOnce()) {
        let _guard = self.lock();
        work();
    }
}

impl Locks for parking_lot::Mutex<()> {
    #[inline(always)]
    fn locked(&self, work: impl FnOnce()) {
        let _guard = self.lock();
        work();
    }
}

/// A lock and what it protects. Atomic only in name, so that no contender needs unsafe code: a load
/// and a store, which cost what plain ones do.
#[derive(Default)]
struct Counter<L> {
    lock: L,
    count: AtomicU64,
}

impl<L: Locks> Counter<L> {
    #[inline(always)]
    fn add(&self) {
        self.lock.locked(|| {
            self.count.store(self.count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        });
    }
}

/// One thread alone.
fn uncontended<L: Locks>(count: u64) -> Duration {
    let counter = Counter::<L>::default();
    let start = Instant::now();
    for _ in 0..count {
        counter.add();
    }
    start.elapsed()
}

/// `THREADS` threads that do `PAUSE` turns of something else between two additions.
fn contended<L: Locks, const THREADS: u64, const PAUSE: u32>(count: u64) -> Duration {
    let counter = Arc::new(Counter::<L>::default());
    let share = count / THREADS;
    let tasks = (0..THREADS).map(|_| -> Task {
        let counter = Arc::clone(&counter);
        Box::new(move || {
            for _ in 0..share {
                counter.add();
                (0..PAUSE).for_each(|_| spin_loop());
            }
        })
    });
    let time = timed(tasks.collect());
    assert_eq!(counter.count.load(Ordering::Relaxed), share * THREADS, "a lock that does not lock");
    time
}

/// A row of one function, which is generic over the lock.
macro_rules! row {
    ($shape:literal, $bar:expr, $run:ident $(, $parameter:literal)*) => {
        Row {
            group: "lock",
            shape: $shape,
            contenders: vec![
                ours("Lock", $bar, $run::<Lock<Private> $(, $parameter)*>),
                peer("parking_lot", $run::<parking_lot::Mutex<()> $(, $parameter)*>),
                peer("std", $run::<std::sync::Mutex<()> $(, $parameter)*>),
            ],
        }
    };
}

pub(crate) fn rows() -> Vec<Row> {
    let bar = Bar { ratio: 1.0, against: Some("parking_lot") };
    vec![
        row!("uncontended", Some(bar), uncontended),
        row!("2 threads", None, contended, 2, 0),
        row!("4 threads", None, contended, 4, 0),
        row!("2 threads, work outside", None, contended, 2, 20),
        row!("4 threads, work outside", None, contended, 4, 20),
    ]
}
