//! Channels, and the queue that grows.

use std::collections::VecDeque;

use inkle_core::channel::{Channel, Shutdown};
use inkle_core::elastic::Elastic;
use inkle_core::error::{GetError, PutError};
use inkle_core::queue::word::WordRing;
use inkle_core::queue::{Container, Queue};

use crate::beside::{Beside, Task, once, tasks};
use crate::ground::{SOON, Steps};
use crate::items::{Counted, drained, filled, looks, popped, pushed};
use crate::models::{self, Items, Order};
use crate::subject::{Answer, Operation, Subject, one_lock, op, say};

type Of = Beside<Channel<WordRing<u8, 2>, Steps>>;

fn channel(inside: u8) -> Of {
    let channel = Channel::new(WordRing::new());
    for number in 0..inside {
        assert!(channel.try_put(100 + number).is_ok());
    }
    Beside::alone(channel)
}

fn put<T>(result: Result<(), PutError<T>>) -> Answer {
    match result {
        Ok(()) => "Ok",
        Err(PutError::Full(_) | PutError::TimedOut(_)) => "Full",
        Err(_) => "Closed",
    }
    .into()
}

fn got(result: Result<u8, GetError>) -> Answer {
    say(result)
}

fn channel_operations() -> Vec<Operation<Of>> {
    vec![
        op("try_put", |c: &Of, n| put(c.value().try_put(n))),
        op("try_get", |c: &Of, _| got(c.value().try_get())),
        op("force_put", |c: &Of, n| say(c.value().force_put(n).map_err(|_| ()))).loose(),
        op("peek", |c: &Of, _| say(c.value().peek())),
        op("task_done", |c: &Of, _| say(c.value().task_done())),
        op("shutdown", |c: &Of, _| say(c.value().shutdown(Shutdown::Graceful))),
        // An item after the other.
        op("shutdown immediately", |c: &Of, _| say(c.value().shutdown(Shutdown::Immediate)))
            .loose(),
        op("is_shut_down", |c: &Of, _| say(c.value().is_shut_down())),
    ]
}

fn channel_end(channel: Of) -> Answer {
    let channel = channel.end();
    let closed = channel.is_shut_down();
    let left: Vec<u8> = channel.drain().collect();
    let unfinished = channel.unfinished();
    for _ in 0..unfinished {
        assert!(channel.task_done().is_ok());
    }
    assert!(channel.task_done().is_err() && channel.join_until(SOON).is_ok());
    if !closed {
        assert!(channel.try_put(1).is_ok() && channel.try_put(2).is_ok(), "a place is lost");
    }
    format!("{left:?}, {unfinished} unfinished, closed {closed}")
}

pub fn channel_threads() -> Subject<Of> {
    let mut operations = channel_operations();
    operations.extend([
        op("put_until", |c: &Of, n| put(c.value().put_until(n, SOON))),
        op("get_until", |c: &Of, _| got(c.value().get_until(SOON))),
        op("join_until", |c: &Of, _| say(c.value().join_until(SOON))),
    ]);
    Subject::new(
        "Channel",
        &["channel/mod.rs"],
        vec![("empty", || channel(0)), ("one inside", || channel(1)), ("full", || channel(2))],
        operations,
        channel_end,
    )
    .limit(80)
    .then(1)
    .model(|state| models::channel(state as u8))
    .blocking(vec![
        op("put", |c: &Of, n| put(c.value().put(n))),
        op("get", |c: &Of, _| got(c.value().get())),
        op("join", |c: &Of, _| say(c.value().join())),
    ])
}

fn gets(channel: &'static Channel<WordRing<u8, 2>, Steps>) -> Task {
    Box::pin(async { got(channel.get_async().await) })
}

/// While a task waits for an item.
pub fn channel_tasks() -> Subject<Of> {
    let mut operations = channel_operations();
    operations.push(op("get_async", |c: &Of, _| once(gets(c.value()))));
    operations.extend(tasks(&[]));
    let listed = &[
        "try_put",
        "force_put",
        "shutdown",
        "shutdown immediately",
        "get_async",
        "poll the task",
        "drop the task",
    ];
    Subject::new(
        "Channel, a task waits",
        &["channel/operation.rs"],
        vec![("empty", || channel(0).with_task(gets))],
        one_lock(operations, listed),
        channel_end,
    )
    .limit(80)
    .then(1)
    .masks()
}

/// A list that grows.
#[derive(Default)]
pub struct List(VecDeque<u8>);

impl Container for List {
    type Item = u8;

    fn put(&mut self, item: u8) -> Result<(), u8> {
        self.0.push_back(item);
        Ok(())
    }

    fn take(&mut self) -> Option<u8> {
        self.0.pop_front()
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

type Growing = Counted<Elastic<WordRing<u8, 1>, List, Steps>>;

fn growing(inside: u8) -> Growing {
    filled(Elastic::new(WordRing::new(), List::default(), List::default()), 0, inside)
}

/// It takes locks once the ring is full.
pub fn elastic() -> Subject<Growing> {
    let mut operations = vec![
        op("try_push", |q: &Growing, n| pushed(q.queue.try_push(n))),
        op("try_pop", |q: &Growing, _| popped(q.queue.try_pop())),
    ];
    operations.extend(looks());
    Subject::new(
        "Elastic",
        &["elastic.rs"],
        vec![
            ("empty", || growing(0)),
            ("the ring is full", || growing(1)),
            ("more", || growing(3)),
        ],
        one_lock(operations, &["try_push", "try_pop", "close"]),
        drained,
    )
    .limit(2_000)
    .then(1)
    .masks()
    .model(|state| Items::boxed(usize::MAX, Order::First, [0, 1, 3][state]))
}
