//! A `Lock`, free both times.
#![no_std]
#![no_main]

use cost::Ground;
use inkle_core::sync::Lock;

static LOCK: Lock<Ground> = Lock::new();

cost::image! {
    of LOCK;
    put(_) { LOCK.try_acquire() && LOCK.release().is_ok() }
    take(item) { item }
}
