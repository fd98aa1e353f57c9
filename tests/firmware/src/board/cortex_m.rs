//! Cortex-M with nothing but the core's own SysTick: QEMU's `microbit` and `lm3s6965evb`.
//!
//! The one timer is either the clock, a tick each millisecond, or the source of interrupts for the
//! tests that need them at places of their choice; then the clock stands still.

use core::arch::global_asm;

use cortex_m::peripheral::{SCB, SYST, syst::SystClkSource};
use cortex_m_rt::{ExceptionFrame, exception};
use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::platform::{Board, Deadline};

pub use cortex_m_rt::entry;

/// How many harts there are.
pub const HARTS: usize = 1;

/// Who is asking.
pub fn hart() -> usize {
    0
}

/// Ticks of SysTick in a millisecond, as the tests' clock has them. Nobody compares it with a watch.
const TICKS: u32 = 16_000;

/// Nanoseconds of a tick on these machines, rounded up.
pub const TICK: u32 = if cfg!(target_has_atomic = "32") { 80 } else { 63 };

/// Nanoseconds of an instruction, where the emulator is told to step (`-icount shift=7`). More than a
/// tick.
pub const INSTRUCTION: u32 = 128;

/// Whether the timer interrupts after exactly so many ticks.
pub const EXACT: bool = true;

/// Milliseconds since the start, plus one: 0 is a deadline that has passed.
static MILLIS: AtomicU32 = AtomicU32::new(1);

/// Not 0: the timer is to be stopped by its interrupt.
static ONCE: AtomicU32 = AtomicU32::new(0);

/// The processor and its SysTick.
#[derive(Debug)]
pub struct Chip;

impl Board for Chip {
    fn now() -> u64 {
        // Relaxed: a number and no message.
        u64::from(MILLIS.load(Ordering::Relaxed)) * 1_000_000
    }

    fn masked<T>(section: impl FnOnce() -> T) -> T {
        cortex_m::interrupt::free(|_| section())
    }

    fn wait_for_interrupt(_until: Deadline) {
        // The next tick ends it: no alarm to set.
        cortex_m::asm::wfi();
    }
}

fn timer() -> SYST {
    // SAFETY: this file has the timer to itself, and what it does with it are single stores to its
    // registers, each of which may come at any time.
    unsafe { cortex_m::Peripherals::steal().SYST }
}

/// The timer interrupts after `ticks`, then again and again.
fn interrupt_every(ticks: u32) {
    let mut timer = timer();
    timer.disable_counter();
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(ticks);
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
}

/// Starts the clock.
pub fn start_clock() {
    super::on_interrupt(|_| {
        MILLIS.fetch_add(1, Ordering::Relaxed);
    });
    interrupt_every(TICKS);
}

/// Lets the timer's interrupts in, which they are.
pub fn start_interrupts() {}

/// Has the timer interrupt once, after `ticks`, at least 1. Not for the clock's handler.
pub fn interrupt_after(ticks: u32) {
    ONCE.store(1, Ordering::Relaxed);
    interrupt_every(ticks);
}

/// Takes the interrupt back, also one that is pending.
pub fn no_interrupt() {
    timer().disable_counter();
    SCB::clear_pendst();
}

// The processor has pushed a frame of eight words; the seventh is where it was. Both stacks are the
// main one here.
global_asm!(
    ".section .text.SysTick, \"ax\"",
    ".global SysTick",
    ".type SysTick, %function",
    ".thumb_func",
    "SysTick:",
    "    ldr r0, [sp, #24]",
    "    ldr r1, ={handler}",
    "    bx r1",
    ".pool",
    handler = sym systick,
);

extern "C" fn systick(place: usize) {
    if ONCE.load(Ordering::Relaxed) != 0 {
        no_interrupt();
    }
    super::interrupted(place);
}

#[exception]
unsafe fn HardFault(_frame: &ExceptionFrame) -> ! {
    crate::report::failed("a hard fault")
}
