//! The mutex. Its value lies in loom's cell, so a failure of exclusion is a data race.

use inkle_core::platform::Deadline;
use inkle_core::sync::{CancelToken, Mutex, Reason};

use Op::{Async, Cancel, Dropped, Lock, Poll, Soon, Try, Unless};

use super::{SLOW, THREE};
use crate::kit::{self, Loom, Model, SOON, Stage, block_on, poll_once, timeouts};

pub const MODELS: &[Model] = &[
    // Two threads.
    Model::full("lock_lock", || play(&[&[Lock], &[Lock]])),
    Model::full("lock_try", || play(&[&[Lock], &[Try, Try]])),
    Model::full("lock_soon", || play(&[&[Lock], &[Soon, Poll]])),
    Model::full("try_poll", || play(&[&[Try, Poll], &[Poll, Try]])),
    Model::full("async_lock", || play(&[&[Async], &[Lock]])),
    Model::full("async_async", || play(&[&[Async], &[Async]])),
    Model::bounded("async_try", 5, SLOW, || play(&[&[Async], &[Try, Try]])),
    Model::full("dropped_lock", || play(&[&[Dropped], &[Lock]])),
    Model::full("dropped_async", || play(&[&[Dropped], &[Async]])),
    Model::bounded("unless_lock", 5, SLOW, || play(&[&[Unless], &[Lock]])),
    Model::bounded("unless_cancel", 4, SLOW, || play(&[&[Lock, Cancel], &[Unless]])),
    Model::full("early_lock_soon", || early(&[&[Lock], &[Soon]])),
    Model::full("early_soon_soon", || early(&[&[Soon], &[Soon]])),
    Model::bounded("early_async_lock", 4, SLOW, || early(&[&[Async], &[Lock]])),
    // Three threads.
    Model::bounded("lock_3", 2, THREE, || play(&[&[Lock], &[Lock], &[Soon]])),
    Model::bounded("dropped_3", 2, THREE, || play(&[&[Lock], &[Dropped], &[Async]])),
];

#[derive(Clone, Copy)]
enum Op {
    Lock,
    Try,
    /// `lock_until` a deadline that may pass.
    Soon,
    /// `lock_until` a deadline that has passed.
    Poll,
    Async,
    /// `lock_async`, polled once and dropped.
    Dropped,
    /// `lock_unless` the token that `Cancel` cancels.
    Unless,
    Cancel,
}

struct Protected {
    mutex: Mutex<u32, Loom>,
    token: CancelToken<'static, Loom>,
}

impl Stage for Protected {
    type Op = Op;

    /// Gives 1 if it got the mutex.
    fn run(&self, op: Op) -> i32 {
        let guard = match op {
            Lock => Some(self.mutex.lock()),
            Try => self.mutex.try_lock(),
            Soon => self.mutex.lock_until(SOON).ok(),
            Poll => self.mutex.lock_until(Deadline::PASSED).ok(),
            Async => Some(block_on(self.mutex.lock_async())),
            Dropped => poll_once(self.mutex.lock_async()),
            Unless => self.mutex.lock_unless(&self.token).ok(),
            Cancel => {
                self.token.cancel(Reason::REQUESTED);
                None
            }
        };
        match guard {
            Some(mut guard) => {
                *guard += 1;
                1
            }
            None => 0,
        }
    }
}

fn play(scripts: &'static [&'static [Op]]) {
    let stage = Protected { mutex: Mutex::new(0), token: CancelToken::new() };
    let (stage, locked) = kit::play(stage, scripts);
    assert!(!stage.mutex.is_locked());
    assert_eq!(stage.mutex.into_inner() as i32, locked);
}

fn early(scripts: &'static [&'static [Op]]) {
    timeouts(1);
    play(scripts);
}
