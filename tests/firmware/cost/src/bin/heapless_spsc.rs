//! Words through heapless's queue of one to one, by its handles. One of nine holds eight.
#![no_std]
#![no_main]

use cost::Late;
use heapless::spsc::{Consumer, Producer, Queue};

static QUEUE: Late<Queue<u32, 9>> = Late::new();
static PRODUCER: Late<Producer<'static, u32>> = Late::new();
static CONSUMER: Late<Consumer<'static, u32>> = Late::new();

cost::image! {
    queue QUEUE;
    setup {
        QUEUE.fill(Queue::new());
        let (producer, consumer) = QUEUE.get().split();
        PRODUCER.fill(producer);
        CONSUMER.fill(consumer);
    }
    put(item) { PRODUCER.get().enqueue(item).is_ok() }
    take(_) { CONSUMER.get().dequeue().unwrap_or(0) }
}
