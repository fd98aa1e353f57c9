//! Where on the wheel a deadline lies, and when its bucket comes up.
//!
//! A wheel has levels of 32 buckets. A bucket of level `l` stands for `2^(SHIFT * l)` ticks, a
//! *granule*, and a level for 32 granules from the wheel's position on. A deadline goes to the lowest
//! level that reaches so far, one beyond all of them to the last bucket of the top one.
//!
//! # When a bucket is due
//!
//! At the first tick of its granule. Which one of the many granules that share the bucket, is told by
//! the position: on level 0 one of the 32 from the position on, on a higher level one of the 32 *after*
//! the position's own, since a bucket is emptied when the position enters its granule, and what is filed
//! on a higher level then lies at least one granule ahead.

use super::tick::Tick;

/// Buckets of a level.
pub(super) const BUCKETS: usize = 32;

/// Bits of a bucket's number within its level.
const BITS: u32 = BUCKETS.trailing_zeros();

/// How a wheel files its timers: [`Exact`] or [`Coarse`].
///
/// Sealed: nobody else can implement it.
pub trait Geometry: sealed::Geometry {}

pub(super) mod sealed {
    use super::Level;

    pub trait Geometry {
        /// A granule of a level is `2^SHIFT` of the level below.
        const SHIFT: u32;
        /// File a timer in the granule after its deadline instead of that around it.
        const ROUND_UP: bool;
        type Levels: AsRef<[Level]> + AsMut<[Level]>;
        const EMPTY: Self::Levels;
    }
}

/// One level: a bit for each bucket that has something, the link number of each one's first slot, and
/// what is due.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    pub(super) used: u32,
    pub(super) first: [u32; BUCKETS],
    /// The link number of the first slot whose time has come.
    pub(super) due: u32,
}

impl Level {
    const EMPTY: Self = Self { used: 0, first: [0; BUCKETS], due: 0 };
}

/// Timers fire in the order of their deadlines, none before and none after its tick (if the driver
/// comes in time). Each level spans 32 times the one below: a timer moves down at most `LEVELS - 1` times
/// before it fires.
///
/// `LEVELS`, from 1 to 6, costs 136 bytes each. Timers further ahead than `32^LEVELS` ticks (5 levels: nine
/// hours in milliseconds) are filed at the far end and filed anew when that comes up.
#[derive(Debug)]
pub struct Exact<const LEVELS: usize = 5>;

/// Timers fire up to an eighth of their delay late and never early, and none is moved before it fires
/// (but for a few at the edge of a level): for timeouts, most of which are cancelled. Each level spans
/// four times the one below.
///
/// `LEVELS`, from 1 to 13, costs 136 bytes each. Timers further ahead than `32 * 4^(LEVELS - 1)` ticks (10
/// levels: two hours in milliseconds) are filed at the far end and filed anew when that comes up.
#[derive(Debug)]
pub struct Coarse<const LEVELS: usize = 10>;

impl<const LEVELS: usize> sealed::Geometry for Exact<LEVELS> {
    const SHIFT: u32 = BITS;
    const ROUND_UP: bool = false;
    type Levels = [Level; LEVELS];
    const EMPTY: Self::Levels = {
        assert!(LEVELS >= 1 && LEVELS <= 6, "from 1 to 6 levels");
        [Level::EMPTY; LEVELS]
    };
}

impl<const LEVELS: usize> Geometry for Exact<LEVELS> {}

impl<const LEVELS: usize> sealed::Geometry for Coarse<LEVELS> {
    const SHIFT: u32 = 2;
    const ROUND_UP: bool = true;
    type Levels = [Level; LEVELS];
    const EMPTY: Self::Levels = {
        assert!(LEVELS >= 1 && LEVELS <= 13, "from 1 to 13 levels");
        [Level::EMPTY; LEVELS]
    };
}

impl<const LEVELS: usize> Geometry for Coarse<LEVELS> {}

/// The level and the bucket for `deadline`, seen from `position`; one that has passed is due at once.
#[inline]
pub(super) fn place<G: Geometry>(position: Tick, deadline: Tick, levels: usize) -> (usize, usize) {
    let delay = position.until(deadline);
    let (mut level, mut shift) = (0, 0);
    while level + 1 < levels && delay >> shift >= BUCKETS as u32 {
        level += 1;
        shift += G::SHIFT;
    }
    let here = position.get() >> shift;
    let up = if G::ROUND_UP { (1 << shift) - 1 } else { 0 };
    let there = position.get().wrapping_add(delay).wrapping_add(up) >> shift;
    // Granules are counted in the bits that the shift has left, and wrap with them.
    let ahead = there.wrapping_sub(here) & (u32::MAX >> shift);
    // Rounded up across the level's end, or beyond the top level: to the last bucket, and from there
    // once more. On level 0 neither occurs, unless it is also the top.
    let most = if level == 0 { BUCKETS as u32 - 1 } else { BUCKETS as u32 };
    let there = here.wrapping_add(if ahead < most { ahead } else { most });
    (level, there as usize % BUCKETS)
}

/// How many ticks after `position` the first bucket of a level is due, and which one it is, if there is
/// one.
#[inline]
pub(super) fn first_due<G: Geometry>(position: Tick, level: usize, used: u32) -> (u32, usize) {
    let shift = G::SHIFT.wrapping_mul(level as u32);
    let here = position.get().wrapping_shr(shift);
    // On level 0 the position's own bucket is the first one, on others the last.
    let start = if level == 0 { here } else { here.wrapping_add(1) };
    let ahead = used.rotate_right(start % BUCKETS as u32).trailing_zeros();
    let granule = start.wrapping_add(ahead);
    let due = Tick::new(granule.wrapping_shl(shift));
    (position.until(due), granule as usize % BUCKETS)
}
