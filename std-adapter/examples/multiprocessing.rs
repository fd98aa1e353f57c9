//! Functions of this program in other processes: a result, shared memory, a pool, and one that dies.
//!
//! ```text
//! cargo run -p inkle --example multiprocessing
//! ```

use std::error::Error;

#[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
fn main() -> Result<(), Box<dyn Error>> {
    use inkle::concurrent::Submit;
    use inkle::multiprocessing::{Process, ProcessPoolExecutor, Value};

    fn area(width: u64, height: u64) -> u64 {
        width * height
    }

    fn count(to: Value<u64>) {
        for _ in 0..1000 {
            let guard = to.lock();
            guard.set(guard.get() + 1);
        }
    }

    fn breaks(_: ()) -> u64 {
        std::process::abort()
    }

    // There is nothing to guard in `main`: a child does not come here.
    println!("{}", Process::spawn(area, (6, 7))?.join()?);

    let counter = Value::new(0)?;
    let two =
        [Process::spawn(count, (counter.clone(),))?, Process::spawn(count, (counter.clone(),))?];
    for process in two {
        process.join()?;
    }
    println!("counted to {}", counter.get());

    let pool = ProcessPoolExecutor::new(2)?;
    let lengths = pool.map_fn(|word: String| word.len(), ["warp".to_owned(), "heddle".to_owned()]);
    println!("{:?}", lengths.into_iter().collect::<Result<Vec<_>, _>>()?);

    // One job is lost, and named; the pool goes on.
    if let Err(error) = pool.submit_fn(breaks, ())?.join() {
        println!("{error}");
    }
    println!("{}", pool.submit(area, (2, 3))?.join()?);
    Ok(())
}

#[cfg(not(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing")))]
fn main() -> Result<(), Box<dyn Error>> {
    Err("on Linux only".into())
}
