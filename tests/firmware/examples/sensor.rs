//! The firmware to start from: a sensor's interrupt fills a queue, the main loop works it off and
//! sleeps when there is nothing to do. The sensor here is the processor's own timer, so that it runs on
//! every Cortex-M; under QEMU it checks itself and ends.
#![no_std] // There is no operating system,
#![no_main] // and nobody to call `main` but the start-up code: see `entry` below.

use core::panic::PanicInfo;

use cortex_m::Peripherals;
use cortex_m_rt::{entry, exception};
use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::channel::{Channel, Shutdown};
use inkle_core::platform::{Board, Deadline, WaitForInterrupt};
use inkle_core::queue::word::WordRing;
use semihosting::{println, process};

/// The chip, as far as the kernel must know it.
struct Chip;

impl Board for Chip {
    // A clock is needed for timeouts alone, and there are none here.
    const HAS_CLOCK: bool = false;
    fn now() -> u64 {
        0
    }
    // How interrupts are kept off for a moment: between the last look and the sleep none may slip in.
    fn masked<T>(section: impl FnOnce() -> T) -> T {
        cortex_m::interrupt::free(|_| section())
    }
    // How the processor sleeps until the next interrupt.
    fn wait_for_interrupt(_until: Deadline) {
        cortex_m::asm::wfi();
    }
}

/// From the interrupt to the main loop: at most 16 readings of a byte each, in a `static`, without an
/// allocator. Take a `Fifo` for larger ones.
static READINGS: Channel<WordRing<u8, 16>, WaitForInterrupt<Chip>> = Channel::new(WordRing::new());

/// The sum of the readings for which there was no room.
static LOST: AtomicU32 = AtomicU32::new(0);

/// The last reading.
const LAST: u8 = 200;

/// The sensor's interrupt. It never waits: what it calls begins with `try_`, or answers at once.
#[exception]
fn SysTick() {
    static mut READING: u8 = 0; // `exception` makes it a variable of this handler alone.
    if *READING < LAST {
        *READING += 1; // Here a driver would read the sensor.
        if READINGS.try_put(*READING).is_err() {
            LOST.fetch_add((*READING).into(), Ordering::Relaxed); // Full: count what is lost.
        }
    } else {
        READINGS.shutdown(Shutdown::Graceful); // No more to come: the main loop's `for` ends.
    }
}

#[entry]
fn main() -> ! {
    if let Some(chip) = Peripherals::take() {
        let mut timer = chip.SYST;
        timer.set_reload(20_000); // So many cycles between two readings,
        timer.clear_current(); // from now on.
        timer.enable_interrupt();
        timer.enable_counter();
    }
    let mut sum = 0;
    // Sleeps while the queue is empty; each interrupt wakes it.
    for reading in READINGS.iter() {
        sum += u32::from(reading); // The work.
    }
    let lost = LOST.load(Ordering::Relaxed);
    println!("readings add up to {sum}, lost {lost}");
    // 1 + 2 + ... + LAST: everything has come, once.
    let is_right = sum + lost == u32::from(LAST) * (u32::from(LAST) + 1) / 2;
    println!("{}", if is_right { "passed" } else { "FAILED" });
    process::exit(if is_right { 0 } else { 1 }) // Ends the emulator; a device would go on for ever.
}

/// The kernel never panics; your own code may.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    println!("{info}");
    process::exit(1)
}
