//! Events in the order of their times and priorities; one is called off, one comes again and again.
//!
//! ```text
//! cargo run -p inkle --example sched
//! ```

use std::error::Error;
use std::time::Duration;

use inkle::sched::{Scheduler, VirtualClock};

const SECOND: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn Error>> {
    // With `Scheduler::new()` it takes the time it takes; this clock jumps to the next event.
    let clock = VirtualClock::jumping();
    let scheduler = Scheduler::with_clock(clock.clone());
    let say = |what: &'static str| {
        let clock = clock.clone();
        move || println!("after {:?}: {what}", clock.time())
    };
    scheduler.enter(20 * SECOND, 2, say("and tidy up"))?;
    scheduler.enter(20 * SECOND, 1, say("cut the cloth"))?;
    scheduler.enter(10 * SECOND, 1, say("tie the last knot"))?;
    let tea = scheduler.enter(15 * SECOND, 1, say("tea"))?;
    scheduler.cancel(&tea)?;
    let beat = scheduler.every(3 * SECOND).start(|tick| println!("beat {}", tick.number()))?;
    scheduler.enter(10 * SECOND, 0, move || _ = beat.cancel())?;
    scheduler.run()?;
    Ok(())
}
