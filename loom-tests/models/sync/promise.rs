//! The promise. Its value lies in loom's cell, so who takes too early, or two who take, are a data race;
//! it is counted where it is dropped.

use std::sync::Arc;

use inkle_core::error::TakeError;
use inkle_core::platform::Deadline;
use inkle_core::sync::{CancelToken, Promise, Reason};

use Op::{Abandon, Async, Cancel, Dropped, IsSet, Poll, Say, Set, Soon, Take, Try, Unless};

use super::{SLOW, THREE};
use crate::kit::{self, Loom, Model, Plain, SOON, Stage, block_on, poll_once, timeouts};

pub const MODELS: &[Model] = &[
    // Two threads.
    Model::full("set_take", || play(&[&[Set], &[Take, Take]])),
    Model::full("set_set", || play(&[&[Set, Take], &[Set, Take]])),
    Model::full("set_try", || play(&[&[Set, Try], &[Try, Try]])),
    Model::full("set_soon", || play(&[&[Set], &[Poll, Soon]])),
    Model::bounded("set_async", 4, SLOW, || play(&[&[Set], &[Async]])),
    Model::bounded("set_dropped", 4, SLOW, || play(&[&[Set, IsSet], &[Dropped, IsSet]])),
    Model::bounded("set_unless", 3, SLOW, || play(&[&[Set], &[Unless]])),
    Model::bounded("cancel_unless", 3, SLOW, || play(&[&[Cancel, Set], &[Unless]])),
    Model::full("set_is_set", || play(&[&[Set], &[IsSet, Try]])),
    Model::full("take_take", || play(&[&[Set, Take], &[Take]])),
    Model::bounded("async_take", 4, SLOW, || play(&[&[Set, Take], &[Async]])),
    Model::full("set_abandon", || play(&[&[Set, Take], &[Abandon, Take]])),
    Model::full("abandon_take", || play(&[&[Say], &[Take, Take]])),
    Model::bounded("abandon_async", 4, SLOW, || play(&[&[Say], &[Async]])),
    Model::full("abandon_soon", || play(&[&[Say], &[Soon, IsSet]])),
    Model::full("abandon_abandon", || play(&[&[Abandon, Poll], &[Abandon, Try]])),
    Model::bounded("abandon_unless", 3, SLOW, || play(&[&[Say], &[Unless]])),
    Model::full("early_take", || early(&[&[Set], &[Take]])),
    Model::full("early_soon", || early(&[&[Set], &[Soon, Soon]])),
    Model::bounded("early_async", 3, SLOW, || early(&[&[Set], &[Async]])),
    Model::full("early_abandon", || early(&[&[Say], &[Soon]])),
    // Three threads.
    Model::bounded("takers_2", 3, THREE, || play(&[&[Set], &[Take], &[Take]])),
    Model::bounded("tasks_2", 3, THREE, || play(&[&[Set], &[Async], &[Async]])),
    Model::bounded("task_and_thread", 3, THREE, || play(&[&[Set], &[Async], &[Take]])),
    Model::bounded("dropped_3", 3, THREE, || play(&[&[Set], &[Dropped], &[Async]])),
    Model::bounded("setters_2", 3, THREE, || play(&[&[Take], &[Set], &[Set]])),
    Model::bounded("set_abandon_3", 3, THREE, || play(&[&[Take], &[Set], &[Abandon]])),
    Model::bounded("abandon_3", 3, THREE, || play(&[&[Say], &[Take], &[Async]])),
];

#[derive(Clone, Copy)]
enum Op {
    Set,
    Abandon,
    /// Writes a plain number and abandons; in models where it is the only one to do so.
    Say,
    IsSet,
    Take,
    Try,
    /// `take_until` a deadline that may pass; one that has passed.
    Soon,
    Poll,
    Async,
    /// `take_async`, polled once and dropped.
    Dropped,
    /// `take_unless` the token that `Cancel` cancels.
    Unless,
    Cancel,
}

struct Promised {
    promise: Promise<Arc<()>, Loom>,
    token: CancelToken<'static, Loom>,
    /// What is promised.
    value: Arc<()>,
    /// Written by `Say` before it abandons.
    before: Plain,
    /// Whether whoever finds the promise broken may read that.
    says: bool,
}

/// What one operation did, to be summed up.
const TOOK: i32 = 1;
const SET: i32 = 100;
const ABANDONED: i32 = 10_000;

impl Stage for Promised {
    type Op = Op;

    fn run(&self, op: Op) -> i32 {
        let promise = &self.promise;
        let result = match op {
            Set => match promise.set(self.value.clone()) {
                Ok(()) => return SET,
                Err(_) => return 0,
            },
            Abandon => return if promise.abandon() { ABANDONED } else { 0 },
            Say => {
                self.before.set(1);
                return if promise.abandon() { ABANDONED } else { 0 };
            }
            IsSet => {
                let _ = promise.is_set();
                return 0;
            }
            Cancel => {
                self.token.cancel(Reason::REQUESTED);
                return 0;
            }
            Take => promise.take(),
            Try => promise.try_take(),
            Soon => promise.take_until(SOON),
            Poll => promise.take_until(Deadline::PASSED),
            Async => block_on(promise.take_async()),
            Dropped => poll_once(promise.take_async()).unwrap_or(Err(TakeError::Empty)),
            Unless => promise.take_unless(&self.token),
        };
        match result {
            Ok(value) => {
                assert!(Arc::ptr_eq(&value, &self.value));
                TOOK
            }
            Err(TakeError::Taken) => {
                assert!(promise.is_set());
                0
            }
            Err(TakeError::Broken) => {
                // First, so that nothing but the take itself orders it.
                if self.says {
                    assert_eq!(self.before.get(), 1);
                }
                assert!(!promise.is_set());
                0
            }
            Err(_) => 0,
        }
    }
}

fn play(scripts: &'static [&'static [Op]]) {
    let stage = Promised {
        promise: Promise::new(),
        token: CancelToken::new(),
        value: Arc::new(()),
        before: Plain::new(0),
        says: scripts.iter().any(|script| matches!(script[0], Say)),
    };
    let (stage, did) = kit::play(stage, scripts);
    let took = did % SET;
    assert!(took <= 1, "taken twice");
    match did - took {
        SET => {
            assert!(stage.promise.is_set());
            // There as long as nobody took it, and dropped once.
            assert_eq!(Arc::strong_count(&stage.value), 2 - took as usize);
            assert_eq!(stage.promise.try_take().is_ok(), took == 0);
        }
        ABANDONED => {
            assert_eq!(took, 0);
            assert_eq!(stage.promise.try_take(), Err(TakeError::Broken));
            assert!(stage.promise.set(stage.value.clone()).is_err());
        }
        _ => panic!("set or abandoned once"),
    }
    drop(stage.promise);
    assert_eq!(Arc::strong_count(&stage.value), 1);
}

fn early(scripts: &'static [&'static [Op]]) {
    timeouts(1);
    play(scripts);
}
