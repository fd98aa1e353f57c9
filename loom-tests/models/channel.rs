//! [`Channel`](inkle_core::channel::Channel): no lost wake-up (it would be a deadlock), no lost item
//! behind a shutdown, an exact count of unfinished tasks. Over each of the queues.

use std::sync::Arc;

use inkle_core::channel::Channel;
use inkle_core::platform::Deadline;
use inkle_core::queue::Narrow;
use inkle_core::queue::fifo::{FastFifo, Fifo};
use inkle_core::queue::word::WordRing;
use loom::thread::spawn;

use crate::fast::Fair;
use crate::kit::{Loom, Model, Plain, timeouts};
use crate::shapes::Op::*;
use crate::shapes::{Cells, Counted, Exact, Op, Token, Waiting, play};

type Scripts = &'static [&'static [Op]];

/// Plays on a channel over a word ring of `N` slots that wraps with the next push.
fn word<const N: usize>(inside: u8, scripts: Scripts) {
    let ring = WordRing::<u8, N, Narrow<2>>::new();
    play(Waiting::new(ring, 4 * N - 1), Counted::new(Exact::new(N), N), inside, scripts);
}

/// As [`word`]; one sleep may end early.
fn early<const N: usize>(inside: u8, scripts: Scripts) {
    timeouts(1);
    word::<N>(inside, scripts);
}

/// Plays on a channel over a `Fifo`.
fn fifo<const N: usize>(inside: u8, scripts: Scripts) {
    let queue = Fifo::<Token, N>::new();
    play(Waiting::new(queue, 0), Counted::new(Cells::new(N), N), inside, scripts);
}

/// Plays on a channel over a `FastFifo` that wraps with the next push.
fn fast<const N: usize>(inside: u8, scripts: Scripts) {
    let queue = FastFifo::<Token, N, Fair, Narrow<2>>::new();
    play(Waiting::new(queue, 4 * N - 1), Counted::new(Exact::new(N), N), inside, scripts);
}

const LARGE: &str = "one more: too many executions for the stock tier";

/// All models of this module.
pub const MODELS: &[Model] = &[
    // Without waiting.
    Model::full("try_put_get", || word::<1>(0, &[&[Push(1), Pop], &[Push(2), Pop]])),
    // Waiting for an item, for room, for both.
    Model::full("get_put", || word::<1>(0, &[&[Get], &[Put(1)]])),
    Model::bounded("get_put_twice", 3, LARGE, || word::<1>(0, &[&[Get, Get], &[Put(1), Put(2)]])),
    Model::full("put_get", || word::<1>(1, &[&[Put(1)], &[Get]])),
    Model::bounded("put_put_get", 3, LARGE, || word::<1>(1, &[&[Put(1), Put(2)], &[Get, Get]])),
    Model::bounded("get_get_put", 2, LARGE, || word::<2>(0, &[&[Put(1), Put(2)], &[Get], &[Get]])),
    Model::bounded("put_put_get_3", 2, LARGE, || {
        word::<1>(1, &[&[Get, Get], &[Put(1)], &[Put(2)]])
    }),
    Model::bounded("two_and_two", 1, LARGE, || {
        word::<1>(0, &[&[Get], &[Get], &[Put(1)], &[Put(2)]])
    }),
    // A moment that may pass, and waking for no reason.
    Model::full("get_soon_put", || early::<1>(0, &[&[GetSoon], &[Put(1)]])),
    Model::bounded("get_soon_get_put", 1, LARGE, || {
        early::<1>(0, &[&[GetSoon], &[Put(1), Put(2)], &[Get]])
    }),
    Model::full("put_soon_get", || early::<1>(1, &[&[PutSoon(1)], &[Get]])),
    Model::full("join_soon_done", || early::<1>(1, &[&[JoinSoon], &[Get, TaskDone]])),
    Model::full("get_put_spurious", || early::<1>(0, &[&[Get], &[Put(1)]])),
    // Shutdown against put and get.
    Model::full("close_put", || word::<1>(0, &[&[Close, Pop], &[Put(1)]])),
    Model::full("close_put_full", || word::<1>(1, &[&[Close], &[Put(1)]])),
    Model::full("close_get", || word::<1>(0, &[&[Close], &[Get]])),
    Model::bounded("close_put_get", 3, LARGE, || word::<1>(0, &[&[Close], &[Put(1)], &[Get]])),
    Model::bounded("close_put_get_full", 3, LARGE, || word::<1>(1, &[&[Close], &[Put(1)], &[Get]])),
    Model::bounded("close_get_get", 3, LARGE, || word::<1>(0, &[&[Close], &[Get], &[Get]])),
    Model::full("stop_put", || word::<1>(0, &[&[Stop, Unfinished], &[Put(1)]])),
    Model::full("stop_put_full", || word::<1>(1, &[&[Stop, Unfinished], &[Put(1)]])),
    Model::bounded("stop_get", 4, LARGE, || word::<2>(2, &[&[Stop], &[Get, TaskDone]])),
    Model::bounded("stop_put_get", 3, LARGE, || word::<1>(0, &[&[Stop], &[Put(1)], &[Get]])),
    Model::bounded("stop_put_get_full", 3, LARGE, || word::<1>(1, &[&[Stop], &[Put(1)], &[Get]])),
    Model::bounded("stop_stop", 3, LARGE, || word::<2>(2, &[&[Stop], &[Stop]])),
    Model::full("stop_close", || word::<1>(1, &[&[Stop, IsClosed], &[Close, Pop]])),
    // Tasks.
    Model::full("join_done", || word::<1>(1, &[&[Join], &[Get, TaskDone]])),
    Model::bounded("put_join", 4, LARGE, || word::<1>(0, &[&[Put(1), Join], &[Get, TaskDone]])),
    Model::bounded("join_done_put", 2, LARGE, || {
        word::<1>(1, &[&[Join], &[Get, TaskDone], &[Put(1), Get, TaskDone]])
    }),
    Model::bounded("join_done_done", 2, LARGE, || {
        word::<2>(2, &[&[Join], &[Get, TaskDone], &[Get, TaskDone]])
    }),
    Model::bounded("join_join_done", 2, LARGE, || {
        word::<1>(1, &[&[Join], &[Join], &[Get, TaskDone]])
    }),
    Model::full("join_stop", || word::<1>(1, &[&[Join], &[Stop]])),
    Model::bounded("join_stop_put", 3, LARGE, || word::<1>(0, &[&[Join], &[Stop], &[Put(1)]])),
    Model::bounded("join_stop_done", 3, LARGE, || {
        word::<1>(1, &[&[Join], &[Stop], &[Pop, TaskDone]])
    }),
    Model::full("done_put_done", || word::<2>(1, &[&[Pop, TaskDone], &[Push(2), Pop, TaskDone]])),
    Model::full("done_shows_the_work", done_shows_the_work),
    Model::full("too_many_done", || word::<1>(1, &[&[TaskDone, Push(1)], &[TaskDone, TaskDone]])),
    // What only looks.
    Model::bounded("look_put", 4, LARGE, || {
        word::<2>(0, &[&[Len, Unfinished, Push(1)], &[Push(2), IsEmpty, IsFull]])
    }),
    Model::full("look_done", || {
        word::<1>(1, &[&[TaskDone, Pop, SomeUnfinished], &[Push(1), SomeUnfinished]])
    }),
    // Over the other queues.
    Model::full("fifo_get_put", || fifo::<1>(0, &[&[Get], &[Put(1)]])),
    Model::full("fifo_put_get", || fifo::<1>(1, &[&[Put(1)], &[Get]])),
    Model::bounded("fifo_get_put_twice", 3, LARGE, || {
        fifo::<1>(0, &[&[Get, Get], &[Put(1), Put(2)]])
    }),
    Model::bounded("fifo_close_put_get", 3, LARGE, || fifo::<1>(0, &[&[Close], &[Put(1)], &[Get]])),
    Model::full("fifo_stop_put", || fifo::<1>(0, &[&[Stop, Unfinished], &[Put(1)]])),
    Model::bounded("fifo_stop_get", 3, LARGE, || fifo::<2>(2, &[&[Stop], &[Get, TaskDone]])),
    Model::full("fifo_join_done", || fifo::<1>(1, &[&[Join], &[Get, TaskDone]])),
    Model::full("fast_get_put", || fast::<1>(0, &[&[Get], &[Put(1)]])),
    Model::full("fast_put_get", || fast::<1>(1, &[&[Put(1)], &[Get]])),
    Model::bounded("fast_get_put_twice", 3, LARGE, || {
        fast::<1>(0, &[&[Get, Get], &[Put(1), Put(2)]])
    }),
    Model::bounded("fast_close_put_get", 3, LARGE, || fast::<1>(0, &[&[Close], &[Put(1)], &[Get]])),
    Model::full("fast_stop_put", || fast::<1>(0, &[&[Stop, Unfinished], &[Put(1)]])),
    Model::bounded("fast_stop_get", 3, LARGE, || fast::<2>(2, &[&[Stop], &[Get, TaskDone]])),
    Model::full("fast_join_done", || fast::<1>(1, &[&[Join], &[Get, TaskDone]])),
];

/// Whoever finds all done sees what was done before each `task_done`.
fn done_shows_the_work() {
    let channel = Channel::<_, Loom>::new(WordRing::<u8, 2>::new());
    for _ in 0..2 {
        channel.try_put(1).unwrap();
        channel.try_get().unwrap();
    }
    let all = Arc::new((channel, [Plain::new(0), Plain::new(0)]));
    let other = {
        let all = all.clone();
        spawn(move || {
            all.1[1].set(1);
            all.0.task_done().unwrap();
        })
    };
    all.1[0].set(1);
    all.0.task_done().unwrap();
    if all.0.join_until(Deadline::PASSED).is_ok() {
        assert!(all.1.iter().all(|result| result.get() == 1));
    }
    other.join().unwrap();
}
