//! A queue of the kernel under embassy's executor: an interrupt puts, a task awaits, and the executor
//! sleeps in between. See `sensor.rs` for the same without tasks.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use cortex_m::Peripherals;
use cortex_m_rt::exception;
use embassy_executor::Spawner;
use inkle_core::channel::{Channel, Shutdown};
use inkle_core::platform::{CriticalSection, NoBoard, Spin};
use inkle_core::queue::fifo::Fifo;
use semihosting::{println, process};

/// Tasks wait by the executor, so the platform needs no clock and no sleep of its own: only how to keep
/// interrupts off, which the `critical-section` crate knows.
type Ground = Spin<CriticalSection<NoBoard>>;

/// From the interrupt to the first task.
static READINGS: Channel<Fifo<u32, 8>, Ground> = Channel::new(Fifo::new());

/// From the first task to the second. Of one place, so that they take turns.
static SQUARES: Channel<Fifo<u32, 1>, Ground> = Channel::new(Fifo::new());

/// The last reading.
const LAST: u32 = 100;

#[exception]
fn SysTick() {
    static mut READING: u32 = 0;
    // Full: the same reading again at the next interrupt.
    if *READING == LAST {
        READINGS.shutdown(Shutdown::Graceful);
    } else if READINGS.try_put(*READING + 1).is_ok() {
        *READING += 1;
    }
}

#[embassy_executor::task]
async fn square() {
    while let Ok(reading) = READINGS.get_async().await {
        // Waits for room.
        if SQUARES.put_async(reading * reading).await.is_err() {
            break;
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
    println!("squares add up to {sum}");
    let is_right = sum == LAST * (LAST + 1) * (2 * LAST + 1) / 6;
    println!("{}", if is_right { "passed" } else { "FAILED" });
    process::exit(if is_right { 0 } else { 1 })
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    println!("{info}");
    process::exit(1)
}
