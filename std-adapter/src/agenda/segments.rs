//! Slots for a wheel that grows: rows on the heap, each twice as long as the one before, so that a slot
//! stays where it is.

use std::ops::Range;
use std::sync::OnceLock;

use crate::kernel::timer::{Slot, Slots};

/// Slots of the first row.
const FIRST: usize = 64;

/// Bits of a slot's number, and as many rows as it has room for: the list of the free slots needs a word
/// of 64 bits for millions of them. (What finds no slot goes into the agenda's map.)
const BITS: u32 = if cfg!(target_has_atomic = "64") { 24 } else { 11 };
const ROWS: usize = if cfg!(target_has_atomic = "64") { 18 } else { 4 };

pub(super) struct Segments<T> {
    rows: [OnceLock<Box<[Slot<T>]>>; ROWS],
}

impl<T> Segments<T> {
    pub(super) const fn new() -> Self {
        Self { rows: [const { OnceLock::new() }; ROWS] }
    }

    /// Adds a row and gives its numbers; `None` if there is room for no more. Called by one at a time.
    pub(super) fn grow(&self) -> Option<Range<usize>> {
        let (number, row) = self.rows.iter().enumerate().find(|(_, row)| row.get().is_none())?;
        let start = FIRST * ((1 << number) - 1);
        let len = FIRST << number;
        row.get_or_init(|| (0..len).map(|_| Slot::new()).collect());
        Some(start..start + len)
    }

    /// The row of a number, and the place in it.
    const fn place(index: usize) -> (usize, usize) {
        let row = (index / FIRST + 1).ilog2() as usize;
        (row, index - FIRST * ((1 << row) - 1))
    }
}

// SAFETY: a row never changes once it is there, numbers are places in rows, one behind the other, and
// nobody else reaches the slots. The last number is FIRST * (2^ROWS - 1) - 1, which is below 2^BITS - 1.
unsafe impl<T> Slots for Segments<T> {
    type Value = T;

    const LINK_BITS: u32 = BITS;

    fn get(&self, index: usize) -> Option<&Slot<T>> {
        let (row, place) = Self::place(index);
        self.rows.get(row)?.get()?.get(place)
    }

    unsafe fn get_unchecked(&self, index: usize) -> &Slot<T> {
        match self.get(index) {
            Some(slot) => slot,
            // SAFETY: the caller's promise: the number was admitted, so its row is there.
            None => unsafe { std::hint::unreachable_unchecked() },
        }
    }
}

const _: () = assert!(FIRST * ((1 << ROWS) - 1) < (1 << BITS) - 1, "a number has so many bits");
