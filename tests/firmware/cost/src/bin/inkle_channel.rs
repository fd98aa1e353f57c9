//! Words through a `Channel` over a `Fifo`, where tasks and contexts may wait; without a wait.
#![no_std]
#![no_main]

use cost::Ground;
use inkle_core::channel::Channel;
use inkle_core::queue::fifo::Fifo;

static CHANNEL: Channel<Fifo<u32, 8>, Ground> = Channel::new(Fifo::new());

cost::image! {
    queue CHANNEL;
    put(item) { CHANNEL.try_put(item).is_ok() }
    take(_) { CHANNEL.try_get().unwrap_or(0) }
}
