//! [`Levels`]: lock-free; first in, first out within a level; exact `Empty` and `Closed`; a pop passes
//! over nobody who was there when it looked. Two levels, and counts of two bits, so that they wrap.

use std::collections::VecDeque;

use inkle_core::queue::Narrow;
use inkle_core::queue::priority::{Level, Levels};

use crate::kit::Model;
use crate::shapes::{
    Cells, Counted, Item, Ledger, Op, Plain, Ret, Spec, Token, Waiting, play_by_all, queue_models,
};

/// The level of an item: 1 and 4 are urgent, and of what is inside at first only the third.
pub fn level(number: u8) -> usize {
    usize::from(number % 3 != 1)
}

impl Item for (Level<2>, Token) {
    fn make(number: u8, ledger: &Ledger) -> Self {
        (Level::new(level(number)).unwrap(), Token::make(number, ledger))
    }

    fn number(&self) -> u8 {
        assert_eq!(self.0.number(), level(self.1.number()), "an item has changed its level");
        self.1.number()
    }
}

/// A queue on two levels.
#[derive(Clone, Hash, PartialEq, Eq)]
pub struct Urgent {
    levels: [VecDeque<u8>; 2],
    capacity: usize,
    closed: bool,
    pushes: usize,
    pop: How,
}

/// How a pop goes.
#[derive(Clone, Copy, Hash, PartialEq, Eq)]
enum How {
    /// In one step, by the order of levels.
    AtOnce,
    /// It looks where nothing more urgent is, then takes from there.
    LookThenTake,
    /// It takes from any level.
    Anywhere,
}

impl Urgent {
    fn new(capacity: usize, pop: How) -> Self {
        Self { levels: Default::default(), capacity, closed: false, pushes: 0, pop }
    }

    /// An empty queue whose order is exact.
    pub fn exact(capacity: usize) -> Self {
        Self::new(capacity, How::AtOnce)
    }

    fn len(&self) -> usize {
        self.levels.iter().map(VecDeque::len).sum()
    }

    fn is_empty_above(&self, level: usize) -> bool {
        self.levels[..level].iter().all(VecDeque::is_empty)
    }

    fn take(&mut self, item: u8) -> bool {
        self.levels[level(item)].pop_front() == Some(item)
    }
}

impl Spec for Urgent {
    fn rest(&self, op: Op) -> Vec<Op> {
        if op == Op::Pop && self.pop != How::AtOnce { vec![Op::Take] } else { Vec::new() }
    }

    fn step(&mut self, op: Op, ret: Ret) -> bool {
        let right = match (op, ret) {
            (Op::Push(_), _) if self.closed => Ret::Closed,
            (Op::Push(_), _) if self.len() == self.capacity => Ret::Full,
            (Op::Push(item), _) => {
                self.levels[level(item)].push_back(item);
                self.pushes += 1;
                Ret::Ok
            }
            (Op::Pop, Ret::Item(item)) => {
                return match self.pop {
                    How::AtOnce => self.is_empty_above(level(item)) && self.take(item),
                    How::LookThenTake => self.is_empty_above(level(item)),
                    How::Anywhere => true,
                };
            }
            (Op::Take, Ret::Item(item)) => return self.take(item),
            (Op::Take, _) => return true,
            (Op::Pop, _) if self.len() > 0 => return false,
            (Op::Pop, _) if self.closed => Ret::Closed,
            (Op::Pop, _) => Ret::Empty,
            (Op::Close, _) => Ret::Flag(!std::mem::replace(&mut self.closed, true)),
            (Op::Len, _) => Ret::Count(self.len()),
            (Op::SomeLen, _) => return matches!(ret, Ret::Count(len) if len <= self.capacity),
            (Op::IsEmpty, _) => Ret::Flag(self.len() == 0),
            (Op::IsFull, _) => Ret::Flag(self.len() == self.capacity),
            (Op::IsClosed, _) => Ret::Flag(self.closed),
            (Op::Ticket, _) => Ret::Count(self.pushes),
            (other, _) => unreachable!("{other:?} is not an operation of a queue"),
        };
        right == ret
    }

    fn pushes(&self) -> usize {
        self.pushes
    }

    fn discard(&mut self) -> bool {
        self.levels.iter_mut().any(|level| level.pop_front().is_some())
    }
}

/// What `Levels` promises, in two parts. There is one order that explains all answers but `Full`, and
/// one that explains all answers but what the pops passed over.
fn promises(capacity: usize) -> [Cells<Urgent>; 2] {
    let of = |pop| Cells::of(Urgent::new(capacity, pop), capacity);
    [of(How::LookThenTake).uncounted(), of(How::Anywhere)]
}

fn new<const N: usize>() -> Levels<Token, 2, N, Narrow<2>> {
    Levels::new()
}

type Scripts = &'static [&'static [Op]];

/// Plays on a queue of `N` cells that `turns` items have passed through and `inside` lie in.
fn levels<const N: usize>(turns: usize, inside: u8, scripts: Scripts) {
    play_by_all(Plain::new(new::<N>(), turns), &promises(N), inside, scripts);
}

/// Plays on a channel.
fn channel<const N: usize>(inside: u8, scripts: Scripts) {
    let spec = promises(N).map(|promise| Counted::new(promise, N));
    play_by_all(Waiting::new(new::<N>(), 0), &spec, inside, scripts);
}

const MANY: &str = "one more: too many executions";

/// A model of two threads that is too large without a bound.
const fn two(name: &'static str, body: fn()) -> Model {
    Model::bounded(name, 3, MANY, body)
}

/// A short model of two threads in a channel.
const fn wide(name: &'static str, body: fn()) -> Model {
    Model::bounded(name, 4, MANY, body)
}

/// A model of three threads.
const fn three(name: &'static str, body: fn()) -> Model {
    Model::bounded(name, 3, MANY, body)
}

/// A longer model of three threads.
const fn long(name: &'static str, body: fn()) -> Model {
    Model::bounded(name, 1, MANY, body)
}

/// All models of this module.
pub const MODELS: &[Model] = queue_models! {
    new, levels, two, three,
    // A stale `Full` and a look that passes over what was pushed just before: each has an order.
    Model::full("full_look", || levels::<3>(0, 2, &[&[Push(1), Push(4)], &[Pop, Pop]])),
    // A mark goes away while a push comes, and with it the sight of the items that are gone.
    two("unmark_push", || levels::<2>(0, 0, &[&[Push(2), Pop], &[Pop, Pop]])),
    Model::full("unmark_empty", || levels::<1>(0, 1, &[&[Pop, Pop], &[Pop, Len]])),
    long("unmark_unmark_push", || levels::<2>(1, 0, &[&[Pop], &[Pop], &[Push(2), Pop]])),
    long("unmark_stale", || levels::<2>(0, 1, &[&[Push(1), Push(4)], &[Pop, Pop], &[Pop]])),
    // Both levels: the less urgent one, then the other, and the other way about.
    Model::full("both_levels", || levels::<3>(0, 0, &[&[Push(2), Push(1)], &[Pop, Pop]])),
    Model::full("both_levels_back", || levels::<3>(0, 1, &[&[Push(1), Push(2)], &[Pop, Pop]])),
    long("both_levels_3", || levels::<3>(0, 1, &[&[Push(1), Push(2)], &[Pop], &[Pop]])),
    // Close between two rings.
    two("close_levels", || levels::<2>(0, 0, &[&[Close], &[Push(1), Push(2)]])),
    two("close_levels_back", || levels::<2>(0, 0, &[&[Close], &[Push(2), Push(1)]])),
    long("close_levels_pop", || levels::<2>(0, 0, &[&[Close, Pop], &[Push(1), Pop], &[Push(2)]])),
    long("close_close_push", || levels::<2>(0, 0, &[&[Close], &[Close, Pop], &[Push(1), Push(2)]])),
    // In a channel.
    wide("channel_get_put", || channel::<1>(0, &[&[Get], &[Put(1)]])),
    two("channel_get_put_both", || channel::<2>(0, &[&[Get, Get], &[Put(2), Put(1)]])),
    wide("channel_put_get", || channel::<1>(1, &[&[Put(1)], &[Get]])),
    wide("channel_close_get", || channel::<1>(0, &[&[Close], &[Get]])),
    wide("channel_close_put", || channel::<1>(1, &[&[Close], &[Put(1)]])),
    two("channel_stop_put", || channel::<2>(1, &[&[Stop, Unfinished], &[Put(1)]])),
    wide("channel_join", || channel::<2>(1, &[&[Put(1), Join], &[Get, Get, TaskDone, TaskDone]])),
    long("channel_get_get_put", || channel::<2>(0, &[&[Put(1), Put(2)], &[Get], &[Get]])),
};
