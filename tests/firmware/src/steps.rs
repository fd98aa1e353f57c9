//! An interrupt before every instruction of an operation.
//!
//! The emulator is told that an instruction takes longer than a tick of the timer. So an operation is
//! repeated with the interrupt one tick later each time, until it ends before the interrupt comes:
//! then there has been an interrupt before each of its instructions at which interrupts are on, and
//! the handler has done an operation of its own there.

use core::cell::Cell;

use critical_section::Mutex;
use inkle_cases::bag::{Bags, Sharing, Subject, Worker, settle};
use inkle_core::Platform;
use inkle_core::atomic::{AtomicU32, AtomicUsize, Ordering};
use semihosting::println;

use crate::{board, report};

/// What is done outside and inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Put,
    Take,
}

impl Operation {
    fn by(self, worker: &Worker, subject: Subject) {
        match self {
            Self::Put => worker.put(subject),
            Self::Take => {
                worker.take(subject);
            }
        }
    }
}

/// What the handler does.
#[derive(Clone, Copy)]
enum Work {
    On(Subject, Operation),
    Call(fn()),
}

static WORK: Mutex<Cell<Work>> = Mutex::new(Cell::new(Work::Call(|| ())));
static MAIN: Worker = Worker::new(1);
static HANDLER: Worker = Worker::new(2);

/// Where the latest interrupt came, and how many have come. Relaxed: one hart.
static PLACE: AtomicUsize = AtomicUsize::new(0);
static COUNT: AtomicU32 = AtomicU32::new(0);

fn on_interrupt(place: usize) {
    PLACE.store(place, Ordering::Relaxed);
    COUNT.store(COUNT.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    match critical_section::with(|section| WORK.borrow(section).get()) {
        Work::On(subject, operation) => operation.by(&HANDLER, subject),
        Work::Call(f) => f(),
    }
}

fn on_interrupt_do(work: Work) {
    critical_section::with(|section| WORK.borrow(section).set(work));
    board::on_interrupt(on_interrupt);
}

/// Has the interrupt call `f`.
pub fn on_interrupt_call(f: fn()) {
    on_interrupt_do(Work::Call(f));
}

/// Whether an interrupt that comes after `ticks` comes before `operation` is over.
pub fn is_interrupted(ticks: u32, operation: impl FnOnce()) -> bool {
    let before = COUNT.load(Ordering::Relaxed);
    board::interrupt_after(ticks);
    operation();
    board::no_interrupt();
    COUNT.load(Ordering::Relaxed) != before
}

/// What a sweep has found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sweep {
    /// Interrupts, one a tick.
    ticks: u32,
    /// Of these, how many came at another place than the one before: instructions.
    pub places: u32,
    /// Ticks at the first of them: while the timer was being set.
    first: u32,
}

/// Calls `turn` with 1 and one more each time, until it says that an interrupt after so many ticks has not
/// come in time; see [`is_interrupted`].
pub fn sweep(mut turn: impl FnMut(u32) -> bool) -> Sweep {
    // Two, because an alarm that is not exact goes back and forth between neighbours.
    let (mut sweep, mut last) = (Sweep::default(), [0; 2]);
    loop {
        if !turn(sweep.ticks + 1) {
            return sweep;
        }
        sweep.ticks += 1;
        let place = PLACE.load(Ordering::Relaxed);
        if !last.contains(&place) {
            sweep.places += 1;
            last = [last[1], place];
        }
        sweep.first += u32::from(sweep.places == 1);
    }
}

/// Every pair of operations on every bag, when it is empty and when it is not or full.
pub fn each<P: Platform>(bags: &'static Bags<P>) {
    use Operation::{Put, Take};
    let mut all = Sweep::default();
    bags.each(|subject| {
        report::doing(subject.name);
        let pairs: &[_] = match subject.sharing {
            Sharing::All => &[(Put, Put), (Put, Take), (Take, Put), (Take, Take)],
            Sharing::OneTaker => &[(Put, Put), (Take, Put)],
            Sharing::OneEach => &[(Put, Take), (Take, Put)],
            Sharing::NoHandlers => &[],
        };
        // Before the books begin: a lock is free, which counts as an item.
        while subject.bag.take().is_some() {}
        let mut most = Sweep::default();
        for (outer, inner) in pairs {
            // 4: all are full then.
            for items in [0, if *outer == Put { 4 } else { 1 }] {
                on_interrupt_do(Work::On(subject, *inner));
                let sweep = sweep(|ticks| {
                    (0..items).for_each(|_| MAIN.put(subject));
                    let hit = is_interrupted(ticks, || outer.by(&MAIN, subject));
                    settle(subject, &[&MAIN, &HANDLER]);
                    hit
                });
                let masked = cfg!(not(target_has_atomic = "32")) || subject.name == "heap";
                check(subject.name, sweep, masked);
                all.ticks += sweep.ticks;
                all.places += sweep.places;
                if sweep.places > most.places {
                    most = sweep;
                }
            }
        }
        if most.places > 0 {
            println!("{}: at most {} places in {} ticks", subject.name, most.places, most.ticks);
        }
    });
    println!("{} places", all.places);
}

/// Where nothing is kept off and time can be relied on, each instruction takes its own ticks: none was left out.
pub fn check(name: &str, sweep: Sweep, masked: bool) {
    assert!(sweep.places >= 10, "{name}: only {} places", sweep.places);
    if board::EXACT && !masked {
        let expected = (sweep.ticks - sweep.first) * board::TICK / board::INSTRUCTION;
        assert!(
            sweep.places + 4 >= expected,
            "{name}: {} places in {} ticks, {} of them at the first",
            sweep.places,
            sweep.ticks,
            sweep.first
        );
    }
}
