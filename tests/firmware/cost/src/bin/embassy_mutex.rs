//! Embassy's mutex, free both times.
#![no_std]
#![no_main]

use cost as _;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::mutex::Mutex;

static LOCK: Mutex<CriticalSectionRawMutex, ()> = Mutex::new(());

cost::image! {
    of LOCK;
    put(_) { LOCK.try_lock().is_ok() }
    take(item) { item }
}
