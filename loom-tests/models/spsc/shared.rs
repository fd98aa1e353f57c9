//! [`Ring`] as a queue of many threads, without handles: they take turns at each end, so it is
//! linearizable and exact, and blocking. Laps of two bits.

use inkle_core::queue::Narrow;
use inkle_core::queue::spsc::Ring;

use crate::fast::Fair;
use crate::kit::{Model, timeouts};
use crate::shapes::{Counted, Exact, Op, Plain, Token, Waiting, play, queue_models};

/// A ring whose positions wrap after 4·N pushes.
fn new<const N: usize>() -> Ring<Token, N, Fair, Narrow<2>> {
    Ring::new()
}

/// Plays on a ring of `N` slots that `turns` items have passed through and `inside` lie in.
fn shared<const N: usize>(turns: usize, inside: u8, scripts: &'static [&'static [Op]]) {
    play(Plain::new(new::<N>(), turns), Exact::new(N), inside, scripts);
}

/// Plays on a channel over a ring that wraps with the next push.
fn channel<const N: usize>(inside: u8, scripts: &'static [&'static [Op]]) {
    let ring = Waiting::new(new::<N>(), 4 * N - 1);
    play(ring, Counted::new(Exact::new(N), N), inside, scripts);
}

/// As [`channel`]; one sleep may end early.
fn early<const N: usize>(inside: u8, scripts: &'static [&'static [Op]]) {
    timeouts(1);
    channel::<N>(inside, scripts);
}

/// A model of three threads.
const fn three(name: &'static str, body: fn()) -> Model {
    Model::bounded(name, 3, "spinning threads make it a hundred times larger without", body)
}

const LARGE: &str = "one more: too many executions for the stock tier";

/// All models of this module.
pub const MODELS: &[Model] = queue_models! { new, shared, Model::full, three,
    // Under a channel: waiting for an item, for room, for tasks; shutdown.
    Model::full("channel_get_put", || channel::<1>(0, &[&[Get], &[Put(1)]])),
    Model::full("channel_put_get", || channel::<1>(1, &[&[Put(1)], &[Get]])),
    Model::bounded("channel_get_put_twice", 3, LARGE, || {
        channel::<1>(0, &[&[Get, Get], &[Put(1), Put(2)]])
    }),
    Model::bounded("channel_get_get_put", 2, LARGE, || {
        channel::<2>(0, &[&[Put(1), Put(2)], &[Get], &[Get]])
    }),
    Model::full("channel_get_soon_put", || early::<1>(0, &[&[GetSoon], &[Put(1)]])),
    Model::full("channel_close_get", || channel::<1>(0, &[&[Close], &[Get]])),
    Model::bounded("channel_close_put_get", 2, LARGE, || {
        channel::<1>(0, &[&[Close], &[Put(1)], &[Get]])
    }),
    Model::full("channel_stop_put", || channel::<1>(0, &[&[Stop, Unfinished], &[Put(1)]])),
    Model::bounded("channel_stop_get", 3, LARGE, || channel::<2>(2, &[&[Stop], &[Get, TaskDone]])),
    Model::full("channel_join_done", || channel::<1>(1, &[&[Join], &[Get, TaskDone]])),
    Model::full("channel_too_many_done", || {
        channel::<1>(1, &[&[TaskDone, Push(1)], &[TaskDone, TaskDone]])
    }),
};
