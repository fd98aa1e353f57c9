//! What the rings have in common: where slots live, and how a position is written.
//!
//! A *position* is `lap << index_bits | index`: which slot, and how often the ring has gone round.
//! Any capacity works, because the index wraps by comparison, not by mask. `index_bits` is as small
//! as the capacity allows, so the lap is as wide as it can be.

/// Where a ring keeps its slots: an array inside it, or memory that somebody else allocated.
///
/// This is how one algorithm serves a `static` on a microcontroller and a queue whose capacity is
/// known only at run time.
///
/// # Safety
///
/// [`slots`](Storage::slots) returns the same slots, at the same place relative to `self`, at every
/// call: a ring lets two threads into the same slot if the length changes between two calls.
///
/// ```
/// use inkle_core::queue::Storage;
///
/// /// Slots on the heap.
/// struct Boxed<S>(Box<[S]>);
///
/// // SAFETY: a box does not change its length.
/// unsafe impl<S> Storage for Boxed<S> {
///     type Slot = S;
///     fn slots(&self) -> &[S] {
///         &self.0
///     }
/// }
/// ```
pub unsafe trait Storage {
    /// One slot.
    type Slot;

    /// The slots, always the same ones.
    fn slots(&self) -> &[Self::Slot];
}

// SAFETY: an array has one length and lies in place.
unsafe impl<S, const N: usize> Storage for [S; N] {
    type Slot = S;

    #[inline(always)]
    fn slots(&self) -> &[S] {
        self
    }
}

/// How wide a ring's lap counter may be at most.
///
/// [`Native`] takes every bit that is left. [`Narrow`] exists for models and tests: with two or
/// three bits the wrap-around is reached in a handful of operations.
pub trait Width {
    /// The limit in bits.
    const LAP_BITS: u32;
}

/// Every bit that is left in the word.
#[derive(Debug)]
pub struct Native;

impl Width for Native {
    const LAP_BITS: u32 = u32::MAX;
}

/// At most `BITS` bits: for models and tests of the wrap-around.
#[derive(Debug)]
pub struct Narrow<const BITS: u32>;

impl<const BITS: u32> Width for Narrow<BITS> {
    const LAP_BITS: u32 = BITS;
}

/// The arithmetic of positions in a ring of `capacity` slots with laps of `lap_bits` bits.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    capacity: usize,
    index_bits: u32,
    lap_mask: usize,
}

impl Geometry {
    /// `capacity` is at least 1; `lap_bits` is cut to what fits into a position that leaves
    /// `spare_bits` free.
    #[inline(always)]
    pub(super) const fn new(capacity: usize, lap_bits: u32, spare_bits: u32) -> Self {
        let index_bits = index_bits(capacity);
        let room = usize::BITS - index_bits - spare_bits;
        let lap_bits = if lap_bits < room { lap_bits } else { room };
        Self { capacity, index_bits, lap_mask: mask(lap_bits) }
    }

    #[inline(always)]
    pub(super) const fn index(self, position: usize) -> usize {
        position & mask(self.index_bits)
    }

    #[inline(always)]
    pub(super) const fn lap(self, position: usize) -> usize {
        // Two steps: with one slot per bit of the word the shift itself may not be the full width.
        (position >> self.index_bits) & self.lap_mask
    }

    #[inline(always)]
    pub(super) const fn position(self, lap: usize, index: usize) -> usize {
        (lap & self.lap_mask) << self.index_bits | index
    }

    #[inline(always)]
    pub(super) const fn after(self, position: usize) -> usize {
        let index = self.index(position) + 1;
        if index < self.capacity {
            position + 1
        } else {
            self.position(self.lap(position).wrapping_add(1), 0)
        }
    }

    /// `steps` times [`after`](Self::after), modulo the word.
    pub(super) const fn advance(self, position: usize, steps: usize) -> usize {
        // The two remainders are each below the capacity, which leaves room for their sum (`new`'s
        // callers limit it), so neither the division nor the sum can go wrong.
        let index = self.index(position) + steps % self.capacity;
        let laps = steps / self.capacity + index / self.capacity;
        self.position(self.lap(position).wrapping_add(laps), index % self.capacity)
    }

    /// The same slot, one lap later.
    #[inline(always)]
    pub(super) const fn lap_later(self, position: usize) -> usize {
        self.position(self.lap(position).wrapping_add(1), self.index(position))
    }

    #[inline(always)]
    pub(super) const fn lap_after(self, lap: usize) -> usize {
        lap.wrapping_add(1) & self.lap_mask
    }

    /// How many steps of [`after`](Self::after) lead from one position to another.
    pub(super) const fn distance(self, from: usize, to: usize) -> usize {
        let laps = self.lap(to).wrapping_sub(self.lap(from)) & self.lap_mask;
        // Wrapping: with more than half a turn between them the answer is modulo the word.
        laps.wrapping_mul(self.capacity).wrapping_add(self.index(to)).wrapping_sub(self.index(from))
    }
}

/// The lowest `bits` bits set.
#[inline(always)]
pub(super) const fn mask(bits: u32) -> usize {
    if bits >= usize::BITS { usize::MAX } else { (1 << bits) - 1 }
}

/// How many bits an index into `capacity` slots needs.
#[inline(always)]
pub(super) const fn index_bits(capacity: usize) -> u32 {
    if capacity <= 1 { 0 } else { usize::BITS - (capacity - 1).leading_zeros() }
}
