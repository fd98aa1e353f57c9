//! [`WordRing`]: lock-free, linearizable, exact. Laps of two bits, so that they wrap.

use inkle_core::queue::Narrow;
use inkle_core::queue::word::WordRing;

use crate::kit::Model;
use crate::shapes::{Exact, Op, Plain, play, queue_models};

/// A ring whose positions wrap after 4·N pushes.
fn new<const N: usize>() -> WordRing<u8, N, Narrow<2>> {
    WordRing::new()
}

/// Plays on a ring of `N` slots that `turns` items have passed through and `inside` lie in.
fn ring<const N: usize>(turns: usize, inside: u8, scripts: &'static [&'static [Op]]) {
    play(Plain::new(new::<N>(), turns), Exact::new(N), inside, scripts);
}

/// All models of this module.
pub const MODELS: &[Model] = queue_models! {
    new, ring, Model::full, Model::full,
    Model::full("producer_consumer_1", || {
        ring::<1>(2, 0, &[&[Push(1), Push(2), Push(3)], &[Pop, Pop, Pop]])
    }),
    Model::full("producer_consumer_2", || {
        ring::<2>(6, 0, &[&[Push(1), Push(2), Push(3)], &[Pop, Pop, Pop]])
    }),
    Model::full("producer_consumer_3", || {
        ring::<3>(11, 1, &[&[Push(1), Push(2), Push(3)], &[Pop, Pop, Pop]])
    }),
    // A push may stand still between its exchange and its hint while the ring goes round three times.
    Model::full("overtake_push_far", || {
        ring::<1>(3, 0, &[&[Push(1)], &[Pop, Push(2), Pop, Push(3), Pop]])
    }),
    Model::full("overtake_pop_far", || {
        ring::<1>(3, 1, &[&[Pop], &[Push(1), Pop, Push(2), Pop, Push(3)]])
    }),
    Model::bounded("three_push_pop", 1, "2: a million executions in the exact tier", || {
        ring::<1>(3, 0, &[&[Push(1), Pop], &[Push(2), Pop], &[Push(3), Pop]])
    }),
    Model::bounded("two_producers", 3, "4: millions of executions in the exact tier", || {
        ring::<2>(7, 0, &[&[Pop, Pop], &[Push(1), Push(2)], &[Push(3), Push(4)]])
    }),
};
