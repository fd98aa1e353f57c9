//! The latest word in embassy's signal.
#![no_std]
#![no_main]

use cost as _;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;

static SIGNAL: Signal<CriticalSectionRawMutex, u32> = Signal::new();

cost::image! {
    of SIGNAL;
    put(item) {
        SIGNAL.signal(item);
        true
    }
    take(_) { SIGNAL.try_take().unwrap_or(0) }
}
