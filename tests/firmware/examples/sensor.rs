//! The firmware to start from: a sensor's interrupt fills a queue, the main loop works it off, reports
//! now and then, notices when the sensor falls silent, and sleeps when there is nothing to do. The sensor
//! here is the processor's own timer, so that it runs on every Cortex-M; under QEMU it checks itself and
//! ends. A context variable says what is being worked on, for whoever writes a line of the log.
#![no_std] // There is no operating system,
#![no_main] // and nobody to call `main` but the start-up code: see `entry` below.

use core::panic::PanicInfo;
use core::time::Duration;

use cortex_m::Peripherals;
use cortex_m_rt::{entry, exception};
use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::channel::{Channel, Shutdown};
use inkle_core::context::{Context, ContextVar, Slots};
use inkle_core::error::GetError;
use inkle_core::platform::{Board, Deadline, WaitForInterrupt};
use inkle_core::queue::word::WordRing;
use inkle_core::timer::{Then, Timers};
use semihosting::{println, process};

/// The chip, as far as the kernel must know it.
struct Chip;

impl Board for Chip {
    // The clock, in nanoseconds. This one goes back to 0 after 49 days: `WideCounter` helps.
    fn now() -> u64 {
        u64::from(MILLIS.load(Ordering::Relaxed)) * 1_000_000
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

/// A processor that waits for interrupts, with that clock.
type Ground = WaitForInterrupt<Chip>;

/// Milliseconds since the start, counted by the interrupt from 1 on.
static MILLIS: AtomicU32 = AtomicU32::new(1);

/// From the interrupt to the main loop: at most 16 readings of a byte each, in a `static`, without an
/// allocator. Take a `Fifo` for larger ones.
static READINGS: Channel<WordRing<u8, 16>, Ground> = Channel::new(WordRing::new());

// Where context variables live: at most 4 of them, of two words each.
// SAFETY: there is one core, and nothing preempts anything but interrupts.
inkle_core::single_core_context!(unsafe App: Slots<4>);

/// What is being worked on: for the log, so that nobody has to pass it down.
static DOING: ContextVar<&str, App> = ContextVar::with_default("doing", "main");

/// The interrupt's own: what it sets there, the code that it interrupts does not see.
static IN_INTERRUPT: Context<App> = Context::new();

/// A line of the log; it knows what it belongs to.
fn log(what: &str, number: u32) {
    println!("{}: {what} {number}", DOING.get().unwrap_or_default());
}

/// What is done at a certain time.
enum Task {
    Report,
    Complain,
}

/// At most 4 of them at once, each a millisecond late at most.
static TIMERS: Timers<Task, 4, Ground> = Timers::new(Duration::from_millis(1));

/// Between two reports.
const PERIOD: Duration = Duration::from_millis(50);

/// After so long without a reading something is wrong.
const SILENCE: Duration = Duration::from_millis(10);

/// The sum of the readings for which there was no room.
static LOST: AtomicU32 = AtomicU32::new(0);

/// The last reading.
const LAST: u8 = 200;

/// From the interrupt to the main loop.
fn pass_on(reading: u8) {
    if READINGS.try_put(reading).is_err() {
        LOST.fetch_add(reading.into(), Ordering::Relaxed); // Full: count what is lost.
        log("no room for", reading.into());
    }
}

/// The sensor's interrupt. It never waits: what it calls begins with `try_`, or answers at once.
#[exception]
fn SysTick() {
    static mut READING: u8 = 0; // `exception` makes it a variable of this handler alone.
    let now = MILLIS.fetch_add(1, Ordering::Relaxed);
    if (100..115).contains(&now) {
        // Silent for a while.
    } else if *READING < LAST {
        *READING += 1; // Here a driver would read the sensor.
        let reading = *READING;
        // Nobody else is in there: it does not interrupt itself.
        let _ = IN_INTERRUPT.run(|| {
            let _doing = DOING.bind("sensor");
            pass_on(reading);
        });
    } else {
        READINGS.shutdown(Shutdown::Graceful); // No more to come: the main loop ends.
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
    let (mut sum, mut reports, mut complaints) = (0, 0, 0);
    // There is room for both: 4 at once.
    let _ = TIMERS.schedule(Deadline::after::<Ground>(PERIOD), Task::Report);
    let mut silence = TIMERS.schedule(Deadline::after::<Ground>(SILENCE), Task::Complain);
    loop {
        // Does what is due; each is due again later.
        TIMERS.turn(u32::MAX, |task| match task {
            Task::Report => {
                let _doing = DOING.bind("report"); // Until the end of the block.
                log("so far", sum);
                reports += 1;
                Then::Again(Deadline::after::<Ground>(PERIOD), task)
            }
            Task::Complain => {
                let _doing = DOING.bind("silence");
                complaints += 1;
                log("complaints", complaints);
                Then::Again(Deadline::after::<Ground>(SILENCE), task)
            }
        });
        // Sleeps until there is a reading or something is due; each interrupt wakes it for a look.
        match READINGS.get_until(TIMERS.next_deadline()) {
            Ok(reading) => {
                sum += u32::from(reading); // The work.
                // Not silent: complain later.
                let later = Deadline::after::<Ground>(SILENCE);
                silence = silence.map(|timer| TIMERS.reschedule(timer, later).unwrap_or(timer));
            }
            Err(GetError::TimedOut) => {} // Something is due.
            Err(_) => break,              // No more readings.
        }
    }
    let lost = LOST.load(Ordering::Relaxed);
    println!("readings add up to {sum}, lost {lost}; {reports} reports, {complaints} complaints");
    // 1 + 2 + ... + LAST: everything has come, once. And in 215 milliseconds there are four reports.
    let is_right = sum + lost == u32::from(LAST) * (u32::from(LAST) + 1) / 2
        && (reports, complaints) == (4, 1)
        && DOING.get() == Some("main");
    println!("{}", if is_right { "passed" } else { "FAILED" });
    process::exit(if is_right { 0 } else { 1 }) // Ends the emulator; a device would go on for ever.
}

/// The kernel never panics; your own code may.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    println!("{info}");
    process::exit(1)
}
