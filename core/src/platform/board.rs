//! What the bare grounds ask of a board.

use super::Deadline;
use crate::atomic::spin_loop;

/// What a bare machine tells [`Spin`](super::Spin) and [`WaitForInterrupt`](super::WaitForInterrupt)
/// about itself: a clock, who is asking, and how interrupts are kept off.
///
/// The clock is the only duty. [`now`](Board::now) must not go back and must run on while the
/// processor sleeps. Most timers are narrower than 64 bits and wrap: [`WideCounter`](super::WideCounter)
/// makes them wide. While the clock stands still, finite deadlines do not come: a wait then ends by
/// its wake-up alone, never early.
///
/// ```
/// use inkle_core::platform::{Board, Spin};
///
/// struct MyBoard;
///
/// impl Board for MyBoard {
///     fn now() -> u64 {
///         // Read the timer's counter here and scale it to nanoseconds.
///         0
///     }
///     fn current() -> usize {
///         // On several harts: the hart's id, plus one.
///         1
///     }
/// }
///
/// type Ground = Spin<MyBoard>;
/// ```
pub trait Board {
    /// Whether [`now`](Board::now) moves; see [`Platform::HAS_CLOCK`](super::Platform::HAS_CLOCK).
    const HAS_CLOCK: bool = true;

    /// Nanoseconds of a clock that never goes back.
    fn now() -> u64;

    /// A number, not 0, for the thread of control that asks. One is enough on a single hart.
    #[must_use]
    fn current() -> usize {
        1
    }

    /// Runs `section` with interrupts off: see [`Platform::masked`](super::Platform::masked). On a board with the
    /// `critical-section` crate this is `critical_section::with(|_| section())`.
    #[inline(always)]
    fn masked<T>(section: impl FnOnce() -> T) -> T {
        section()
    }

    /// Lets the processor rest until an interrupt is pending or the clock reaches `until`. Called
    /// inside [`masked`](Board::masked), only by [`WaitForInterrupt`](super::WaitForInterrupt).
    ///
    /// It must return for an interrupt that came before the call and is kept off, as `wfi` of Arm and
    /// RISC-V does, and for a finite `until` it must see to it that an interrupt comes then: a
    /// periodic tick is enough, else set the alarm here. It may return for no reason; the default
    /// does so at once.
    ///
    /// Never called for a deadline that has passed.
    #[inline(always)]
    fn wait_for_interrupt(until: Deadline) {
        let _ = until;
        spin_loop();
    }

    /// Makes an interrupt pending at every other hart that may be inside
    /// [`wait_for_interrupt`](Board::wait_for_interrupt), which shall then see what this hart wrote
    /// before: fence the writes before the interrupt (on RISC-V, where its register is a device,
    /// `fence iorw, iorw`).
    ///
    /// On a single hart there is nobody, and nothing is the default: whoever changes a word there is
    /// an interrupt handler, and its interrupt has ended the rest already.
    #[inline(always)]
    fn interrupt_others() {}
}

/// A board without a clock: finite timeouts poll, waits without limit wait.
#[derive(Clone, Copy, Debug)]
pub struct NoBoard;

impl Board for NoBoard {
    const HAS_CLOCK: bool = false;

    fn now() -> u64 {
        0
    }
}
