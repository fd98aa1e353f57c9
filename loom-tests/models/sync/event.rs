//! The event. A setter writes plain data first, which a waiter that has been released reads.

use std::sync::Arc;

use inkle_core::platform::Deadline;
use inkle_core::sync::Event;
use loom::thread::spawn;

use Op::{Announce, Await, Clear, IsSet, Once, Poll, Set, Soon, Wait};

use super::{LONG, THREE};
use crate::kit::{
    self, Loom, Model, Plain, SOON, Stage, block_on, poll_once, timeouts, until_asleep,
};

pub const MODELS: &[Model] = &[
    // Two threads.
    Model::full("wait_announce", || play(&[&[Announce], &[Wait, Wait]])),
    Model::full("is_set_announce", || play(&[&[Announce], &[IsSet, Poll]])),
    Model::full("soon_announce", || play(&[&[Announce], &[Soon]])),
    Model::full("wait_set_clear_set", || play(&[&[Set, Clear, Set], &[Wait]])),
    Model::full("wait_clear_set", || play(&[&[Set], &[Clear, Poll, Set, Wait]])),
    Model::full("set_set", || play(&[&[Set, Wait], &[Set, Wait]])),
    Model::full("set_clear", || play(&[&[Set, Clear], &[Set, Clear]])),
    Model::full("clear_poll", || play(&[&[Clear, Poll, IsSet], &[Set, Clear, Poll]])),
    Model::full("early_wait", || early(1, &[&[Announce], &[Wait]])),
    Model::full("early_soon", || early(1, &[&[Announce], &[Soon]])),
    Model::full("early_soon_soon", || early(1, &[&[Announce], &[Soon, Soon]])),
    Model::full("early_soon_clear", || early(1, &[&[Set, Clear, Set], &[Soon]])),
    Model::full("cleared_at_once", || cleared_at_once(1, Event::wait)),
    // Tasks.
    Model::full("await_announce", || play(&[&[Announce], &[Await, Await]])),
    Model::bounded("await_set_clear_set", 5, LONG, || play(&[&[Set, Clear, Set], &[Await]])),
    Model::bounded("once_announce", 5, LONG, || play(&[&[Announce], &[Once, Once]])),
    Model::full("early_await", || early(1, &[&[Announce], &[Await]])),
    Model::full("cleared_at_once_task", || {
        cleared_at_once(1, |event| block_on(event.wait_async()))
    }),
    // Three threads.
    Model::bounded("waiters_2", 4, THREE, || play(&[&[Announce], &[Wait], &[Wait]])),
    Model::bounded("setters_2", 5, THREE, || play(&[&[Wait], &[Set], &[Set]])),
    Model::bounded("setter_clearer", 3, THREE, || play(&[&[Clear, Set], &[Clear, Set], &[Wait]])),
    Model::bounded("early_waiters_2", 3, THREE, || early(1, &[&[Announce], &[Soon], &[Wait]])),
    Model::bounded("cleared_at_once_2", 3, THREE, || cleared_at_once(2, Event::wait)),
    Model::bounded("cleared_at_once_tasks", 2, THREE, || {
        cleared_at_once(2, |event| block_on(event.wait_async()));
    }),
    Model::bounded("tasks_2", 3, THREE, || play(&[&[Announce], &[Await], &[Await]])),
    Model::bounded("task_thread", 3, THREE, || play(&[&[Announce], &[Await], &[Wait]])),
    Model::bounded("task_once", 3, THREE, || play(&[&[Announce], &[Await], &[Once]])),
];

#[derive(Clone, Copy)]
enum Op {
    /// Writes the plain data and sets the event; in models where it is the only one to set.
    Announce,
    Set,
    Clear,
    IsSet,
    Wait,
    /// `wait_until` a deadline that may pass.
    Soon,
    /// `wait_until` a deadline that has passed.
    Poll,
    /// A task waits; a future that is dropped after one poll.
    Await,
    Once,
}

struct Announced {
    event: Event<Loom>,
    plain: Plain,
    /// Whether a released waiter may read `plain`.
    announces: bool,
    /// Whether a deadline may pass.
    may_time_out: bool,
}

impl Stage for Announced {
    type Op = Op;

    fn run(&self, op: Op) -> i32 {
        let released = match op {
            Announce => {
                self.plain.set(1);
                self.event.set();
                true
            }
            Set => {
                self.event.set();
                false
            }
            Clear => {
                self.event.clear();
                false
            }
            IsSet => self.event.is_set(),
            Wait => {
                self.event.wait();
                true
            }
            Await => {
                block_on(self.event.wait_async());
                true
            }
            Once => poll_once(self.event.wait_async()).is_some(),
            Soon => {
                let released = self.event.wait_until(SOON).is_ok();
                assert!(released || self.may_time_out);
                released
            }
            Poll => self.event.wait_until(Deadline::PASSED).is_ok(),
        };
        if released && self.announces {
            assert_eq!(self.plain.get(), 1);
        }
        0
    }
}

fn play(scripts: &'static [&'static [Op]]) {
    early(0, scripts);
}

fn early(returns: usize, scripts: &'static [&'static [Op]]) {
    timeouts(returns);
    let announces = matches!(scripts[0][0], Announce);
    let (event, plain) = (Event::new(), Plain::new(0));
    let stage = Announced { event, plain, announces, may_time_out: returns > 0 };
    let (stage, _) = kit::play(stage, scripts);
    if announces {
        assert!(stage.event.is_set());
    }
}

/// Whoever waits when the event is set is released, even if it is cleared at once (TH056).
fn cleared_at_once(waiters: usize, wait: fn(&Event<Loom>)) {
    let event = Arc::new(Event::<Loom>::new());
    let waiting: Vec<_> = (0..waiters)
        .map(|_| {
            let event = event.clone();
            spawn(move || wait(&event))
        })
        .collect();
    until_asleep(waiters);
    event.set();
    event.clear();
    waiting.into_iter().for_each(|waiter| waiter.join().unwrap());
    assert!(!event.is_set());
}
