//! The bell: no lost wake-up, which would be a deadlock.

use std::sync::Arc;

use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::platform::Deadline;
use inkle_core::robust::{Bell, Mortal, Survivor};
use loom::thread::spawn;

use super::THREE;
use crate::kit::{Loom, Model, Plain, SOON, Unfenced, life, timeouts};

pub const MODELS: &[Model] = &[
    Model::full("wait_ring", || {
        all(1, u32::MAX);
    }),
    Model::full("early_wait_ring", || {
        timeouts(1);
        all(1, u32::MAX);
    }),
    Model::full("soon_ring", soon),
    Model::bounded("wait_2_ring", 4, THREE, || all(2, u32::MAX)),
    Model::bounded("wait_2_ring_for_one", 4, THREE, || each(1)),
    Model::bounded("early_wait_2_ring_for_one", 3, THREE, || {
        timeouts(1);
        each(1);
    }),
    Model::full("rung_meanwhile", rung_meanwhile),
    Model::dies("ringer_dies", 4, || ringer_dies(true)),
    Model::dies("sleeper_dies", 2, || sleeper_dies(true)),
    Model::dies_in_vain("sleeper_not_buried", 2, || sleeper_dies(false)),
    Model::dies_in_vain("not_buried", 3, || ringer_dies(false)),
];

#[derive(Default)]
struct Things {
    bell: Bell<Loom>,
    count: Count,
}

struct Count(AtomicU32);

impl Default for Count {
    fn default() -> Self {
        Self(AtomicU32::new(0))
    }
}

impl Things {
    fn make(&self) {
        self.count.0.fetch_add(1, Ordering::Release);
    }

    fn is_there(&self) -> Option<()> {
        (self.count.0.load(Ordering::Acquire) != 0).then_some(())
    }

    /// Takes one, and rings on if there are more.
    fn take(&self) -> Option<()> {
        let mut count = self.count.0.load(Ordering::Relaxed);
        while count != 0 {
            match self.count.0.compare_exchange(
                count,
                count - 1,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    if count > 1 {
                        self.bell.ring(1);
                    }
                    return Some(());
                }
                Err(now) => count = now,
            }
        }
        None
    }
}

/// Everybody waits for the same thing.
fn all(sleepers: u32, count: u32) {
    let things = Arc::new(Things::default());
    let others: Vec<_> = (0..sleepers)
        .map(|_| {
            let things = things.clone();
            spawn(move || things.bell.block(Deadline::NEVER, || things.is_there()).unwrap())
        })
        .collect();
    things.make();
    things.bell.ring(count);
    others.into_iter().for_each(|other| other.join().unwrap());
}

/// Two wait for one thing each.
fn each(count: u32) {
    let things = Arc::new(Things::default());
    let others: Vec<_> = (0..2)
        .map(|_| {
            let things = things.clone();
            spawn(move || things.bell.block(Deadline::NEVER, || things.take()).unwrap())
        })
        .collect();
    for _ in 0..2 {
        things.make();
        things.bell.ring(count);
    }
    others.into_iter().for_each(|other| other.join().unwrap());
}

/// One gives up perhaps: it does so with what it was woken for, or another one gets that.
fn soon() {
    timeouts(1);
    let things = Arc::new(Things::default());
    let other = {
        let things = things.clone();
        spawn(move || things.bell.block(SOON, || things.take()))
    };
    things.make();
    things.bell.ring(1);
    let taken = other.join().unwrap();
    assert_eq!(things.is_there().is_some(), taken.is_none());
}

/// Whoever prepares and finds that the bell has been rung sees what it was rung for.
fn rung_meanwhile() {
    let shared = Arc::new((Bell::<Unfenced>::new(), Plain::new(0)));
    let before = shared.0.prepare();
    let ringer = {
        let shared = shared.clone();
        spawn(move || {
            shared.1.set(1);
            shared.0.ring(1);
        })
    };
    if shared.0.prepare() != before {
        assert_eq!(shared.1.get(), 1);
    }
    ringer.join().unwrap();
}

/// Between the change and the wake-up.
fn ringer_dies(is_buried: bool) {
    let things = Arc::new(Things::default());
    let (work, grave) = (things.clone(), things.clone());
    let mortal = life(
        move || {
            work.make();
            work.bell.ring(u32::MAX);
        },
        move || {
            if is_buried {
                grave.bell.bury(Loom::life());
            }
        },
    );
    let other = {
        let things = things.clone();
        spawn(move || things.bell.block(Deadline::NEVER, || things.is_there()).unwrap())
    };
    mortal.end();
    if things.is_there().is_none() {
        things.make();
        things.bell.ring(u32::MAX);
    }
    other.join().unwrap();
    mortal.rest();
}

/// Two wait for one thing each, and one of them dies, perhaps as the one who was woken, or with its thing
/// taken and more there.
fn sleeper_dies(is_buried: bool) {
    let things = Arc::new(Things::default());
    let (work, grave) = (things.clone(), things.clone());
    let mortal = life(
        move || _ = work.bell.block(Deadline::NEVER, || work.take()),
        move || {
            if is_buried {
                grave.bell.bury(Loom::life());
            }
        },
    );
    let other = {
        let things = things.clone();
        spawn(move || things.bell.block(Deadline::NEVER, || things.take()).unwrap())
    };
    for _ in 0..2 {
        things.make();
        things.bell.ring(1);
    }
    other.join().unwrap();
    mortal.rest();
}
