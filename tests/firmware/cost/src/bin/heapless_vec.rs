//! Words through heapless's vector in a critical section, the newest first.
#![no_std]
#![no_main]

use core::cell::RefCell;

use cost as _;
use critical_section::Mutex;
use heapless::Vec;

static STACK: Mutex<RefCell<Vec<u32, 8>>> = Mutex::new(RefCell::new(Vec::new()));

cost::image! {
    queue STACK;
    put(item) { critical_section::with(|cs| STACK.borrow_ref_mut(cs).push(item).is_ok()) }
    take(_) { critical_section::with(|cs| STACK.borrow_ref_mut(cs).pop()).unwrap_or(0) }
}
