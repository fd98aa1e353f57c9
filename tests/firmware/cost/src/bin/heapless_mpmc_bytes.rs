//! Bytes through heapless's queue of many to many.
#![no_std]
#![no_main]
#![allow(deprecated, reason = "the one that it has")]

use cost as _;
use heapless::mpmc::Queue;

static QUEUE: Queue<u8, 8> = Queue::new();

cost::image! {
    queue QUEUE;
    put(item) { QUEUE.enqueue(item as u8).is_ok() }
    take(_) { QUEUE.dequeue().map_or(0, u32::from) }
}
