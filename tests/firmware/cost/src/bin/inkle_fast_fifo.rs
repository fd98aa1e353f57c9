//! Words through a `FastFifo`.
#![no_std]
#![no_main]

use inkle_core::queue::fifo::FastFifo;

static FIFO: FastFifo<u32, 8> = FastFifo::new();

cost::image! {
    queue FIFO;
    put(item) { FIFO.try_push(item).is_ok() }
    take(_) { FIFO.try_pop().unwrap_or(0) }
}
