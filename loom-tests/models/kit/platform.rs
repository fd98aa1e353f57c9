//! The core's ground under loom, on which threads may die.

use inkle_core::Platform;
use inkle_core::atomic::AtomicU32;
use inkle_core::platform::{self, Deadline, Wake};
use inkle_core::robust::{Life, Mortal};

use super::death;

pub const SOON: Deadline = platform::Loom::SOON;

/// See [`platform::Loom::early_returns`]. Called at the start of a body.
pub fn timeouts(n: usize) {
    platform::Loom::early_returns(n);
}

/// See [`platform::Loom::time_passes`].
pub fn time_passes() {
    platform::Loom::time_passes();
}

/// See [`platform::Loom::until_asleep`].
pub fn until_asleep(n: usize) {
    platform::Loom::until_asleep(n);
}

/// Called by the kit before each execution.
pub(super) fn start() {
    death::start();
    platform::Loom::begin();
}

/// The model checker's ground, each use of which is a step before which somebody may die.
#[derive(Debug)]
pub struct Loom;

impl Platform for Loom {
    fn now() -> u64 {
        platform::Loom::now()
    }

    fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Wake {
        death::step();
        platform::Loom::wait(word, expected, deadline)
    }

    fn wake(word: *const AtomicU32, count: u32) {
        death::step();
        platform::Loom::wake(word, count);
    }

    fn current() -> usize {
        platform::Loom::current()
    }

    fn relax(round: u32) -> bool {
        platform::Loom::relax(round)
    }
}

/// Each thread is a process of its own.
impl Mortal for Loom {
    fn life() -> Life {
        Life::new(Self::current() as u32).expect("few threads")
    }

    fn is_alive(life: Life) -> bool {
        !death::is_dead(life.bits() as usize)
    }
}

/// The ground without its fences, as light as an asymmetric barrier makes one side: what they order
/// besides must not be missed. Only for models that know that the waiter has been counted.
pub struct Unfenced;

impl Platform for Unfenced {
    fn now() -> u64 {
        Loom::now()
    }
    fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Wake {
        Loom::wait(word, expected, deadline)
    }
    fn wake(word: *const AtomicU32, count: u32) {
        Loom::wake(word, count);
    }
    fn current() -> usize {
        Loom::current()
    }
    fn relax(round: u32) -> bool {
        Loom::relax(round)
    }
    fn light_fence() {}
    fn heavy_fence() {}
}
