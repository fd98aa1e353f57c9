//! QEMU's `virt` machine for RISC-V: the timer and the inter-processor interrupts of its CLINT.

use core::arch::{asm, global_asm};
use core::ptr::{read_volatile, write_volatile};

use inkle_core::platform::{Board, Deadline};
use riscv::interrupt::Interrupt;
use riscv::register::{mepc, mhartid, mie};

pub use riscv_rt::entry;

/// How many harts there may be.
pub const HARTS: usize = 4;

/// Nanoseconds of a tick of the clock.
pub const TICK: u32 = 100;

/// Nanoseconds of an instruction, where the emulator is told to step (`-icount shift=8`). More than
/// two ticks: the emulated alarm comes up to a tick late, as the time of its setting has it.
pub const INSTRUCTION: u32 = 256;

/// Whether the alarm comes after exactly so many ticks.
pub const EXACT: bool = false;

/// The interrupt controller's registers.
mod clint {
    const BASE: usize = 0x0200_0000;

    /// Of hart `hart`: 1 makes its software interrupt pending.
    pub(super) fn soft(hart: usize) -> *mut u32 {
        (BASE + 4 * hart) as *mut u32
    }

    /// Of hart `hart`: the time of its timer interrupt.
    pub(super) fn alarm(hart: usize) -> *mut u32 {
        (BASE + 0x4000 + 8 * hart) as *mut u32
    }

    /// The time, low half first.
    pub(super) const TIME: *const u32 = (BASE + 0xBFF8) as *const u32;
}

/// One hart of the machine.
#[derive(Debug)]
pub struct Chip;

impl Board for Chip {
    fn now() -> u64 {
        ticks() * u64::from(TICK)
    }

    fn current() -> usize {
        hart() + 1
    }

    fn masked<T>(section: impl FnOnce() -> T) -> T {
        riscv::interrupt::free(section)
    }

    fn wait_for_interrupt(until: Deadline) {
        if let Some(nanos) = until.nanos() {
            // An earlier alarm stays: the tests' interrupt, or that of the last rest, which is pending.
            set_alarm(alarm().min(nanos.div_ceil(TICK.into())));
        }
        riscv::asm::wfi();
    }

    fn interrupt_others() {
        // SAFETY: orders memory before devices, no more.
        unsafe { asm!("fence iorw, iorw", options(nostack, preserves_flags)) };
        (0..HARTS).filter(|other| *other != hart()).for_each(interrupt);
    }
}

/// Who is asking.
pub fn hart() -> usize {
    mhartid::read()
}

fn ticks() -> u64 {
    loop {
        // SAFETY: registers of the timer, which is always there; reading them changes nothing.
        let (high, low, again) = unsafe {
            (
                read_volatile(clint::TIME.add(1)),
                read_volatile(clint::TIME),
                read_volatile(clint::TIME.add(1)),
            )
        };
        if high == again {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

/// When this hart's alarm is set to. Not for a handler's interrupted setting: with interrupts off alone.
fn alarm() -> u64 {
    let alarm = clint::alarm(hart());
    // SAFETY: this hart's own register, always there; reading it changes nothing.
    let (low, high) = unsafe { (read_volatile(alarm), read_volatile(alarm.add(1))) };
    u64::from(high) << 32 | u64::from(low)
}

fn set_alarm(time: u64) {
    let alarm = clint::alarm(hart());
    // SAFETY: this hart's own register, always there. Its high half is largest in between, so that no
    // time is in it that nobody asked for.
    unsafe {
        write_volatile(alarm.add(1), u32::MAX);
        write_volatile(alarm, time as u32);
        write_volatile(alarm.add(1), (time >> 32) as u32);
    }
}

/// Nothing more to do on this hart.
pub fn rest_for_ever() -> ! {
    loop {
        riscv::asm::wfi();
    }
}

/// Makes the software interrupt of a hart pending.
pub fn interrupt(other: usize) {
    // SAFETY: a register of the controller, always there.
    unsafe { write_volatile(clint::soft(other), 1) };
}

/// Starts the clock, which runs anyway.
pub fn start_clock() {
    start_interrupts();
}

/// Lets interrupts in on this hart.
pub fn start_interrupts() {
    no_interrupt();
    // SAFETY: the handlers of both are below, and they may come at any time from now on.
    unsafe {
        mie::set_mtimer();
        mie::set_msoft();
        riscv::interrupt::enable();
    }
}

/// Has the timer interrupt once, after `ticks`.
pub fn interrupt_after(after: u32) {
    set_alarm(ticks() + u64::from(after));
}

/// Takes the interrupt back.
pub fn no_interrupt() {
    set_alarm(u64::MAX);
}

#[riscv_rt::core_interrupt(Interrupt::MachineTimer)]
fn timer() {
    no_interrupt();
    super::interrupted(mepc::read());
}

#[riscv_rt::core_interrupt(Interrupt::MachineSoft)]
fn soft() {
    // SAFETY: this hart's own register, always there. What it was for, its own loop will look at.
    unsafe { write_volatile(clint::soft(hart()), 0) };
}

#[unsafe(export_name = "ExceptionHandler")]
fn exception(_frame: &riscv_rt::TrapFrame) -> ! {
    crate::report::failed("an exception")
}

// Hart 0 starts the machine; each other waits until it is interrupted, and then goes to `main` too.
global_asm!(
    ".section .init.mp_hook, \"ax\"",
    ".global _mp_hook",
    "_mp_hook:",
    "    beqz a0, 2f",
    "    li t0, 0x02000000",
    "    slli t1, a0, 2",
    "    add t0, t0, t1",
    "1:  lw t1, 0(t0)",
    "    beqz t1, 1b",
    "    sw zero, 0(t0)",
    "    fence iorw, iorw",
    "    li a0, 0",
    "    ret",
    "2:  li a0, 1",
    "    ret",
);
