//! Interrupts kept off by whatever the final binary chose for the `critical-section` crate.

use core::marker::PhantomData;

use super::{Board, Deadline};

/// The board `B`, with `masked` by [`critical_section::with`](::critical_section::with): the one way
/// that works on every chip, because the final binary chooses what stands behind it.
///
/// Where that also locks out the other harts, it locks them out of the kernel's sections too. That is
/// more than the kernel needs: its lock words keep other harts away, `masked` only this hart's
/// handlers.
///
/// ```
/// use inkle_core::platform::{CriticalSection, NoBoard, Platform, Spin};
///
/// type Ground = Spin<CriticalSection<NoBoard>>;
///
/// assert_eq!(Ground::masked(|| 7), 7);
/// ```
pub struct CriticalSection<B>(PhantomData<fn() -> B>);

debug_name!(impl[B] CriticalSection<B>: "CriticalSection";);

impl<B> Clone for CriticalSection<B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for CriticalSection<B> {}

impl<B: Board> Board for CriticalSection<B> {
    const HAS_CLOCK: bool = B::HAS_CLOCK;

    fn now() -> u64 {
        B::now()
    }

    fn current() -> usize {
        B::current()
    }

    #[inline(always)]
    fn masked<T>(section: impl FnOnce() -> T) -> T {
        ::critical_section::with(|_| section())
    }

    #[inline(always)]
    fn wait_for_interrupt(until: Deadline) {
        B::wait_for_interrupt(until);
    }

    #[inline(always)]
    fn interrupt_others() {
        B::interrupt_others();
    }
}
