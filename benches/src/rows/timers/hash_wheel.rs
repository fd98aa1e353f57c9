//! The crate `hierarchical_hash_wheel_timer`: for one thread, and measured without a lock.
//!
//! What is cancelled stays in its wheel until its time has come. Since no time passes here, that is never:
//! when it holds too much, the wheel is made anew between two rounds. So giving memory back costs it
//! nothing here.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use hierarchical_hash_wheel_timer::IdOnlyTimerEntry;
use hierarchical_hash_wheel_timer::wheels::Skip;
use hierarchical_hash_wheel_timer::wheels::cancellable::QuadWheelWithOverflow;

use super::{Next, Random, Service, Turns};

type Wheel = QuadWheelWithOverflow<IdOnlyTimerEntry<u64>>;

fn add(wheel: &mut Wheel, id: u64, delay: u32) {
    let delay = Duration::from_millis(delay.into());
    assert!(wheel.insert(IdOnlyTimerEntry { id, delay }).is_ok(), "it is not due yet");
}

pub(super) struct HashWheel {
    wheel: RefCell<Wheel>,
    number: Cell<u64>,
}

impl Service for HashWheel {
    type Timer = u64;

    fn new() -> Self {
        Self { wheel: RefCell::default(), number: Cell::new(0) }
    }

    #[inline(always)]
    fn schedule(&self, deadline: u32) -> u64 {
        let number = self.number.get();
        self.number.set(number + 1);
        add(&mut self.wheel.borrow_mut(), number, deadline);
        number
    }

    #[inline(always)]
    fn cancel(&self, timer: u64) {
        assert!(self.wheel.borrow_mut().cancel(&timer).is_ok(), "nothing fires");
    }

    fn is_worn(&self) -> bool {
        self.number.get() > 4_000_000
    }
}

impl Next for HashWheel {
    #[inline(always)]
    fn next(&self) -> u64 {
        match self.wheel.borrow().can_skip() {
            Skip::Millis(ticks) => ticks.into(),
            Skip::None | Skip::Empty => 0,
        }
    }
}

/// The same, with a clock that goes from deadline to deadline.
pub(super) struct Turning {
    wheel: Wheel,
    number: u64,
    random: Random,
}

impl Turning {
    fn schedule(&mut self) {
        self.number += 1;
        add(&mut self.wheel, self.number, self.random.delay());
    }
}

impl Turns for Turning {
    fn new(pending: usize) -> Self {
        let mut turning = Self { wheel: Wheel::new(), number: 0, random: Random::new(0) };
        (0..pending).for_each(|_| turning.schedule());
        turning
    }

    fn turn(&mut self, count: u64) {
        let mut fired = 0;
        while fired < count {
            if let Skip::Millis(ticks) = self.wheel.can_skip() {
                self.wheel.skip(ticks);
            }
            let due = self.wheel.tick().len();
            (0..due).for_each(|_| self.schedule());
            fired += due as u64;
        }
    }
}
