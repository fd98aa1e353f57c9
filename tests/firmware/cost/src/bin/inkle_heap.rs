//! Words by size through a `Heap`.
#![no_std]
#![no_main]

use cost::Ground;
use inkle_core::queue::priority::Heap;

static HEAP: Heap<u32, 8, Ground> = Heap::empty();

cost::image! {
    queue HEAP;
    put(item) { HEAP.try_push(item).is_ok() }
    take(_) { HEAP.try_pop().unwrap_or(0) }
}
