//! Tests of the checker, not of the kernel.
//!
//! The litmus tests show that it explores what a weakly ordered machine may do, and no more. The
//! canaries are wrong programs that the stock loom takes for right: the exact tier has to find each.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use inkle_core::atomic::{AtomicU32, Ordering, fence};
use loom::thread::spawn;

use crate::kit::{History, Model, Plain};

pub const MODELS: &[Model] = &[
    Model::full("message_passing", message_passing),
    Model::shows("message_passing_of_atomics", relaxed_message, relaxed_message_seen),
    Model::shows("store_buffering", || store_buffering(|| {}), store_buffering_seen),
    Model::shows("store_buffering_fenced", || store_buffering(|| fence(SeqCst)), fenced_seen),
    Model::shows("independent_reads_fenced", independent_reads, independent_reads_seen),
    Model::full("histories", histories),
    Model::canary("exchange_after_load", exchange_after_load),
    Model::canary("relaxed_exchange_publishes", relaxed_exchange_publishes),
    Model::canary("relaxed_ring", relaxed_ring),
    Model::canary("publish_then_fence", publish_then_fence),
];

/// A word to send by, and one or two to send.
struct Words {
    x: AtomicU32,
    y: AtomicU32,
    plain: Plain,
}

fn words() -> Arc<Words> {
    let (x, y) = (AtomicU32::new(0), AtomicU32::new(0));
    Arc::new(Words { x, y, plain: Plain::new(0) })
}

/// All that was seen in the executions of one litmus test.
struct Seen<T>(Mutex<BTreeSet<T>>);

impl<T: Ord + Copy + Debug> Seen<T> {
    const fn new() -> Self {
        Self(Mutex::new(BTreeSet::new()))
    }

    fn add(&self, outcome: T) {
        self.0.lock().unwrap().insert(outcome);
    }

    fn is_exactly(&self, outcomes: impl IntoIterator<Item = T>) {
        assert_eq!(*self.0.lock().unwrap(), outcomes.into_iter().collect());
    }
}

/// A released store publishes what came before it.
fn message_passing() {
    let words = words();
    let sender = {
        let words = words.clone();
        spawn(move || {
            words.plain.set(1);
            words.x.store(1, Release);
        })
    };
    if words.x.load(Acquire) == 1 {
        assert_eq!(words.plain.get(), 1);
    }
    sender.join().unwrap();
}

static RELAXED_MESSAGE: Seen<(u32, u32)> = Seen::new();

/// Without orderings the message may arrive before what it announces.
fn relaxed_message() {
    let words = words();
    let sender = {
        let words = words.clone();
        spawn(move || {
            words.x.store(1, Relaxed);
            words.y.store(1, Relaxed);
        })
    };
    let y = words.y.load(Relaxed);
    RELAXED_MESSAGE.add((y, words.x.load(Relaxed)));
    sender.join().unwrap();
}

fn relaxed_message_seen() {
    RELAXED_MESSAGE.is_exactly([(0, 0), (0, 1), (1, 0), (1, 1)]);
}

static STORE_BUFFERING: Seen<(u32, u32)> = Seen::new();

/// Each thread writes one word and reads the other.
fn store_buffering(between: fn()) {
    let words = words();
    let other = {
        let words = words.clone();
        spawn(move || {
            words.y.store(1, Relaxed);
            between();
            words.x.load(Relaxed)
        })
    };
    words.x.store(1, Relaxed);
    between();
    let y = words.y.load(Relaxed);
    STORE_BUFFERING.add((other.join().unwrap(), y));
}

fn store_buffering_seen() {
    STORE_BUFFERING.is_exactly([(0, 0), (0, 1), (1, 0), (1, 1)]);
}

fn fenced_seen() {
    STORE_BUFFERING.is_exactly([(0, 1), (1, 0), (1, 1)]);
}

static INDEPENDENT_READS: Seen<(u32, u32, u32, u32)> = Seen::new();

/// Two threads write a word each, two read both, in opposite order and with fences.
fn independent_reads() {
    let words = words();
    let run = |body: fn(&Words) -> (u32, u32)| {
        let words = words.clone();
        spawn(move || body(&words))
    };
    let write_x = run(|words| {
        words.x.store(1, Relaxed);
        (0, 0)
    });
    let x_first = run(|words| {
        let x = words.x.load(Relaxed);
        fence(SeqCst);
        (x, words.y.load(Relaxed))
    });
    let y_first = run(|words| {
        let y = words.y.load(Relaxed);
        fence(SeqCst);
        (y, words.x.load(Relaxed))
    });
    words.y.store(1, Relaxed);
    write_x.join().unwrap();
    let ((a, b), (c, d)) = (x_first.join().unwrap(), y_first.join().unwrap());
    INDEPENDENT_READS.add((a, b, c, d));
}

/// All but the two readers disagreeing on which write came first.
fn independent_reads_seen() {
    let bit = |outcome: u32, at: u32| outcome >> at & 1;
    let all = (0..16).map(|o| (bit(o, 0), bit(o, 1), bit(o, 2), bit(o, 3)));
    INDEPENDENT_READS.is_exactly(all.filter(|outcome| *outcome != (1, 0, 1, 0)));
}

/// The search through histories takes what a register may answer, and refuses what it may not.
fn histories() {
    #[derive(Clone, Copy, Debug)]
    enum Op {
        Write(u32),
        Read,
    }
    fn register(value: &mut u32, op: &Op, answer: &u32) -> bool {
        match op {
            Op::Write(new) => *value = *new,
            Op::Read => return answer == value,
        }
        true
    }

    let words = words();
    let history = Arc::new(History::new());
    let writer = {
        let (words, history) = (words.clone(), history.clone());
        spawn(move || {
            let write = || {
                words.x.store(1, Relaxed);
                1
            };
            history.call(1, Op::Write(1), write)
        })
    };
    history.call(0, Op::Read, || words.x.load(Relaxed));
    writer.join().unwrap();
    history.phase();
    history.call(0, Op::Read, || words.x.load(Relaxed));
    history.check(0, register);

    history.call(0, Op::Read, || 0);
    let refused = catch_unwind(AssertUnwindSafe(|| history.check(0, register)));
    assert!(refused.is_err(), "a read of a value that had been overwritten");
}

/// The assertion is wrong: the other thread's exchange may come first. The stock loom forgets the
/// main thread's load because of the other one's own load (loom issue 392).
fn exchange_after_load() {
    let words = words();
    let other = {
        let words = words.clone();
        spawn(move || {
            let seen = words.x.load(Relaxed);
            let _ = words.x.compare_exchange(seen, 1, AcqRel, Relaxed);
        })
    };
    assert_eq!(words.x.load(Relaxed), 0);
    other.join().unwrap();
}

/// The exchange that announces the plain data should release it.
fn relaxed_exchange_publishes() {
    let words = words();
    let sender = {
        let words = words.clone();
        spawn(move || {
            words.plain.set(1);
            let seen = words.x.load(Relaxed);
            let _ = words.x.compare_exchange(seen, 1, Relaxed, Relaxed);
        })
    };
    if words.x.load(Acquire) == 1 {
        words.plain.get();
    }
    sender.join().unwrap();
}

/// A ring for one producer and one consumer whose `tail` should be stored with release. The stock
/// loom explores one execution, and in it the consumer finds the ring empty every time.
fn relaxed_ring() {
    struct Ring {
        head: AtomicU32,
        tail: AtomicU32,
        slots: [Plain; 2],
    }
    let ring = Arc::new(Ring {
        head: AtomicU32::new(0),
        tail: AtomicU32::new(0),
        slots: [Plain::new(0), Plain::new(0)],
    });
    let producer = {
        let ring = ring.clone();
        spawn(move || {
            for item in 1..=3 {
                let tail = ring.tail.load(Relaxed);
                if tail - ring.head.load(Acquire) < 2 {
                    ring.slots[tail as usize % 2].set(item);
                    ring.tail.store(tail + 1, Relaxed);
                }
            }
        })
    };
    for _ in 0..3 {
        let head = ring.head.load(Relaxed);
        if head != ring.tail.load(Acquire) {
            ring.slots[head as usize % 2].get();
            ring.head.store(head + 1, Release);
        }
    }
    producer.join().unwrap();
}

/// A fence after the store publishes nothing. The stock loom takes every SeqCst fence for a global
/// synchronization.
fn publish_then_fence() {
    let words = words();
    let sender = {
        let words = words.clone();
        spawn(move || {
            words.plain.set(1);
            words.x.store(1, Relaxed);
            fence(SeqCst);
        })
    };
    if words.x.load(Relaxed) == 1 {
        fence(SeqCst);
        words.plain.get();
    }
    sender.join().unwrap();
}
