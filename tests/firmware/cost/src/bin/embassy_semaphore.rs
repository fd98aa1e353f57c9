//! A permit of embassy's semaphore, released and acquired.
#![no_std]
#![no_main]

use cost as _;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::semaphore::{GreedySemaphore, Semaphore};

static PERMITS: GreedySemaphore<CriticalSectionRawMutex> = GreedySemaphore::new(0);

cost::image! {
    of PERMITS;
    put(_) {
        PERMITS.release(1);
        true
    }
    take(item) {
        PERMITS.try_acquire(1).map_or(0, |permit| {
            permit.disarm();
            item
        })
    }
}
