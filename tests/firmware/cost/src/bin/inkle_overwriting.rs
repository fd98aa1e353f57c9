//! The latest word in an `Overwriting` ring of one.
#![no_std]
#![no_main]

use cost::Late;
use inkle_core::queue::spsc::{Overwriting, overwriting};

static RING: Overwriting<u32, 1> = Overwriting::new();
static PRODUCER: Late<overwriting::Producer<'static, u32, 1>> = Late::new();
static CONSUMER: Late<overwriting::Consumer<'static, u32, 1>> = Late::new();

cost::image! {
    of RING;
    setup {
        if let Some((producer, consumer)) = RING.split() {
            PRODUCER.fill(producer);
            CONSUMER.fill(consumer);
        }
    }
    put(item) { PRODUCER.get().push(item).is_none() }
    take(_) { CONSUMER.get().try_pop().unwrap_or(0) }
}
