//! The re-entrant lock. What it protects is plain data, so a failure of exclusion is a data race.

use inkle_core::error::{RLockError, ReleaseError};
use inkle_core::platform::Deadline;
use inkle_core::sync::{CancelToken, RLock, Reason};

use Op::{Acquire, Cancel, IsHeld, Nest, Poll, Release, Soon, Try, Unless};

use super::{SLOW, THREE};
use crate::kit::{self, Loom, Model, Plain, SOON, Stage, timeouts};

pub const MODELS: &[Model] = &[
    // Two threads.
    Model::full("acquire_acquire", || play(&[&[Acquire], &[Acquire]])),
    Model::full("nest_nest", || play(&[&[Nest], &[Nest]])),
    Model::bounded("nest_acquire", 4, SLOW, || play(&[&[Nest, Acquire], &[Acquire, Nest]])),
    Model::full("try_nest", || play(&[&[Try, Nest], &[Try]])),
    Model::full("poll_nest", || play(&[&[Poll, IsHeld], &[Nest]])),
    Model::full("soon_nest", || play(&[&[Soon], &[Nest]])),
    Model::full("release_nest", || play(&[&[Release, Release], &[Nest]])),
    Model::full("release_release", || play(&[&[Release, Acquire], &[Release, Acquire]])),
    Model::bounded("unless_nest", 8, SLOW, || play(&[&[Nest], &[Unless]])),
    Model::bounded("unless_unless", 8, SLOW, || play(&[&[Unless], &[Unless]])),
    Model::bounded("unless_cancel", 6, SLOW, || play(&[&[Cancel], &[Unless]])),
    Model::full("early_nest", || early(&[&[Nest], &[Nest]])),
    Model::full("early_soon", || early(&[&[Soon], &[Soon]])),
    Model::bounded("early_soon_nest", 5, SLOW, || early(&[&[Soon, Nest], &[Nest]])),
    Model::bounded("early_unless", 5, SLOW, || early(&[&[Nest], &[Unless]])),
    // Three threads.
    Model::bounded("nest_3", 3, THREE, || play(&[&[Nest], &[Acquire], &[Nest]])),
    Model::bounded("release_3", 4, THREE, || play(&[&[Release], &[Nest], &[Acquire]])),
    Model::bounded("early_3", 3, THREE, || early(&[&[Soon], &[Nest], &[Acquire]])),
    Model::bounded("cancel_3", 3, THREE, || play(&[&[Cancel], &[Unless], &[Acquire]])),
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
    /// `acquire_unless` the token is cancelled.
    Unless,
    /// Cancels while it holds the lock.
    Cancel,
    /// Releases it without having acquired it.
    Release,
    IsHeld,
}

struct Protected {
    lock: RLock<Loom>,
    stop: CancelToken<'static, Loom>,
    count: Plain,
}

impl Protected {
    fn new() -> Self {
        Self { lock: RLock::new(), stop: CancelToken::new(), count: Plain::new(0) }
    }

    /// The same thread again, without waiting, and back to where it was.
    fn once_more(&self) {
        self.lock.try_acquire().expect("ours");
        self.count.add(1);
        self.lock.acquire_until(Deadline::PASSED).expect("ours");
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
            Unless => self.lock.acquire_unless(&self.stop),
            Cancel => {
                let _guard = self.lock.guard().expect("not deep");
                self.stop.cancel(Reason::REQUESTED);
                return 0;
            }
            Release => {
                assert_ne!(self.lock.release(), Ok(()), "not ours");
                return 0;
            }
            IsHeld => {
                let _ = self.lock.is_held();
                return 0;
            }
        };
        match acquired {
            Ok(()) => {
                self.count.add(1);
                self.lock.release().expect("we hold it");
                1
            }
            Err(error) => {
                let expected = match op {
                    Try => RLockError::Held,
                    Unless => RLockError::Cancelled(Reason::REQUESTED),
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
    assert_eq!(stage.lock.try_acquire(), Ok(()));
}

fn early(scripts: &'static [&'static [Op]]) {
    timeouts(1);
    play(scripts);
}
