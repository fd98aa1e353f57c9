//! Words through heapless's queue of many to many.
#![no_std]
#![no_main]
#![allow(deprecated, reason = "the one that it has")]

use cost as _;
use heapless::mpmc::Queue;

static QUEUE: Queue<u32, 8> = Queue::new();

cost::image! {
    queue QUEUE;
    put(item) { QUEUE.enqueue(item).is_ok() }
    take(_) { QUEUE.dequeue().unwrap_or(0) }
}
