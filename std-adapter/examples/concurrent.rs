//! Executors: futures, results in order and as they come, work that is halved, tasks that borrow.
//!
//! ```text
//! cargo run --release -p inkle --example concurrent
//! ```

use std::error::Error;

use inkle::concurrent::{Spawn, ThreadPoolExecutor, as_completed};
use inkle::platform::Deadline;

fn is_prime(number: u64) -> bool {
    number > 1 && (2..).take_while(|n| n * n <= number).all(|n| number % n != 0)
}

fn main() -> Result<(), Box<dyn Error>> {
    let executor = ThreadPoolExecutor::new(4)?;

    let future = executor.submit(|| is_prime(1_000_003))?;
    println!("1000003: {}", future.join()?);

    // In the order of the items; each has its own result.
    for result in executor.map(is_prime, [97, 98, 99]) {
        print!("{} ", result?);
    }
    println!();

    // As they come.
    let futures: Vec<_> = [10_007, 10, 1_000_003]
        .map(|number| executor.submit(move || (number, is_prime(number))))
        .into_iter()
        .collect::<Result<_, _>>()?;
    for future in as_completed(futures, Deadline::NEVER) {
        let (number, prime) = future?.join()?;
        println!("{number}: {prime}");
    }

    // Halves of halves, written where they belong: for many small items.
    let primes = executor.map_vec(0..100_000_u64, is_prime);
    println!("{} primes", primes.iter().filter(|prime| **prime).count());

    // Tasks that borrow.
    let (mut first, mut last) = (None, None);
    executor.scope(|scope| {
        scope.spawn(|| first = (100_000..).find(|n| is_prime(*n)));
        scope.spawn(|| last = (0..100_000).rev().find(|n| is_prime(*n)));
    });
    println!("around 100000: {last:?} and {first:?}");
    Ok(())
}
