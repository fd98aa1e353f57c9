//! What the rings have in common: where slots live, and how a position is written.
//!
//! A *position* says which slot, and how often the ring has gone round. Any capacity works, because
//! the index wraps by comparison, not by mask; the index has as few bits as the capacity allows, so
//! the lap is as wide as it can be.

/// Where a ring keeps its slots: an array inside it, or memory that somebody else allocated.
///
/// This is how one algorithm serves a `static` on a microcontroller and a queue whose capacity is
/// known only at run time.
///
/// # Safety
///
/// [`slots`](Storage::slots) returns the same slots, at the same place relative to `self`, at every
/// call: a ring lets two threads into the same slot if the length changes between two calls. Nobody
/// else reaches them: two rings over the same slots would hand out each other's items.
/// [`CAPACITY`](Storage::CAPACITY), if given, is their number.
///
/// ```
/// use inkle_core::queue::Storage;
///
/// /// Slots on the heap.
/// struct Boxed<S>(Box<[S]>);
///
/// // SAFETY: a box does not change its length, and owns its slots alone.
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

    /// How many slots there are, if that is known when compiling.
    const CAPACITY: Option<usize> = None;

    /// The slots, always the same ones.
    fn slots(&self) -> &[Self::Slot];
}

// SAFETY: an array has one length and lies in place.
unsafe impl<S, const N: usize> Storage for [S; N] {
    type Slot = S;

    const CAPACITY: Option<usize> = Some(N);

    #[inline(always)]
    fn slots(&self) -> &[S] {
        self
    }
}

/// How wide a ring's lap counter may be at most.
///
/// [`Native`] takes every bit that is left, and nothing else is offered: what is memory safe because a
/// counter does not come round while somebody sleeps needs all of them. Tests of the wrap-around have one
/// of two or three bits, `Narrow`, behind the feature `narrow`.
pub trait Width: sealed::Sealed {
    /// The limit in bits.
    const LAP_BITS: u32;
}

/// Every bit that is left in the word.
#[derive(Debug)]
pub struct Native;

impl sealed::Sealed for Native {}
impl Width for Native {
    const LAP_BITS: u32 = u32::MAX;
}

/// At most `BITS` bits: for models and tests of the wrap-around, and for nothing else. In a structure with tags, a
/// thread that sleeps while they come round takes the new for the old, and what it does then is undefined.
#[cfg(any(feature = "narrow", inkle_loom, inkle_steps))]
#[derive(Debug)]
pub struct Narrow<const BITS: u32>;

#[cfg(any(feature = "narrow", inkle_loom, inkle_steps))]
impl<const BITS: u32> sealed::Sealed for Narrow<BITS> {}
#[cfg(any(feature = "narrow", inkle_loom, inkle_steps))]
impl<const BITS: u32> Width for Narrow<BITS> {
    const LAP_BITS: u32 = BITS;
}

mod sealed {
    pub trait Sealed {}
}

/// The arithmetic of positions in a ring.
///
/// A position is `lap * one_lap + index`, where `one_lap` is the capacity rounded up to a power of
/// two. `position - index` is called the position's *era*: the lap without the shift.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    capacity: usize,
    one_lap: usize,
    /// The bits of the lap, in place.
    era_mask: usize,
}

impl Geometry {
    /// `capacity` is at least 1; laps have `lap_bits` bits, or as many as a position has left beside
    /// the index and `spare_bits` at its top.
    #[inline(always)]
    pub(super) const fn new(capacity: usize, lap_bits: u32, spare_bits: u32) -> Self {
        Self::with_one_lap(capacity, one_lap(capacity), lap_bits, spare_bits)
    }

    /// As [`new`](Self::new), for a capacity that is not known when compiling: `one_lap` was computed
    /// before.
    #[inline(always)]
    pub(super) const fn with_one_lap(
        capacity: usize,
        one_lap: usize,
        lap_bits: u32,
        spare_bits: u32,
    ) -> Self {
        let era_mask = if lap_bits < usize::BITS {
            mask(lap_bits).wrapping_mul(one_lap)
        } else if usize::BITS == 64 {
            // At 10^9 operations a second the top bit is reached in 292 years: no need to mask.
            usize::MAX
        } else {
            usize::MAX >> spare_bits
        };
        Self { capacity, one_lap, era_mask }
    }

    #[inline(always)]
    pub(super) const fn index(self, position: usize) -> usize {
        position & (self.one_lap - 1)
    }

    #[inline(always)]
    pub(super) const fn era(self, position: usize) -> usize {
        position & !(self.one_lap - 1)
    }

    /// The number of an era's lap.
    #[inline(always)]
    pub(super) const fn lap(self, era: usize) -> usize {
        era >> self.one_lap.trailing_zeros()
    }

    /// The era of the lap with this number.
    #[inline(always)]
    pub(super) const fn of_lap(self, lap: usize) -> usize {
        lap << self.one_lap.trailing_zeros()
    }

    #[inline(always)]
    pub(super) const fn era_after(self, era: usize) -> usize {
        era.wrapping_add(self.one_lap) & self.era_mask
    }

    #[inline(always)]
    pub(super) const fn era_before(self, era: usize) -> usize {
        era.wrapping_sub(self.one_lap) & self.era_mask
    }

    /// The next position: the next slot, or the first one a lap later.
    #[inline(always)]
    pub(super) const fn after(self, position: usize) -> usize {
        if self.index(position) + 1 < self.capacity {
            position + 1
        } else {
            self.era_after(self.era(position))
        }
    }

    /// `steps` times [`after`](Self::after), at most one lap: without a division.
    #[inline(always)]
    pub(super) const fn forward(self, position: usize, steps: usize) -> usize {
        let index = self.index(position) + steps;
        if index < self.capacity {
            position + steps
        } else {
            self.era_after(self.era(position)) | (index - self.capacity)
        }
    }

    /// Where `len` slots from a position on lie, at most one lap: the index of the first, how many
    /// there are up to the end, and how many more from the beginning on.
    #[inline(always)]
    pub(super) const fn rows(self, position: usize, len: usize) -> (usize, usize, usize) {
        let index = self.index(position);
        let first = if len < self.capacity - index { len } else { self.capacity - index };
        (index, first, len - first)
    }

    /// As [`after`](Self::after), for a capacity that is known when compiling: of a power of two the
    /// index overflows into the lap by itself. (Where it is not known the test costs a quarter of a
    /// queue's operation: measured.)
    #[inline(always)]
    pub(super) const fn after_const(self, position: usize) -> usize {
        if self.capacity == self.one_lap {
            position.wrapping_add(1) & (self.era_mask | (self.one_lap - 1))
        } else {
            self.after(position)
        }
    }

    /// `steps` times [`after`](Self::after).
    pub(super) const fn advance(self, position: usize, steps: usize) -> usize {
        // The two remainders are each below the capacity, and `index_bits` of it leave room for
        // their sum.
        let index = self.index(position) + steps % self.capacity;
        let laps = steps / self.capacity + index / self.capacity;
        let era = self.era(position).wrapping_add(laps.wrapping_mul(self.one_lap));
        (era & self.era_mask) | (index % self.capacity)
    }

    /// How many steps of [`after`](Self::after) lead from one position to another, modulo the word.
    #[inline]
    pub(super) const fn distance(self, from: usize, to: usize) -> usize {
        let eras = self.era(to).wrapping_sub(self.era(from)) & self.era_mask;
        let laps = eras / self.one_lap;
        laps.wrapping_mul(self.capacity).wrapping_add(self.index(to)).wrapping_sub(self.index(from))
    }
}

/// The lowest `bits` bits set.
const fn mask(bits: u32) -> usize {
    if bits >= usize::BITS { usize::MAX } else { (1 << bits) - 1 }
}

/// How many bits an index into `capacity` slots needs.
#[inline(always)]
pub(crate) const fn index_bits(capacity: usize) -> u32 {
    if capacity <= 1 { 0 } else { usize::BITS - (capacity - 1).leading_zeros() }
}

/// `capacity` rounded up to a power of two.
#[inline(always)]
pub(super) const fn one_lap(capacity: usize) -> usize {
    1 << index_bits(capacity)
}

/// Whether a ring can have this many slots: at least one, and eight bits left for the laps.
pub(super) const fn is_possible(capacity: usize) -> bool {
    capacity != 0 && index_bits(capacity) + 8 <= usize::BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every capacity up to 9 with laps of 2 and 3 bits: `after` visits each slot of each lap in
    /// turn and comes back to the start.
    #[test]
    fn positions_go_round() {
        for capacity in 1..=9 {
            for lap_bits in [2, 3] {
                for spare_bits in [0, 1] {
                    let geometry = Geometry::new(capacity, lap_bits, spare_bits);
                    let all = capacity << lap_bits;
                    let mut position = 0;
                    for step in 0..all {
                        assert_eq!(geometry.index(position), step % capacity);
                        assert_eq!(geometry.era(position), (step / capacity) * one_lap(capacity));
                        assert_eq!(geometry.distance(0, position), step);
                        assert_eq!(geometry.advance(0, step), position);
                        assert_eq!(geometry.advance(position, all - step), 0);
                        for steps in 0..=capacity {
                            assert_eq!(
                                geometry.forward(position, steps),
                                geometry.advance(position, steps)
                            );
                        }
                        position = geometry.after(position);
                    }
                    assert_eq!(position, 0);
                }
            }
        }
    }

    /// The largest laps end at the word's edge.
    #[test]
    fn the_last_lap_is_followed_by_the_first() {
        for capacity in [1, 2, 3, 8, 1000] {
            let geometry = Geometry::new(capacity, u32::MAX, 0);
            let last = geometry.era_before(0) | (capacity - 1);
            assert_eq!(geometry.after(last), 0);
            assert_eq!(geometry.distance(last, 0), 1);
            assert_eq!(geometry.era_after(geometry.era_before(0)), 0);
        }
    }
}
