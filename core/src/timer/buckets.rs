//! The middle of a wheel, which only its driver touches: the position and the buckets.
//!
//! Buckets are lists through the slots' `filed`, linked both ways, so that a cancelled timer is taken
//! out at once. Each level has one more list, of what is *due*: what was in the bucket whose time has
//! come, while the driver goes through it. It is apart, since what is filed meanwhile may belong into the
//! same bucket, for its next round; and the buckets of all levels that come up at the same tick are set
//! apart together, since behind that tick they would seem to come up a round later.
//!
//! # What was tried
//!
//! A timer that is scheduled and fires, with 100 and with 10 thousand others pending, at random within an
//! hour, in milliseconds; five levels; the time in parts of that of a heap behind a lock. Medians of a few
//! runs on a busy machine: differences of a twentieth mean nothing.
//!
//! | | 100 | 10 thousand |
//! |---|---|---|
//! | an exchange when a timer is filed, buckets that are due looked for twice, rests and all | 1.98 | 1.34 |
//! | no such exchange, one fence less, cancelled slots given back together | 1.99 | 1.36 |
//! | besides, one look that tells the levels too, none where the position has arrived, without jumps | 1.93 | 1.26 |
//! | the third, but only at levels that a bit map tells to be in use | 2.30 | 1.61 |
//! | the third, and the level of a deadline from its leading zeros instead of step by step | 2.04 | 1.35 |
//! | the third, and the first one of what is due taken out by itself: as it is now | 1.86 | 1.22 |

use super::geometry::{self, BUCKETS, Geometry, sealed};
use super::slot::{BUCKET, Due, Filed, NOWHERE, Slot, Slots};
use super::tick::Tick;

/// Lists are numbered by level and, within it, by bucket, with the one of what is due behind them.
const STRIDE: usize = 2 * BUCKETS;

/// So many timers of a bucket are looked at to find the first.
const FEW: u32 = 4;

pub(super) struct Buckets<G: Geometry> {
    /// Everything due before this has been taken to be fired.
    pub(super) position: Tick,
    levels: <G as sealed::Geometry>::Levels,
    /// A bit for each level on which something is due.
    due: u32,
}

/// What is to be done next.
pub(super) enum Step {
    /// Look at this slot: its time may have come.
    Look(usize),
    /// The position has moved to a bucket.
    Moved,
    /// Nothing is due.
    Rest,
}

impl<G: Geometry> Buckets<G> {
    pub(super) const fn new(position: Tick) -> Self {
        Self { position, levels: G::EMPTY, due: 0 }
    }

    /// Whether something is due that the driver has not gone through.
    pub(super) fn has_due(&self) -> bool {
        self.due != 0
    }

    /// Whether no timer is filed.
    pub(super) fn is_empty(&self) -> bool {
        self.due == 0 && self.levels.as_ref().iter().all(|level| level.used == 0)
    }

    /// Files a slot that is nowhere.
    ///
    /// # Safety
    ///
    /// The caller is the driver, `index` has a slot, and that is filed nowhere.
    pub(super) unsafe fn file<S: Slots>(&mut self, slots: &S, index: usize, due: Due) {
        let levels = self.levels.as_mut();
        let (number, bucket) = geometry::place::<G>(self.position, due.tick, levels.len());
        let Some(level) = levels.get_mut(number) else { return };
        // The remainder is for the compiler: there is no check of a bound.
        let first = &mut level.first[bucket % BUCKETS];
        let prev = BUCKET | (number * STRIDE + bucket) as u32;
        // SAFETY: the caller's promise; what is in a bucket has a slot, and is the driver's too.
        unsafe {
            filed(slots.get_unchecked(index), |filed| {
                *filed = Filed { due, next: *first, prev };
            });
            set_prev(slots, *first, index as u32 + 1);
        }
        *first = index as u32 + 1;
        level.used |= 1 << (bucket % BUCKETS);
    }

    /// Takes a slot out of its bucket; one that is nowhere stays so.
    ///
    /// # Safety
    ///
    /// The caller is the driver, and `index` has a slot that has been collected.
    pub(super) unsafe fn unlink<S: Slots>(&mut self, slots: &S, index: usize) {
        // SAFETY: the caller's promise, and what is in a bucket has a slot, and is the driver's too.
        unsafe {
            let Filed { next, prev, .. } = filed(slots.get_unchecked(index), |filed| {
                core::mem::replace(filed, Filed { prev: NOWHERE, ..*filed })
            });
            if prev == NOWHERE {
                return;
            }
            set_prev(slots, next, prev);
            if prev & BUCKET == 0 {
                filed(slots.get_unchecked(before(prev)), |filed| filed.next = next);
            } else {
                self.set_first(prev & !BUCKET, next);
            }
        }
    }

    fn set_first(&mut self, list: u32, next: u32) {
        let (number, bucket) = (list as usize / STRIDE, list as usize % STRIDE);
        let Some(level) = self.levels.as_mut().get_mut(number) else { return };
        if let Some(first) = level.first.get_mut(bucket) {
            *first = next;
            if next == 0 {
                level.used &= !(1 << (bucket % BUCKETS));
            }
        } else {
            level.due = next;
            if next == 0 {
                self.due &= !bit(number);
            }
        }
    }

    /// How many ticks after the position the first bucket is due, [`u32::MAX`] if none is, and on which
    /// levels one is due then.
    fn first_due(&self) -> (u32, u32) {
        let (mut first, mut set) = (u32::MAX, 0);
        // All levels, and without jumps: see "what was tried".
        for (number, level) in self.levels.as_ref().iter().enumerate() {
            let (ticks, _) = geometry::first_due::<G>(self.position, number, level.used);
            let ticks = if level.used == 0 { u32::MAX } else { ticks };
            let set_before = if ticks < first { 0 } else { set };
            set = set_before | if ticks <= first { bit(number) } else { 0 };
            first = first.min(ticks);
        }
        (first, set)
    }

    /// Whether a bucket is due at the position itself, which one of the lowest level is, if any.
    fn is_due_here(&self) -> bool {
        let level = self.levels.as_ref().first();
        level.is_some_and(|level| level.used >> (self.position.get() % BUCKETS as u32) & 1 != 0)
    }

    /// When the driver has something to do, at most `rest` ticks from the position: not after the first
    /// deadline. Exactly then if the bucket in question has few timers, else when it comes up.
    ///
    /// # Safety
    ///
    /// The caller is the driver.
    pub(super) unsafe fn earliest<S: Slots>(&self, slots: &S, rest: u32) -> Tick {
        let mut least = rest;
        for (number, level) in self.levels.as_ref().iter().enumerate() {
            let (ticks, bucket) = geometry::first_due::<G>(self.position, number, level.used);
            if level.used != 0 && ticks < least {
                let granule = 1 << (G::SHIFT as usize * number);
                // SAFETY: the caller's promise.
                let later = unsafe { self.first_of(slots, level.first[bucket % BUCKETS], granule) };
                // A timer that was filed at the far end is not before the end of its granule.
                let later = ticks.saturating_add(granule).min(later.unwrap_or(ticks)).max(ticks);
                least = least.min(later);
            }
        }
        self.position.after(least)
    }

    /// How many ticks after the position the first deadline of a list is, unless the list is long.
    ///
    /// # Safety
    ///
    /// The caller is the driver, and `link` is 0 or that of a slot in a bucket.
    unsafe fn first_of<S: Slots>(&self, slots: &S, mut link: u32, granule: u32) -> Option<u32> {
        // In a bucket of one tick there is nothing to be found.
        let mut left = if granule == 1 { 0 } else { FEW };
        let mut least = u32::MAX;
        while link != 0 {
            left = u32::checked_sub(left, 1)?;
            // SAFETY: what is in a list has a slot and is the driver's.
            let Filed { due, next, .. } =
                unsafe { filed(slots.get_unchecked(before(link)), |filed| *filed) };
            least = least.min(self.position.until(due.tick));
            link = next;
        }
        Some(least)
    }

    /// Moves the position towards `now`, but not as far as a bucket is due; anywhere if there is none.
    pub(super) fn approach(&mut self, now: Tick) {
        if self.is_empty() {
            self.position = now;
        } else if self.due == 0 {
            let ahead = self.position.until(now);
            self.position = self.position.after(ahead.min(self.first_due().0.saturating_sub(1)));
        }
    }

    /// One step towards `now`.
    ///
    /// # Safety
    ///
    /// The caller is the driver.
    pub(super) unsafe fn step<S: Slots>(&mut self, slots: &S, now: Tick) -> Step {
        let number = self.due.trailing_zeros() as usize;
        if let Some(level) = self.levels.as_mut().get_mut(number) {
            // As `unlink`, of which the first one of a list needs little.
            let index = before(level.due);
            // SAFETY: what is in a list has been collected and has a slot, and is the driver's.
            unsafe {
                level.due = filed(slots.get_unchecked(index), |filed| {
                    filed.prev = NOWHERE;
                    filed.next
                });
                set_prev(slots, level.due, due_list(number));
            }
            if level.due == 0 {
                self.due &= !bit(number);
            }
            return Step::Look(index);
        }
        let ahead = self.position.until(now);
        if ahead == 0 && !self.is_due_here() {
            return Step::Rest;
        }
        let (ticks, mut set) = self.first_due();
        if ticks > ahead {
            self.position = self.position.after(ahead);
            return Step::Rest;
        }
        self.due = set;
        while let Some(level) = self.levels.as_mut().get_mut(set.trailing_zeros() as usize) {
            let number = set.trailing_zeros() as usize;
            set &= set.wrapping_sub(1);
            let (_, bucket) = geometry::first_due::<G>(self.position, number, level.used);
            level.used &= !(1 << (bucket % BUCKETS));
            level.due = core::mem::take(&mut level.first[bucket % BUCKETS]);
            // SAFETY: as above.
            unsafe { set_prev(slots, level.due, due_list(number)) };
        }
        self.position = self.position.after(ticks);
        // Rounded up, nearly all that is due fires at once; and on the lowest level all does.
        if !G::ROUND_UP && self.due & 1 == 0 {
            // SAFETY: as above.
            unsafe { self.jump(slots, now) };
        }
        Step::Moved
    }

    /// Moves the position on, towards `now`, as far as nothing of what has been set apart is due, if that is
    /// little, and no other bucket comes up: so that what is filed anew lies as low as it can.
    ///
    /// # Safety
    ///
    /// The caller is the driver.
    unsafe fn jump<S: Slots>(&mut self, slots: &S, now: Tick) {
        let mut ahead = self.position.until(now);
        let mut set = self.due;
        while let Some(level) = self.levels.as_ref().get(set.trailing_zeros() as usize) {
            let granule = 1 << (G::SHIFT * set.trailing_zeros());
            set &= set.wrapping_sub(1);
            // SAFETY: the caller's promise; what is set apart is a list too.
            match unsafe { self.first_of(slots, level.due, granule) } {
                Some(first) => ahead = ahead.min(first),
                None => return,
            }
        }
        if ahead > 0 {
            self.position = self.position.after(ahead.min(self.first_due().0.saturating_sub(1)));
        }
    }
}

/// `prev` of the first one of what is due on a level.
const fn due_list(level: usize) -> u32 {
    BUCKET | (level * STRIDE + BUCKETS) as u32
}

/// A level's bit.
const fn bit(level: usize) -> u32 {
    1 << (level % BUCKETS)
}

/// The index to a link number that is not 0.
pub(super) const fn before(link: u32) -> usize {
    link.wrapping_sub(1) as usize
}

/// # Safety
///
/// The caller owns what is filed.
#[inline(always)]
pub(super) unsafe fn filed<T, R>(slot: &Slot<T>, f: impl FnOnce(&mut Filed) -> R) -> R {
    // SAFETY: the caller's promise; `f` gets no other way to it.
    slot.filed.with_mut(|filed| f(unsafe { &mut *filed }))
}

/// # Safety
///
/// The caller is the driver; `link` is 0 or that of a slot in a bucket.
#[inline(always)]
unsafe fn set_prev<S: Slots>(slots: &S, link: u32, prev: u32) {
    if link != 0 {
        // SAFETY: the caller's promise.
        unsafe { filed(slots.get_unchecked(before(link)), |filed| filed.prev = prev) };
    }
}
