//! Runs operations with others inside them.
//!
//! Each operation that runs has a frame. The door tells of each of its steps ([`step`]), the frame counts
//! them, and before the step that it was told the operations inside run to their end, on the same thread.
//!
//! Whoever takes more steps than its limit, or would sleep for ever, is [`Stuck`]: the thread says so and
//! stays where it is until the process ends, so that nothing that it is in the middle of is cleaned up.

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::thread;

use inkle_core::atomic::before_each_access;

use crate::schedules;

/// Who the operations inside are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// Other threads; those outside stand still meanwhile.
    Threads,
    /// Interrupt handlers on a board that keeps them off nowhere.
    Handlers,
    /// Interrupt handlers that the kernel's locks keep off (`Platform::masked`).
    Masked,
}

/// When the operations inside run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before the step with this number, from 1.
    Before(u32),
    /// Before each step.
    Always,
    /// Not at all.
    Never,
}

/// Why an operation does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// It takes more steps than its limit.
    Turns,
    /// It sleeps, and nobody is left who would wake it.
    Sleeps,
}

struct Frame {
    who: usize,
    steps: u32,
    limit: u32,
    when: When,
    inside: Option<Rc<dyn Fn()>>,
}

/// Who wants to know of it.
type Told = Box<dyn FnOnce(Stuck)>;

thread_local! {
    static GROUND: Cell<Ground> = const { Cell::new(Ground::Threads) };
    static FRAMES: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
    /// How many sections that keep handlers off are open.
    static MASKS: Cell<u32> = const { Cell::new(0) };
    /// Steps outside of any frame, since the last one.
    static OUTSIDE: Cell<u32> = const { Cell::new(0) };
    static TOLD: RefCell<Option<Told>> = const { RefCell::new(None) };
}

/// Steps between two frames: far more than to set up and to put away.
const MOST_OUTSIDE: u32 = 10_000;

/// Who sets up and puts away.
const NOBODY: usize = 1_000;

/// From now on each access is a step.
pub fn hook() {
    before_each_access(step);
}

/// From now on this thread tells `told` if it is stuck.
pub fn watch(told: impl FnOnce(Stuck) + 'static) {
    hook();
    TOLD.set(Some(Box::new(told)));
}

/// Begins a run.
pub fn start(ground: Ground) {
    GROUND.set(ground);
    OUTSIDE.set(0);
    FRAMES.take();
}

/// Runs `operation` with `inside` in it, as the thread `who` if they are threads. Its answer and the steps
/// it took, without those inside.
pub fn run<R>(
    who: usize,
    limit: u32,
    when: When,
    inside: Option<Rc<dyn Fn()>>,
    operation: impl FnOnce() -> R,
) -> (R, u32) {
    FRAMES.with_borrow_mut(|frames| frames.push(Frame { who, steps: 0, limit, when, inside }));
    OUTSIDE.set(0);
    let answer = operation();
    let frame = FRAMES.with_borrow_mut(Vec::pop).expect("the frame is ours");
    (answer, frame.steps)
}

/// Does not come back. Where nobody watches, calls run one after the other, and this one is given up.
pub fn stuck(why: Stuck) -> ! {
    let Some(told) = TOLD.take() else {
        assert_eq!(why, Stuck::Sleeps, "an operation alone goes round in circles");
        resume_unwind(Box::new(schedules::Asleep));
    };
    told(why);
    loop {
        thread::park();
    }
}

/// Does `look` as part of the step before.
pub fn in_one_step<R>(look: impl FnOnce() -> R) -> R {
    let frames = FRAMES.take();
    let result = schedules::quietly(look);
    FRAMES.set(frames);
    result
}

/// Before each step.
pub fn step() {
    if schedules::is_on() {
        return schedules::point();
    }
    let frame = FRAMES.with_borrow_mut(|frames| {
        let frame = frames.last_mut()?;
        frame.steps += 1;
        Some(frame.steps > frame.limit)
    });
    match frame {
        None => {
            OUTSIDE.set(OUTSIDE.get() + 1);
            if OUTSIDE.get() > MOST_OUTSIDE {
                stuck(Stuck::Turns);
            }
        }
        Some(true) => stuck(Stuck::Turns),
        Some(false) => run_inside(),
    }
}

/// Runs what is due, unless handlers are kept off.
fn run_inside() {
    if MASKS.get() > 0 {
        return;
    }
    let due = FRAMES.with_borrow_mut(|frames| {
        let frame = frames.last_mut()?;
        match frame.when {
            When::Before(at) if frame.steps >= at => frame.inside.take(),
            When::Always => frame.inside.clone(),
            _ => None,
        }
    });
    if let Some(inside) = due {
        inside();
    }
}

/// Runs `section` with handlers kept off, if this ground does.
pub fn masked<R>(section: impl FnOnce() -> R) -> R {
    if GROUND.get() != Ground::Masked {
        return section();
    }
    MASKS.set(MASKS.get() + 1);
    let result = section();
    MASKS.set(MASKS.get() - 1);
    // Those that became due meanwhile.
    run_inside();
    result
}

/// The number of the thread that runs.
pub fn current() -> usize {
    if schedules::is_on() {
        return schedules::call();
    }
    match GROUND.get() {
        Ground::Threads => FRAMES.with_borrow(|frames| frames.last().map_or(NOBODY, |f| f.who)),
        Ground::Handlers | Ground::Masked => NOBODY,
    }
}
