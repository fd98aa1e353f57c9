//! Embassy's signal without a value, set, seen and cleared.
#![no_std]
#![no_main]

use cost as _;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;

static SIGNAL: Signal<CriticalSectionRawMutex, ()> = Signal::new();

cost::image! {
    of SIGNAL;
    put(_) {
        SIGNAL.signal(());
        true
    }
    take(item) { SIGNAL.try_take().map_or(0, |()| item) }
}
