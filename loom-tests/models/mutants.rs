//! Tests of the binary `mutants`: of these orderings it has to find that those in `needed` are, and those in
//! `needless` are not.

use std::sync::Arc;

use inkle_core::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use inkle_core::atomic::{AtomicU32, fence};
use loom::thread::spawn;

use crate::kit::{Model, Plain};

pub const MODELS: &[Model] = &[Model::full("needed", needed), Model::full("needless", needless)];

struct Words {
    x: AtomicU32,
    y: AtomicU32,
    z: AtomicU32,
    plain: Plain,
    other: Plain,
}

fn words() -> Arc<Words> {
    let [x, y, z] = [0; 3].map(AtomicU32::new);
    Arc::new(Words { x, y, z, plain: Plain::new(0), other: Plain::new(0) })
}

/// A baton in both directions, a failed exchange that brings news, and two fences that see each other.
fn needed() {
    let words = words();
    let other = {
        let words = words.clone();
        spawn(move || {
            words.plain.set(1);
            // Sees what the other has published, and publishes.
            if words.x.swap(1, AcqRel) == 2 {
                words.other.get();
            }
            words.y.store(1, Relaxed);
            fence(SeqCst);
            words.z.load(Relaxed) == 0
        })
    };
    words.other.set(1);
    if words.x.compare_exchange(0, 2, Release, Acquire) == Err(1) {
        words.plain.get();
    }
    words.z.store(1, Relaxed);
    fence(SeqCst);
    let missed = words.y.load(Relaxed) == 0;
    assert!(!(other.join().unwrap() && missed), "each has missed the other");
}

/// Nobody looks at what is published here.
fn needless() {
    let words = words();
    let other = {
        let words = words.clone();
        spawn(move || {
            words.x.swap(1, AcqRel);
            fence(SeqCst);
            words.y.store(1, Release);
        })
    };
    let _ = words.x.compare_exchange(0, 2, Release, Acquire);
    words.y.load(Acquire);
    other.join().unwrap();
}
