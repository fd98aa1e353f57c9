//! Interrupts at random, while the main loop sets, gets, binds, copies and enters, and while it switches
//! tasks.

use core::cell::Cell;

use inkle_cases::bag::Worker;
use inkle_core::atomic::Ordering;
use inkle_core::context::{Context, Ground, Token};
use semihosting::println;

use super::{BUSY, COUNT, Harts, OTHER, PAIR, Pair, apart, seen, set, whole, within, work};
use crate::{board, report};

/// Turns of the main loop.
const TURNS: u32 = 3_000;

/// The longest pause between two interrupts, in ticks of the timer: some hundred instructions.
const PAUSE: u32 = 256;

fn again() {
    static DICE: Worker = Worker::new(3);
    board::interrupt_after(1 + DICE.roll(PAUSE));
}

/// The main loop as if it were alone.
fn all() {
    (0..TURNS).for_each(|turn| work(10 * turn, 10 * turn + 10));
    drop((set(&PAIR, 0), set(&OTHER, 0)));
}

/// A task that keeps its place between two turns, and a change that is undone at the end of the next.
struct Task {
    context: Context<Harts>,
    turn: Cell<u32>,
    token: Cell<Option<Token<Pair, Harts>>>,
}

impl Task {
    const fn new() -> Self {
        Self { context: Context::new(), turn: Cell::new(0), token: Cell::new(None) }
    }

    /// Does a turn.
    fn go_on(&self, number: u32) {
        let turn = self.turn.get();
        if let Some(token) = self.token.take() {
            assert_eq!(seen(), (Some(number + turn), Some(0)));
            assert!(PAIR.reset(token).is_ok());
        }
        assert_eq!(seen(), (None, Some(0)));
        self.turn.set(turn + 1);
        self.token.set(Some(set(&PAIR, number + turn + 1)));
    }
}

/// Two tasks take turns, each with its context; a store switches from one to the other.
fn switched() {
    let tasks = [Task::new(), Task::new()];
    let before = seen();
    for turn in 0..TURNS {
        let at = turn as usize % 2;
        let task = &tasks[at];
        // SAFETY: no other task preempts this one, and it stays there until the other switch.
        let main = Harts::current(|current| unsafe { current.switch(&task.context) });
        task.go_on(1_000_000 * at as u32);
        // SAFETY: what `switch` has returned.
        Harts::current(|current| unsafe { current.switch(main) });
        assert_eq!(seen(), before);
    }
    // A context that was switched to can be entered later.
    for task in &tasks {
        assert_eq!(
            task.context.run(|| whole(PAIR.get())).ok(),
            Some(whole(task.context.get(&PAIR)))
        );
    }
}

/// All of it.
pub fn hammer() {
    const ALL: [fn(); 2] = [all, switched];
    const HANDLERS: [fn(usize); 2] = [
        |_| {
            apart();
            again();
        },
        |_| {
            within();
            again();
        },
    ];
    report::doing("contexts");
    drop((set(&PAIR, 0), set(&OTHER, 0)));
    for handler in HANDLERS {
        board::on_interrupt(handler);
        for all in ALL {
            let before = COUNT.load(Ordering::Relaxed);
            board::interrupt_after(1);
            all();
            board::no_interrupt();
            let count = COUNT.load(Ordering::Relaxed) - before;
            assert!(count > TURNS / 16, "too few interrupts: {count}");
            println!("{TURNS} turns in contexts, {count} interrupts");
        }
    }
    let busy = BUSY.load(Ordering::Relaxed);
    assert!(busy > 0, "none in a change");
    println!("{busy} of them in a change");
}
