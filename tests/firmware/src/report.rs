//! How a result gets out.

use core::cell::Cell;
use core::panic::PanicInfo;

use critical_section::Mutex;
use semihosting::{eprintln, println, process};

static DOING: Mutex<Cell<&str>> = Mutex::new(Cell::new("starting"));

/// Remembers what is done from now on, for the case that it fails.
pub fn doing(what: &'static str) {
    critical_section::with(|section| DOING.borrow(section).set(what));
}

/// All is well.
pub fn passed() -> ! {
    println!("passed");
    process::exit(0)
}

/// Something is not.
pub fn failed(why: &str) -> ! {
    let what = critical_section::with(|section| DOING.borrow(section).get());
    eprintln!("FAILED: {what}: {why}");
    process::exit(1)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    eprintln!("{info}");
    failed("panicked")
}
