//! Queues: a producer and two consumers, a full queue that gives the item back, the most urgent first, an end.
//!
//! ```text
//! cargo run -p inkle --example queue
//! ```

use std::error::Error;

use inkle::queue::{PriorityQueue, PutError, Queue, Shutdown};
use inkle::threading;

fn main() -> Result<(), Box<dyn Error>> {
    let jobs = Queue::bounded(4)?;
    let weavers: Vec<_> = (0..2)
        .map(|_| {
            let jobs = jobs.clone();
            // Ends when the queue is shut down and empty.
            threading::spawn(move || jobs.iter().sum::<u32>())
        })
        .collect::<Result<_, _>>()?;
    for number in 1..=100 {
        // Waits while there are four.
        jobs.put(number)?;
    }
    jobs.shutdown(Shutdown::Graceful);
    let mut sum = 0;
    for weaver in weavers {
        sum += weaver.join()?;
    }
    println!("the sum is {sum}");

    let small = Queue::bounded(1)?;
    small.put("warp")?;
    match small.try_put("weft") {
        Err(PutError::Full(item)) => println!("no room for {item}"),
        other => println!("{other:?}"),
    }

    let urgent = PriorityQueue::unbounded();
    for (rank, what) in [(2, "weave"), (0, "put out the fire"), (1, "eat")] {
        urgent.put((rank, what))?;
    }
    while let Ok((_, what)) = urgent.try_get() {
        println!("{what}");
    }
    Ok(())
}
