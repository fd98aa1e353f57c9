//! Timers 50 ticks ahead in heapless's binary heap in a critical section, and a look whether the first is due.
#![no_std]
#![no_main]

use core::cell::RefCell;

use cost as _;
use critical_section::Mutex;
use heapless::binary_heap::{BinaryHeap, Min};

/// Deadlines and numbers. Ticks do not wrap around here.
type Timers = BinaryHeap<(u32, u32), Min, 8>;

static HEAP: Mutex<RefCell<Timers>> = Mutex::new(RefCell::new(BinaryHeap::new()));

cost::image! {
    queue HEAP;
    put(item) { critical_section::with(|cs| HEAP.borrow_ref_mut(cs).push((50 * item, item)).is_ok()) }
    take(item) {
        critical_section::with(|cs| {
            let mut heap = HEAP.borrow_ref_mut(cs);
            heap.peek().filter(|first| first.0 <= 50 * item)?;
            heap.pop()
        })
        .map_or(0, |(_, item)| item)
    }
}
