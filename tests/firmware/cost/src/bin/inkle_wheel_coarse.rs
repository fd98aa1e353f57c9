//! Timers 50 ticks ahead on a coarse `Wheel`, and a turn that fires one.
#![no_std]
#![no_main]

use cost as _;
use inkle_core::timer::{Coarse, Then, Tick, Wheel};

static WHEEL: Wheel<u32, 8, Coarse<4>> = Wheel::new(Tick::new(0));

cost::image! {
    queue WHEEL;
    put(item) { WHEEL.schedule(Tick::new(50 * item), item).is_ok() }
    take(item) {
        let mut fired = 0;
        if let Some(mut driver) = WHEEL.try_drive() {
            let turn = driver.advance(Tick::new(50 * item), u32::MAX, |item| {
                fired = item;
                Then::Done
            });
            core::hint::black_box(turn.next);
        }
        fired
    }
}
