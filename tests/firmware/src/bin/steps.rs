//! An interrupt at every instruction of every operation, and of every wait.
#![no_std]
#![no_main]

use firmware::{Resting, Spinning, board, contexts, report, steps, waits};
use inkle_cases::bag::Bags;

static BAGS: Bags<Resting> = Bags::new();

#[board::entry]
fn main() -> ! {
    board::start_interrupts();
    waits::each::<Spinning>();
    waits::each::<Resting>();
    steps::each(&BAGS);
    contexts::steps::all();
    report::passed()
}
