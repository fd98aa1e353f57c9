//! The bare ground that rests: a waiter halts its processor until an interrupt.
//!
//! # Why no wake-up is lost
//!
//! The waiter looks at the word and rests in one section with interrupts off. A handler that changes
//! the word ran either before the look, which then sees the change, or is kept off and pending, and
//! for a pending interrupt the processor does not rest. After each rest interrupts are on for a
//! moment, so the handler runs, and the waiter looks again.
//!
//! On several harts the change may come from another hart without any interrupt here. So `wake` has
//! the board interrupt the others. That interrupt is pending before the look, and the look sees the
//! change; or after it, and ends the rest.
//!
//! # Cost
//!
//! No memory. Interrupt-off window: a load, a reading of the clock if there is a deadline, and the
//! rest itself, which an interrupt ends.

use core::marker::PhantomData;

use super::{Board, Deadline, Platform, Wake};
use crate::atomic::{AtomicU32, Ordering};

/// A platform that waits by halting the processor until an interrupt, for a machine without an
/// operating system.
///
/// `B` is the board: its clock, how it keeps interrupts off and how it rests. A board that leaves
/// [`masked`](Board::masked) as it is but rests may sleep through a wake-up until the next interrupt;
/// one that leaves [`wait_for_interrupt`](Board::wait_for_interrupt) as it is spins.
///
/// Only an interrupt handler or another hart can end such a wait. A handler itself must use the
/// `try_` forms, and so must code that keeps interrupts off: nobody could wake it.
///
/// ```
/// use inkle_core::platform::{Board, Deadline, WaitForInterrupt};
/// use inkle_core::sync::Event;
///
/// struct MyBoard;
///
/// impl Board for MyBoard {
///     const HAS_CLOCK: bool = false;
///     fn now() -> u64 { 0 }
///     fn masked<T>(section: impl FnOnce() -> T) -> T {
///         // `cortex_m::interrupt::free(|_| section())`, or take the board
///         // `CriticalSection<MyBoard>` (feature `critical-section`).
///         section()
///     }
///     fn wait_for_interrupt(_until: Deadline) {
///         // `cortex_m::asm::wfi()`
/// #       READY.set();
///     }
/// }
///
/// static READY: Event<WaitForInterrupt<MyBoard>> = Event::new();
///
/// // Until an interrupt handler calls `READY.set()`:
/// READY.wait();
/// ```
pub struct WaitForInterrupt<B>(PhantomData<fn() -> B>);

debug_name!(impl[B] WaitForInterrupt<B>: "WaitForInterrupt";);

impl<B: Board> Platform for WaitForInterrupt<B> {
    const HAS_CLOCK: bool = B::HAS_CLOCK;

    fn now() -> u64 {
        B::now()
    }

    fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Wake {
        // Relaxed, here and below: the caller looks again with its own ordering once this returns.
        // This look is outside the section: between two rests interrupts are on for some
        // instructions, as Arm demands before a pending one is sure to be taken.
        while word.load(Ordering::Relaxed) == expected {
            let over = B::masked(|| {
                if word.load(Ordering::Relaxed) != expected {
                    return false;
                }
                if deadline.has_passed::<Self>() {
                    return true;
                }
                B::wait_for_interrupt(deadline);
                false
            });
            if over {
                return Wake::TimedOut;
            }
        }
        Wake::Woken
    }

    fn wake(_word: *const AtomicU32, _count: u32) {
        B::interrupt_others();
    }

    fn current() -> usize {
        B::current()
    }

    #[inline(always)]
    fn masked<T>(section: impl FnOnce() -> T) -> T {
        B::masked(section)
    }

    fn relax(_round: u32) -> bool {
        // Whoever waits for a handler waits for an interrupt: rest at once.
        false
    }
}
