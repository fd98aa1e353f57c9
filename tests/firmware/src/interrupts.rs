//! Interrupts at random: a handler and the code that it interrupts use the same bag at the same time.

use core::cell::Cell;

use critical_section::Mutex;
use inkle_cases::bag::{Bags, Sharing, Subject, Worker, settle};
use inkle_core::Platform;
use semihosting::println;

use crate::{board, report};

/// Operations of the main loop on one bag, in each distribution of the sides. Without instructions for
/// them, atomic operations take several times as long.
const TURNS: u32 = if cfg!(target_has_atomic = "32") { 20_000 } else { 6_000 };

/// Operations of the handler, each time.
const NESTED: u32 = 4;

/// The longest pause between two interrupts, in ticks of the timer: some thousand instructions.
const PAUSE: u32 = 512;

/// Which side of the bag a context is on: it puts, it takes.
type Sides = (bool, bool);

/// What the handler works on.
static WORK: Mutex<Cell<Option<(Subject, Sides)>>> = Mutex::new(Cell::new(None));
static HANDLER: Worker = Worker::new(2);

fn give(work: Option<(Subject, Sides)>) {
    critical_section::with(|section| WORK.borrow(section).set(work));
}

fn on_interrupt(_: usize) {
    if let Some((subject, (puts, takes))) =
        critical_section::with(|section| WORK.borrow(section).get())
    {
        (0..NESTED).for_each(|_| HANDLER.turn(subject, puts, takes));
        board::interrupt_after(1 + HANDLER.roll(PAUSE));
    }
}

/// Who puts and who takes: the main loop and the handler.
fn distributions(sharing: Sharing) -> &'static [(Sides, Sides)] {
    match sharing {
        Sharing::All => &[((true, true), (true, true))],
        Sharing::OneTaker => &[((true, true), (true, false))],
        Sharing::OneEach => &[((false, true), (true, false)), ((true, false), (false, true))],
        Sharing::NoHandlers => &[],
    }
}

/// All bags on the ground `P`.
pub fn hammer<P: Platform>(bags: &'static Bags<P>) {
    static MAIN: Worker = Worker::new(1);
    board::on_interrupt(on_interrupt);
    let mut sum = (0, 0);
    bags.each(|subject| {
        report::doing(subject.name);
        // Before the books begin: a lock is free, which counts as an item.
        while subject.bag.take().is_some() {}
        for (outer, inner) in distributions(subject.sharing) {
            let before = (MAIN.operations(), HANDLER.operations());
            give(Some((subject, *inner)));
            board::interrupt_after(1);
            (0..TURNS).for_each(|_| MAIN.turn(subject, outer.0, outer.1));
            give(None);
            board::no_interrupt();
            settle(subject, &[&MAIN, &HANDLER]);
            let done = (MAIN.operations() - before.0, HANDLER.operations() - before.1);
            assert!(done.1 > TURNS / 16, "{}: too few interrupts: {}", subject.name, done.1);
            sum = (sum.0 + done.0, sum.1 + done.1);
        }
    });
    println!("{} operations, and {} from interrupts", sum.0, sum.1);
}
