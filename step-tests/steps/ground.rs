//! The ground that the operations stand on: a sleep is a step, and so is a wake-up; whoever sleeps with a
//! deadline and is not woken while the others run times out.

use std::cell::RefCell;

use inkle_core::Platform;
use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::platform::{Deadline, Wake};

use crate::engine::{self, Stuck};
use crate::schedules;

/// What the clock always says.
const NOW: u64 = 1_000;

/// A deadline that passes while the caller sleeps.
pub const SOON: Deadline = Deadline::at(2 * NOW);

thread_local! {
    /// The words that somebody sleeps on, the innermost last, and whether it was woken.
    static SLEEPERS: RefCell<Vec<(usize, bool)>> = const { RefCell::new(Vec::new()) };
}

/// The ground of the step tests.
#[derive(Debug)]
pub struct Steps;

impl Platform for Steps {
    fn now() -> u64 {
        NOW
    }

    fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Wake {
        engine::step();
        // Relaxed: one thread.
        if engine::in_one_step(|| word.load(Ordering::Relaxed)) != expected {
            return Wake::Woken;
        }
        if schedules::is_on() {
            let woken = schedules::sleep(&raw const *word as usize, deadline == Deadline::NEVER);
            return if woken { Wake::Woken } else { Wake::TimedOut };
        }
        SLEEPERS.with_borrow_mut(|all| all.push((&raw const *word as usize, false)));
        // Here it sleeps.
        engine::step();
        let woken = SLEEPERS.with_borrow_mut(Vec::pop).is_some_and(|(_, woken)| woken);
        match (woken, deadline) {
            (true, _) => Wake::Woken,
            (false, Deadline::NEVER) => engine::stuck(Stuck::Sleeps),
            (false, _) => Wake::TimedOut,
        }
    }

    fn wake(word: *const AtomicU32, count: u32) {
        engine::step();
        if schedules::is_on() {
            return schedules::wake(word as usize, count as usize);
        }
        SLEEPERS.with_borrow_mut(|all| {
            let asleep = all.iter_mut().filter(|(on, woken)| *on == word as usize && !woken);
            asleep.take(count as usize).for_each(|(_, woken)| *woken = true);
        });
    }

    fn current() -> usize {
        engine::current()
    }

    fn relax(_round: u32) -> bool {
        false
    }

    fn masked<T>(section: impl FnOnce() -> T) -> T {
        engine::masked(section)
    }
}

/// Called before each run: nobody sleeps.
pub fn start() {
    SLEEPERS.with_borrow_mut(Vec::clear);
}
