//! Semaphores, events, conditions and threads.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use event_listener::Listener;
use inkle::platform::Private;
use inkle::threading;
use inkle_core::sync::{Condition, Event, Lock, Semaphore};

use super::wake::{Signalled, Token, round_trips};
use super::{ours, peer};
use crate::harness::{Bar, Row};
use crate::threads::{Task, timed};

/// A semaphore as the rows see it.
trait Permits: Send + Sync + 'static {
    fn new(permits: usize) -> Self;
    fn hold(&self, work: impl FnOnce());
}

impl Permits for Semaphore<Private> {
    fn new(permits: usize) -> Self {
        Self::new(permits as u32)
    }

    #[inline(always)]
    fn hold(&self, work: impl FnOnce()) {
        self.acquire();
        work();
        assert!(self.release(1).is_ok(), "far from too many");
    }
}

impl Permits for async_lock::Semaphore {
    fn new(permits: usize) -> Self {
        Self::new(permits)
    }

    #[inline(always)]
    fn hold(&self, work: impl FnOnce()) {
        let _permit = self.acquire_blocking();
        work();
    }
}

/// Python's own construction: a counter, a mutex and a condition.
struct Counted {
    permits: parking_lot::Mutex<usize>,
    released: parking_lot::Condvar,
}

impl Permits for Counted {
    fn new(permits: usize) -> Self {
        Self { permits: parking_lot::Mutex::new(permits), released: parking_lot::Condvar::new() }
    }

    #[inline(always)]
    fn hold(&self, work: impl FnOnce()) {
        let mut permits = self.permits.lock();
        self.released.wait_while(&mut permits, |permits| *permits == 0);
        *permits -= 1;
        drop(permits);
        work();
        *self.permits.lock() += 1;
        self.released.notify_one();
    }
}

/// `THREADS` threads that take turns with `PERMITS` permits.
fn turns<S: Permits, const THREADS: u64, const PERMITS: usize>(count: u64) -> Duration {
    let semaphore = Arc::new(S::new(PERMITS));
    let tasks = (0..THREADS).map(|_| -> Task {
        let semaphore = Arc::clone(&semaphore);
        Box::new(move || {
            for turn in 0..count / THREADS {
                semaphore.hold(|| _ = black_box(turn));
            }
        })
    });
    timed(tasks.collect())
}

impl Token for Event<Private> {
    fn new() -> Self {
        Self::new()
    }

    fn give(&self) {
        self.set();
    }

    fn take(&self) {
        self.wait();
        self.clear();
    }
}

/// An event of the event-listener crate, with the flag that its documentation asks for.
#[derive(Default)]
struct Listened {
    given: AtomicBool,
    changed: event_listener::Event,
}

impl Token for Listened {
    fn new() -> Self {
        Self::default()
    }

    fn give(&self) {
        self.given.store(true, Ordering::Release);
        self.changed.notify(usize::MAX);
    }

    fn take(&self) {
        while !self.given.swap(false, Ordering::Acquire) {
            let listener = self.changed.listen();
            if self.given.swap(false, Ordering::Acquire) {
                return;
            }
            listener.wait();
        }
    }
}

/// A flag under a lock, and our condition.
struct Ours {
    lock: Lock<Private>,
    changed: Condition<Private>,
    /// Touched with the lock held: atomic only so that no unsafe code is needed.
    given: AtomicBool,
}

impl Token for Ours {
    fn new() -> Self {
        Self { lock: Lock::new(), changed: Condition::new(), given: AtomicBool::new(false) }
    }

    fn give(&self) {
        let guard = self.lock.guard();
        self.given.store(true, Ordering::Relaxed);
        drop(guard);
        self.changed.notify(1);
    }

    fn take(&self) {
        let mut guard = self.lock.guard();
        self.changed.wait_for(&mut guard, |_| self.given.load(Ordering::Relaxed));
        self.given.store(false, Ordering::Relaxed);
    }
}

/// The same with parking_lot.
struct Parked {
    given: parking_lot::Mutex<bool>,
    changed: parking_lot::Condvar,
}

impl Token for Parked {
    fn new() -> Self {
        Self { given: parking_lot::Mutex::new(false), changed: parking_lot::Condvar::new() }
    }

    fn give(&self) {
        *self.given.lock() = true;
        self.changed.notify_one();
    }

    fn take(&self) {
        let mut given = self.given.lock();
        self.changed.wait_while(&mut given, |given| !*given);
        *given = false;
    }
}

/// Set, look, clear, by one thread: what an event costs that nobody waits for.
fn flags<T: Token>(count: u64) -> Duration {
    let token = T::new();
    let start = Instant::now();
    for _ in 0..count {
        token.give();
        token.take();
    }
    start.elapsed()
}

fn our_threads(count: u64) -> Duration {
    let start = Instant::now();
    for number in 0..count {
        let thread = threading::spawn(move || number).expect("a thread");
        assert_eq!(thread.join().ok(), Some(number));
    }
    start.elapsed()
}

fn std_threads(count: u64) -> Duration {
    let start = Instant::now();
    for number in 0..count {
        // Named, as ours are.
        let builder = std::thread::Builder::new().name("Thread-1".to_owned());
        let thread = builder.spawn(move || number).expect("a thread");
        assert_eq!(thread.join().ok(), Some(number));
    }
    start.elapsed()
}

macro_rules! semaphores {
    ($shape:literal, $threads:literal, $permits:literal) => {
        Row {
            group: "semaphore",
            shape: $shape,
            contenders: vec![
                ours(
                    "Semaphore",
                    Some(Bar::AS_FAST),
                    turns::<Semaphore<Private>, $threads, $permits>,
                ),
                peer("async-lock", turns::<async_lock::Semaphore, $threads, $permits>),
                peer("parking_lot, counted", turns::<Counted, $threads, $permits>),
            ],
        }
    };
}

pub(crate) fn rows() -> Vec<Row> {
    let bar = Some(Bar::AS_FAST);
    vec![
        semaphores!("uncontended", 1, 1),
        semaphores!("2 threads, 1 permit", 2, 1),
        semaphores!("4 threads, 2 permits", 4, 2),
        Row {
            group: "event",
            shape: "nobody waits",
            contenders: vec![
                ours("Event", bar, flags::<Event<Private>>),
                peer("event-listener", flags::<Listened>),
                peer("std Condvar", flags::<Signalled>),
                peer("parking_lot Condvar", flags::<Parked>),
            ],
        },
        Row {
            group: "event",
            shape: "round trip",
            contenders: vec![
                ours("Event", bar, round_trips::<Event<Private>, false>),
                peer("event-listener", round_trips::<Listened, false>),
            ],
        },
        Row {
            group: "condition",
            shape: "nobody waits",
            contenders: vec![
                ours("Condition", bar, flags::<Ours>),
                peer("std Condvar", flags::<Signalled>),
                peer("parking_lot Condvar", flags::<Parked>),
            ],
        },
        Row {
            group: "condition",
            shape: "round trip",
            contenders: vec![
                ours("Condition", bar, round_trips::<Ours, false>),
                peer("std Condvar", round_trips::<Signalled, false>),
                peer("parking_lot Condvar", round_trips::<Parked, false>),
            ],
        },
        Row {
            group: "thread",
            shape: "start and join",
            contenders: vec![
                ours("threading", Some(Bar { ratio: 1.05, against: None }), our_threads),
                peer("std", std_threads),
            ],
        },
    ]
}
