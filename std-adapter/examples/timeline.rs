//! Who did what when, as a trace and as a picture: a small tree of tasks on three threads.
//!
//! ```text
//! cargo run --release -p inkle --features timeline --example timeline -- [DIR]
//! ```
//!
//! Leaves `timeline.json`, for `https://ui.perfetto.dev`, and `timeline.svg`, for a browser, in the folder;
//! without one in that for temporary files.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use inkle::concurrent::{Halt, Spawn, ThreadPoolExecutor};
use inkle::timeline;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).map_or_else(env::temp_dir, PathBuf::from);
    let recorder = timeline::record()?;
    let pool = ThreadPoolExecutor::builder().workers(3).name("weaver").build()?;

    let submitting = timeline::span("submit");
    let inner = pool.clone();
    let cloth = pool.named("cloth").submit(move || {
        let warp = inner.named("warp").submit(|| primes_below(60_000)).ok()?;
        let weft = inner.named("weft").submit(|| primes_below(80_000)).ok()?;
        Some(warp.join().ok()? + weft.join().ok()?)
    })?;
    let named = pool.named("thread");
    let threads = named.map(primes_below, (1..=40).map(|n| n * 1000)).into_iter();
    drop(submitting);
    let threads: usize = threads.sum::<Result<_, _>>()?;
    let cloth = cloth.join()?.ok_or("the pool took no more")?;
    pool.shutdown_with(Halt::WAIT);

    let timeline = recorder.stop();
    let (trace, picture) = (folder.join("timeline.json"), folder.join("timeline.svg"));
    fs::write(&trace, timeline.to_trace())?;
    fs::write(&picture, timeline.to_svg())?;
    println!("{} primes: see {} and {}", threads + cloth, picture.display(), trace.display());
    Ok(())
}

fn primes_below(limit: u32) -> usize {
    let is_prime = |n: &u32| (2..).take_while(|d| d * d <= *n).all(|d| n % d != 0);
    (2..limit).filter(is_prime).count()
}
