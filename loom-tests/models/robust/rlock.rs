//! The re-entrant lock that is taken from the dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use inkle_core::Platform;
use inkle_core::error::{RLockError, ReleaseError};
use inkle_core::platform::Deadline;
use inkle_core::robust::{Found, Mortal, RLock, Survivor};

use Op::{Acquire, Nest, Poll, Release, Soon, Try};

use super::THREE;
use crate::kit::{self, Loom, Model, Plain, SOON, Stage, life, timeouts};

pub const MODELS: &[Model] = &[
    // Two threads.
    Model::full("acquire_acquire", || play(&[&[Acquire], &[Acquire]])),
    Model::full("nest_nest", || play(&[&[Nest], &[Nest]])),
    Model::full("try_nest", || play(&[&[Nest], &[Try]])),
    Model::full("poll_nest", || play(&[&[Poll], &[Nest]])),
    Model::full("soon_nest", || play(&[&[Soon], &[Nest]])),
    Model::full("release_nest", || play(&[&[Release, Release], &[Nest]])),
    Model::full("early_nest", || early(&[&[Nest], &[Nest]])),
    Model::full("early_soon", || early(&[&[Soon], &[Soon]])),
    // Three threads.
    Model::bounded("nest_3", 2, THREE, || play(&[&[Nest], &[Acquire], &[Nest]])),
    // One dies.
    Model::dies("owner_dies", 3, owner_dies),
];

#[derive(Clone, Copy)]
enum Op {
    Acquire,
    /// Acquires it three times, in three ways, and releases it.
    Nest,
    Try,
    /// `acquire_until` a deadline that may pass.
    Soon,
    /// `acquire_until` a deadline that has passed.
    Poll,
    /// Releases it without having acquired it.
    Release,
}

struct Protected {
    lock: RLock<Loom>,
    count: Plain,
}

impl Protected {
    fn new() -> Self {
        Self { lock: RLock::new(), count: Plain::new(0) }
    }

    /// The same thread again, without waiting, and back to where it was.
    fn once_more(&self) {
        assert_eq!(self.lock.try_acquire(), Ok(Found::Clean));
        self.count.add(1);
        assert_eq!(self.lock.acquire_until(Deadline::PASSED), Ok(Found::Clean));
        self.lock.release().expect("ours");
        self.lock.release().expect("ours");
        assert!(self.lock.is_held());
        self.count.set(self.count.get() - 1);
    }
}

impl Stage for Protected {
    type Op = Op;

    /// Gives 1 if it got the lock.
    fn run(&self, op: Op) -> i32 {
        let acquired = match op {
            Acquire => self.lock.acquire(),
            Nest => {
                let _guard = self.lock.guard().expect("not deep");
                self.once_more();
                self.count.add(1);
                return 1;
            }
            Try => self.lock.try_acquire(),
            Soon => self.lock.acquire_until(SOON),
            Poll => self.lock.acquire_until(Deadline::PASSED),
            Release => {
                assert_ne!(self.lock.release(), Ok(()), "not ours");
                return 0;
            }
        };
        match acquired {
            Ok(found) => {
                assert_eq!(found, Found::Clean);
                self.count.add(1);
                self.lock.release().expect("we hold it");
                1
            }
            Err(error) => {
                let expected = match op {
                    Try => RLockError::Held,
                    _ => RLockError::TimedOut,
                };
                assert_eq!(error, expected);
                0
            }
        }
    }
}

fn play(scripts: &'static [&'static [Op]]) {
    let (stage, acquired) = kit::play(Protected::new(), scripts);
    assert_eq!(stage.count.get() as i32, acquired);
    assert!(!stage.lock.is_held());
    assert_eq!(stage.lock.release(), Err(ReleaseError::NotHeld));
    assert_eq!(stage.lock.try_acquire(), Ok(Found::Clean));
}

fn early(scripts: &'static [&'static [Op]]) {
    timeouts(1);
    play(scripts);
}

/// One dies somewhere between free and two levels deep. The next one is told exactly if it had any, and
/// begins with none.
fn owner_dies() {
    let stage = Arc::new(Protected::new());
    let held = Arc::new(AtomicBool::new(false));
    let (work, grave, was_held) = (stage.clone(), stage.clone(), held.clone());
    let mortal = life(
        move || {
            let _ = work.lock.acquire();
            let _ = work.lock.acquire();
            work.count.add(1);
            let _ = work.lock.release();
            let _ = work.lock.release();
        },
        move || {
            was_held.store(grave.lock.holder() == Some(Loom::life()), Relaxed);
            grave.lock.bury(Loom::life());
        },
    );
    let mut told = u32::from(stage.lock.acquire().unwrap().is_abandoned());
    assert_eq!(stage.lock.try_acquire(), Ok(Found::Clean), "{} owns it", Loom::current());
    stage.count.add(1);
    assert_eq!((stage.lock.release(), stage.lock.is_held()), (Ok(()), true));
    assert_eq!(stage.lock.release(), Ok(()));
    let died = mortal.end();
    told += u32::from(stage.lock.acquire().unwrap().is_abandoned());
    stage.lock.release().expect("ours, one level");
    assert_eq!((stage.lock.release(), stage.lock.is_held()), (Err(ReleaseError::NotHeld), false));
    assert_eq!(told, u32::from(held.load(Relaxed)));
    assert!(died || stage.count.get() == 2);
    mortal.rest();
}
