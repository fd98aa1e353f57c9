//! The core's own cases of the group `OTHERS` on the ground [`Resting`].
#![no_std]
#![no_main]

use firmware::{Resting, board};
use inkle_cases::Cases;

#[board::entry]
fn main() -> ! {
    firmware::run_cases(Cases::<Resting>::OTHERS)
}
