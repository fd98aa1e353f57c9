//! What scripts are played on, and the items that go through it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use inkle_core::channel::{Channel, Shutdown};
use inkle_core::error::{GetError, PopError, PushError, PutError};
use inkle_core::queue::Queue;

use super::{Op, Ret};
use crate::kit::{Loom, SOON, block_on, poll_once};

/// How many of each item are alive, so that one lost or dropped twice is seen.
#[derive(Clone, Default)]
pub struct Ledger(Arc<[AtomicI32; 32]>);

impl Ledger {
    fn add(&self, item: u8, count: i32) {
        let alive = self.0[usize::from(item)].fetch_add(count, Ordering::Relaxed) + count;
        assert!((0..=1).contains(&alive), "item {item} is alive {alive} times");
    }

    /// Fails if an item is still alive.
    pub fn all_dropped(&self) {
        for (item, alive) in self.0.iter().enumerate() {
            assert_eq!(alive.load(Ordering::Relaxed), 0, "item {item} was not dropped");
        }
    }
}

/// What goes through the queues.
pub trait Item: Sized + 'static {
    /// The item with this number.
    fn make(number: u8, ledger: &Ledger) -> Self;
    /// Its number.
    fn number(&self) -> u8;
}

impl Item for u8 {
    fn make(number: u8, _: &Ledger) -> Self {
        number
    }

    fn number(&self) -> u8 {
        *self
    }
}

/// An item that tells its ledger when it is dropped.
pub struct Token {
    number: u8,
    ledger: Ledger,
}

impl Item for Token {
    fn make(number: u8, ledger: &Ledger) -> Self {
        ledger.add(number, 1);
        Self { number, ledger: ledger.clone() }
    }

    fn number(&self) -> u8 {
        self.number
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.ledger.add(self.number, -1);
    }
}

/// What a script is played on.
pub trait Subject: 'static {
    /// What is done at the end, before the draining.
    const AT_END: &[Op];

    /// Does one operation.
    fn apply(&self, op: Op, ledger: &Ledger) -> Ret;
}

/// A queue and the ticket it had at the beginning.
pub struct Plain<Q> {
    queue: Q,
    first_ticket: usize,
}

impl<Q: Queue<Item: Item>> Plain<Q> {
    /// A new queue that `turns` items have passed through.
    pub fn new(queue: Q, turns: usize) -> Self {
        for _ in 0..turns {
            let pushed = queue.try_push(Q::Item::make(0, &Ledger::default())).is_ok();
            assert!(pushed && queue.try_pop().is_ok());
        }
        Self { first_ticket: queue.ticket(), queue }
    }

    /// The queue itself.
    pub fn queue(&self) -> &Q {
        &self.queue
    }
}

impl<Q: Queue<Item: Item> + 'static> Subject for Plain<Q> {
    const AT_END: &[Op] = &[Op::Close];

    fn apply(&self, op: Op, ledger: &Ledger) -> Ret {
        let queue = &self.queue;
        match op {
            Op::Push(item) => match queue.try_push(Item::make(item, ledger)) {
                Ok(()) => Ret::Ok,
                Err(PushError::Full(_)) => Ret::Full,
                Err(PushError::Closed(_)) => Ret::Closed,
            },
            Op::Pop => match queue.try_pop() {
                Ok(item) => Ret::Item(item.number()),
                Err(PopError::Empty) => Ret::Empty,
                Err(PopError::Closed) => Ret::Closed,
            },
            Op::Close => Ret::Flag(queue.close()),
            Op::Len | Op::SomeLen => Ret::Count(queue.len()),
            Op::IsEmpty => Ret::Flag(queue.is_empty()),
            Op::IsClosed => Ret::Flag(queue.is_closed()),
            Op::Ticket => Ret::Count(queue.tickets_between(self.first_ticket, queue.ticket())),
            other => unreachable!("{other:?} is not an operation of a queue"),
        }
    }
}

/// A channel.
pub struct Waiting<Q>(Channel<Q, Loom>);

impl<Q: Queue<Item: Item>> Waiting<Q> {
    /// A channel over a new queue that `turns` items have passed through.
    pub fn new(queue: Q, turns: usize) -> Self {
        let channel = Channel::new(queue);
        for _ in 0..turns {
            let put = channel.try_put(Q::Item::make(0, &Ledger::default())).is_ok();
            assert!(put && channel.try_get().is_ok() && channel.task_done().is_ok());
        }
        Self(channel)
    }
}

fn put<T>(result: Result<(), PutError<T>>) -> Ret {
    match result {
        Ok(()) => Ret::Ok,
        Err(PutError::Full(_)) => Ret::Full,
        Err(PutError::TimedOut(_)) => Ret::TimedOut,
        Err(PutError::ShutDown(_)) => Ret::Closed,
        Err(_) => unreachable!("a new kind of error"),
    }
}

fn got<T: Item>(result: Result<T, GetError>) -> Ret {
    match result {
        Ok(item) => Ret::Item(item.number()),
        Err(GetError::Empty) => Ret::Empty,
        Err(GetError::TimedOut) => Ret::TimedOut,
        Err(GetError::ShutDown) => Ret::Closed,
        Err(_) => unreachable!("a new kind of error"),
    }
}

impl<Q: Queue<Item: Item> + 'static> Subject for Waiting<Q> {
    const AT_END: &[Op] = &[Op::Close, Op::Unfinished];

    fn apply(&self, op: Op, ledger: &Ledger) -> Ret {
        let channel = &self.0;
        let make = |item| Item::make(item, ledger);
        match op {
            Op::Push(item) => put(channel.try_put(make(item))),
            Op::Put(item) => put(channel.put(make(item))),
            Op::PutSoon(item) => put(channel.put_until(make(item), SOON)),
            Op::Pop => got(channel.try_get()),
            Op::Get => got(channel.get()),
            Op::GetSoon => got(channel.get_until(SOON)),
            Op::PutAsync(item) => put(block_on(channel.put_async(make(item)))),
            Op::PutOnce(item) => poll_once(channel.put_async(make(item))).map_or(Ret::Full, put),
            Op::GetAsync => got(block_on(channel.get_async())),
            Op::GetOnce => poll_once(channel.get_async()).map_or(Ret::Empty, got),
            Op::JoinAsync => {
                block_on(channel.join_async());
                Ret::Ok
            }
            Op::TaskDone => Ret::Flag(channel.task_done().is_ok()),
            Op::Unfinished | Op::SomeUnfinished => Ret::Count(channel.unfinished()),
            Op::Join => {
                channel.join();
                Ret::Ok
            }
            Op::JoinSoon => channel.join_until(SOON).map_or(Ret::TimedOut, |()| Ret::Ok),
            Op::Close | Op::Stop => {
                let how = if op == Op::Stop { Shutdown::Immediate } else { Shutdown::Graceful };
                channel.shutdown(how);
                Ret::Ok
            }
            Op::Len | Op::SomeLen => Ret::Count(channel.len()),
            Op::IsFull => Ret::Flag(channel.is_full()),
            Op::IsEmpty => Ret::Flag(channel.is_empty()),
            Op::IsClosed => Ret::Flag(channel.is_shut_down()),
            other => unreachable!("{other:?} is not an operation of a channel"),
        }
    }
}
