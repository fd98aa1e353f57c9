//! The ring of words by compare-and-swap.
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
//! read-modify-write an operation. Interrupt-off window: none (where compare-and-swap is emulated: that
//! of one instruction). After a thread stalled between its exchange and its hint, one
//! later operation walks over at most `N` slots.
//!
//! # The bound
//!
//! A thread that sleeps between reading a slot and exchanging it, while the ring goes round exactly
//! `2^lap_bits` times (2^30 for 32-bit values in a 64-bit word), takes the old state for the new
//! one; so does one that then finds a hint as late as that.

use core::marker::PhantomData;

use super::{Bits, Index, WordSlot};
use crate::atomic::{AtomicUsize, AtomicWord, Ordering, Word, fence};
use crate::error::{PopError, PushError};
use crate::pad::Pad;
use crate::queue::ring::{Geometry, Storage, Width};

const FULL: Word = 1;
const CLOSED: Word = 2;
const VALUE_SHIFT: u32 = 2;

/// One slot.
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct Slot(AtomicWord);

impl Slot {
    const_fn! {
        /// Empty in lap 0.
        pub(super) const fn new() -> Self {
            Self(AtomicWord::new(0))
        }
    }

    const_fn! {
        /// Full in lap 0.
        const fn full(value: u32) -> Self {
            Self(AtomicWord::new((value as Word) << VALUE_SHIFT | FULL))
        }
    }
}

/// As [`WordRingIn`](super::WordRingIn), whose methods these are.
#[repr(C)]
pub(super) struct Ring<T, S, W> {
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

impl<T, S, W> Ring<T, S, W> {
    const_fn! {
        /// `slots` are all new.
        pub(super) const fn new(slots: S) -> Self {
            Self {
                head: Pad(AtomicUsize::new(0)),
                tail: Pad(AtomicUsize::new(0)),
                slots,
                marker: PhantomData,
            }
        }
    }
}

impl<const N: usize, W: Width> Ring<Index<N>, [WordSlot; N], W> {
    const_fn! {
        pub(super) const fn of_all_indices() -> Self {
            let mut slots = array![WordSlot::new(); N];
            let mut index = 0;
            while index < N {
                slots[index] = WordSlot(Slot::full(index as u32));
                index += 1;
            }
            let geometry = Geometry::new(N, Self::LAP_BITS, 0);
            Self {
                head: Pad(AtomicUsize::new(0)),
                tail: Pad(AtomicUsize::new(geometry.era_after(0))),
                slots,
                marker: PhantomData,
            }
        }
    }
}

impl<T: Bits, S, W: Width> Ring<T, S, W> {
    const LAP_SHIFT: u32 = VALUE_SHIFT + T::BITS;

    const LAP_BITS: u32 = {
        let room = Word::BITS - Self::LAP_SHIFT;
        if W::LAP_BITS < room { W::LAP_BITS } else { room }
    };

    const VALUE_MASK: Word =
        { if T::BITS == 0 { 0 } else { Word::MAX >> (Word::BITS - T::BITS) << VALUE_SHIFT } };
}

impl<T: Bits, S: Storage<Slot = WordSlot>, W: Width> Ring<T, S, W> {
    #[inline(always)]
    pub(super) fn geometry(&self) -> Geometry {
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
        unsafe { &slots.get_unchecked(index).0.0 }
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
    fn look(&self, geometry: Geometry, position: usize, word: Word) -> Seen {
        let era = geometry.era(position);
        let found = Self::era(geometry, word);
        if found == era {
            return if word & FULL != 0 { Seen::Full } else { Seen::Empty };
        }
        if word & FULL != 0 && geometry.era_after(found) == era {
            return Seen::Before;
        }
        Seen::Later(self.later(position, word))
    }

    /// Where to go on from a late hint. A slot has been popped in every lap before the one it shows:
    /// both ends of the queue are past it there.
    #[cold]
    fn later(&self, position: usize, word: Word) -> usize {
        // Not from the caller, which would put it into memory for this.
        let geometry = self.geometry();
        let popped = geometry.era_before(Self::era(geometry, word));
        geometry.after(popped | geometry.index(position))
    }

    #[inline(always)]
    pub(super) fn try_push(&self, value: T) -> Result<(), PushError<T>> {
        let geometry = self.geometry();
        // Acquire, pairs with the Release store of a pusher: what it knew to be pushed, we know.
        let mut position = self.tail.load(Ordering::Acquire);
        loop {
            let slot = self.slot(geometry, position);
            // Acquire, pairs with the Release of a pop's exchange: whoever popped here is done.
            let mut word = slot.load(Ordering::Acquire);
            loop {
                match self.look(geometry, position, word) {
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

    #[inline(always)]
    pub(super) fn try_pop(&self) -> Result<T, PopError> {
        let geometry = self.geometry();
        // Acquire, pairs with the Release store of a popper: what it knew to be popped, we know.
        let mut position = self.head.load(Ordering::Acquire);
        loop {
            let slot = self.slot(geometry, position);
            // Acquire, pairs with the Release of a push's exchange: what came before the push.
            let mut word = slot.load(Ordering::Acquire);
            loop {
                match self.look(geometry, position, word) {
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
                        position = self.later(position, word);
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
            position = match self.look(geometry, position, word) {
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
            position = match self.look(geometry, position, word) {
                Seen::Empty | Seen::Full => return (position, word),
                Seen::Later(further) => further,
                Seen::Before => self.later(position, word),
            };
        }
    }

    pub(super) fn force_push(&self, value: T) -> Result<Option<T>, PushError<T>> {
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

    pub(super) fn peek(&self) -> Option<T> {
        loop {
            let (position, word) = self.find_head();
            // Pairs with the fence before another thread's `Empty` or `Full`.
            fence(Ordering::SeqCst);
            // Relaxed: if it is the word of the first look, that has acquired it.
            if self.slot(self.geometry(), position).load(Ordering::Relaxed) == word {
                return (word & FULL != 0).then(|| Self::value(word));
            }
        }
    }

    pub(super) fn close(&self) -> bool {
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

    pub(super) fn is_closed(&self) -> bool {
        self.find_tail().1 & CLOSED != 0
    }

    pub(super) fn capacity(&self) -> usize {
        self.slots.slots().len()
    }

    pub(super) fn len(&self) -> usize {
        let capacity = self.capacity();
        let head = self.find_head().0;
        let len = self.geometry().distance(head, self.find_tail().0);
        // Between the two walks both ends may have moved on.
        if len < capacity { len } else { capacity }
    }

    pub(super) fn ticket(&self) -> usize {
        self.find_tail().0
    }
}
