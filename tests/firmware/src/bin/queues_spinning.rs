//! The core's own cases of the group `QUEUES` on the ground [`Spinning`].
#![no_std]
#![no_main]

use firmware::{Spinning, board};
use inkle_cases::Cases;

#[board::entry]
fn main() -> ! {
    firmware::run_cases(Cases::<Spinning>::QUEUES)
}
