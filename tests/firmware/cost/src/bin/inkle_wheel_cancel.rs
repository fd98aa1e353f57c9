//! Timers on an exact `Wheel`, each cancelled and its slot given back.
#![no_std]
#![no_main]

use cost::Late;
use inkle_core::timer::{Exact, Handle, Tick, Wheel};

static WHEEL: Wheel<u32, 8, Exact<3>> = Wheel::new(Tick::new(0));
static HANDLE: Late<Option<Handle>> = Late::new();

cost::image! {
    of WHEEL;
    setup { HANDLE.fill(None) }
    put(item) {
        *HANDLE.get() = WHEEL.schedule(Tick::new(50 * item), item).ok().map(|timer| timer.handle);
        HANDLE.get().is_some()
    }
    take(_) {
        let item = HANDLE.get().take().and_then(|handle| WHEEL.cancel(handle).ok()).unwrap_or(0);
        if let Some(mut driver) = WHEEL.try_drive() {
            core::hint::black_box(driver.tidy(8).is_complete);
        }
        item
    }
}
