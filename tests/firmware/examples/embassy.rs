//! A queue and timers of the kernel under embassy's executor: an interrupt puts and keeps the time, a
//! task awaits with a timeout, and the executor sleeps in between. See `sensor.rs` for the same without tasks.
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

#[embassy_executor::task]
async fn square() {
    loop {
        let soon = Deadline::after::<Ground>(Duration::from_millis(10));
        match TIMERS.timeout(READINGS.get_async(), soon).await {
            Ok(Ok(reading)) => {
                // Waits for room.
                if SQUARES.put_async(reading * reading).await.is_err() {
                    break;
                }
            }
            Ok(Err(_)) => break, // No more.
            Err(_) => {
                PAUSES.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    SQUARES.shutdown(Shutdown::Graceful);
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
    let mut sum = 0;
    while let Ok(square) = SQUARES.get_async().await {
        sum += square;
    }
    let pauses = PAUSES.load(Ordering::Relaxed);
    println!("squares add up to {sum}, {pauses} pauses");
    let is_right = sum == LAST * (LAST + 1) * (2 * LAST + 1) / 6 && pauses == 1;
    println!("{}", if is_right { "passed" } else { "FAILED" });
    process::exit(if is_right { 0 } else { 1 })
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    println!("{info}");
    process::exit(1)
}
