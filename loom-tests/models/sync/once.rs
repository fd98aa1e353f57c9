//! The cell that is written once. Its value lies in loom's cell, so who reads too early is a data race;
//! a plain number is written by everybody who makes a value, so two at a time are one as well. A panic
//! gives the right to write back as a failure does; loom cannot run other threads during one.

use inkle_core::platform::Deadline;
use inkle_core::sync::{CancelToken, Once, Reason};

use Op::{Async, Cancel, Dropped, Get, Init, Poll, Set, Soon, TryInit, Unless, Wait};

use super::{SLOW, THREE};
use crate::kit::{self, Loom, Model, Plain, SOON, Stage, block_on, poll_once, timeouts};

pub const MODELS: &[Model] = &[
    // Two threads.
    Model::full("set_set", || play(&[&[Set, Get], &[Set, Get]])),
    Model::full("set_get", || play(&[&[Set], &[Get, Get]])),
    Model::full("set_wait", || play(&[&[Set], &[Wait, Wait]])),
    Model::full("set_poll_soon", || play(&[&[Set], &[Poll, Soon]])),
    Model::full("set_init", || play(&[&[Set, Get], &[Init]])),
    Model::bounded("set_async", 4, SLOW, || play(&[&[Set], &[Async]])),
    Model::bounded("set_dropped", 4, SLOW, || play(&[&[Set], &[Dropped, Get]])),
    Model::bounded("set_unless", 3, SLOW, || play(&[&[Set], &[Unless]])),
    Model::bounded("cancel_unless", 3, SLOW, || play(&[&[Cancel, Set], &[Unless]])),
    Model::full("init_init", || play(&[&[Init], &[Init]])),
    Model::full("init_wait", || play(&[&[Init], &[Wait]])),
    Model::full("init_get", || play(&[&[Init, Get], &[Get, Poll]])),
    Model::bounded("init_async", 3, SLOW, || play(&[&[Init], &[Async]])),
    Model::full("fail_init", || play(&[&[TryInit], &[Init]])),
    Model::bounded("fail_wait", 5, SLOW, || play(&[&[TryInit, Set], &[Wait]])),
    Model::bounded("fail_async", 3, SLOW, || play(&[&[TryInit, Set], &[Async]])),
    Model::bounded("fail_fail", 4, SLOW, || play(&[&[TryInit, Init], &[TryInit, Init]])),
    Model::full("early_wait", || early(&[&[Set], &[Wait]])),
    Model::full("early_soon", || early(&[&[Set], &[Soon, Soon]])),
    Model::full("early_init", || early(&[&[Init], &[Init]])),
    Model::bounded("early_async", 3, SLOW, || early(&[&[Init], &[Async]])),
    // Three threads.
    Model::bounded("init_3", 2, THREE, || play(&[&[Init], &[Init], &[Init]])),
    Model::bounded("fail_3", 2, THREE, || play(&[&[TryInit], &[Init], &[Init]])),
    Model::bounded("waiters_2", 2, THREE, || play(&[&[Init], &[Wait], &[Wait]])),
    Model::bounded("tasks_2", 2, THREE, || play(&[&[Set], &[Async], &[Async]])),
    Model::bounded("beside_fail", 2, THREE, || play(&[&[TryInit], &[Wait], &[Init]])),
    Model::bounded("dropped_3", 2, THREE, || play(&[&[Set], &[Dropped], &[Async]])),
];

#[derive(Clone, Copy)]
enum Op {
    Set,
    Get,
    /// `get_or_init`.
    Init,
    /// `get_or_try_init` that fails.
    TryInit,
    Wait,
    /// `wait_until` a deadline that may pass; one that has passed.
    Soon,
    Poll,
    Async,
    /// `wait_async`, polled once and dropped.
    Dropped,
    /// `wait_unless` the token that `Cancel` cancels.
    Unless,
    Cancel,
}

/// What everybody sets.
const VALUE: u32 = 7;

struct Cell {
    once: Once<Box<u32>, Loom>,
    token: CancelToken<'static, Loom>,
    makers: Plain,
}

impl Cell {
    fn make(&self) -> Box<u32> {
        self.makers.add(1);
        Box::new(VALUE)
    }
}

impl Stage for Cell {
    type Op = Op;

    /// Gives 1 if it has set the value, or called what makes one.
    fn run(&self, op: Op) -> i32 {
        let once = &self.once;
        let mut made = 0;
        let seen = match op {
            Set => {
                made = i32::from(once.set(Box::new(VALUE)).is_ok());
                None
            }
            Get => once.get(),
            Init => Some(once.get_or_init(|| {
                made = 1;
                self.make()
            })),
            TryInit => once
                .get_or_try_init(|| {
                    drop(self.make());
                    Err(())
                })
                .ok(),
            Wait => Some(once.wait()),
            Soon => once.wait_until(SOON).ok(),
            Poll => once.wait_until(Deadline::PASSED).ok(),
            Async => Some(block_on(once.wait_async())),
            Dropped => poll_once(once.wait_async()),
            Unless => once.wait_unless(&self.token).ok(),
            Cancel => {
                self.token.cancel(Reason::REQUESTED);
                None
            }
        };
        assert!(seen.is_none_or(|value| **value == VALUE));
        made
    }
}

fn play(scripts: &'static [&'static [Op]]) {
    let stage = Cell { once: Once::new(), token: CancelToken::new(), makers: Plain::new(0) };
    let (stage, set) = kit::play(stage, scripts);
    assert_eq!(set, 1, "set once");
    assert_eq!(stage.once.into_inner().as_deref(), Some(&VALUE));
}

fn early(scripts: &'static [&'static [Op]]) {
    timeouts(1);
    play(scripts);
}
