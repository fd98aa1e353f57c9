//! The lock that is taken from the dead. What it protects is plain data, so a failure of exclusion is a
//! data race.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use inkle_core::error::NotHeld;
use inkle_core::platform::Deadline;
use inkle_core::robust::{Found, Life, Lock, Mortal, Survivor};
use loom::thread::spawn;

use Op::{Acquire, Bury, Guard, IsHeld, Poll, Soon, Try};

use super::{LONG, THREE};
use crate::kit::{self, Loom, Model, Plain, SOON, Stage, life, time_passes, timeouts};

pub const MODELS: &[Model] = &[
    // Two threads.
    Model::full("acquire_acquire", || play(&[&[Acquire], &[Acquire]])),
    Model::full("acquire_guard", || play(&[&[Guard], &[Acquire]])),
    Model::full("try_try", || play(&[&[Try, Try], &[Try, Try]])),
    Model::full("try_acquire", || play(&[&[Acquire], &[Try]])),
    Model::full("poll_acquire_held", || play(&[&[IsHeld, Acquire], &[Poll]])),
    Model::full("soon_acquire", || play(&[&[Soon], &[Acquire]])),
    Model::full("bury_nobody", || play(&[&[Acquire], &[Bury, Acquire]])),
    Model::bounded("acquire_twice", 4, LONG, || play(&[&[Acquire, Guard], &[Guard, Acquire]])),
    Model::bounded("try_acquire_twice", 4, LONG, || play(&[&[Acquire, Try], &[Try, Acquire]])),
    Model::bounded("soon_acquire_twice", 4, LONG, || play(&[&[Soon, Acquire], &[Soon, Poll]])),
    Model::full("early_acquire", || early(&[&[Acquire], &[Acquire]])),
    Model::full("early_soon", || early(&[&[Soon], &[Soon]])),
    Model::full("early_soon_acquire", || early(&[&[Soon], &[Acquire]])),
    Model::bounded("early_soon_try", 6, LONG, || early(&[&[Soon, Try], &[Try, Soon]])),
    Model::full("release_release", release_release),
    Model::full("hand_over", hand_over),
    Model::full("bury_bury", bury_bury),
    // Three threads.
    Model::bounded("acquire_3", 4, THREE, || play(&[&[Acquire], &[Acquire], &[Acquire]])),
    Model::bounded("mixed_3", 3, THREE, || play(&[&[Acquire, Try], &[Guard], &[Try, Soon]])),
    Model::bounded("bury_3", 3, THREE, || play(&[&[Acquire], &[Bury, Bury], &[Acquire]])),
    Model::bounded("early_3", 3, THREE, || early(&[&[Soon], &[Acquire], &[Acquire]])),
    // One dies.
    Model::dies("holder_dies", 4, || holder_dies(Lock::bury)),
    Model::dies("waiter_dies", 3, waiter_dies),
    Model::dies("nobody_is_told", 4, nobody_is_told),
    Model::dies_in_vain("not_buried", 3, || holder_dies(|_, _| {})),
    Model::dies_in_vain("released_for_the_dead", 3, || holder_dies(release_for)),
];

#[derive(Clone, Copy)]
enum Op {
    Acquire,
    Guard,
    Try,
    /// `acquire_until` a deadline that may pass.
    Soon,
    /// `acquire_until` a deadline that has passed.
    Poll,
    IsHeld,
    /// Of somebody who is not here.
    Bury,
}

struct Protected {
    lock: Lock<Loom>,
    count: Plain,
}

impl Protected {
    fn new() -> Self {
        Self { lock: Lock::new(), count: Plain::new(0) }
    }
}

impl Stage for Protected {
    type Op = Op;

    /// Gives 1 if it got the lock.
    fn run(&self, op: Op) -> i32 {
        let found = match op {
            Acquire => Some(self.lock.acquire()),
            Guard => {
                let guard = self.lock.guard();
                assert_eq!(guard.found(), Found::Clean);
                self.count.add(1);
                return 1;
            }
            Try => self.lock.try_acquire(),
            Soon => self.lock.acquire_until(SOON).ok(),
            Poll => self.lock.acquire_until(Deadline::PASSED).ok(),
            IsHeld => {
                let _ = self.lock.is_held();
                None
            }
            Bury => {
                self.lock.bury(Life::new(99).unwrap());
                None
            }
        };
        if let Some(found) = found {
            assert_eq!(found, Found::Clean);
            assert_eq!(self.lock.holder(), Some(Loom::life()));
            self.count.add(1);
            self.lock.release().expect("we hold it");
        }
        i32::from(found.is_some())
    }
}

fn play(scripts: &'static [&'static [Op]]) {
    let (stage, acquired) = kit::play(Protected::new(), scripts);
    assert_eq!(stage.count.get() as i32, acquired);
    assert!(!stage.lock.is_held());
    assert_eq!(stage.lock.release(), Err(NotHeld));
    assert_eq!(stage.lock.try_acquire(), Some(Found::Clean));
    assert_eq!(stage.lock.release(), Ok(()));
}

fn early(scripts: &'static [&'static [Op]]) {
    timeouts(1);
    play(scripts);
}

/// Two threads release what was acquired once: one of them is told so.
fn release_release() {
    let lock = Arc::new(Lock::<Loom>::new());
    assert_eq!(lock.acquire(), Found::Clean);
    let other = {
        let lock = lock.clone();
        spawn(move || lock.release())
    };
    let results = [lock.release(), other.join().unwrap()];
    assert!(results == [Ok(()), Err(NotHeld)] || results == [Err(NotHeld), Ok(())]);
    assert!(!lock.is_held());
}

/// Another thread releases, and what it did before is seen.
fn hand_over() {
    let stage = Arc::new(Protected::new());
    assert_eq!(stage.lock.acquire(), Found::Clean);
    let other = {
        let stage = stage.clone();
        spawn(move || {
            stage.count.set(1);
            stage.lock.release().expect("it is held");
        })
    };
    assert_eq!(stage.lock.acquire(), Found::Clean);
    assert_eq!(stage.count.get(), 1);
    stage.lock.release().expect("we hold it");
    other.join().unwrap();
}

/// Two learn of one death while a third one waits: it is told once.
fn bury_bury() {
    let lock = Arc::new(Lock::<Loom>::new());
    let dead = Loom::life();
    assert_eq!(lock.acquire(), Found::Clean);
    let other = {
        let lock = lock.clone();
        spawn(move || {
            lock.bury(dead);
            let first = lock.acquire();
            lock.release().expect("we hold it");
            first
        })
    };
    lock.bury(dead);
    let first = other.join().unwrap();
    let then = lock.try_acquire().expect("free");
    assert_eq!([first, then], [Found::Abandoned, Found::Clean]);
}

/// One dies with the lock, or on the way to it or from it, and another one is told exactly if it held it.
fn holder_dies(bury: fn(&Lock<Loom>, Life)) {
    let stage = Arc::new(Protected::new());
    let held = Arc::new(AtomicBool::new(false));
    let (work, grave, was_held) = (stage.clone(), stage.clone(), held.clone());
    let mortal = life(
        move || {
            for _ in 0..2 {
                let _ = work.lock.acquire();
                work.count.add(1);
                let _ = work.lock.release();
            }
        },
        move || {
            was_held.store(grave.lock.holder() == Some(Loom::life()), Relaxed);
            bury(&grave.lock, Loom::life());
        },
    );
    let mut told = 0;
    for _ in 0..2 {
        told += u32::from(stage.lock.acquire().is_abandoned());
        stage.count.add(1);
        stage.lock.release().expect("we hold it");
    }
    let died = mortal.end();
    let last = stage.lock.guard();
    told += u32::from(last.found().is_abandoned());
    drop(last);
    assert_eq!(told, u32::from(held.load(Relaxed)));
    assert!(died || stage.count.get() == 4);
    mortal.rest();
}

/// A burial that wakes the next one and does not tell it.
fn release_for(lock: &Lock<Loom>, dead: Life) {
    if lock.holder() == Some(dead) {
        let _ = lock.release();
    }
}

/// One dies, nobody is told, and the next one asks for itself when it has waited for a while.
fn nobody_is_told() {
    let lock = Arc::new(Lock::<Loom>::new());
    let held = Arc::new(AtomicBool::new(false));
    let (work, grave, was_held) = (lock.clone(), lock.clone(), held.clone());
    let mortal = life(
        move || {
            let _ = work.acquire();
            let _ = work.release();
        },
        move || was_held.store(grave.is_held(), Relaxed),
    );
    mortal.end();
    time_passes();
    assert_eq!(lock.acquire().is_abandoned(), held.load(Relaxed));
    lock.release().expect("we hold it");
    mortal.rest();
}

/// One who waits dies, perhaps as the one who was woken: the next one is woken.
fn waiter_dies() {
    let stage = Arc::new(Protected::new());
    let _ = stage.lock.acquire();
    let (work, grave) = (stage.clone(), stage.clone());
    let mortal = life(
        move || {
            let _ = work.lock.acquire();
            let _ = work.lock.release();
        },
        move || grave.lock.bury(Loom::life()),
    );
    let other = {
        let stage = stage.clone();
        spawn(move || {
            let _ = stage.lock.acquire();
            stage.lock.release().expect("we hold it");
        })
    };
    stage.lock.release().expect("we hold it");
    other.join().unwrap();
    mortal.end();
    assert!(!stage.lock.is_held());
    mortal.rest();
}
