//! [`Fifo`]: lock-free; exact but for `Full`, which counts operations in flight. Laps of two bits in
//! both rings, so that they wrap.

use inkle_core::queue::Narrow;
use inkle_core::queue::fifo::Fifo;

use crate::kit::Model;
use crate::shapes::{Cells, Op, Plain, Token, play, queue_models};

/// A queue whose positions wrap after 4·N pushes.
fn new<const N: usize>() -> Fifo<Token, N, Narrow<2>> {
    Fifo::new()
}

/// Plays on a queue of `N` cells that `turns` items have passed through and `inside` lie in.
fn fifo<const N: usize>(turns: usize, inside: u8, scripts: &'static [&'static [Op]]) {
    play(Plain::new(new::<N>(), turns), Cells::new(N), inside, scripts);
}

/// A model that is too large without a bound: two rings, so many more interleavings than either.
const fn large(name: &'static str, body: fn()) -> Model {
    Model::bounded(name, 3, "unbounded: millions of executions in the exact tier", body)
}

/// All models of this module.
pub const MODELS: &[Model] = queue_models! {
    new, fifo, large, large,
    Model::full("close_close_full", || fifo::<1>(3, 0, &[&[Push(1), Close], &[Close, Push(2)]])),
};
