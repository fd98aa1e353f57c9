//! Words through a `Fifo`.
#![no_std]
#![no_main]

use inkle_core::queue::fifo::Fifo;

static FIFO: Fifo<u32, 8> = Fifo::new();

cost::image! {
    queue FIFO;
    put(item) { FIFO.try_push(item).is_ok() }
    take(_) { FIFO.try_pop().unwrap_or(0) }
}
