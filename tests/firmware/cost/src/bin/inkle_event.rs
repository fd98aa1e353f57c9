//! An `Event`, set, seen and cleared.
#![no_std]
#![no_main]

use cost::Ground;
use inkle_core::sync::Event;

static EVENT: Event<Ground> = Event::new();

cost::image! {
    of EVENT;
    put(_) {
        EVENT.set();
        true
    }
    take(item) {
        let is_set = EVENT.is_set();
        EVENT.clear();
        if is_set { item } else { 0 }
    }
}
