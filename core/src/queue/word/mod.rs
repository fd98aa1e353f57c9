//! A ring of single words: the heart of the kernel.
//!
//! One type, with two algorithms below it that look the same from outside:
//!
//! | file | chosen | an operation is |
//! |---|---|---|
//! | `exchange.rs` | wherever the target has compare-and-swap | one exchange of a slot's word; interrupts stay on |
//! | `section.rs` | where it has not, with the feature `critical-section` | one critical section |
//!
//! Where there is no compare-and-swap, each exchange would be a critical section anyway, with loads and
//! stores around it that must count on being interrupted; without the feature it is one, by the door's
//! backing. `cfg(inkle_section)` chooses `section.rs` on any target, for tests.

use core::fmt;

use super::ring::{Native, Storage, Width, index_bits, is_possible};
use super::{ForcePush, Peek, Queue, debug};
use crate::atomic::Word;
use crate::error::{PopError, PushError};

#[cfg_attr(
    all(
        feature = "critical-section",
        not(inkle_loom),
        any(inkle_section, not(target_has_atomic = "32"))
    ),
    path = "section.rs"
)]
#[cfg_attr(
    not(all(
        feature = "critical-section",
        not(inkle_loom),
        any(inkle_section, not(target_has_atomic = "32"))
    )),
    path = "exchange.rs"
)]
mod algorithm;

use algorithm::{Ring, Slot};

/// A value of a few bits that a [`WordRing`] can carry inside its slot's word.
///
/// At most 32 bits where the target has 64-bit compare-and-swap, else at most 22. Implemented for
/// the small integers, `bool`, `char`, `f32` and `()`; implement it for your own small enums.
///
/// (A blanket implementation for everything of at most four bytes is not possible: padding bytes
/// have no value that could be stored.)
///
/// ```
/// use inkle_core::queue::word::{Bits, WordRing};
///
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// enum Button { Up, Down }
///
/// impl Bits for Button {
///     const BITS: u32 = 1;
///     fn into_bits(self) -> u32 { self as u32 }
///     fn from_bits(bits: u32) -> Self { if bits == 0 { Button::Up } else { Button::Down } }
/// }
///
/// static PRESSED: WordRing<Button, 8> = WordRing::new();
/// PRESSED.try_push(Button::Down).unwrap();
/// assert_eq!(PRESSED.try_pop(), Ok(Button::Down));
/// ```
pub trait Bits: Copy {
    /// How many of the low bits of [`into_bits`](Bits::into_bits) matter.
    const BITS: u32;

    /// The value as bits; those from [`BITS`](Bits::BITS) upwards are cut off.
    fn into_bits(self) -> u32;

    /// The value again.
    fn from_bits(bits: u32) -> Self;
}

macro_rules! bits {
    ($($ty:ty: $bits:literal, $into:expr, $from:expr;)*) => {$(
        impl Bits for $ty {
            const BITS: u32 = $bits;

            #[inline(always)]
            fn into_bits(self) -> u32 {
                let into: fn($ty) -> u32 = $into;
                into(self)
            }

            #[inline(always)]
            fn from_bits(bits: u32) -> Self {
                let from: fn(u32) -> $ty = $from;
                from(bits)
            }
        }
    )*};
}

bits! {
    (): 0, |()| 0, |_| ();
    bool: 1, |v| v as u32, |b| b != 0;
    u8: 8, |v| v as u32, |b| b as u8;
    i8: 8, |v| v as u8 as u32, |b| b as u8 as i8;
    u16: 16, |v| v as u32, |b| b as u16;
    i16: 16, |v| v as u16 as u32, |b| b as u16 as i16;
    u32: 32, |v| v, |b| b;
    i32: 32, |v| v as u32, |b| b as i32;
    f32: 32, f32::to_bits, f32::from_bits;
    // The fallback cannot happen: only a `char`'s own bits ever come back.
    char: 21, |v| v as u32, |b| char::from_u32(b).unwrap_or(char::REPLACEMENT_CHARACTER);
}

/// The index of a slot among `N`: as few bits as `N` needs, so that the lap gets the rest.
#[derive(Clone, Copy)]
pub(crate) struct Index<const N: usize>(pub(crate) usize);

impl<const N: usize> Bits for Index<N> {
    const BITS: u32 = index_bits(N);

    #[inline(always)]
    fn into_bits(self) -> u32 {
        self.0 as u32
    }

    #[inline(always)]
    fn from_bits(bits: u32) -> Self {
        Self(bits as usize)
    }
}

/// How many bits of a slot's word a value leaves to the algorithm, at least: two flags, and a lap of
/// eight. The same for both algorithms, so that what compiles on one target does on a like one.
const OWN_BITS: u32 = 10;

/// One slot of a [`WordRing`]: a word. Opaque; made by [`WordRing::new`] or [`WordSlot::new`].
#[derive(Debug)]
#[repr(transparent)]
pub struct WordSlot(Slot);

impl WordSlot {
    const_fn! {
        /// An empty slot.
        #[must_use]
        pub const fn new() -> Self {
            Self(Slot::new())
        }
    }
}

impl Default for WordSlot {
    fn default() -> Self {
        Self::new()
    }
}

/// A lock-free, interrupt-safe queue of small values, any capacity from 1, first in first out.
///
/// The default queue for events, indices, samples and characters. `Full` and `Empty` are exact. One
/// word a slot, one read-modify-write an operation; a thread or interrupt handler that stops in
/// mid-operation holds up nobody. For values of more than 32 bits take
/// [`Fifo`](super::fifo::Fifo).
///
/// On a target without compare-and-swap an operation is one critical section with the feature
/// `critical-section`, and emulated exchanges without.
///
/// `WordRing<T, N>` is [`WordRingIn`] with its slots inside.
///
/// ```
/// use inkle_core::queue::word::WordRing;
/// use inkle_core::{PopError, PushError};
///
/// static SAMPLES: WordRing<u16, 3> = WordRing::new();
///
/// for sample in [10, 20, 30] {
///     SAMPLES.try_push(sample).unwrap();
/// }
/// assert_eq!(SAMPLES.try_push(40), Err(PushError::Full(40)));
/// assert_eq!(SAMPLES.try_pop(), Ok(10));
/// SAMPLES.close();
/// assert_eq!(SAMPLES.try_push(50), Err(PushError::Closed(50)));
/// assert_eq!((SAMPLES.try_pop(), SAMPLES.try_pop()), (Ok(20), Ok(30)));
/// assert_eq!(SAMPLES.try_pop(), Err(PopError::Closed));
/// ```
pub type WordRing<T, const N: usize, W = Native> = WordRingIn<T, [WordSlot; N], W>;

/// [`WordRing`] over any [`Storage`]: the algorithm itself.
///
/// `W` limits the lap counter for models and tests; leave it at [`Native`].
#[repr(transparent)]
pub struct WordRingIn<T, S, W = Native> {
    ring: Ring<T, S, W>,
}

impl<T: Bits, const N: usize, W: Width> WordRing<T, N, W> {
    const_fn! {
        /// An empty ring. `N` is at least 1, or this does not compile.
        #[must_use]
        pub const fn new() -> Self {
            const { assert!(N >= 1, "a queue needs at least one slot") };
            const { assert!(T::BITS + OWN_BITS <= Word::BITS, "the value is too wide for a slot's word on this target") };
            Self { ring: Ring::new(array![WordSlot::new(); N]) }
        }
    }
}

impl<const N: usize, W: Width> WordRing<Index<N>, N, W> {
    const_fn! {
        /// A ring that holds the indices 0 to N - 1, in this order.
        pub(crate) const fn of_all_indices() -> Self {
            const { assert!(N >= 1, "a queue needs at least one slot") };
            const { assert!(index_bits(N) + OWN_BITS <= Word::BITS, "too many slots on this target") };
            Self { ring: Ring::of_all_indices() }
        }
    }
}

impl<T: Bits, S: Storage<Slot = WordSlot>, W: Width> WordRingIn<T, S, W> {
    /// An empty ring over `slots`, which must all be new; `None` if there are none or more than the
    /// word can number.
    ///
    /// ```
    /// use inkle_core::queue::word::{WordRingIn, WordSlot};
    ///
    /// let slots: [WordSlot; 5] = std::array::from_fn(|_| WordSlot::new());
    /// let ring: WordRingIn<u32, _> = WordRingIn::with_storage(slots).unwrap();
    /// assert_eq!(ring.try_push(1), Ok(()));
    /// ```
    #[must_use]
    pub fn with_storage(slots: S) -> Option<Self> {
        const {
            assert!(
                T::BITS + OWN_BITS <= Word::BITS,
                "the value is too wide for a slot's word on this target"
            )
        };
        let count = slots.slots().len();
        if !is_possible(count) {
            return None;
        }
        Some(Self { ring: Ring::new(slots) })
    }

    /// As the trait's [`try_push`](Queue::try_push).
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: release, pairs with
    /// [`try_pop`](Self::try_pop)'s acquire. Source: QU005 without waiting.
    #[inline]
    pub fn try_push(&self, value: T) -> Result<(), PushError<T>> {
        self.ring.try_push(value)
    }

    /// As the trait's [`try_pop`](Queue::try_pop).
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: acquire, pairs with
    /// [`try_push`](Self::try_push)'s release. Source: QU007 without waiting.
    #[inline]
    pub fn try_pop(&self) -> Result<T, PopError> {
        self.ring.try_pop()
    }

    /// Adds a value even to a full ring: the oldest one then makes room and comes back, in the same
    /// step.
    ///
    /// Errors: [`PushError::Closed`]; never `Full`. Progress: lock-free. Interrupt-safe: yes.
    /// Ordering: of both [`try_pop`](Self::try_pop) and [`try_push`](Self::try_push).
    ///
    /// ```
    /// use inkle_core::queue::word::WordRing;
    ///
    /// let latest = WordRing::<u8, 2>::new();
    /// assert_eq!(latest.force_push(1), Ok(None));
    /// assert_eq!(latest.force_push(2), Ok(None));
    /// assert_eq!(latest.force_push(3), Ok(Some(1)));
    /// assert_eq!(latest.try_pop(), Ok(2));
    /// ```
    pub fn force_push(&self, value: T) -> Result<Option<T>, PushError<T>> {
        self.ring.force_push(value)
    }

    /// A copy of the oldest value, which stays inside; `None` if there is none. It was the oldest at
    /// one moment of the call (linearizable); another thread may have popped it by now.
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: acquire, pairs with
    /// [`try_push`](Self::try_push)'s release.
    ///
    /// ```
    /// use inkle_core::queue::word::WordRing;
    ///
    /// let ring = WordRing::<char, 2>::new();
    /// assert_eq!(ring.peek(), None);
    /// ring.try_push('a').unwrap();
    /// assert_eq!((ring.peek(), ring.peek()), (Some('a'), Some('a')));
    /// ```
    #[must_use]
    pub fn peek(&self) -> Option<T> {
        self.ring.peek()
    }

    /// As the trait's [`close`](Queue::close).
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: release, pairs with the acquire of the
    /// operation that answers `Closed`.
    pub fn close(&self) -> bool {
        self.ring.close()
    }
}

impl<T: Bits, S: Storage<Slot = WordSlot>, W: Width> Queue for WordRingIn<T, S, W> {
    type Item = T;

    // Of two sections one is first, which for this purpose is the same: see `guarded.rs`.
    const BY_RMW: bool = true;

    #[inline]
    fn try_push(&self, value: T) -> Result<(), PushError<T>> {
        self.try_push(value)
    }

    #[inline]
    fn try_pop(&self) -> Result<T, PopError> {
        self.try_pop()
    }

    fn close(&self) -> bool {
        self.close()
    }

    fn is_closed(&self) -> bool {
        self.ring.is_closed()
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.ring.capacity())
    }

    fn len(&self) -> usize {
        self.ring.len()
    }

    fn ticket(&self) -> usize {
        self.ring.ticket()
    }

    fn ticket_after(&self, ticket: usize, pushes: usize) -> usize {
        self.ring.geometry().advance(ticket, pushes)
    }

    fn tickets_between(&self, from: usize, to: usize) -> usize {
        self.ring.geometry().distance(from, to)
    }
}

impl<T: Bits, S: Storage<Slot = WordSlot>, W: Width> ForcePush for WordRingIn<T, S, W> {
    fn force_push(&self, item: T) -> Result<Option<T>, PushError<T>> {
        self.force_push(item)
    }
}

impl<T: Bits, S: Storage<Slot = WordSlot>, W: Width> Peek for WordRingIn<T, S, W> {
    fn peek(&self) -> Option<T> {
        self.peek()
    }
}

impl<T: Bits, const N: usize, W: Width> Default for WordRing<T, N, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Bits, S: Storage<Slot = WordSlot>, W: Width> fmt::Debug for WordRingIn<T, S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("WordRing", self, f)
    }
}
