//! Every structure under random operations on real threads, for a while each: what comes out is what went in, in the
//! order that is promised; who is to be alone is alone. Says how many operations that was.
//!
//! `cargo run --release -p inkle-tests --bin soak [SECONDS [SEED]]`: for so long each (1.5: a minute in all), with these
//! choices (1). The threads' turns are the system's.

mod kit;
mod locks;
mod queues;
mod work;

use std::time::{Duration, Instant};

use inkle_tests::watchdog;

use kit::Soak;

fn main() {
    let _watch = watchdog();
    let mut arguments =
        std::env::args().skip(1).map(|number| number.parse::<f64>().expect("a number"));
    let time = Duration::from_secs_f64(arguments.next().unwrap_or(1.5));
    let mut soak = Soak { time, seed: arguments.next().unwrap_or(1.0) as u64, total: 0 };
    let start = Instant::now();
    queues::any(&mut soak);
    queues::one_sided(&mut soak);
    queues::channels(&mut soak);
    locks::exclusion(&mut soak);
    locks::meetings(&mut soak);
    work::all(&mut soak);
    println!("{:28} {:>12} operations in {:.1?}", "all", soak.total, start.elapsed());
}
