//! What the images have in common: a board each, and how a result gets out of it.
//!
//! An image prints by semihosting and exits with 0, or says what failed and where and exits with
//! another code.
#![no_std]

pub mod board;
pub mod contexts;
#[cfg(feature = "harts")]
pub mod harts;
pub mod interrupts;
pub mod report;
pub mod steps;
pub mod waits;

use inkle_cases::{Case, Effort};
use inkle_core::platform::{CriticalSection, Spin, WaitForInterrupt};
use semihosting::println;

/// Waits by spinning; interrupts kept off by the `critical-section` crate.
pub type Spinning = Spin<CriticalSection<board::Chip>>;

/// Waits by resting; interrupts kept off by the chip's own instructions.
pub type Resting = WaitForInterrupt<board::Chip>;

/// Runs some of the core's own cases. One ground and one group an image: flash is short.
pub fn run_cases(cases: &[Case]) -> ! {
    board::start_clock();
    for case in cases {
        report::doing(case.name);
        (case.run)(Effort::SMALL);
    }
    println!("{} cases", cases.len());
    report::passed()
}
