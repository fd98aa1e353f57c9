//! The latch. Who counts down writes plain data first, which whoever is let through reads.

use inkle_core::platform::Deadline;
use inkle_core::sync::{CancelToken, Latch, Reason};

use Op::{Arrive, Async, Cancel, Dropped, Poll, Remaining, Soon, Step, Try, Unless, Wait};

use super::{SLOW, THREE};
use crate::kit::{self, Loom, Model, Plain, SOON, Stage, block_on, poll_once, timeouts};

pub const MODELS: &[Model] = &[
    // Two threads.
    Model::full("wait_step", || play(1, &[&[Step(0, 1)], &[Wait, Wait]])),
    Model::full("wait_steps", || play(3, &[&[Step(0, 1), Step(0, 2)], &[Wait]])),
    Model::full("step_step", || play(2, &[&[Step(0, 1), Wait], &[Step(1, 1), Wait]])),
    Model::full("arrive_arrive", || play(2, &[&[Arrive(0)], &[Arrive(1)]])),
    Model::full("arrive_step", || play(2, &[&[Arrive(0)], &[Step(1, 1), Try]])),
    Model::full("try_remaining", || play(2, &[&[Step(0, 1), Step(0, 1)], &[Try, Remaining]])),
    Model::full("soon_poll_step", || play(1, &[&[Step(0, 1)], &[Poll, Soon]])),
    Model::bounded("async_step", 4, SLOW, || play(1, &[&[Step(0, 1)], &[Async]])),
    Model::bounded("async_arrive", 4, SLOW, || play(2, &[&[Arrive(0)], &[Step(1, 1), Async]])),
    Model::bounded("dropped_step", 4, SLOW, || play(1, &[&[Step(0, 1)], &[Dropped, Wait]])),
    Model::bounded("unless_step", 3, SLOW, || play(1, &[&[Step(0, 1)], &[Unless]])),
    Model::bounded("cancel_unless", 3, SLOW, || play(1, &[&[Cancel, Step(0, 1)], &[Unless]])),
    Model::full("below_zero", below_zero),
    Model::full("early_wait", || early(1, &[&[Step(0, 1)], &[Wait]])),
    Model::full("early_soon", || early(1, &[&[Step(0, 1)], &[Soon, Soon]])),
    Model::bounded("early_async", 4, SLOW, || early(1, &[&[Step(0, 1)], &[Async]])),
    // Three threads.
    Model::bounded("arrive_3", 1, THREE, || play(3, &[&[Arrive(0)], &[Arrive(1)], &[Arrive(2)]])),
    Model::bounded("waiters_2", 3, THREE, || play(1, &[&[Step(0, 1)], &[Wait], &[Wait]])),
    Model::bounded("tasks_2", 3, THREE, || play(1, &[&[Step(0, 1)], &[Async], &[Async]])),
    Model::bounded("steppers_2", 4, THREE, || play(2, &[&[Wait], &[Step(0, 1)], &[Step(1, 1)]])),
    Model::bounded("dropped_3", 3, THREE, || play(1, &[&[Step(0, 1)], &[Dropped], &[Async]])),
];

#[derive(Clone, Copy)]
enum Op {
    /// Writes to a place of its own, then counts down by so many.
    Step(usize, u32),
    /// The same and waits.
    Arrive(usize),
    Wait,
    Try,
    Remaining,
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

struct Work {
    latch: Latch<Loom>,
    token: CancelToken<'static, Loom>,
    /// What each has done.
    done: [Plain; 3],
    steps: u32,
}

impl Stage for Work {
    type Op = Op;

    /// Gives the steps that it has taken.
    fn run(&self, op: Op) -> i32 {
        let mut taken = 0;
        let open = match op {
            Step(place, steps) => {
                self.done[place].add(steps);
                self.latch.count_down(steps).expect("not below zero");
                taken = steps;
                false
            }
            Arrive(place) => {
                self.done[place].add(1);
                self.latch.arrive_and_wait().expect("not below zero");
                taken = 1;
                true
            }
            Wait => {
                self.latch.wait();
                true
            }
            Try => self.latch.try_wait(),
            Remaining => self.latch.remaining() == 0,
            Soon => self.latch.wait_until(SOON).is_ok(),
            Poll => self.latch.wait_until(Deadline::PASSED).is_ok(),
            Async => {
                block_on(self.latch.wait_async());
                true
            }
            Dropped => poll_once(self.latch.wait_async()).is_some(),
            Unless => self.latch.wait_unless(&self.token).is_ok(),
            Cancel => {
                self.token.cancel(Reason::REQUESTED);
                false
            }
        };
        if open {
            assert_eq!(self.done.iter().map(Plain::get).sum::<u32>(), self.steps);
        }
        taken as i32
    }
}

fn play(steps: u32, scripts: &'static [&'static [Op]]) {
    let done = [0; 3].map(|_| Plain::new(0));
    let stage = Work { latch: Latch::new(steps), token: CancelToken::new(), done, steps };
    let (stage, taken) = kit::play(stage, scripts);
    assert_eq!(taken as u32, steps);
    assert_eq!(stage.latch.remaining(), 0);
}

fn early(steps: u32, scripts: &'static [&'static [Op]]) {
    timeouts(1);
    play(steps, scripts);
}

/// Two take two steps each where three remain: one of them is told so, and nothing has changed by it.
fn below_zero() {
    let latch = std::sync::Arc::new(Latch::<Loom>::new(3));
    let other = {
        let latch = latch.clone();
        loom::thread::spawn(move || latch.count_down(2).is_ok())
    };
    let ours = latch.count_down(2).is_ok();
    assert_ne!(ours, other.join().unwrap());
    assert_eq!(latch.remaining(), 1);
    assert!(latch.count_down(2).is_err());
    assert!(latch.count_down(1).is_ok());
}
