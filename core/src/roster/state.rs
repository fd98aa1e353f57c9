//! One value of the roster's word, and what the steps of its users make of it: no atomics here.

use crate::atomic::Word;

/// Bits of a count of workers.
const WORKER_BITS: u32 = Word::BITS / 4;
/// Bits of the count of seekers.
const SEEKER_BITS: u32 = Word::BITS / 16;
/// Bits of the count of claims.
const QUEUE_BITS: u32 = Word::BITS - 2 * WORKER_BITS - SEEKER_BITS - 1;

pub(super) const QUEUED: Word = 1;
pub(super) const IDLE: Word = QUEUED << QUEUE_BITS;
pub(super) const ACTIVE: Word = IDLE << WORKER_BITS;
pub(super) const SEEKER: Word = ACTIVE << WORKER_BITS;
const CLOSED: Word = SEEKER << SEEKER_BITS;

/// As many seekers as can be counted.
const MAX_SEEKERS: u32 = (1 << SEEKER_BITS) - 1;

/// As many workers as can be counted, away or not.
pub const MAX_WORKERS: u32 = (1 << WORKER_BITS) - 1;
/// As many jobs as can wait.
pub const MAX_QUEUED: u32 = (1 << QUEUE_BITS) - 1;

/// One value of the word.
#[derive(Clone, Copy)]
pub(super) struct State(pub(super) Word);

impl State {
    pub(super) const fn queued(self) -> u32 {
        (self.0 / QUEUED) as u32 & MAX_QUEUED
    }

    pub(super) const fn idle(self) -> u32 {
        (self.0 / IDLE) as u32 & MAX_WORKERS
    }

    pub(super) const fn active(self) -> u32 {
        (self.0 / ACTIVE) as u32 & MAX_WORKERS
    }

    pub(super) const fn seekers(self) -> u32 {
        (self.0 / SEEKER) as u32 & MAX_SEEKERS
    }

    pub(super) const fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    pub(super) const fn plus(self, what: Word) -> Self {
        Self(self.0.wrapping_add(what))
    }

    pub(super) const fn minus(self, what: Word) -> Self {
        Self(self.0.wrapping_sub(what))
    }

    pub(super) const fn closed(self) -> Self {
        Self(self.0 | CLOSED)
    }

    /// A worker more that has no job. Whether it may look for one before it sleeps.
    pub(super) const fn rests(self) -> (Self, bool) {
        let state = self.plus(IDLE);
        let seeks = state.seekers() < MAX_SEEKERS;
        (if seeks { state.plus(SEEKER) } else { state }, seeks)
    }

    /// A seeker less. Those that [`wake_all`](super::Roster::wake_all) has woken were not counted, so there may seem to be
    /// none; then there are more than are counted, which costs a wake-up.
    pub(super) const fn sought_by_one_less(self) -> Self {
        if self.seekers() > 0 { self.minus(SEEKER) } else { self }
    }

    /// Invariant 2 after a change: whether somebody has to be woken.
    pub(super) const fn sought(self) -> (Self, bool) {
        let seekers = self.seekers();
        let wake = self.queued() > seekers && self.idle() > seekers && seekers < MAX_SEEKERS;
        (if wake { self.plus(SEEKER) } else { self }, wake)
    }

    /// A worker goes for good, or waits for another job, and a claim that nobody is idle for goes to a
    /// new one in its place, which is counted.
    pub(super) const fn replaced(self, most: u32) -> (Self, bool) {
        let left = self.minus(ACTIVE);
        if self.queued() > self.idle() && left.active() < most {
            (left.plus(ACTIVE).minus(QUEUED), true)
        } else {
            (left, false)
        }
    }
}

#[cfg(all(test, not(inkle_loom)))]
mod tests {
    use super::{ACTIVE, IDLE, MAX_SEEKERS, QUEUED, State, Word};

    /// So many idle workers of which so many seek, and so many jobs.
    fn state(idle: u32, seekers: u32, queued: u32) -> State {
        let mut state = State(0).plus(Word::from(queued) * QUEUED);
        for number in 0..idle {
            let (next, _) = state.plus(ACTIVE).rests();
            state = if number < seekers { next } else { state.plus(ACTIVE).plus(IDLE) };
        }
        state
    }

    #[test]
    fn who_finds_no_room_in_the_count_sleeps_at_once() {
        let full = state(MAX_SEEKERS, MAX_SEEKERS, 0);
        let (more, seeks) = full.plus(ACTIVE).rests();
        assert!(!seeks);
        assert_eq!(
            (more.seekers(), more.idle(), more.active()),
            (MAX_SEEKERS, MAX_SEEKERS + 1, MAX_SEEKERS + 1)
        );
        assert!(!more.is_closed() && more.queued() == 0, "nothing has run over");
    }

    #[test]
    fn somebody_is_woken_for_what_no_seeker_comes_for() {
        let wakes = |idle, seekers, queued| state(idle, seekers, queued).sought().1;
        assert!(wakes(1, 0, 1) && wakes(2, 1, 2));
        assert!(!wakes(2, 1, 1), "the seeker comes for it");
        assert!(!wakes(1, 1, 2), "nobody sleeps");
        assert!(!wakes(0, 0, 1));
        assert!(!wakes(MAX_SEEKERS + 1, MAX_SEEKERS, MAX_SEEKERS + 1), "the count is full");
        assert_eq!(state(2, 0, 1).sought().0.seekers(), 1);
        assert_eq!(state(1, 0, 0).sought_by_one_less().seekers(), 0, "never less than none");
    }
}
