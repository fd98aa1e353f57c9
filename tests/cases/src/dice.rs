//! Numbers at random, the same ones every time.

/// A small generator (xorshift32: a small machine has no wide multiplier).
pub(crate) struct Dice(u32);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
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
