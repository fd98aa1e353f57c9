//! A periodic interrupt uses every structure while the main loop does the same.
#![no_std]
#![no_main]

use firmware::{Resting, Spinning, board, contexts, interrupts, report};
use inkle_cases::bag::Bags;

static SPINNING: Bags<Spinning> = Bags::new();
static RESTING: Bags<Resting> = Bags::new();

#[board::entry]
fn main() -> ! {
    board::start_interrupts();
    interrupts::hammer(&SPINNING);
    interrupts::hammer(&RESTING);
    contexts::interrupts::hammer();
    report::passed()
}
