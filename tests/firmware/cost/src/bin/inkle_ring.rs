//! Words through a `Ring` from one context to one other, by its handles.
#![no_std]
#![no_main]

use cost::Late;
use inkle_core::queue::spsc::{Consumer, Producer, Ring};

static RING: Ring<u32, 8> = Ring::new();
static PRODUCER: Late<Producer<'static, u32, 8>> = Late::new();
static CONSUMER: Late<Consumer<'static, u32, 8>> = Late::new();

cost::image! {
    queue RING;
    setup {
        if let Some((producer, consumer)) = RING.split() {
            PRODUCER.fill(producer);
            CONSUMER.fill(consumer);
        }
    }
    put(item) { PRODUCER.get().try_push(item).is_ok() }
    take(_) { CONSUMER.get().try_pop().unwrap_or(0) }
}
