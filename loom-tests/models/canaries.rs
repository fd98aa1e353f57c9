//! Tests of the checker, not of the kernel.
//!
//! Canaries are wrong programs that the stock loom takes for right: the exact tier has to find each.
//! What else the checker shows of a weakly ordered machine is in `litmus`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use inkle_core::atomic::{AtomicU32, Ordering, fence};
use loom::thread::spawn;

use crate::kit::{History, Model, Plain};

pub const MODELS: &[Model] = &[
    Model::full("message_passing", message_passing),
    Model::full("histories", histories),
    Model::drawn("relaxed_message", PICTURE, relaxed_message),
    Model::canary("exchange_after_load", exchange_after_load),
    Model::canary("relaxed_exchange_publishes", relaxed_exchange_publishes),
    Model::canary("relaxed_ring", relaxed_ring),
    Model::canary("publish_then_fence", publish_then_fence),
];

/// A word to send by, and one to send.
struct Words {
    x: AtomicU32,
    plain: Plain,
}

fn words() -> Arc<Words> {
    Arc::new(Words { x: AtomicU32::new(0), plain: Plain::new(0) })
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

/// The store should be a release. Both tiers see it, and the picture shows how.
fn relaxed_message() {
    let words = words();
    let sender = {
        let words = words.clone();
        spawn(move || {
            words.plain.set(1);
            words.x.store(1, Relaxed);
        })
    };
    if words.x.load(Acquire) == 1 {
        words.plain.get();
    }
    sender.join().unwrap();
}

const PICTURE: &[&str] = &[
    "| thread 0                      | thread 1",
    "|                               | a writes",
    "|                               | b.store rlx 1",
    "| b.load acq: 1",
    "| a reads",
];

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
