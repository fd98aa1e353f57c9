//! Threads: they borrow, share, are told to stop, and what one of them dies of is a value.
//!
//! ```text
//! cargo run -p inkle --example threading
//! ```

use std::error::Error;
use std::time::Duration;

use inkle::threading::{self, Builder, CancelToken, Mutex, Reason};

static LENGTH: Mutex<usize> = Mutex::new(0);
static STOP: CancelToken<'_> = CancelToken::new();

fn main() -> Result<(), Box<dyn Error>> {
    // They borrow, and are joined at the end of the scope.
    let words = ["warp", "weft", "heddle"];
    threading::scope(|scope| {
        for word in &words {
            if let Err(error) = scope.spawn(move || *LENGTH.lock() += word.len()) {
                println!("no thread: {error}");
            }
        }
    })?;
    println!("{} letters", *LENGTH.lock());

    // One that waits for ever, until it is told not to, and why.
    let waits = Builder::new().name("waits").spawn(|| STOP.wait())?;
    STOP.cancel(Reason::REQUESTED);
    println!(
        "{} has stopped: {:?}",
        waits.info().name(),
        waits.join_timeout(Duration::from_secs(5))?
    );

    // A panic is the result of `join`, with its message and its place.
    let breaks = threading::spawn(|| -> u32 { panic!("out of yarn") })?;
    match breaks.join() {
        Ok(number) => println!("{number}"),
        Err(error) => println!("it says: {error}"),
    }
    Ok(())
}
