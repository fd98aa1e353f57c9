//! [`FastFifo`]: linearizable and exact, blocking if a thread stands still. Laps of two bits.

use std::sync::Arc;

use inkle_core::atomic::{AtomicUsize, Ordering};
use inkle_core::queue::fifo::FastFifo;
use inkle_core::queue::{Narrow, Queue};
use loom::thread::spawn;
use spin::relax::RelaxStrategy;

use crate::kit::Model;
use crate::shapes::{Exact, Item, Ledger, Op, Plain, Token, play, queue_models};

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
pub const MODELS: &[Model] = queue_models! {
    new, fast, Model::full, three,
    Model::full("len_of_one", len_of_one),
};

/// `len` never takes a tail for the queue's that is older than the head.
fn len_of_one() {
    let shared = Arc::new((new::<2>(), AtomicUsize::new(0)));
    let other = {
        let shared = shared.clone();
        spawn(move || {
            let (queue, turn) = &*shared;
            assert!(queue.try_push(Item::make(1, &Ledger::default())).is_ok());
            assert!(queue.try_pop().is_ok());
            turn.fetch_add(1, Ordering::Relaxed);
        })
    };
    let (queue, turn) = &*shared;
    // Orders nothing, but makes the stock loom, too, look at both who comes first.
    turn.fetch_add(1, Ordering::Relaxed);
    assert!(queue.len() <= 1);
    other.join().unwrap();
}
