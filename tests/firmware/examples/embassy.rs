//! A queue and timers of the kernel under embassy's executor: an interrupt puts and keeps the time, a
//! task awaits with a timeout, and the executor sleeps in between. Each task has a context of its own, so
//! that a line of the log knows whose it is. See `sensor.rs` for the same without tasks.
#![no_std]
#![no_main]

use core::panic::PanicInfo;
use core::task::Waker;
use core::time::Duration;

use cortex_m::Peripherals;
use cortex_m_rt::exception;
use embassy_executor::Spawner;
use inkle_core::Deadline;
use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::channel::{Channel, Shutdown};
use inkle_core::context::{Context, ContextVar, Slots};
use inkle_core::platform::{Board, CriticalSection, Spin};
use inkle_core::queue::fifo::Fifo;
use inkle_core::timer::{Then, Timers};
use semihosting::{println, process};

/// Tasks wait by the executor, so the platform needs no sleep of its own: only a clock, and how to keep
/// interrupts off, which the `critical-section` crate knows.
type Ground = Spin<CriticalSection<Clock>>;

struct Clock;

impl Board for Clock {
    fn now() -> u64 {
        u64::from(MILLIS.load(Ordering::Relaxed)) * 1_000_000
    }
}

/// Milliseconds since the start, from 1 on.
static MILLIS: AtomicU32 = AtomicU32::new(1);

/// Whom to wake at what time: at most 2 tasks at once.
static TIMERS: Timers<Waker, 2, Ground> = Timers::new(Duration::from_millis(1));

/// From the interrupt to the first task.
static READINGS: Channel<Fifo<u32, 8>, Ground> = Channel::new(Fifo::new());

/// From the first task to the second. Of one place, so that they take turns.
static SQUARES: Channel<Fifo<u32, 1>, Ground> = Channel::new(Fifo::new());

// SAFETY: there is one core, and the executor's tasks do not preempt each other.
inkle_core::single_core_context!(unsafe App: Slots<4>);

/// Which task runs.
static TASK: ContextVar<&str, App> = ContextVar::with_default("task", "none");

/// How much of its work it has done.
static DONE: ContextVar<u32, App> = ContextVar::with_default("done", 0);

/// A line of the log.
fn log(what: &str) {
    let (task, done) = (TASK.get().unwrap_or_default(), DONE.get().unwrap_or_default());
    println!("{task}, {done} done: {what}");
}

/// Counts a piece of work of whichever task this is.
fn count() {
    // It cannot fail: there is room for 4 variables, and no interrupt changes this one.
    let _ = DONE.set(DONE.get().unwrap_or_default() + 1);
}

/// How often there was no reading for 10 milliseconds.
static PAUSES: AtomicU32 = AtomicU32::new(0);

/// The last reading.
const LAST: u32 = 100;

#[exception]
fn SysTick() {
    static mut READING: u32 = 0;
    let now = MILLIS.fetch_add(1, Ordering::Relaxed);
    // At most 8 steps, for this is an interrupt; what is left is done at the next.
    TIMERS.turn(8, |task| {
        task.wake();
        Then::Done
    });
    // Full: the same reading again at the next interrupt. And there is a pause.
    if (50..65).contains(&now) {
    } else if *READING == LAST {
        READINGS.shutdown(Shutdown::Graceful);
    } else if READINGS.try_put(*READING + 1).is_ok() {
        *READING += 1;
    }
}

/// Each poll of the task runs in its context.
#[embassy_executor::task]
async fn square() {
    Context::<App>::new().wrap(squares()).await;
}

async fn squares() {
    let _ = TASK.set("squares");
    loop {
        let soon = Deadline::after::<Ground>(Duration::from_millis(10));
        match TIMERS.timeout(READINGS.get_async(), soon).await {
            Ok(Ok(reading)) => {
                // Waits for room.
                if SQUARES.put_async(reading * reading).await.is_err() {
                    break;
                }
                count();
            }
            Ok(Err(_)) => break, // No more.
            Err(_) => {
                PAUSES.fetch_add(1, Ordering::Relaxed);
                log("a pause");
            }
        }
    }
    log("no more");
    SQUARES.shutdown(Shutdown::Graceful);
}

async fn sums() -> u32 {
    let _ = TASK.set("sums");
    let mut sum = 0;
    while let Ok(square) = SQUARES.get_async().await {
        sum += square;
        count();
    }
    log("no more");
    if DONE.get() == Some(LAST) { sum } else { 0 }
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    if let Some(chip) = Peripherals::take() {
        let mut timer = chip.SYST;
        timer.set_reload(20_000);
        timer.clear_current();
        timer.enable_interrupt();
        timer.enable_counter();
    }
    match square() {
        Ok(task) => spawner.spawn(task),
        Err(_) => process::exit(1),
    }
    let sum = Context::<App>::new().wrap(sums()).await;
    let pauses = PAUSES.load(Ordering::Relaxed);
    println!("squares add up to {sum}, {pauses} pauses");
    let is_right =
        sum == LAST * (LAST + 1) * (2 * LAST + 1) / 6 && pauses == 1 && TASK.get() == Some("none");
    println!("{}", if is_right { "passed" } else { "FAILED" });
    process::exit(if is_right { 0 } else { 1 })
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    println!("{info}");
    process::exit(1)
}
