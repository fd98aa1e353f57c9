//! Bytes through a `Ring`, four at a time.
#![no_std]
#![no_main]

use cost::Late;
use inkle_core::queue::spsc::{Consumer, Producer, Ring};

static RING: Ring<u8, 32> = Ring::new();
static PRODUCER: Late<Producer<'static, u8, 32>> = Late::new();
static CONSUMER: Late<Consumer<'static, u8, 32>> = Late::new();

cost::image! {
    queue RING;
    setup {
        if let Some((producer, consumer)) = RING.split() {
            PRODUCER.fill(producer);
            CONSUMER.fill(consumer);
        }
    }
    put(item) { PRODUCER.get().push_slice(&item.to_le_bytes()) == 4 }
    take(_) {
        let mut bytes = [0; 4];
        CONSUMER.get().pop_slice(&mut bytes);
        u32::from_le_bytes(bytes)
    }
}
