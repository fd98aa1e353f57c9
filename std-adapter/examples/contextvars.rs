//! Values that follow the work: into threads, tasks of a pool and callbacks, without being passed on.
//!
//! ```text
//! cargo run -p inkle --example contextvars
//! ```

use std::error::Error;

use inkle::concurrent::{Spawn, ThreadPoolExecutor};
use inkle::contextvars::{ContextVar, copy_context};
use inkle::threading;

static REQUEST: ContextVar<u32> = ContextVar::with_default("request", 0);

fn log(what: &str) {
    println!("[{}] {what}", REQUEST.get().unwrap_or_default());
}

fn main() -> Result<(), Box<dyn Error>> {
    let executor = ThreadPoolExecutor::new(1)?;
    for number in 1..=2 {
        // What is set in a copy stays there.
        copy_context().run(|| serve(number, &executor)).map_err(|error| error.to_string())??;
    }
    log("outside there is none");
    Ok(())
}

fn serve(number: u32, executor: &ThreadPoolExecutor) -> Result<(), Box<dyn Error>> {
    let _ = REQUEST.set(number);
    log("comes");
    executor.submit(|| log("is worked on in a pool"))?.join()?;
    threading::spawn(|| log("and in a thread"))?.join()?;
    Ok(())
}
