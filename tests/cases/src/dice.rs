//! Numbers at random, the same ones every time; and numbers that a fuzzer has chosen.

/// Where a random test has its choices from.
pub trait Choices {
    /// A number below `sides`, which is at most 2^16.
    fn roll(&mut self, sides: usize) -> usize;

    /// Whether this was all: from here on each choice is 0.
    fn are_over(&self) -> bool;

    /// A number of so many bits.
    fn number(&mut self, bits: u32) -> u64 {
        let mut number = 0;
        let mut left = bits;
        while left > 0 {
            let some = left.min(16);
            number = number << some | self.roll(1 << some) as u64;
            left -= some;
        }
        number
    }
}

/// A small generator (xorshift32: a small machine has no wide multiplier).
#[derive(Debug)]
pub struct Dice(u32);

impl Dice {
    /// The same seed, the same numbers.
    pub fn new(seed: u64) -> Self {
        Self((seed as u32).wrapping_mul(0x9E37_79B9) | 1)
    }

    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        // The high bits, scaled: no division, and better than the low ones.
        ((u64::from(self.0) * sides as u64) >> 32) as usize
    }
}

impl Choices for Dice {
    fn roll(&mut self, sides: usize) -> usize {
        Self::roll(self, sides)
    }

    fn are_over(&self) -> bool {
        false
    }
}

/// What a fuzzer has written: a byte for a small choice, two for a large one.
#[derive(Debug)]
pub struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }
}

impl Choices for Bytes<'_> {
    fn roll(&mut self, sides: usize) -> usize {
        let high = if sides > 256 { self.next() << 8 } else { 0 };
        (high | self.next()) % sides
    }

    fn are_over(&self) -> bool {
        self.0.is_empty()
    }
}
