//! The timer wheel: every operation against every other. Timers have numbers; the account says what
//! became of each: exactly one of fired, cancelled and still pending, and at the end nothing is pending and
//! every slot has come back. A few ticks after the start the counter wraps around, and generations have two
//! bits.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use inkle_core::event_count::EventCount;
use inkle_core::platform::Deadline;
use inkle_core::queue::Narrow;
use inkle_core::timer::{Exact, Handle, Then, Tick, Turn, Wheel};
use inkle_core::{RescheduleError, ScheduleError};

use Op::{Advance, Again, Cancel, Drive, Look, Move, Next, Panic, Schedule, Step, Tidy, Until};

use crate::kit::{self, Loom, Model, Stage};

const LONG: &str = "millions of executions without a bound";
const THREE: &str = "three threads: each more costs about ten times";

/// Two threads, bounded.
const fn long(name: &'static str, body: fn()) -> Model {
    Model::bounded(name, 4, LONG, body)
}

/// Three threads.
const fn three(name: &'static str, body: fn()) -> Model {
    Model::bounded(name, 2, THREE, body)
}

pub const MODELS: &[Model] = &[
    // The edge: who schedules, cancels and looks, without a driver.
    Model::full("schedule_schedule", || play::<2>(&[], &[&[Schedule(0, 5)], &[Schedule(1, 3)]])),
    Model::full("schedule_full", || play::<1>(&[], &[&[Schedule(0, 5)], &[Schedule(1, 3)]])),
    Model::full("schedule_cancel", || {
        play::<2>(&[5], &[&[Schedule(1, 3), Cancel(1)], &[Cancel(0)]])
    }),
    Model::full("own_own", || {
        play::<2>(&[], &[&[Schedule(0, 5), Cancel(0)], &[Schedule(1, 3), Cancel(1)]])
    }),
    Model::full("cancel_cancel", || play::<1>(&[5], &[&[Cancel(0)], &[Cancel(0)]])),
    Model::full("cancel_other", || play::<2>(&[5, 5], &[&[Cancel(0)], &[Cancel(1)]])),
    Model::full("cancel_look", || play::<1>(&[5], &[&[Cancel(0)], &[Look(0), Look(0)]])),
    Model::full("schedule_next", || {
        play::<2>(&[9], &[&[Schedule(1, 3), Next(1)], &[Next(0), Next(0)]])
    }),
    Model::full("move_cancel", || play::<2>(&[5], &[&[Move(0, 9)], &[Cancel(0)]])),
    Model::full("move_move", || play::<3>(&[5], &[&[Move(0, 9)], &[Move(0, 7)]])),
    Model::full("move_full", || play::<2>(&[5], &[&[Move(0, 9)], &[Schedule(1, 3)]])),
    // Against the driver.
    Model::full("schedule_advance", || {
        play::<2>(&[], &[&[Schedule(0, 5), Next(0)], &[Advance(5)]])
    }),
    long("schedule_advance_linked", || {
        play::<2>(&[9], &[&[Schedule(1, 5), Next(1)], &[Tidy, Advance(5)]])
    }),
    Model::full("schedule_advance_own", || {
        play::<2>(&[], &[&[Schedule(0, 5), Advance(5)], &[Advance(5)]])
    }),
    long("schedule_twice_advance", || {
        play::<3>(&[9], &[&[Schedule(1, 7), Schedule(2, 5), Next(2)], &[Advance(6), Advance(9)]])
    }),
    Model::full("cancel_advance", || play::<1>(&[5], &[&[Cancel(0)], &[Advance(5)]])),
    Model::full("cancel_advance_linked", || play::<1>(&[5], &[&[Cancel(0)], &[Tidy, Advance(5)]])),
    Model::full("cancel_before_insertion", || {
        play::<1>(&[5], &[&[Cancel(0), Schedule(1, 6)], &[Tidy, Tidy]])
    }),
    Model::full("cancel_neighbours", || {
        play::<3>(&[5, 5, 5], &[&[Cancel(1), Cancel(0)], &[Tidy, Advance(5)]])
    }),
    Model::full("cancel_moved_on", || play::<1>(&[40], &[&[Cancel(0)], &[Tidy, Advance(33)]])),
    Model::full("cancel_look_advance", || {
        play::<1>(&[5], &[&[Advance(5)], &[Look(0), Cancel(0), Look(0)]])
    }),
    long("reused", || {
        play::<1>(&[5], &[&[Cancel(0), Schedule(1, 5), Cancel(1)], &[Advance(4), Advance(5)]])
    }),
    Model::full("reused_stale", || {
        play::<1>(&[5], &[&[Cancel(0), Cancel(0)], &[Advance(5), Schedule(1, 6), Tidy]])
    }),
    long("move_advance", || play::<2>(&[5], &[&[Move(0, 9)], &[Advance(5), Advance(9)]])),
    long("move_earlier_advance", || {
        play::<2>(&[9], &[&[Move(0, 5), Next(0)], &[Tidy, Advance(5)]])
    }),
    long("again_cancel", || play::<1>(&[5], &[&[Cancel(0)], &[Again(5), Advance(9)]])),
    long("again_schedule", || play::<2>(&[5], &[&[Schedule(1, 6), Next(1)], &[Again(5)]])),
    long("tidy_cancel", || play::<2>(&[5, 7], &[&[Cancel(0), Cancel(1)], &[Tidy, Tidy]])),
    long("tidy_schedule", || play::<2>(&[7], &[&[Schedule(1, 5), Next(1)], &[Tidy]])),
    long("step_schedule", || {
        play::<2>(&[5], &[&[Schedule(1, 5), Next(1)], &[Step(5), Step(5), Advance(5)]])
    }),
    long("step_cancel", || play::<2>(&[5, 5], &[&[Cancel(0)], &[Step(5), Step(5), Advance(5)]])),
    // Two who would drive.
    long("hand_over", || play::<2>(&[5, 7], &[&[Advance(6)], &[Advance(8)]])),
    long("hand_over_tidy", || play::<2>(&[5, 7], &[&[Tidy, Advance(8)], &[Cancel(1), Tidy]])),
    // The driver sleeps; a lost wake-up is a deadlock.
    long("sleep_schedule", || play::<2>(&[40], &[&[Schedule(1, 5)], &[Drive(5)]])),
    long("sleep_schedule_twice", || {
        play::<3>(&[40], &[&[Schedule(1, 7), Schedule(2, 5)], &[Drive(5)]])
    }),
    long("sleep_move", || play::<2>(&[40], &[&[Move(0, 5)], &[Drive(5)]])),
    long("sleep_cancel_schedule", || play::<2>(&[9], &[&[Cancel(0), Schedule(1, 5)], &[Drive(5)]])),
    // One has fired, and the next one's schedule has looked too early.
    long("sleep_behind", || play::<2>(&[3], &[&[Schedule(1, 5)], &[Drive(5)]])),
    // An earlier one's schedule speaks for that of a later one.
    long("sleep_in_shadow", || {
        play::<2>(&[], &[&[Schedule(0, 3), Schedule(1, 5)], &[Tidy, Drive(5)]])
    }),
    // An action panics; then somebody else drives.
    Model::full("panic_advance", || play::<2>(&[3, 4], &[&[Panic(5)], &[Advance(6)]])),
    // Three threads.
    three("schedule_cancel_advance", || {
        play::<2>(&[5], &[&[Schedule(1, 6)], &[Cancel(0)], &[Advance(6)]])
    }),
    three("schedule_2_advance", || {
        play::<2>(&[], &[&[Schedule(0, 5), Next(0)], &[Schedule(1, 6), Next(1)], &[Advance(6)]])
    }),
    three("schedule_next_advance", || {
        play::<2>(&[9], &[&[Schedule(1, 5), Next(1)], &[Next(0)], &[Advance(4)]])
    }),
    three("reuse_3", || play::<1>(&[5], &[&[Cancel(0)], &[Schedule(1, 6)], &[Advance(5)]])),
    three("sleep_schedule_2", || {
        play::<3>(&[40], &[&[Schedule(1, 5)], &[Schedule(2, 7)], &[Drive(5)]])
    }),
    three("sleep_advance", || {
        play::<2>(&[40], &[&[Schedule(1, 5), Until(1)], &[Advance(2)], &[Drive(5)]])
    }),
    three("sleep_tidy", || play::<2>(&[40], &[&[Schedule(1, 5), Until(1)], &[Tidy], &[Drive(5)]])),
];

/// Numbers of timers.
const TIMERS: usize = 4;

#[derive(Clone, Copy)]
enum Op {
    /// This number at this tick. Wakes a driver that has to look again.
    Schedule(usize, u32),
    Cancel(usize),
    /// Reschedules that number.
    Move(usize, u32),
    /// The driver is not needed later than at the deadline of that number, scheduled by the same thread
    /// or from the beginning, unless that is over.
    Next(usize),
    /// Is it pending, does it fire.
    Look(usize),
    /// Drives, if nobody does, as far as there.
    Advance(u32),
    /// The same, a step at a time, of which this is one.
    Step(u32),
    /// The same; each that fires is scheduled again, one tick later.
    Again(u32),
    Tidy,
    /// Drives, if nobody does, as far as there, and the first action panics.
    Panic(u32),
    /// Drives until a timer has fired that is due just then, and sleeps in between.
    Drive(u32),
    /// Waits until that number has fired.
    Until(usize),
}

/// What became of a timer.
#[derive(Default)]
struct Entry {
    deadline: AtomicU32,
    handle: Mutex<Option<Handle>>,
    scheduled: AtomicU32,
    cancelled: AtomicU32,
    fired: AtomicU32,
}

struct Work<const N: usize> {
    wheel: Wheel<usize, N, Exact<2>, Narrow<2>>,
    changed: EventCount<Loom>,
    fired: EventCount<Loom>,
    account: [Entry; TIMERS],
    /// How far the wheel has turned.
    reached: AtomicU32,
}

/// Ticks are told from here.
const START: Tick = Tick::new(u32::MAX - 5);

impl<const N: usize> Work<N> {
    fn schedule(&self, number: usize, ticks: u32) {
        let entry = &self.account[number];
        // Before it can fire.
        entry.deadline.store(ticks, Relaxed);
        match self.wheel.schedule(START.after(ticks), number) {
            Ok(scheduled) => {
                entry.scheduled.store(1, Relaxed);
                *entry.handle.lock().unwrap() = Some(scheduled.handle);
                if scheduled.is_first {
                    self.changed.notify(1);
                }
            }
            Err(error) => assert_eq!(error, ScheduleError::Full(number)),
        }
    }

    fn turn(&self, ticks: u32, budget: u32, again: bool) -> Option<Turn> {
        let now = START.after(ticks);
        let mut driver = self.wheel.try_drive()?;
        // A turn to an earlier time than the last one's is to that.
        let reached = self.reached.fetch_max(ticks, Relaxed).max(ticks);
        let turn = driver.advance(now, budget, |number| {
            let entry = &self.account[number];
            assert!(entry.deadline.load(Relaxed) <= reached, "fired early");
            if again {
                return Then::Again(now.after(1), number);
            }
            assert_eq!(entry.fired.fetch_add(1, Relaxed), 0, "fired twice");
            self.fired.notify(u32::MAX);
            Then::Done
        });
        Some(turn)
    }
}

impl<const N: usize> Stage for Work<N> {
    type Op = Op;

    fn run(&self, op: Op) -> i32 {
        match op {
            Schedule(number, ticks) => self.schedule(number, ticks),
            Cancel(number) => {
                let handle = *self.account[number].handle.lock().unwrap();
                if let Some(Ok(value)) = handle.map(|handle| self.wheel.cancel(handle)) {
                    assert_eq!(value, number);
                    self.account[number].cancelled.fetch_add(1, Relaxed);
                }
            }
            Move(number, ticks) => {
                let entry = &self.account[number];
                let handle = *entry.handle.lock().unwrap();
                let Some(handle) = handle else { return 0 };
                let before = entry.deadline.load(Relaxed);
                // Never too late for the check: it may fire at either time from now on.
                entry.deadline.store(before.min(ticks), Relaxed);
                match self.wheel.reschedule(handle, START.after(ticks)) {
                    Ok(scheduled) => {
                        entry.deadline.store(ticks, Relaxed);
                        *entry.handle.lock().unwrap() = Some(scheduled.handle);
                        if scheduled.is_first {
                            self.changed.notify(1);
                        }
                    }
                    Err(error) => {
                        entry.deadline.store(before, Relaxed);
                        assert!(matches!(error, RescheduleError::TooLate | RescheduleError::Full));
                    }
                }
            }
            Next(number) => {
                let next = self.wheel.next_deadline();
                let entry = &self.account[number];
                let deadline = START.after(entry.deadline.load(Relaxed));
                if entry.scheduled.load(Relaxed) == 1 && entry.fired.load(Relaxed) == 0 {
                    assert!(!deadline.is_before(next), "{number} would be late");
                }
            }
            Look(number) => {
                let handle = *self.account[number].handle.lock().unwrap();
                if let Some(handle) = handle {
                    let _ = (self.wheel.is_pending(handle), self.wheel.is_firing(handle));
                }
                let _ = self.wheel.untidy();
            }
            Advance(ticks) => {
                if let Some(turn) = self.turn(ticks, u32::MAX, false) {
                    assert!(turn.is_complete);
                    // Who sleeps until a timer has fired does not see that we have fired it.
                    if turn.is_sooner || turn.fired > 0 {
                        self.changed.notify(1);
                    }
                }
            }
            Step(ticks) => {
                let _ = self.turn(ticks, 1, false);
            }
            Again(ticks) => {
                let _ = self.turn(ticks, u32::MAX, true);
            }
            Tidy => {
                if let Some(mut driver) = self.wheel.try_drive() {
                    let turn = driver.tidy(u32::MAX);
                    assert!(turn.is_complete);
                    if turn.is_sooner {
                        self.changed.notify(1);
                    }
                }
            }
            Panic(ticks) => {
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    if let Some(mut driver) = self.wheel.try_drive() {
                        let _ = driver.advance(START.after(ticks), u32::MAX, |number| {
                            self.account[number].fired.fetch_add(1, Relaxed);
                            // Without a message.
                            resume_unwind(Box::new(()))
                        });
                    }
                }));
            }
            Drive(ticks) => loop {
                let key = self.changed.prepare();
                let due = START.after(ticks);
                let turn = self.turn(ticks, u32::MAX, false);
                let has_fired = |entry: &Entry| {
                    entry.fired.load(Relaxed) > 0 && entry.deadline.load(Relaxed) == ticks
                };
                if self.account.iter().any(has_fired) {
                    self.changed.cancel(key);
                    break;
                }
                let next = turn.map_or_else(|| self.wheel.next_deadline(), |turn| turn.next);
                if due.is_before(next) {
                    // It would sleep until `next`, but for a notification.
                    let _ = self.changed.wait(key, Deadline::NEVER);
                } else {
                    self.changed.cancel(key);
                    loom::thread::yield_now();
                }
            },
            Until(number) => {
                let fired = || (self.account[number].fired.load(Relaxed) > 0).then_some(());
                assert!(self.fired.block(Deadline::NEVER, fired).is_some());
            }
        }
        0
    }
}

/// Plays on a wheel with `N` slots and timers from 0 on at these ticks.
fn play<const N: usize>(ticks: &[u32], scripts: &'static [&'static [Op]]) {
    let work = Work::<N> {
        wheel: Wheel::new(START),
        changed: EventCount::new(),
        fired: EventCount::new(),
        account: Default::default(),
        reached: AtomicU32::new(0),
    };
    for (number, ticks) in ticks.iter().enumerate() {
        work.schedule(number, *ticks);
    }
    let (work, _) = kit::play(work, scripts);
    let turn = work.turn(100, u32::MAX, false).expect("nobody drives");
    assert!(turn.is_complete);
    for entry in &work.account {
        let [scheduled, cancelled, fired] =
            [&entry.scheduled, &entry.cancelled, &entry.fired].map(|count| count.load(Relaxed));
        assert_eq!(cancelled + fired, scheduled, "each timer ends once");
    }
    let now = START.after(101);
    assert!((0..N).all(|_| work.wheel.schedule(now, 0).is_ok()), "every slot comes back");
    assert!(work.wheel.schedule(now, 0).is_err());
}
