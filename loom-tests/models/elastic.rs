//! [`Elastic`]: first in, first out through the backlog and back; never full; exact `Empty`.

use std::collections::VecDeque;

use inkle_core::elastic::Elastic;
use inkle_core::queue::fifo::{FastFifo, Fifo};
use inkle_core::queue::word::WordRing;
use inkle_core::queue::{Container, Narrow};

use crate::fast::Fair;
use crate::kit::{Loom, Model};
use crate::shapes::Op::*;
use crate::shapes::{Counted, Exact, Op, Plain, Token, Waiting, play};

/// What a ring grows into here.
struct List<T>(VecDeque<T>);

impl<T> Container for List<T> {
    type Item = T;

    fn put(&mut self, item: T) -> Result<(), T> {
        self.0.push_back(item);
        Ok(())
    }

    fn take(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

type Scripts = &'static [&'static [Op]];

fn grown<Q, T>(ring: Q) -> Elastic<Q, List<T>, Loom> {
    Elastic::new(ring, List(VecDeque::new()), List(VecDeque::new()))
}

/// Plays on a word ring of `N` slots with a backlog. What is `inside` more than `N` is in the
/// backlog.
fn word<const N: usize>(inside: u8, scripts: Scripts) {
    let ring = WordRing::<u8, N, Narrow<3>>::new();
    play(Plain::new(grown::<_, u8>(ring), 0), Exact::new(usize::MAX), inside, scripts);
}

/// As [`word`], over a `Fifo`.
fn fifo<const N: usize>(inside: u8, scripts: Scripts) {
    let ring = Fifo::<Token, N>::new();
    play(Plain::new(grown::<_, Token>(ring), 0), Exact::new(usize::MAX), inside, scripts);
}

/// As [`word`], over a `FastFifo`.
fn fast<const N: usize>(inside: u8, scripts: Scripts) {
    let ring = FastFifo::<Token, N, Fair, Narrow<3>>::new();
    play(Plain::new(grown::<_, Token>(ring), 0), Exact::new(usize::MAX), inside, scripts);
}

/// As [`word`], in a channel.
fn channel<const N: usize>(inside: u8, scripts: Scripts) {
    let ring = WordRing::<u8, N, Narrow<3>>::new();
    let spec = Counted::new(Exact::new(usize::MAX), 4);
    play(Waiting::new(grown::<_, u8>(ring), 0), spec, inside, scripts);
}

const LARGE: &str = "one more: too many executions for the stock tier";

/// All models of this module.
pub const MODELS: &[Model] = &[
    // Into the backlog and back.
    Model::full("push_pop", || word::<1>(0, &[&[Push(1), Push(2)], &[Pop, Pop]])),
    Model::full("push_pop_full", || word::<1>(1, &[&[Push(1), Pop], &[Push(2), Pop]])),
    Model::bounded("push_pop_grown", 4, LARGE, || {
        word::<1>(2, &[&[Pop, Push(1)], &[Push(2), Pop]])
    }),
    Model::bounded("push_push", 5, LARGE, || {
        word::<1>(0, &[&[Push(1), Push(2)], &[Push(3), Push(4)]])
    }),
    Model::bounded("pop_pop", 5, LARGE, || word::<1>(3, &[&[Pop, Pop], &[Pop, Pop]])),
    Model::bounded("stale", 4, LARGE, || word::<2>(1, &[&[Push(1), Push(2), Pop], &[Pop, Pop]])),
    Model::bounded("shrink_grow", 5, LARGE, || {
        word::<1>(2, &[&[Pop, Pop, Push(1)], &[Push(2), Push(3)]])
    }),
    // Close.
    Model::bounded("close_push", 5, LARGE, || word::<1>(1, &[&[Close, Pop], &[Push(1), Pop]])),
    Model::full("close_push_grown", || word::<1>(2, &[&[Close, Push(1)], &[Push(2), Pop]])),
    Model::bounded("close_pop", 4, LARGE, || word::<1>(2, &[&[Close, Pop], &[Pop, Pop]])),
    Model::full("close_close", || word::<1>(2, &[&[Close, IsClosed], &[IsClosed, Close]])),
    // What only looks.
    Model::full("look_push", || word::<1>(0, &[&[Len, Push(1), Ticket], &[Push(2), IsEmpty]])),
    Model::full("look_pop", || word::<1>(2, &[&[Len, Pop], &[Pop]])),
    // Three threads.
    Model::bounded("push_push_pop", 3, LARGE, || word::<1>(1, &[&[Pop], &[Push(1)], &[Push(2)]])),
    Model::bounded("push_pop_pop", 3, LARGE, || word::<1>(2, &[&[Push(1)], &[Pop], &[Pop]])),
    Model::full("push_pop_close", || word::<1>(2, &[&[Close], &[Push(1)], &[Pop]])),
    Model::bounded("two_producers", 2, LARGE, || {
        word::<1>(0, &[&[Pop, Pop], &[Push(1), Push(2)], &[Push(3), Push(4)]])
    }),
    Model::bounded("two_consumers", 2, LARGE, || {
        word::<1>(1, &[&[Push(1), Push(2)], &[Pop, Pop], &[Pop, Pop]])
    }),
    Model::bounded("three_push_pop", 2, LARGE, || {
        word::<1>(1, &[&[Push(1), Pop], &[Push(2)], &[Pop]])
    }),
    // Over the other queues, and in a channel.
    Model::bounded("fifo_push_pop", 4, LARGE, || fifo::<1>(0, &[&[Push(1), Push(2)], &[Pop, Pop]])),
    Model::full("fifo_push_pop_full", || fifo::<1>(1, &[&[Push(1), Pop], &[Push(2)]])),
    Model::bounded("fast_push_pop", 4, LARGE, || fast::<1>(0, &[&[Push(1), Push(2)], &[Pop, Pop]])),
    Model::full("fast_push_pop_full", || fast::<1>(1, &[&[Push(1), Pop], &[Push(2)]])),
    Model::bounded("channel_get_put", 4, LARGE, || {
        channel::<1>(0, &[&[Get, Get], &[Put(1), Put(2)]])
    }),
    Model::bounded("channel_stop_put", 4, LARGE, || channel::<1>(2, &[&[Stop], &[Put(1)]])),
    Model::bounded("channel_join", 4, LARGE, || {
        channel::<1>(1, &[&[Put(1), Join], &[Get, Get, TaskDone, TaskDone]])
    }),
];
