//! An agenda and a plain map of what should be in it, side by side through a sequence of choices: at random
//! for the test, a fuzzer's for the package `fuzz`, which has this file too.

use std::collections::BTreeMap;

use inkle_cases::dice::Choices;

use crate::agenda::{Agenda, NEVER, Place};

/// Nanoseconds since 1970, at some time in this century.
pub(crate) const TODAY: u64 = 1_790_000_000_000_000_000;

struct Pair<C> {
    choices: C,
    agenda: Agenda<u64>,
    map: BTreeMap<Place, u64>,
    gone: Vec<Place>,
    now: u64,
}

impl<C: Choices> Pair<C> {
    fn below(&mut self, bits: usize) -> u64 {
        self.choices.number(bits as u32)
    }

    /// A time behind `now`, near or far, or none at all.
    fn time(&mut self) -> u64 {
        if self.choices.roll(20) == 19 {
            return NEVER;
        }
        let bits = 1 + self.choices.roll(60);
        self.now.saturating_add(self.below(bits)).saturating_sub(self.below(21))
    }

    fn add(&mut self, sequence: u64) {
        let (time, priority) = (self.time(), self.choices.roll(3) as i32);
        let place = self.agenda.add(time, priority, sequence, sequence);
        self.map.insert(place, sequence);
    }

    fn remove(&mut self) {
        if !self.map.is_empty() {
            let chosen = self.choices.roll(self.map.len());
            let place = *self.map.keys().nth(chosen).unwrap();
            assert_eq!(self.agenda.remove(place), self.map.remove(&place));
            self.gone.push(place);
        }
    }

    fn compare(&mut self) {
        let all: Vec<_> = self.agenda.snapshot().map(|(place, job)| (place, *job)).collect();
        assert!(all.iter().copied().eq(self.map.iter().map(|(place, job)| (*place, *job))));
        // What the snapshot names can be removed.
        if let Some((place, job)) = all.last() {
            assert_eq!(self.agenda.remove(*place), Some(*job));
            self.map.remove(place);
        }
    }

    fn take(&mut self) {
        self.now = match self.choices.roll(4) {
            // A clock that goes back.
            3 => self.now.saturating_sub(self.below(30)),
            2 => self.now + self.below(22),
            1 => self.now + self.below(40),
            _ => self.agenda.first().filter(|time| *time != NEVER).unwrap_or(self.now),
        };
        while let Some((place, job)) = self.agenda.take_due(self.now) {
            assert_eq!(self.map.pop_first(), Some((place, job)));
            self.gone.push(place);
        }
        let first = self.map.keys().next().map(|place| place.time);
        assert!(first.is_none_or(|time| time > self.now || time == NEVER), "left behind");
    }

    fn step(&mut self, sequence: u64) {
        match self.choices.roll(10) {
            0..4 => self.add(sequence),
            4 => self.remove(),
            5 => assert!(self.gone.iter().all(|place| self.agenda.remove(*place).is_none())),
            6 => self.compare(),
            7 => {
                let first = self.map.keys().next().map(|place| place.time);
                assert_eq!(self.agenda.first(), first);
            }
            _ => self.take(),
        }
        let (agenda, map) = (&self.agenda, &self.map);
        assert_eq!((agenda.len(), agenda.is_empty()), (map.len(), map.is_empty()));
        let first = map.keys().next().map(|place| place.time);
        assert_eq!(agenda.earliest().is_none(), first.is_none());
        assert!(agenda.earliest() <= first, "it would be late");
    }
}

/// Plays so many operations from that time on, or until there are no more choices.
pub(crate) fn play(choices: impl Choices, now: u64, steps: u64) {
    let agenda = Agenda::new();
    let mut pair = Pair { choices, agenda, map: BTreeMap::new(), gone: Vec::new(), now };
    for sequence in 0..steps {
        if pair.choices.are_over() {
            break;
        }
        pair.step(sequence);
    }
    assert!(pair.agenda.take_all().into_iter().eq(pair.map.into_values()));
    assert!(pair.agenda.is_empty());
}
