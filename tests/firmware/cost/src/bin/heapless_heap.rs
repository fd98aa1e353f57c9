//! Words by size through heapless's binary heap in a critical section.
#![no_std]
#![no_main]

use core::cell::RefCell;

use cost as _;
use critical_section::Mutex;
use heapless::binary_heap::{BinaryHeap, Min};

static HEAP: Mutex<RefCell<BinaryHeap<u32, Min, 8>>> = Mutex::new(RefCell::new(BinaryHeap::new()));

cost::image! {
    queue HEAP;
    put(item) { critical_section::with(|cs| HEAP.borrow_ref_mut(cs).push(item).is_ok()) }
    take(_) { critical_section::with(|cs| HEAP.borrow_ref_mut(cs).pop()).unwrap_or(0) }
}
