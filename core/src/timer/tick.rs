//! A moment on a wheel's clock.

/// A moment on a wheel's clock: a counter of 32 bits that wraps around.
///
/// What a tick lasts is the user's choice. Two moments can be compared while less than 2^31 ticks lie
/// between them, so there is no `Ord`: [`is_before`](Self::is_before) says it.
///
/// ```
/// use inkle_core::timer::Tick;
///
/// let late = Tick::new(u32::MAX);
/// let soon = late.after(2);
/// assert_eq!(soon, Tick::new(1));
/// assert!(late.is_before(soon));
/// assert_eq!((late.until(soon), soon.until(late)), (2, 0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tick(u32);

impl Tick {
    /// The moment at which the counter shows this.
    #[must_use]
    pub const fn new(count: u32) -> Self {
        Self(count)
    }

    /// What the counter shows.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// That many ticks later. More than 2^31 - 1, the most that can be compared, are taken for so many.
    #[must_use]
    pub const fn after(self, ticks: u32) -> Self {
        let most = u32::MAX / 2;
        Self(self.0.wrapping_add(if ticks < most { ticks } else { most }))
    }

    /// Whether this comes before `other`.
    #[must_use]
    pub const fn is_before(self, other: Self) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    /// How many ticks there are from here to `later`; 0 if that is over.
    #[must_use]
    pub const fn until(self, later: Self) -> u32 {
        if later.is_before(self) { 0 } else { later.0.wrapping_sub(self.0) }
    }

    /// The earlier one of two.
    #[must_use]
    pub const fn min(self, other: Self) -> Self {
        if other.is_before(self) { other } else { self }
    }
}
