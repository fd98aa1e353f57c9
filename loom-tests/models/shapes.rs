//! What the queue models share: scripts of operations, the sequential specifications that their
//! histories are checked against, and the stage on which a script is played.
//!
//! A model is a few lines of data: a queue, how far it has gone round, how many items lie in it, and
//! what each thread does. [`play`] runs it, drains the queue, checks that some order of all the
//! operations explains every answer, drops the queue and checks that every item was dropped once.

use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use inkle_core::atomic::{AtomicUsize, UnsafeCell};
use inkle_core::channel::{Channel, Shutdown};
use inkle_core::error::{GetError, PopError, PushError, PutError};
use inkle_core::queue::Queue;

use crate::kit::{History, Loom, SOON, block_on, poll_once};

/// One operation of a script, and one entry of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `try_push`, `try_put`.
    Push(u8),
    /// `try_pop`, `try_get`.
    Pop,
    /// `close`, `shutdown(Graceful)`.
    Close,
    /// `len`, where it must be exact: pushes or pops run beside it, not both.
    Len,
    /// `len`, where both run beside it: at most the capacity.
    SomeLen,
    /// `is_empty`, as [`Len`](Self::Len).
    IsEmpty,
    /// A channel's `is_full`, as [`Len`](Self::Len).
    IsFull,
    /// `is_closed`, `is_shut_down`.
    IsClosed,
    /// `force_push`.
    Force(u8),
    /// `peek`.
    Peek,
    /// `take_all`, and then one item of the batch after the other.
    TakeAll,
    /// `ticket`, as pushes since the beginning.
    Ticket,
    /// `put`.
    Put(u8),
    /// `put_until` a moment that may pass.
    PutSoon(u8),
    /// `get`.
    Get,
    /// `get_until` a moment that may pass.
    GetSoon,
    /// `get_async`, awaited.
    GetAsync,
    /// `get_async`, polled once and dropped.
    GetOnce,
    /// `put_async`, awaited.
    PutAsync(u8),
    /// `put_async`, polled once and dropped.
    PutOnce(u8),
    /// `join_async`, awaited.
    JoinAsync,
    /// `task_done`.
    TaskDone,
    /// `join`.
    Join,
    /// `join_until` a moment that may pass.
    JoinSoon,
    /// `unfinished`, where it must be exact: puts or `task_done`s run beside it, not both.
    Unfinished,
    /// `unfinished`, where both run beside it.
    SomeUnfinished,
    /// `shutdown(Immediate)`, whose own step is the close.
    Stop,
    /// Never in a script: the second step of a push over cells.
    Publish(u8),
    /// Never in a script: the second step of a pop that first looks where to take from.
    Take,
    /// Never in a script: the last step of a pop over cells.
    Release,
    /// Never in a script: a batch gives the cell of its item at this place back, if there is one.
    GiveBack(u8),
    /// Never in a script: the second step of a forced push over cells, if it has found none free.
    Oldest,
    /// Never in a script: an immediate shutdown takes an item out, if there is one.
    Discard,
    /// Never in a script: an immediate shutdown calls the item done.
    Uncount,
}

/// The answer to an [`Op`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ret {
    /// Done.
    Ok,
    /// This item.
    Item(u8),
    /// No room.
    Full,
    /// No item.
    Empty,
    /// Closed; for a pop, drained too.
    Closed,
    /// The moment has passed.
    TimedOut,
    /// Yes or no: of `close` whether this call closed it, of `task_done` whether there was a task.
    Flag(bool),
    /// A number.
    Count(usize),
    /// Done, and this item made room.
    Displaced(u8),
    /// Closed, after this item had been taken out.
    ClosedAfter(u8),
    /// These items, filled up with zeros, and whether they are the last.
    Batch([u8; 4], bool),
}

/// A sequential specification: what a queue is, one operation at a time.
pub trait Spec: Clone + Hash + Eq + 'static {
    /// The further steps of an operation that is not one step. They have the answer of `op`.
    fn rest(&self, op: Op) -> Vec<Op>;
    /// Does `op`, if `ret` is the right answer.
    fn step(&mut self, op: Op, ret: Ret) -> bool;
    /// How many pushes there were.
    fn pushes(&self) -> usize;
    /// Takes the next item out of a closed queue, if there is one.
    fn discard(&mut self) -> bool;
}

/// A bounded queue with exact answers, oldest or newest item first.
#[derive(Clone, Hash, PartialEq, Eq)]
pub struct Exact {
    capacity: usize,
    items: VecDeque<u8>,
    newest_first: bool,
    closed: bool,
    pushes: usize,
}

impl Exact {
    /// An empty queue.
    pub fn new(capacity: usize) -> Self {
        let items = VecDeque::new();
        Self { capacity, items, newest_first: false, closed: false, pushes: 0 }
    }

    /// An empty stack.
    pub fn newest_first(capacity: usize) -> Self {
        Self { newest_first: true, ..Self::new(capacity) }
    }

    fn take(&mut self) -> Option<u8> {
        if self.newest_first { self.items.pop_back() } else { self.items.pop_front() }
    }

    /// A batch takes all there is.
    fn take_all(&mut self, ret: Ret) -> bool {
        let Ret::Batch(items, is_last) = ret else {
            return false;
        };
        for &item in items.iter().take_while(|&&item| item != 0) {
            if self.take() != Some(item) {
                return false;
            }
        }
        self.items.is_empty() && is_last == self.closed
    }
}

impl Spec for Exact {
    fn rest(&self, _: Op) -> Vec<Op> {
        Vec::new()
    }

    fn step(&mut self, op: Op, ret: Ret) -> bool {
        let right = match op {
            Op::Push(_) if self.closed => Ret::Closed,
            Op::Push(_) if self.items.len() == self.capacity => Ret::Full,
            Op::Push(item) => {
                self.items.push_back(item);
                self.pushes += 1;
                Ret::Ok
            }
            Op::Force(item) if self.items.len() == self.capacity && !self.closed => {
                let oldest = self.take().expect("full");
                self.step(Op::Push(item), Ret::Ok);
                Ret::Displaced(oldest)
            }
            Op::Force(item) => return self.step(Op::Push(item), ret),
            Op::Peek => self.items.front().map_or(Ret::Empty, |item| Ret::Item(*item)),
            Op::Pop => match self.take() {
                Some(item) => Ret::Item(item),
                None if self.closed => Ret::Closed,
                None => Ret::Empty,
            },
            Op::TakeAll => return self.take_all(ret),
            Op::Close => Ret::Flag(!std::mem::replace(&mut self.closed, true)),
            Op::Len => Ret::Count(self.items.len()),
            Op::SomeLen => return matches!(ret, Ret::Count(len) if len <= self.capacity),
            Op::IsEmpty => Ret::Flag(self.items.is_empty()),
            Op::IsFull => Ret::Flag(self.items.len() == self.capacity),
            Op::IsClosed => Ret::Flag(self.closed),
            Op::Ticket => Ret::Count(self.pushes),
            other => unreachable!("{other:?} is not an operation of a queue"),
        };
        right == ret
    }

    fn pushes(&self) -> usize {
        self.pushes
    }

    fn discard(&mut self) -> bool {
        self.take().is_some()
    }
}

/// A queue over cells that are claimed before a push and released after a pop: `Full` is exact about
/// free cells, so operations in flight count as full. All else is what `queue` says.
#[derive(Clone, Hash, PartialEq, Eq)]
pub struct Cells<Q> {
    queue: Q,
    capacity: usize,
    free: usize,
    /// Whether `Full` says something about the free cells.
    full_counts: bool,
    /// Whether the length counts items until they have given their cells back.
    len_counts: bool,
    given_back: usize,
    closed: bool,
    /// The items of pushes that hold a cell and will find the queue closed.
    refused: Vec<u8>,
}

impl Cells<Exact> {
    /// An empty queue, first in, first out.
    pub fn new(capacity: usize) -> Self {
        Self::of(Exact::new(capacity), capacity)
    }

    /// As the empty `queue`; its length counts items until they have given their cells back.
    pub fn counted(queue: Exact) -> Self {
        let capacity = queue.capacity;
        Self { len_counts: true, ..Self::of(queue, capacity) }
    }
}

impl<Q: Spec> Cells<Q> {
    /// The empty `queue` over that many cells.
    pub fn of(queue: Q, capacity: usize) -> Self {
        Self {
            queue,
            capacity,
            free: capacity,
            full_counts: true,
            len_counts: false,
            given_back: 0,
            closed: false,
            refused: Vec::new(),
        }
    }

    /// The same, but nobody asks whether `Full` was right.
    pub fn uncounted(self) -> Self {
        Self { free: usize::MAX / 2, full_counts: false, ..self }
    }
}

impl<Q: Spec> Spec for Cells<Q> {
    fn rest(&self, op: Op) -> Vec<Op> {
        let mut rest = self.queue.rest(op);
        match op {
            Op::Push(item) => rest.push(Op::Publish(item)),
            Op::Pop => rest.push(Op::Release),
            Op::Force(item) => rest.extend([Op::Oldest, Op::Publish(item)]),
            Op::TakeAll => rest.extend((0..self.capacity as u8).map(Op::GiveBack)),
            _ => {}
        }
        rest
    }

    fn step(&mut self, op: Op, ret: Ret) -> bool {
        match (op, ret) {
            (Op::Len, _) if self.len_counts => {
                return ret == Ret::Count(self.queue.pushes() - self.given_back);
            }
            (Op::IsEmpty, _) if self.len_counts => {
                return ret == Ret::Flag(self.queue.pushes() == self.given_back);
            }
            // A forced push with room is a push. Without, it sees no free cell, then pops and pushes,
            // or finds no item and, once more, no free cell.
            (Op::Force(_), Ret::Displaced(_) | Ret::ClosedAfter(_) | Ret::Full) => {
                return self.free == 0;
            }
            (Op::Force(item), _) => return self.step(Op::Push(item), ret),
            (Op::Oldest, Ret::Displaced(oldest) | Ret::ClosedAfter(oldest)) => {
                return self.queue.step(Op::Pop, Ret::Item(oldest));
            }
            (Op::Oldest, Ret::Full) => return self.queue.step(Op::Pop, Ret::Empty),
            (Op::Oldest, _) => {}
            (Op::Publish(item), Ret::Displaced(_)) => {
                return self.queue.step(Op::Push(item), Ret::Ok);
            }
            (Op::Publish(_), Ret::ClosedAfter(_)) => {
                self.free += 1;
                return self.closed;
            }
            (Op::GiveBack(place), Ret::Batch(items, _)) => {
                let there = usize::from(items[usize::from(place)] != 0);
                (self.free, self.given_back) = (self.free + there, self.given_back + there);
            }
            (Op::Push(_), Ret::Full) => {
                return (self.free == 0 || !self.full_counts) && !self.closed;
            }
            (Op::Push(_), Ret::Ok) if self.free == 0 => return false,
            (Op::Push(_), Ret::Ok) => self.free -= 1,
            (Op::Publish(item), Ret::Ok) => return self.queue.step(Op::Push(item), Ret::Ok),
            // Claims a cell if there is one, finds the queue closed, releases the cell.
            (Op::Push(item), Ret::Closed) => {
                if self.free > 0 {
                    self.free -= 1;
                    self.refused.push(item);
                }
            }
            (Op::Publish(item), Ret::Closed) => {
                if self.refused.contains(&item) {
                    self.refused.retain(|&other| other != item);
                    self.free += 1;
                }
                return self.closed;
            }
            // Of a push without a cell, or of a forced one.
            (Op::Publish(_), Ret::Full) => return self.free == 0 || !self.full_counts,
            (Op::Release, Ret::Item(_)) => {
                (self.free, self.given_back) = (self.free + 1, self.given_back + 1);
            }
            (Op::Publish(_) | Op::Release, _) => {}
            _ => {
                self.closed |= op == Op::Close;
                return self.queue.step(op, ret);
            }
        }
        true
    }

    fn pushes(&self) -> usize {
        self.queue.pushes()
    }

    fn discard(&mut self) -> bool {
        let found = self.queue.discard();
        (self.free, self.given_back) =
            (self.free + usize::from(found), self.given_back + usize::from(found));
        found
    }
}

/// A channel over a queue.
#[derive(Clone, Hash, PartialEq, Eq)]
pub struct Counted<S> {
    queue: S,
    done: usize,
    /// How many items immediate shutdowns have taken out and not yet called done.
    taken: usize,
    capacity: usize,
}

impl<S: Spec> Counted<S> {
    /// A channel over the empty `queue`, which never holds more than `capacity` items.
    pub fn new(queue: S, capacity: usize) -> Self {
        Self { queue, done: 0, taken: 0, capacity }
    }

    fn unfinished(&self) -> usize {
        self.queue.pushes() - self.done
    }
}

/// An operation of a channel and its answer in the words of the queue; `None` if it may not answer
/// so. A time-out is `Full` or `Empty` at the last attempt.
fn plain(op: Op, ret: Ret) -> Option<(Op, Ret)> {
    Some(match (op, ret) {
        (
            Op::Put(item) | Op::PutSoon(item) | Op::PutAsync(item) | Op::PutOnce(item),
            Ret::Ok | Ret::Closed,
        ) => (Op::Push(item), ret),
        (Op::PutSoon(item), Ret::TimedOut) => (Op::Push(item), Ret::Full),
        (Op::PutOnce(item), Ret::Full) => (Op::Push(item), Ret::Full),
        (Op::Get | Op::GetSoon | Op::GetAsync | Op::GetOnce, Ret::Item(_) | Ret::Closed) => {
            (Op::Pop, ret)
        }
        (Op::GetSoon, Ret::TimedOut) => (Op::Pop, Ret::Empty),
        (Op::GetOnce, Ret::Empty) => (Op::Pop, Ret::Empty),
        (Op::Put(_) | Op::PutSoon(_) | Op::PutAsync(_) | Op::PutOnce(_), _) => return None,
        (Op::Get | Op::GetSoon | Op::GetAsync | Op::GetOnce, _) => return None,
        same => same,
    })
}

impl<S: Spec> Spec for Counted<S> {
    fn rest(&self, op: Op) -> Vec<Op> {
        match op {
            // Nothing is put after the close, so this many pops empty it.
            Op::Stop => [Op::Discard, Op::Uncount].repeat(self.capacity),
            Op::Put(item) | Op::PutSoon(item) | Op::PutAsync(item) | Op::PutOnce(item) => {
                self.queue.rest(Op::Push(item))
            }
            Op::Get | Op::GetSoon | Op::GetAsync | Op::GetOnce => self.queue.rest(Op::Pop),
            _ => self.queue.rest(op),
        }
    }

    fn step(&mut self, op: Op, ret: Ret) -> bool {
        let unfinished = self.unfinished();
        match op {
            Op::TaskDone => {
                self.done += usize::from(unfinished > 0);
                ret == Ret::Flag(unfinished > 0)
            }
            Op::Unfinished => ret == Ret::Count(unfinished),
            // Never too small; so 0 is exact.
            Op::SomeUnfinished => matches!(ret, Ret::Count(seen) if seen >= unfinished),
            Op::Join | Op::JoinAsync => unfinished == 0,
            Op::JoinSoon => (unfinished == 0) == (ret == Ret::Ok),
            Op::Close | Op::Stop => {
                // A shutdown does not say whether it was the first.
                self.queue.step(Op::Close, Ret::Flag(true));
                true
            }
            Op::Discard => {
                self.taken += usize::from(self.queue.discard());
                true
            }
            Op::Uncount => {
                let taken = self.taken > 0;
                self.taken -= usize::from(taken);
                // A `task_done` without a task may have done it already.
                self.done += usize::from(taken && unfinished > 0);
                true
            }
            _ => plain(op, ret).is_some_and(|(op, ret)| self.queue.step(op, ret)),
        }
    }

    fn pushes(&self) -> usize {
        self.queue.pushes()
    }

    fn discard(&mut self) -> bool {
        self.queue.discard()
    }
}

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

/// Calls `operation` and records its steps. Each may lie anywhere between call and return, so each
/// step is recorded around the one before it.
fn record(
    history: &History<Op, Ret>,
    thread: usize,
    op: Op,
    rest: &[Op],
    operation: &dyn Fn() -> Ret,
) -> Ret {
    match rest.split_last() {
        None => history.call(thread, op, operation),
        Some((last, rest)) => {
            history.call(thread, *last, || record(history, thread, op, rest, operation))
        }
    }
}

/// One execution: puts `inside` items in, lets each thread play its script (the first one is the
/// main thread), then closes and drains. The last of several items is left for the drop.
pub fn play<S: Subject>(
    subject: S,
    spec: impl Spec,
    inside: u8,
    scripts: &'static [&'static [Op]],
) {
    play_by_all(subject, &[spec], inside, scripts);
}

/// As [`play`], against several specifications with the same steps: for each there must be some order
/// of all the operations.
pub fn play_by_all<S: Subject, C: Spec>(
    subject: S,
    specs: &[C],
    inside: u8,
    scripts: &'static [&'static [Op]],
) {
    let subject = Arc::new(subject);
    let history = Arc::new(History::new());
    let ledger = Ledger::default();
    let perform = {
        let (subject, history, ledger) = (subject.clone(), history.clone(), ledger.clone());
        let spec = specs[0].clone();
        move |thread: usize, op: Op| {
            let rest = spec.rest(op);
            record(&history, thread, op, &rest, &|| subject.apply(op, &ledger))
        }
    };

    for item in 0..inside {
        perform(0, Op::Push(FIRST_INSIDE + item));
    }
    history.phase();
    let threads: Vec<_> = (1..scripts.len())
        .map(|thread| {
            let perform = perform.clone();
            loom::thread::spawn(move || {
                for &op in scripts[thread] {
                    perform(thread, op);
                }
            })
        })
        .collect();
    for &op in scripts[0] {
        perform(0, op);
    }
    for thread in threads {
        thread.join().unwrap();
    }
    history.phase();
    for &op in S::AT_END {
        perform(0, op);
    }
    let Ret::Count(left) = perform(0, Op::Len) else { unreachable!("a length is a number") };
    for _ in 0..if left > 1 { left - 1 } else { left + 1 } {
        perform(0, Op::Pop);
    }
    for spec in specs {
        history.check(spec.clone(), |spec, &op, &ret| spec.step(op, ret));
    }

    drop(perform);
    assert!(Arc::into_inner(subject).is_some(), "the threads are gone");
    ledger.all_dropped();
}

/// The number of the first item that is inside before the threads start.
const FIRST_INSIDE: u8 = 20;

/// One thread writes and then tells of it through the queue; whoever is told reads. If the queue does
/// not order the two, loom sees a race.
pub fn announce<Q>(queue: Q, inside: u8, tell: fn(&Q), is_told: fn(&Q) -> bool)
where
    Q: Queue<Item: Item> + 'static,
{
    let ledger = Ledger::default();
    for item in 0..inside {
        assert!(queue.try_push(Item::make(item, &ledger)).is_ok());
    }
    let (message, turn) = (UnsafeCell::new(()), AtomicUsize::new(0));
    let shared = Arc::new((queue, message, turn));
    let thread = {
        let shared = shared.clone();
        loom::thread::spawn(move || {
            let (queue, message, turn) = &*shared;
            message.with_mut(|_| ());
            tell(queue);
            turn.fetch_add(1, Ordering::Relaxed);
        })
    };
    let (queue, message, turn) = &*shared;
    // Orders nothing, but makes the stock loom, too, look at both who comes first.
    turn.fetch_add(1, Ordering::Relaxed);
    if is_told(queue) {
        message.with(|_| ());
    }
    thread.join().unwrap();
}

/// Tells by an item.
pub fn push<Q: Queue<Item: Item>>(queue: &Q) {
    assert!(queue.try_push(Item::make(1, &Ledger::default())).is_ok());
}

/// Tells by closing.
pub fn close<Q: Queue>(queue: &Q) {
    assert!(queue.close());
}

/// Is told by an item or by `Closed`.
pub fn pop_tells<Q: Queue>(queue: &Q) -> bool {
    !matches!(queue.try_pop(), Err(PopError::Empty))
}

/// Is told by `Closed`.
pub fn push_tells<Q: Queue<Item: Item>>(queue: &Q) -> bool {
    let pushed = queue.try_push(Item::make(2, &Ledger::default()));
    matches!(pushed, Err(PushError::Closed(_)))
}

/// Is told by `is_closed`.
pub fn is_closed<Q: Queue>(queue: &Q) -> bool {
    queue.is_closed()
}

/// The pair matrix that every queue goes through, as models of `$play::<N>(turns, inside, scripts)`
/// and of the queue `$new::<N>()`: each operation against each other and itself, empty, part full
/// and full, then `$more`. `$two` and `$three` make the large models of two and three threads: [`Model::full`], or with a bound.
///
/// [`Model::full`]: crate::kit::Model::full
macro_rules! queue_models {
    ($new:ident, $play:ident, $two:path, $three:path, $($more:expr,)*) => {{
        use crate::kit::Model;
        use crate::shapes::Op::*;
        use crate::shapes::{announce, close, is_closed, pop_tells, push, push_tells};
        &[
            // What came before a push or a close is seen by who is told of it.
            Model::full("told_by_item", || announce($new::<1>(), 0, push, pop_tells)),
            Model::full("told_by_push", || announce($new::<1>(), 0, close, push_tells)),
            Model::full("told_by_full", || announce($new::<1>(), 1, close, push_tells)),
            Model::full("told_by_pop", || announce($new::<1>(), 0, close, pop_tells)),
            Model::full("told_by_is_closed", || announce($new::<1>(), 0, close, is_closed)),
            // One operation each.
            Model::full("push_push", || $play::<1>(3, 0, &[&[Push(1)], &[Push(2)]])),
            Model::full("pop_pop", || $play::<1>(3, 1, &[&[Pop], &[Pop]])),
            Model::full("push_pop_empty", || $play::<1>(3, 0, &[&[Push(1)], &[Pop]])),
            Model::full("push_pop_full", || $play::<1>(3, 1, &[&[Pop, Push(1)], &[Push(2)]])),
            // Push and pop: at the rim and in the middle.
            $two("push_pop_1", || $play::<1>(3, 0, &[&[Push(1), Pop], &[Push(2), Pop]])),
            $two("pop_push_1", || $play::<1>(3, 1, &[&[Pop, Push(1)], &[Pop, Push(2)]])),
            $two("push_pop_2", || $play::<2>(7, 0, &[&[Push(1), Pop], &[Push(2), Pop]])),
            $two("pop_push_2", || $play::<2>(7, 2, &[&[Pop, Push(1)], &[Pop, Push(2)]])),
            $two("pop_push_mixed", || $play::<2>(7, 2, &[&[Pop, Push(1)], &[Push(2), Pop]])),
            Model::full("push_push_1", || $play::<1>(3, 0, &[&[Push(1), Push(2)], &[Push(3)]])),
            $two("push_push_2", || $play::<2>(7, 0, &[&[Push(1), Push(2)], &[Push(3)]])),
            $two("pop_pop_2", || $play::<2>(7, 2, &[&[Pop, Pop], &[Pop]])),
            // A stale `Full` and a stale `Empty` together would have no order.
            Model::full("stale_1", || $play::<1>(3, 0, &[&[Push(1), Push(2)], &[Pop, Pop]])),
            Model::full("stale_2", || $play::<2>(7, 1, &[&[Push(1), Push(2)], &[Pop, Pop]])),
            $two("stale_3", || $play::<3>(11, 2, &[&[Push(1), Push(2)], &[Pop, Pop, Pop]])),
            // One goes round while the other may stand between two steps of one operation.
            $two("overtake_push", || $play::<1>(3, 0, &[&[Push(1)], &[Pop, Push(2), Pop]])),
            $two("overtake_pop", || $play::<1>(3, 1, &[&[Pop], &[Push(1), Pop, Push(2)]])),
            // Close against push, pop and itself.
            $two("close_close", || $play::<1>(3, 0, &[&[Push(1), Close], &[Close, Push(2)]])),
            Model::full("close_push_1", || $play::<1>(3, 0, &[&[Close, Pop], &[Push(1), Push(2)]])),
            Model::full("close_push_2", || $play::<2>(7, 1, &[&[Close], &[Push(1), Push(2)]])),
            Model::full("close_full_1", || $play::<1>(3, 1, &[&[Close, Pop], &[Push(1), Pop]])),
            $two("close_full_2", || $play::<2>(7, 2, &[&[Close, Push(1)], &[Pop, Push(2)]])),
            Model::full("close_pop_1", || $play::<1>(3, 1, &[&[Close, Pop], &[Pop, Pop]])),
            Model::full("close_pop_2", || $play::<2>(7, 1, &[&[Close], &[Pop, Push(1), Pop]])),
            // What only looks, against what changes.
            Model::full("look_push", || {
                $play::<2>(7, 1, &[&[Len, Push(1), Ticket], &[Push(2), IsEmpty]])
            }),
            $two("look_pushes", || {
                $play::<2>(7, 0, &[&[Push(1), Ticket, IsClosed], &[Push(2), Len]])
            }),
            $two("look_pop", || $play::<2>(7, 2, &[&[Len, Pop, Len], &[Pop, IsEmpty]])),
            Model::full("look_both", || $play::<1>(3, 0, &[&[Push(1), SomeLen], &[Pop, Ticket]])),
            Model::full("look_close", || {
                $play::<1>(3, 0, &[&[IsClosed, Close, Ticket], &[IsClosed, Push(1), IsClosed]])
            }),
            // Three threads, one operation each.
            $three("push_push_pop_1", || $play::<1>(3, 0, &[&[Pop], &[Push(1)], &[Push(2)]])),
            $three("push_push_pop_2", || $play::<2>(7, 1, &[&[Pop], &[Push(1)], &[Push(2)]])),
            $three("push_pop_pop_1", || $play::<1>(3, 1, &[&[Push(1)], &[Pop], &[Pop]])),
            $three("push_pop_pop_2", || $play::<2>(7, 1, &[&[Push(1)], &[Pop], &[Pop]])),
            $three("push_pop_close_1", || $play::<1>(3, 0, &[&[Close], &[Push(1)], &[Pop]])),
            $three("push_pop_close_full", || $play::<1>(3, 1, &[&[Close], &[Push(1)], &[Pop]])),
            $three("push_pop_close_2", || $play::<2>(7, 1, &[&[Close], &[Push(1)], &[Pop]])),
            $($more),*
        ]
    }};
}
pub(crate) use queue_models;
