//! The core's own cases on the ground [`Resting`].
#![no_std]
#![no_main]

use firmware::board;

#[board::entry]
fn main() -> ! {
    firmware::run_cases::<firmware::Resting>()
}
