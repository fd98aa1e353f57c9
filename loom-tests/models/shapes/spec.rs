//! The sequential specifications: what a queue is, one operation at a time.

use std::collections::VecDeque;
use std::hash::Hash;

use super::{Op, Ret};

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
