//! A permit of a `Semaphore`, released and acquired.
#![no_std]
#![no_main]

use cost::Ground;
use inkle_core::sync::Semaphore;

static PERMITS: Semaphore<Ground> = Semaphore::new(0);

cost::image! {
    of PERMITS;
    put(_) { PERMITS.release(1).is_ok() }
    take(item) { if PERMITS.try_acquire() { item } else { 0 } }
}
