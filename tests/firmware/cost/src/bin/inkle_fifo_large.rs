//! Items of 64 bytes through a `Fifo`.
#![no_std]
#![no_main]

use core::hint::black_box;

use inkle_core::queue::fifo::Fifo;

static FIFO: Fifo<[u32; 16], 8> = Fifo::new();

cost::image! {
    queue FIFO;
    put(item) { FIFO.try_push([item; 16]).is_ok() }
    take(_) { FIFO.try_pop().map_or(0, |item| black_box(item)[0]) }
}
