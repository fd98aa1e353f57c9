//! [`Heap`]: exact, behind a lock; first in, first out among equals.

use std::cmp::Ordering;

use inkle_core::queue::priority::Heap;

use crate::kit::{Loom, Model};
use crate::levels::{Urgent, level};
use crate::shapes::Op::*;
use crate::shapes::{
    Counted, Item, Ledger, Op, Plain, Token, Waiting, announce, close, is_closed, play, pop_tells,
    push, push_tells,
};

/// A token whose order is that of its level.
struct Ranked(Token);

impl Item for Ranked {
    fn make(number: u8, ledger: &Ledger) -> Self {
        Self(Token::make(number, ledger))
    }

    fn number(&self) -> u8 {
        self.0.number()
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        level(self.number()).cmp(&level(other.number()))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

fn new<const N: usize>() -> Heap<Ranked, N, Loom> {
    Heap::empty()
}

/// Plays on a heap of `N` places that `inside` items lie in.
fn heap<const N: usize>(inside: u8, scripts: &'static [&'static [Op]]) {
    play(Plain::new(new::<N>(), 0), Urgent::exact(N), inside, scripts);
}

/// Plays on a channel.
fn channel<const N: usize>(inside: u8, scripts: &'static [&'static [Op]]) {
    play(Waiting::new(new::<N>(), 0), Counted::new(Urgent::exact(N), N), inside, scripts);
}

const LARGE: &str = "one more: too many executions for the stock tier";

/// All models of this module.
pub const MODELS: &[Model] = &[
    Model::full("told_by_item", || announce(new::<1>(), 0, push, pop_tells)),
    Model::full("told_by_push", || announce(new::<1>(), 0, close, push_tells)),
    Model::full("told_by_full", || announce(new::<1>(), 1, close, push_tells)),
    Model::full("told_by_pop", || announce(new::<1>(), 0, close, pop_tells)),
    Model::full("told_by_is_closed", || announce(new::<1>(), 0, close, is_closed)),
    Model::full("push_pop", || heap::<1>(0, &[&[Push(1)], &[Pop]])),
    Model::full("push_push", || heap::<2>(0, &[&[Push(1)], &[Push(2)]])),
    Model::full("pop_pop", || heap::<2>(2, &[&[Pop], &[Pop]])),
    Model::bounded("push_pop_full", 3, LARGE, || heap::<1>(1, &[&[Pop, Push(1)], &[Push(2)]])),
    Model::bounded("overtake", 3, LARGE, || heap::<3>(2, &[&[Push(1), Pop], &[Push(2), Pop]])),
    Model::bounded("stale", 3, LARGE, || heap::<2>(1, &[&[Push(1), Push(2)], &[Pop, Pop]])),
    Model::bounded("close_push", 3, LARGE, || heap::<2>(1, &[&[Close, Pop], &[Push(1), Pop]])),
    Model::full("close_pop", || heap::<1>(1, &[&[Close], &[Pop, Pop]])),
    Model::full("close_close", || heap::<1>(0, &[&[Close], &[Close]])),
    Model::bounded("look_push", 3, LARGE, || {
        heap::<2>(1, &[&[Len, Push(1), Ticket], &[Push(2), IsEmpty]])
    }),
    Model::bounded("look_pop", 3, LARGE, || heap::<2>(2, &[&[Len, Pop], &[Pop, IsEmpty]])),
    Model::bounded("look_both", 3, LARGE, || heap::<1>(0, &[&[Push(1), SomeLen], &[Pop, Ticket]])),
    Model::bounded("look_close", 3, LARGE, || heap::<1>(0, &[&[Close, IsClosed], &[IsClosed]])),
    Model::bounded("push_push_pop", 2, LARGE, || heap::<3>(1, &[&[Pop], &[Push(1)], &[Push(2)]])),
    Model::bounded("push_pop_close", 2, LARGE, || heap::<2>(1, &[&[Close], &[Push(1)], &[Pop]])),
    // In a channel.
    Model::bounded("get_put", 3, LARGE, || channel::<1>(0, &[&[Get], &[Put(1)]])),
    Model::bounded("put_get", 3, LARGE, || channel::<1>(1, &[&[Put(1)], &[Get]])),
    Model::bounded("close_get", 3, LARGE, || channel::<1>(0, &[&[Close], &[Get]])),
    Model::bounded("stop_put", 3, LARGE, || channel::<1>(1, &[&[Stop], &[Put(1)]])),
    Model::bounded("join_done", 3, LARGE, || channel::<1>(1, &[&[Join], &[Get, TaskDone]])),
];
