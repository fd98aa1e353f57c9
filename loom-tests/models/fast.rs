//! [`FastFifo`]: linearizable and exact, blocking if a thread stands still. Laps of two bits.

use inkle_core::queue::Narrow;
use inkle_core::queue::fifo::FastFifo;
use spin::relax::RelaxStrategy;

use crate::kit::Model;
use crate::shapes::{Exact, Op, Plain, Token, play, queue_models};

/// What a thread does that has already looked 32 times in vain: this execution is run to its end,
/// but no more branches of it are explored. Without that two threads that wait for a third one could
/// go on looking in turns for ever.
pub struct Fair;

impl RelaxStrategy for Fair {
    fn relax() {
        loom::skip_branch();
        loom::thread::yield_now();
    }
}

/// A queue whose positions wrap after 4·N pushes.
fn new<const N: usize>() -> FastFifo<Token, N, Fair, Narrow<2>> {
    FastFifo::new()
}

/// Plays on a queue of `N` slots that `turns` items have passed through and `inside` lie in.
fn fast<const N: usize>(turns: usize, inside: u8, scripts: &'static [&'static [Op]]) {
    play(Plain::new(new::<N>(), turns), Exact::new(N), inside, scripts);
}

/// A model of three threads.
const fn three(name: &'static str, body: fn()) -> Model {
    Model::bounded(name, 3, "spinning threads make it a hundred times larger without", body)
}

/// All models of this module.
pub const MODELS: &[Model] = queue_models! { new, fast, Model::full, three, };
