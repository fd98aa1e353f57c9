//! The ring of words where the target has no compare-and-swap: each operation is one critical section.
//!
//! # Layout
//!
//! A word a slot, which holds the value and nothing else, and two positions (`ring.rs`): `head`, of the
//! next pop, and `tail`, of the next push, whose top bit says that the ring is closed.
//!
//! # Invariants
//!
//! 1. `tail` is `head` or later, by at most a lap: the same is empty, a whole lap is full.
//! 2. Positions and slots are touched in a critical section only, in which no code of the caller runs.
//!
//! # Linearization points
//!
//! All operations in their section. `Full`, `Empty`, `Closed` and `len` are exact.
//!
//! # Progress and cost
//!
//! Wait-free where a section only keeps interrupts off; where it also keeps other harts away, they wait
//! for it. Interrupt-safe. No atomic access. One word a slot and two for the ends. Interrupt-off window:
//! the operation, which is some twenty instructions on a Cortex-M0.

use core::marker::PhantomData;

use super::{Bits, Index, WordSlot};
use crate::atomic::UnsafeCell;
use crate::error::{PopError, PushError};
use crate::queue::ring::{Geometry, Storage, Width};

const CLOSED: usize = 1 << (usize::BITS - 1);

/// One slot: a value.
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct Slot(UnsafeCell<u32>);

// SAFETY: invariant 2; a word can be moved to another thread.
unsafe impl Sync for Slot {}

impl Slot {
    pub(super) const fn new() -> Self {
        Self(UnsafeCell::new(0))
    }
}

/// As [`WordRingIn`](super::WordRingIn), whose methods these are.
pub(super) struct Ring<T, S, W> {
    ends: UnsafeCell<Ends>,
    slots: S,
    marker: PhantomData<fn(T, W) -> T>,
}

// SAFETY: the ends are touched in a critical section only (invariant 2); the slots are `Sync`.
unsafe impl<T, S: Sync, W> Sync for Ring<T, S, W> {}

struct Ends {
    head: usize,
    tail: usize,
}

impl<T, S, W> Ring<T, S, W> {
    /// `slots` are all new.
    pub(super) const fn new(slots: S) -> Self {
        Self { ends: UnsafeCell::new(Ends { head: 0, tail: 0 }), slots, marker: PhantomData }
    }
}

impl<const N: usize, W: Width> Ring<Index<N>, [WordSlot; N], W> {
    pub(super) const fn of_all_indices() -> Self {
        let mut slots = [const { WordSlot::new() }; N];
        let mut index = 0;
        while index < N {
            slots[index] = WordSlot(Slot(UnsafeCell::new(index as u32)));
            index += 1;
        }
        let tail = geometry::<W>(N).era_after(0);
        Self { ends: UnsafeCell::new(Ends { head: 0, tail }), slots, marker: PhantomData }
    }
}

/// One bit of a position is spared for `CLOSED`.
#[inline(always)]
const fn geometry<W: Width>(capacity: usize) -> Geometry {
    Geometry::new(capacity, W::LAP_BITS, 1)
}

/// A ring inside its critical section.
struct Inside<'a, S> {
    ends: &'a mut Ends,
    slots: &'a [WordSlot],
    geometry: Geometry,
    marker: PhantomData<S>,
}

impl<S: Storage> Inside<'_, S> {
    /// The position of the next push.
    #[inline(always)]
    fn tail(&self) -> usize {
        self.ends.tail & !CLOSED
    }

    #[inline(always)]
    fn is_closed(&self) -> bool {
        self.ends.tail & CLOSED != 0
    }

    #[inline(always)]
    fn is_empty(&self) -> bool {
        self.tail() == self.ends.head
    }

    #[inline(always)]
    fn is_full(&self) -> bool {
        let (head, tail) = (self.ends.head, self.tail());
        head != tail && self.geometry.index(head ^ tail) == 0
    }

    #[inline(always)]
    fn after(&self, position: usize) -> usize {
        match S::CAPACITY {
            Some(_) => self.geometry.after_const(position),
            None => self.geometry.after(position),
        }
    }

    /// The word of the slot at `position`.
    #[inline(always)]
    fn slot(&mut self, position: usize) -> &mut u32 {
        let index = self.geometry.index(position);
        debug_assert!(index < self.slots.len());
        // SAFETY: every position comes from the geometry of `slots.len()` slots, so its index is below it;
        // `Storage` promises that the length does not change.
        let slot = unsafe { self.slots.get_unchecked(index) };
        // SAFETY: invariant 2, and `Storage` promises that no other ring has these slots. The borrow of
        // `self` keeps it the only one.
        slot.0.0.with_mut(|word| unsafe { &mut *word })
    }

    /// The oldest value; there is one.
    #[inline(always)]
    fn oldest(&mut self) -> u32 {
        *self.slot(self.ends.head)
    }

    /// Takes the oldest value; there is one.
    #[inline(always)]
    fn pop(&mut self) -> u32 {
        let bits = self.oldest();
        self.ends.head = self.after(self.ends.head);
        bits
    }

    /// Adds a value; the ring is neither full nor closed.
    #[inline(always)]
    fn push(&mut self, bits: u32) {
        let tail = self.ends.tail;
        *self.slot(tail) = bits;
        self.ends.tail = self.after(tail);
    }
}

impl<T: Bits, S: Storage<Slot = WordSlot>, W: Width> Ring<T, S, W> {
    const MASK: u32 = if T::BITS == 0 { 0 } else { u32::MAX >> (u32::BITS - T::BITS) };

    #[inline(always)]
    pub(super) fn geometry(&self) -> Geometry {
        geometry::<W>(self.capacity())
    }

    /// Runs `f` in a critical section. It must not run code of the caller, which could come back here.
    #[inline(always)]
    fn with<R>(&self, f: impl FnOnce(Inside<'_, S>) -> R) -> R {
        let (slots, geometry) = (self.slots.slots(), self.geometry());
        critical_section::with(|_| {
            self.ends.with_mut(|ends| {
                // SAFETY: in a critical section, and `f` does not come back here (invariant 2): the only
                // reference while it lives.
                let ends = unsafe { &mut *ends };
                f(Inside { ends, slots, geometry, marker: PhantomData })
            })
        })
    }

    #[inline(always)]
    pub(super) fn try_push(&self, value: T) -> Result<(), PushError<T>> {
        let bits = value.into_bits() & Self::MASK;
        let pushed = self.with(|mut ring| {
            if ring.is_closed() {
                return Err(PushError::Closed(()));
            }
            if ring.is_full() {
                return Err(PushError::Full(()));
            }
            ring.push(bits);
            Ok(())
        });
        pushed.map_err(|error| match error {
            PushError::Full(()) => PushError::Full(value),
            PushError::Closed(()) => PushError::Closed(value),
        })
    }

    #[inline(always)]
    pub(super) fn try_pop(&self) -> Result<T, PopError> {
        let popped = self.with(|mut ring| {
            if !ring.is_empty() {
                Ok(ring.pop())
            } else if ring.is_closed() {
                Err(PopError::Closed)
            } else {
                Err(PopError::Empty)
            }
        });
        popped.map(T::from_bits)
    }

    pub(super) fn force_push(&self, value: T) -> Result<Option<T>, PushError<T>> {
        let bits = value.into_bits() & Self::MASK;
        let pushed = self.with(|mut ring| {
            if ring.is_closed() {
                return None;
            }
            let displaced = if ring.is_full() { Some(ring.pop()) } else { None };
            ring.push(bits);
            Some(displaced)
        });
        match pushed {
            Some(displaced) => Ok(displaced.map(T::from_bits)),
            None => Err(PushError::Closed(value)),
        }
    }

    pub(super) fn peek(&self) -> Option<T> {
        let oldest = self.with(|mut ring| if ring.is_empty() { None } else { Some(ring.oldest()) });
        oldest.map(T::from_bits)
    }

    pub(super) fn close(&self) -> bool {
        self.with(|ring| {
            let was_closed = ring.is_closed();
            ring.ends.tail |= CLOSED;
            !was_closed
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.with(|ring| ring.is_closed())
    }

    pub(super) fn capacity(&self) -> usize {
        self.slots.slots().len()
    }

    pub(super) fn len(&self) -> usize {
        self.with(|ring| ring.geometry.distance(ring.ends.head, ring.tail()))
    }

    pub(super) fn ticket(&self) -> usize {
        self.with(|ring| ring.tail())
    }
}
