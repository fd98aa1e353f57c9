//! A global word in a critical section, set and read: what a context variable is used instead of.
#![no_std]
#![no_main]

use core::cell::Cell;

use cost as _;
use critical_section::Mutex;

static WORD: Mutex<Cell<u32>> = Mutex::new(Cell::new(0));

cost::image! {
    of WORD;
    put(item) {
        critical_section::with(|cs| WORD.borrow(cs).set(item));
        true
    }
    take(_) { critical_section::with(|cs| WORD.borrow(cs).get()) }
}
