//! A ring of single words: the heart of the kernel.
//!
//! # Layout
//!
//! One word a slot, `lap | value | CLOSED | FULL`:
//!
//! ```text
//!  63 ............ 34 33 .......... 2      1      0
//! [ lap              | value        | CLOSED | FULL ]     (64-bit word, 32-bit value)
//! ```
//!
//! A slot goes through `empty(0), full(0), empty(1), full(1), empty(2), ...`. Position `lap·N + i` is
//! pushed by the one exchange `empty(lap) -> full(lap, value)` in slot `i` and popped by the one
//! exchange `full(lap) -> empty(lap + 1)`. A forced push on a full ring does both in one exchange:
//! `full(lap - 1) -> full(lap, value)`; a full slot whose lap is later than expected has been popped
//! in all laps before, whichever way.
//!
//! `head` and `tail` are *hints*: where to start looking. They are stored after the exchange and may
//! be late, even go back; they are never ahead of the truth. A late hint jumps forward by the lap it
//! reads in the slot.
//!
//! # Invariants
//!
//! 1. Pushes are contiguous: who pushes at a position has seen every earlier one pushed, by its own
//!    eyes or through the hint (release store, acquire load). The same for pops. (A forced push that
//!    displaces in slot `i` has seen the push of this lap in every slot before `i`, and that push the
//!    pop of the lap before.)
//! 2. So "the slot of the next push is still full from the lap before" means full, and "the slot of
//!    the next pop has not been pushed" means empty.
//! 3. `CLOSED` is set in the slot of the next push, once. No push gets past it, so the pushes end
//!    there, and the pop that gets there knows that nothing is left.
//!
//! # Linearization points
//!
//! Push, pop, forced push and close at their exchange. `Full`, `Empty` and a peek at the second look
//! at the slot, behind the fence; `Closed` at the look that sees the bit.
//!
//! The fence is not decoration. Without it, one thread may push and then see a stale `Full` while
//! another pops and then sees a stale `Empty` (store buffering over two slots); no order of the four
//! operations explains both answers. A stale peek in place of `Full` does the same.
//!
//! # Progress and cost
//!
//! Lock-free, interrupt-safe: a thread that stops anywhere, even for ever, holds up nobody. One
//! read-modify-write an operation. Interrupt-off window: none (on targets without compare-and-swap:
//! that of one emulated instruction). After a thread stalled between its exchange and its hint, one
//! later operation walks over at most `N` slots.
//!
//! # The bound
//!
//! A thread that sleeps between reading a slot and exchanging it, while the ring goes round exactly
//! `2^lap_bits` times (2^30 for 32-bit values in a 64-bit word), takes the old state for the new
//! one; so does one that then finds a hint as late as that.

use core::fmt;
use core::marker::PhantomData;

use super::ring::{Geometry, Native, Storage, Width, index_bits, is_possible};
use super::{ForcePush, Peek, Queue, debug};
use crate::atomic::{AtomicUsize, AtomicWord, Ordering, Word, fence};
use crate::error::{PopError, PushError};
use crate::pad::Pad;

/// A value of a few bits that a [`WordRing`] can carry inside its slot's word.
///
/// At most 32 bits where the target has 64-bit compare-and-swap, else at most 12. Implemented for
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

const FULL: Word = 1;
const CLOSED: Word = 2;
const VALUE_SHIFT: u32 = 2;

/// One slot of a [`WordRing`]: a word. Opaque; made by [`WordRing::new`] or [`WordSlot::new`].
#[derive(Debug)]
#[repr(transparent)]
pub struct WordSlot(AtomicWord);

impl WordSlot {
    const_fn! {
        /// An empty slot.
        pub const fn new() -> Self {
            Self(AtomicWord::new(0))
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
#[repr(C)]
pub struct WordRingIn<T, S, W = Native> {
    head: Pad<AtomicUsize>,
    tail: Pad<AtomicUsize>,
    slots: S,
    marker: PhantomData<fn(T, W) -> T>,
}

/// What a slot says to somebody who stands at a position.
enum Seen {
    /// Empty and this lap's: the next push goes here.
    Empty,
    /// Full with this lap's value: the next pop comes from here.
    Full,
    /// Full with the value of the lap before: a push has to wait.
    Before,
    /// Anything else is later, because a hint is never ahead: go on here.
    Later(usize),
}

impl<T: Bits, const N: usize, W: Width> WordRing<T, N, W> {
    const_fn! {
        /// An empty ring. `N` is at least 1, or this does not compile.
        pub const fn new() -> Self {
            const { assert!(N >= 1, "a queue needs at least one slot") };
            const { assert!(T::BITS + 8 <= Word::BITS - VALUE_SHIFT, "the value is too wide for a slot's word on this target") };
            Self::with_storage_unchecked(array![WordSlot::new(); N])
        }
    }

    const_fn! {
        const fn with_storage_unchecked(slots: [WordSlot; N]) -> Self {
            Self {
                head: Pad(AtomicUsize::new(0)),
                tail: Pad(AtomicUsize::new(0)),
                slots,
                marker: PhantomData,
            }
        }
    }
}

impl<const N: usize, W: Width> WordRing<Index<N>, N, W> {
    const_fn! {
        /// A ring that holds the indices 0 to N - 1, in this order.
        pub(crate) const fn of_all_indices() -> Self {
            let ring = Self::new();
            let geometry = Geometry::new(N, Self::LAP_BITS, 0);
            let mut slots = ring.slots;
            let mut index = 0;
            while index < N {
                slots[index] = WordSlot(AtomicWord::new((index as Word) << VALUE_SHIFT | FULL));
                index += 1;
            }
            Self {
                head: Pad(AtomicUsize::new(0)),
                tail: Pad(AtomicUsize::new(geometry.era_after(0))),
                slots,
                marker: PhantomData,
            }
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
    pub fn with_storage(slots: S) -> Option<Self> {
        const {
            assert!(
                T::BITS + 8 <= Word::BITS - VALUE_SHIFT,
                "the value is too wide for a slot's word on this target"
            )
        };
        let count = slots.slots().len();
        if !is_possible(count) {
            return None;
        }
        Some(Self {
            head: Pad(AtomicUsize::new(0)),
            tail: Pad(AtomicUsize::new(0)),
            slots,
            marker: PhantomData,
        })
    }
}

impl<T: Bits, S, W: Width> WordRingIn<T, S, W> {
    const LAP_SHIFT: u32 = VALUE_SHIFT + T::BITS;

    const LAP_BITS: u32 = {
        let room = Word::BITS - Self::LAP_SHIFT;
        if W::LAP_BITS < room { W::LAP_BITS } else { room }
    };

    const VALUE_MASK: Word =
        { if T::BITS == 0 { 0 } else { Word::MAX >> (Word::BITS - T::BITS) << VALUE_SHIFT } };
}

impl<T: Bits, S: Storage<Slot = WordSlot>, W: Width> WordRingIn<T, S, W> {
    #[inline(always)]
    fn geometry(&self) -> Geometry {
        Geometry::new(self.slots.slots().len(), Self::LAP_BITS, 0)
    }

    /// The slot at `position`.
    #[inline(always)]
    fn slot(&self, geometry: Geometry, position: usize) -> &AtomicWord {
        let slots = self.slots.slots();
        let index = geometry.index(position);
        debug_assert!(index < slots.len());
        // SAFETY: every position comes from `Geometry::new`'s capacity, which is `slots.len()`, by
        // `after` and `position`, so its index is below it; `Storage` promises that the length does
        // not change.
        unsafe { &slots.get_unchecked(index).0 }
    }

    /// The word of a slot that is empty in `era`.
    #[inline(always)]
    fn empty(geometry: Geometry, era: usize) -> Word {
        (geometry.lap(era) as Word) << Self::LAP_SHIFT
    }

    /// The word of a slot that has been full with `value` since `era`.
    #[inline(always)]
    fn full(geometry: Geometry, era: usize, value: T) -> Word {
        let bits = (value.into_bits() as Word) << VALUE_SHIFT & Self::VALUE_MASK;
        Self::empty(geometry, era) | bits | FULL
    }

    /// The value in a word.
    #[inline(always)]
    fn value(word: Word) -> T {
        T::from_bits(((word & Self::VALUE_MASK) >> VALUE_SHIFT) as u32)
    }

    /// The era of a word.
    #[inline(always)]
    fn era(geometry: Geometry, word: Word) -> usize {
        geometry.of_lap((word >> Self::LAP_SHIFT) as usize)
    }

    /// Reads `word`, found at `position`.
    #[inline(always)]
    fn look(geometry: Geometry, position: usize, word: Word) -> Seen {
        let era = geometry.era(position);
        let found = Self::era(geometry, word);
        if found == era {
            return if word & FULL != 0 { Seen::Full } else { Seen::Empty };
        }
        if word & FULL != 0 && geometry.era_after(found) == era {
            return Seen::Before;
        }
        Seen::Later(Self::later(geometry, position, word))
    }

    /// Where to go on from a late hint. A slot has been popped in every lap before the one it shows:
    /// both ends of the queue are past it there.
    #[cold]
    fn later(geometry: Geometry, position: usize, word: Word) -> usize {
        let popped = geometry.era_before(Self::era(geometry, word));
        geometry.after(popped | geometry.index(position))
    }

    /// As the trait's [`try_push`](Queue::try_push).
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: release, pairs with
    /// [`try_pop`](Self::try_pop)'s acquire. Source: QU005 without waiting.
    #[inline]
    pub fn try_push(&self, value: T) -> Result<(), PushError<T>> {
        let geometry = self.geometry();
        // Acquire, pairs with the Release store of a pusher: what it knew to be pushed, we know.
        let mut position = self.tail.load(Ordering::Acquire);
        loop {
            let slot = self.slot(geometry, position);
            // Acquire, pairs with the Release of a pop's exchange: whoever popped here is done.
            let mut word = slot.load(Ordering::Acquire);
            loop {
                match Self::look(geometry, position, word) {
                    Seen::Empty if word & CLOSED == 0 => {
                        let new = Self::full(geometry, geometry.era(position), value);
                        // Release, pairs with a pop's Acquire load: what we did before the push.
                        // Acquire on failure: we go on from what we see (relaxed let a thread that
                        // had just pushed see `Empty`).
                        match slot.compare_exchange(word, new, Ordering::Release, Ordering::Acquire)
                        {
                            Ok(_) => {
                                // Release, pairs with the Acquire load of a pusher.
                                self.tail.store(geometry.after(position), Ordering::Release);
                                return Ok(());
                            }
                            Err(now) => word = now,
                        }
                    }
                    Seen::Empty => return Err(PushError::Closed(value)),
                    Seen::Before if word & CLOSED != 0 => return Err(PushError::Closed(value)),
                    Seen::Before => {
                        // Pairs with the fence before another thread's `Empty`: see the module's
                        // "linearization points".
                        fence(Ordering::SeqCst);
                        // Acquire: as the first look.
                        let now = slot.load(Ordering::Acquire);
                        if now == word {
                            return Err(PushError::Full(value));
                        }
                        word = now;
                    }
                    Seen::Full => {
                        position = geometry.after(position);
                        break;
                    }
                    Seen::Later(further) => {
                        position = further;
                        break;
                    }
                }
            }
        }
    }

    /// As the trait's [`try_pop`](Queue::try_pop).
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: acquire, pairs with
    /// [`try_push`](Self::try_push)'s release. Source: QU007 without waiting.
    #[inline]
    pub fn try_pop(&self) -> Result<T, PopError> {
        let geometry = self.geometry();
        // Acquire, pairs with the Release store of a popper: what it knew to be popped, we know.
        let mut position = self.head.load(Ordering::Acquire);
        loop {
            let slot = self.slot(geometry, position);
            // Acquire, pairs with the Release of a push's exchange: what came before the push.
            let mut word = slot.load(Ordering::Acquire);
            loop {
                match Self::look(geometry, position, word) {
                    Seen::Full => {
                        let next = geometry.era_after(geometry.era(position));
                        // The mark of a closed ring that was full stays in its slot.
                        let new = Self::empty(geometry, next) | (word & CLOSED);
                        // Release, pairs with a push's Acquire load: we are done with the slot.
                        // Acquire on failure: as in `try_push`.
                        match slot.compare_exchange(word, new, Ordering::Release, Ordering::Acquire)
                        {
                            Ok(_) => {
                                // Release, pairs with the Acquire load of a popper.
                                self.head.store(geometry.after(position), Ordering::Release);
                                return Ok(Self::value(word));
                            }
                            Err(now) => word = now,
                        }
                    }
                    Seen::Empty if word & CLOSED != 0 => return Err(PopError::Closed),
                    Seen::Empty => {
                        // Pairs with the fence before another thread's `Full`.
                        fence(Ordering::SeqCst);
                        // Acquire: as the first look.
                        let now = slot.load(Ordering::Acquire);
                        if now == word {
                            return Err(PopError::Empty);
                        }
                        word = now;
                    }
                    Seen::Later(further) => {
                        position = further;
                        break;
                    }
                    Seen::Before => {
                        position = Self::later(geometry, position, word);
                        break;
                    }
                }
            }
        }
    }

    /// Walks from the hint to the true tail. Gives the position and the word found in its slot,
    /// which is empty or full from the lap before.
    fn find_tail(&self) -> (usize, Word) {
        let geometry = self.geometry();
        // Acquire, twice: as in `try_push`.
        let mut position = self.tail.load(Ordering::Acquire);
        loop {
            let word = self.slot(geometry, position).load(Ordering::Acquire);
            position = match Self::look(geometry, position, word) {
                Seen::Empty | Seen::Before => return (position, word),
                Seen::Full => geometry.after(position),
                Seen::Later(further) => further,
            };
        }
    }

    /// Walks from the hint to the true head. Gives the position and the word found in its slot, which
    /// is empty or full.
    fn find_head(&self) -> (usize, Word) {
        let geometry = self.geometry();
        // Acquire, twice: as in `try_pop`.
        let mut position = self.head.load(Ordering::Acquire);
        loop {
            let word = self.slot(geometry, position).load(Ordering::Acquire);
            position = match Self::look(geometry, position, word) {
                Seen::Empty | Seen::Full => return (position, word),
                Seen::Later(further) => further,
                Seen::Before => Self::later(geometry, position, word),
            };
        }
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
        let geometry = self.geometry();
        loop {
            let (position, word) = self.find_tail();
            if word & CLOSED != 0 {
                return Err(PushError::Closed(value));
            }
            let new = Self::full(geometry, geometry.era(position), value);
            // Release, pairs with a pop's Acquire load: what we did before the push. The slot's last
            // change was acquired by `find_tail`'s load of it. Relaxed on failure: `find_tail` looks
            // again.
            if self
                .slot(geometry, position)
                .compare_exchange(word, new, Ordering::Release, Ordering::Relaxed)
                .is_err()
            {
                continue;
            }
            let next = geometry.after(position);
            // Release, pairs with the Acquire load of a pusher.
            self.tail.store(next, Ordering::Release);
            if word & FULL == 0 {
                return Ok(None);
            }
            // The oldest value was here, a lap before, and now the next slot has the oldest. Release,
            // pairs with the Acquire load of a popper.
            let head = geometry.era_before(geometry.era(position)) | geometry.index(position);
            self.head.store(geometry.after(head), Ordering::Release);
            return Ok(Some(Self::value(word)));
        }
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
    pub fn peek(&self) -> Option<T> {
        loop {
            let (position, word) = self.find_head();
            // Pairs with the fence before another thread's `Empty` or `Full`.
            fence(Ordering::SeqCst);
            // Acquire: as the first look.
            if self.slot(self.geometry(), position).load(Ordering::Acquire) == word {
                return (word & FULL != 0).then(|| Self::value(word));
            }
        }
    }

    /// As the trait's [`close`](Queue::close).
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: release, pairs with the acquire of the
    /// operation that answers `Closed`.
    pub fn close(&self) -> bool {
        let geometry = self.geometry();
        loop {
            let (position, word) = self.find_tail();
            if word & CLOSED != 0 {
                return false;
            }
            // Release, pairs with the Acquire load that sees the mark: what came before the close.
            // Relaxed on failure: `find_tail` looks again.
            let slot = self.slot(geometry, position);
            if slot
                .compare_exchange(word, word | CLOSED, Ordering::Release, Ordering::Relaxed)
                .is_ok()
            {
                return true;
            }
        }
    }
}

impl<T: Bits, S: Storage<Slot = WordSlot>, W: Width> Queue for WordRingIn<T, S, W> {
    type Item = T;

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
        self.find_tail().1 & CLOSED != 0
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.slots.slots().len())
    }

    fn len(&self) -> usize {
        let capacity = self.slots.slots().len();
        let head = self.find_head().0;
        let len = self.geometry().distance(head, self.find_tail().0);
        // Between the two walks both ends may have moved on.
        if len < capacity { len } else { capacity }
    }

    fn ticket(&self) -> usize {
        self.find_tail().0
    }

    fn ticket_after(&self, ticket: usize, pushes: usize) -> usize {
        self.geometry().advance(ticket, pushes)
    }

    fn tickets_between(&self, from: usize, to: usize) -> usize {
        self.geometry().distance(from, to)
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
