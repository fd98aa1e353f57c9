//! A race, for the thread sanitizer: that it would see one. `race relaxed` has it, `race ordered` has not.
//!
//! A cell of the core's door is written by one thread and read by another, which has seen a flag: with relaxed
//! accesses to the flag that orders nothing. `.ci/deep` runs both.

use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use inkle::kernel::atomic::{AtomicU32, Ordering, UnsafeCell, spin_loop};

struct Shared {
    flag: AtomicU32,
    cell: UnsafeCell<u32>,
}

// SAFETY: for `ordered`, who reads the cell has seen the flag, which is set when it has been written. For `relaxed` it is
// not true: that is what is to be seen.
unsafe impl Sync for Shared {}

fn main() -> ExitCode {
    let (store, load) = match std::env::args().nth(1).as_deref() {
        Some("ordered") => (Ordering::Release, Ordering::Acquire),
        Some("relaxed") => (Ordering::Relaxed, Ordering::Relaxed),
        _ => return ExitCode::from(2),
    };
    let shared = Arc::new(Shared { flag: AtomicU32::new(0), cell: UnsafeCell::new(0) });
    let writer = Arc::clone(&shared);
    let thread = thread::spawn(move || {
        // SAFETY: nobody reads it before the flag is set.
        writer.cell.with_mut(|cell| unsafe { *cell = 7 });
        // Pairs with the load below, if it is `ordered`.
        writer.flag.store(1, store);
    });
    while shared.flag.load(load) == 0 {
        spin_loop();
    }
    // SAFETY: see `Shared`.
    let read = shared.cell.with(|cell| unsafe { *cell });
    thread.join().expect("it does not panic");
    println!("read {read}");
    ExitCode::SUCCESS
}
