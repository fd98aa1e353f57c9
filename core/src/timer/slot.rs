//! One timer's place, and the word that says what becomes of it.
//!
//! # Layout
//!
//! ```text
//!  31 .......... 2   1 .. 0
//! [ generation     | phase  ]     state
//! ```
//!
//! ```text
//!         schedule              due             action is over
//! Free ------------> Pending ---------> Firing -----------------> Free
//!   ^                  |   ^               |                (generation + 1)
//!   |           cancel |   +---------------+
//!   |                  v     fires again
//!   +------------- Cancelled
//!      reclaimed (generation + 1)
//! ```
//!
//! Whether the driver has found a pending timer among the arrivals yet, the state does not say: a cancel
//! need not know, and the driver spares an exchange.
//!
//! # Who owns what
//!
//! The value and what is `filed` belong to who has claimed the slot, until it is pending and put among
//! the arrivals. Then `filed` belongs to the driver, and the value to who moves the state from `Pending` to
//! `Cancelled` or to `Firing`. The link belongs to who puts the slot on a list: that of the free ones or
//! that of the cancelled ones.

use core::mem::MaybeUninit;

use super::tick::Tick;
use crate::atomic::{AtomicU32, UnsafeCell};
#[cfg(doc)]
use crate::timer::WheelOver;

/// Bits of the phase.
pub(super) const PHASE_BITS: u32 = 2;

/// What becomes of a slot, the low bits of its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Phase {
    /// On the list of the free ones, or claimed by a schedule or reschedule.
    Free,
    /// Among the arrivals, or in a bucket.
    Pending,
    /// To be reclaimed.
    Cancelled,
    /// Its action runs.
    Firing,
}

/// `prev`, and a bucket's number there: this slot is the first one of a bucket.
pub(super) const BUCKET: u32 = 1 << 31;

/// `prev`: in no bucket.
pub(super) const NOWHERE: u32 = u32::MAX;

/// When a timer fires: so many rests of the wheel (`REST`) after a tick; with [`Due::EVER`] of them, never.
#[derive(Clone, Copy)]
pub(super) struct Due {
    pub(super) tick: Tick,
    pub(super) rests: u32,
}

impl Due {
    /// More rests than any clock counts.
    pub(super) const EVER: u32 = u32::MAX;

    pub(super) const fn at(tick: Tick) -> Self {
        Self { tick, rests: 0 }
    }

    /// So many ticks after `now`, in rests of `rest` ticks.
    pub(super) fn after(now: Tick, ahead: u64, rest: u32) -> Self {
        // The last rest is not counted: the first tick lies ahead, unless the whole does not.
        let rests = ahead.saturating_sub(1) / u64::from(rest);
        let first = ahead.wrapping_sub(rests.wrapping_mul(u64::from(rest)));
        let ever = u64::from(Self::EVER);
        Self { tick: now.after(first as u32), rests: rests.min(ever) as u32 }
    }
}

/// Where a slot is filed. Slots are given by link number: index plus one, 0 for none.
#[derive(Clone, Copy)]
pub(super) struct Filed {
    pub(super) due: Due,
    /// The next one in the bucket, or among the arrivals.
    pub(super) next: u32,
    /// The one before it in the bucket, or [`BUCKET`] and the bucket's number, or [`NOWHERE`].
    pub(super) prev: u32,
}

/// Room for one timer. Only of interest to who brings a wheel's memory: see [`Slots`].
pub struct Slot<T> {
    pub(super) state: AtomicU32,
    /// The next one on a list outside the wheel.
    pub(super) link: AtomicU32,
    pub(super) filed: UnsafeCell<Filed>,
    pub(super) value: UnsafeCell<MaybeUninit<T>>,
}

impl<T> Slot<T> {
    const_fn! {
        /// A slot without a timer.
        #[must_use]
        #[expect(clippy::new_without_default, reason = "one is of no use by itself")]
        pub const fn new() -> Self {
            Self {
                state: AtomicU32::new(Phase::Free as u32),
                link: AtomicU32::new(0),
                filed: UnsafeCell::new(Filed { due: Due::at(Tick::new(0)), next: 0, prev: NOWHERE }),
                value: UnsafeCell::new(MaybeUninit::uninit()),
            }
        }
    }
}

// SAFETY: only a wheel can touch what is inside, and it passes a value from one owner to the next (see
// "who owns what"), which needs `Send` and no more.
unsafe impl<T: Send> Sync for Slot<T> {}

impl<T> core::fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

/// Where a wheel keeps its slots: an array inside it, or memory that somebody else allocated and that
/// may grow.
///
/// # Safety
///
/// [`get`](Slots::get) answers `Some` for the same numbers at every call, or for more of them, and for one
/// number always with the same slot, another one than for any other number. Nobody else reaches them.
/// The numbers begin with 0 and have no gaps, and all are below `2^LINK_BITS - 1`.
pub unsafe trait Slots {
    /// What a timer carries.
    type Value;

    /// Bits that every number of a slot, plus one, has room in; at most 24.
    const LINK_BITS: u32;

    /// The slot with this number, if there is one.
    fn get(&self, index: usize) -> Option<&Slot<Self::Value>>;

    /// As [`get`](Self::get), for a number that has a slot.
    ///
    /// # Safety
    ///
    /// The wheel was given this number: it is that of a handle, or it was [admitted](WheelOver::admit),
    /// or this is an array and the number below its length.
    unsafe fn get_unchecked(&self, index: usize) -> &Slot<Self::Value>;
}

// SAFETY: an array has one length and lies in place.
unsafe impl<T, const N: usize> Slots for [Slot<T>; N] {
    type Value = T;

    const LINK_BITS: u32 = crate::queue::index_bits(N + 1);

    #[inline(always)]
    fn get(&self, index: usize) -> Option<&Slot<T>> {
        self.as_slice().get(index)
    }

    #[inline(always)]
    unsafe fn get_unchecked(&self, index: usize) -> &Slot<T> {
        debug_assert!(index < N);
        // SAFETY: the caller's promise.
        unsafe { self.as_slice().get_unchecked(index) }
    }
}
