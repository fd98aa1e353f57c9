//! The bare ground: nothing to sleep on, so a waiter spins.

use core::marker::PhantomData;

use ::spin::relax::RelaxStrategy;

use super::{Board, Deadline, Platform, Wake};
use crate::atomic::{AtomicU32, Ordering};

/// A platform that waits by spinning, for a machine without an operating system.
///
/// `B` is the board's clock, `R` the [relax strategy](::spin::relax) of the `spin` crate that one
/// turn of the loop costs (the default tells the processor that it spins).
///
/// Only another hart or an interrupt handler can end such a wait. An interrupt handler itself must
/// use the `try_` forms.
///
/// ```
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::Event;
///
/// static READY: Event<Spin<NoBoard>> = Event::new();
/// READY.set();
/// READY.wait();
/// ```
pub struct Spin<B, R = ::spin::relax::Spin>(PhantomData<fn() -> (B, R)>);

debug_name!(impl[B, R] Spin<B, R>: "Spin";);

impl<B: Board, R: RelaxStrategy> Platform for Spin<B, R> {
    const HAS_CLOCK: bool = B::HAS_CLOCK;

    fn now() -> u64 {
        B::now()
    }

    fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Wake {
        // Relaxed: the caller looks again with its own ordering once this returns.
        while word.load(Ordering::Relaxed) == expected {
            if deadline.has_passed::<Self>() {
                return Wake::TimedOut;
            }
            R::relax();
        }
        Wake::Woken
    }

    fn wake(_word: *const AtomicU32, _count: u32) {}

    fn current() -> usize {
        B::current()
    }

    #[inline(always)]
    fn masked<T>(section: impl FnOnce() -> T) -> T {
        B::masked(section)
    }

    fn relax(_round: u32) -> bool {
        // `wait` itself spins: there is no cheaper thing to do first.
        false
    }
}
