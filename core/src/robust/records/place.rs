//! Where one end of the queue stands: a word of 64 bits.
//!
//! `closed << 63 | count << 32 | at`. `at` is a position in words, which goes from 0 to twice the capacity,
//! so that full and empty differ at any capacity. `count` counts records, and wraps. `closed`: it stays
//! where it is for ever.

use crate::atomic::Word;

/// As many records as are counted before the count begins anew.
const COUNTS: u32 = 1 << 31;

/// Of the tail: nothing more is put. Of the head: nothing more is taken.
pub(super) const CLOSED: Word = 1 << 63;

/// The most words a queue may have.
pub(super) const MOST_WORDS: usize = 1 << 30;

/// The tail or the head.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(pub(super) Word);

/// What lies between head and tail.
#[derive(Clone, Copy)]
pub(super) struct Filled {
    pub(super) words: usize,
    pub(super) records: u32,
}

impl Place {
    pub(super) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    /// The position.
    pub(super) fn at(self) -> usize {
        self.0 as u32 as usize
    }

    /// How many records have passed here.
    pub(super) fn count(self) -> u32 {
        (self.0 >> 32) as u32 % COUNTS
    }

    /// Whether two ends are at the same place, closed or not.
    pub(super) fn meets(self, other: Self) -> bool {
        (self.0 ^ other.0) & !CLOSED == 0
    }

    /// One record of so many words further, in a queue of `capacity`, and not closed.
    pub(super) fn after(self, words: usize, capacity: usize) -> Self {
        let at = self.at().wrapping_add(words);
        let around = capacity.wrapping_mul(2);
        let at = if at >= around { at.wrapping_sub(around) } else { at };
        let count = self.count().wrapping_add(1) % COUNTS;
        Self(Word::from(count) << 32 | Word::from(at as u32))
    }

    /// From the head to `tail`, in a queue of `capacity`; `None` if that makes no sense.
    pub(super) fn to(self, tail: Self, capacity: usize) -> Option<Filled> {
        let (from, to, around) = (self.at(), tail.at(), capacity.wrapping_mul(2));
        if from >= around || to >= around {
            return None;
        }
        let words = if to >= from { to - from } else { around - from + to };
        let records = difference(tail.count(), self.count());
        let makes_sense =
            words <= capacity && records as usize <= words && (records == 0) == (words == 0);
        makes_sense.then_some(Filled { words, records })
    }
}

/// How far a count is ahead of another one.
pub(super) fn difference(ahead: u32, behind: u32) -> u32 {
    ahead.wrapping_sub(behind) % COUNTS
}

/// As [`difference`], and 0 if it is not ahead but behind.
pub(super) fn excess(ahead: u32, behind: u32) -> u32 {
    let difference = difference(ahead, behind);
    if difference < COUNTS / 2 { difference } else { 0 }
}

/// One more.
pub(super) fn one_more(count: u32) -> u32 {
    count.wrapping_add(1) % COUNTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn around_and_around() {
        for capacity in [1, 2, 3, 7, MOST_WORDS] {
            let mut head = Place(Word::from(COUNTS - 2) << 32);
            for _ in 0..9 {
                let tail = head.after(capacity, capacity);
                let filled = head.to(tail, capacity).unwrap();
                assert_eq!((filled.words, filled.records), (capacity, 1));
                assert!(!head.meets(tail) && tail.to(tail, capacity).is_some());
                head = tail;
            }
            assert_eq!(head.count(), 7);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let place = |count: u32, at: u32| Place(Word::from(count) << 32 | Word::from(at));
        let refused = |head: Place, tail: Place| head.to(tail, 4).is_none();
        assert!(refused(place(0, 8), place(0, 0)) && refused(place(0, 0), place(1, 8)));
        assert!(refused(place(0, 0), place(1, 5)), "more than fits");
        assert!(refused(place(0, 0), place(3, 2)), "more records than words");
        assert!(refused(place(0, 0), place(0, 2)) && refused(place(0, 0), place(1, 0)));
        assert!(refused(place(1, 0), place(0, 1)), "fewer than none");
    }

    #[test]
    fn counts_that_are_ahead_or_behind() {
        assert_eq!((difference(1, COUNTS - 1), excess(1, COUNTS - 1)), (2, 2));
        assert_eq!((excess(3, 5), one_more(COUNTS - 1)), (0, 0));
    }
}
