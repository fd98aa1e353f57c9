//! An `EventCount`: nobody is asleep, and somebody nearly is.
#![no_std]
#![no_main]

use cost::Ground;
use inkle_core::event_count::EventCount;

static COUNT: EventCount<Ground> = EventCount::new();

cost::image! {
    of COUNT;
    put(_) {
        COUNT.notify(1);
        true
    }
    take(item) {
        COUNT.cancel(COUNT.prepare());
        item
    }
}
