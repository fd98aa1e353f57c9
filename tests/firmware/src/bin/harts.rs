//! All harts of the machine at once.
#![no_std]
#![no_main]

use firmware::{Resting, Spinning, board, contexts, harts, report};
use inkle_cases::bag::Bags;
use inkle_core::channel::Channel;
use inkle_core::queue::fifo::Fifo;

static SPINNING: Bags<Spinning> = Bags::new();
static RESTING: Bags<Resting> = Bags::new();
static AWAKE: Channel<Fifo<u64, 2>, Spinning> = Channel::new(Fifo::new());
static ASLEEP: Channel<Fifo<u64, 2>, Resting> = Channel::new(Fifo::new());

#[board::entry]
fn main(hart: usize) -> ! {
    if hart == 0 {
        (1..board::HARTS).for_each(board::interrupt);
    }
    board::start_interrupts();
    harts::hammer(&SPINNING);
    harts::hammer(&RESTING);
    harts::pass_on(&AWAKE);
    harts::pass_on(&ASLEEP);
    contexts::harts::all();
    if hart != 0 {
        board::rest_for_ever();
    }
    report::passed()
}
