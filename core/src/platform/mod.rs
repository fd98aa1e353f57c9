//! Floor 1: what the kernel asks of the ground it stands on.
//!
//! A [`Platform`] is a clock, a way to sleep on a word, a way to wake sleepers, and what one turn of
//! a spin loop costs. It is a type without values: every primitive takes it as a type parameter and
//! stores nothing of it. To port the kernel to a new ground, write one `impl`.
//!
//! Ready grounds for bare metal: [`Spin`] never sleeps, [`WaitForInterrupt`] does; both stand on a
//! [`Board`]. Threads and processes of an operating system: in the crate `inkle`. With
//! `cfg(inkle_loom)` there is `Loom`, the model checker's: see [models of your own](crate#models-of-your-own).

mod board;
#[cfg(all(feature = "critical-section", not(inkle_loom)))]
mod critical_section;
mod deadline;
#[cfg(inkle_loom)]
mod model;
mod spin;
mod wait_for_interrupt;
mod wide_counter;

pub use board::{Board, NoBoard};
#[cfg(all(feature = "critical-section", not(inkle_loom)))]
pub use critical_section::CriticalSection;
pub use deadline::Deadline;
#[cfg(inkle_loom)]
pub use model::Loom;
pub use spin::Spin;
pub use wait_for_interrupt::WaitForInterrupt;
pub use wide_counter::WideCounter;

use core::panic::Location;

use crate::atomic::{AtomicU32, Ordering, RMW_IS_FENCE, compiler_fence, fence};

/// Why [`Platform::wait`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Woken, or the word had already changed, or for no reason at all.
    Woken,
    /// The deadline passed while asleep.
    TimedOut,
}

/// What happens to a lock: see [`Platform::watch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The caller is about to wait for it.
    Waits,
    /// The caller waited in vain: its deadline passed, or it was called off.
    GaveUp,
    /// The caller has acquired it, and would have waited for it.
    Acquired,
    /// The caller has acquired it, and would not have waited for it.
    Tried,
    /// The caller has released it, whoever held it.
    Released,
    /// It is being dropped.
    Dropped,
}

/// The ground: a clock, sleep and wake on a 32-bit word, and what one spin costs.
///
/// # What an implementation promises
///
/// *Sleep and wake* are those of a futex. [`wait`](Platform::wait) compares the word with
/// `expected` and falls asleep as one step: a [`wake`](Platform::wake) for that word that comes
/// after a change of the word either finds the sleeper or the sleeper finds the change. It may
/// return for no reason. `wake` reaches sleepers in the order in which they fell asleep.
///
/// *Fences.* If one thread writes A, calls [`light_fence`](Platform::light_fence) and reads B, and
/// another writes B, calls [`heavy_fence`](Platform::heavy_fence) and reads A, then at least one of
/// them sees the other's write. The default is a sequentially consistent fence on both sides. A
/// ground with an asymmetric barrier may make the light side free. If the first thread writes A by a
/// read-modify-write, [`fence_after_rmw`](Platform::fence_after_rmw) is enough.
///
/// No memory safety of this crate rests on these promises: a wrong platform can make a caller sleep
/// too long, not more.
///
/// ```
/// use inkle_core::atomic::{AtomicU32, Ordering, spin_loop};
/// use inkle_core::platform::{Deadline, Platform, Wake};
/// use inkle_core::sync::Lock;
///
/// /// A ground that only spins and has no clock.
/// struct Busy;
///
/// impl Platform for Busy {
///     const HAS_CLOCK: bool = false;
///     fn now() -> u64 {
///         0
///     }
///     fn wait(word: &AtomicU32, expected: u32, _deadline: Deadline) -> Wake {
///         while word.load(Ordering::Relaxed) == expected {
///             spin_loop();
///         }
///         Wake::Woken
///     }
///     fn wake(_word: *const AtomicU32, _count: u32) {}
///     fn current() -> usize {
///         1
///     }
///     fn relax(_round: u32) -> bool {
///         false
///     }
/// }
///
/// static LOCK: Lock<Busy> = Lock::new();
/// drop(LOCK.guard());
/// ```
pub trait Platform {
    /// Whether [`now`](Platform::now) moves. Without a clock a finite deadline cannot be measured,
    /// and [`Deadline::after`] says "has already passed": the operation polls.
    const HAS_CLOCK: bool = true;

    /// Whether words of this platform may lie in memory that several processes map. Then nothing in
    /// them may be an address, and tasks cannot wait there: a `get_async` does not compile.
    const SHARED: bool = false;

    /// Nanoseconds of a clock that never goes back. Where it starts is the platform's choice.
    fn now() -> u64;

    /// Sleeps while `word` holds `expected`, until woken or until `deadline`.
    ///
    /// Returns [`Wake::TimedOut`] only if the deadline has passed. May return [`Wake::Woken`] for no
    /// reason, so the caller looks again.
    fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Wake;

    /// Wakes at most `count` sleepers on `word`, oldest first.
    ///
    /// `word` is an address and is never followed: the word may be gone by then, because the
    /// sleeper that saw the last change may already have freed it.
    fn wake(word: *const AtomicU32, count: u32);

    /// A number, not 0, that no other thread of control has at the same time.
    fn current() -> usize;

    /// One turn of a bounded spin before sleeping. `round` counts from 0. `false` means: spun
    /// enough, sleep.
    fn relax(round: u32) -> bool;

    /// Runs `section` with every interrupt handler that uses the kernel kept off this processor.
    ///
    /// The kernel calls it around a few instructions at a time, where it holds one of its own locks:
    /// a handler that came in between would wait for ever for the code that it interrupted. The
    /// default keeps nobody off, which is right where no handler uses the kernel, and where those that
    /// do use only what says "interrupt-safe: yes".
    #[inline(always)]
    fn masked<T>(section: impl FnOnce() -> T) -> T {
        section()
    }

    /// Told, with the feature `watch`, what happens to locks (and to what is made of them): which one,
    /// what, and where in the source. The thread is the one that calls.
    ///
    /// It may be called with any lock held, so it must not use the kernel's. Never called without the
    /// feature.
    fn watch(_lock: *const (), _step: Step, _place: &'static Location<'static>) {}

    /// The frequent side of a check-then-sleep pair: stands between "published" and "is anybody
    /// asleep?". Pairs with [`heavy_fence`](Platform::heavy_fence).
    #[inline(always)]
    #[cfg_attr(inkle_loom, track_caller)]
    fn light_fence() {
        fence(Ordering::SeqCst);
    }

    /// [`light_fence`](Platform::light_fence) for a caller whose write was a read-modify-write.
    ///
    /// On x86 such an instruction is a full barrier by itself and the fence costs nothing: only the
    /// compiler has to be held back. Elsewhere it is the light fence.
    #[inline(always)]
    #[cfg_attr(inkle_loom, track_caller)]
    fn fence_after_rmw() {
        if RMW_IS_FENCE {
            compiler_fence(Ordering::SeqCst);
        } else {
            Self::light_fence();
        }
    }

    /// The sleeper's side of a check-then-sleep pair: stands between "I am about to sleep" and "is
    /// there really nothing?". Pairs with [`light_fence`](Platform::light_fence).
    #[inline(always)]
    #[cfg_attr(inkle_loom, track_caller)]
    fn heavy_fence() {
        fence(Ordering::SeqCst);
    }
}
