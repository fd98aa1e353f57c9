//! The boards: everything that differs between the images' targets.
//!
//! Each has the same few names: [`Chip`], the board as the kernel knows it; one timer that interrupts
//! once after so many ticks and calls a function with the place that it interrupted; and, where there
//! are several harts, how to start them.

#[cfg_attr(target_arch = "arm", path = "cortex_m.rs")]
#[cfg_attr(target_arch = "riscv32", path = "virt.rs")]
mod chip;

pub use chip::*;

use core::cell::Cell;

use critical_section::Mutex;

/// What an interrupt of the timer does; gets the address of the instruction that it came before.
pub type Handler = fn(usize);

static HANDLER: Mutex<Cell<Handler>> = Mutex::new(Cell::new(|_| ()));

/// Has the timer's interrupt call `handler`.
pub fn on_interrupt(handler: Handler) {
    critical_section::with(|section| HANDLER.borrow(section).set(handler));
}

/// Called by the chip's own handler.
fn interrupted(place: usize) {
    let handler = critical_section::with(|section| HANDLER.borrow(section).get());
    handler(place);
}
