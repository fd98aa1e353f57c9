//! The agenda against a plain map.

use std::collections::BTreeMap;

use super::segments::Segments;
use super::{Agenda, NEVER, Place};
use crate::kernel::timer::Slots;

/// Numbers at random, the same ones every time (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    /// A time behind `now`, near or far, or none at all.
    fn time(&mut self, now: u64) -> u64 {
        if self.roll(20) == 0 {
            return NEVER;
        }
        let bits = 1 + self.roll(60);
        now.saturating_add(self.roll(1 << bits)).saturating_sub(self.roll(1 << 21))
    }
}

#[test]
fn as_a_plain_map() {
    for seed in 1..16 {
        let mut dice = Dice(seed * 0x9E37_79B9);
        let (mut agenda, mut map) = (Agenda::new(), BTreeMap::<Place, u64>::new());
        let mut gone = Vec::new();
        // A clock like the system's time, or one that has just begun.
        let mut now = if seed % 2 == 0 { 1_790_000_000_000_000_000 } else { 0 };
        for sequence in 0..1500 {
            match dice.roll(10) {
                0..4 => {
                    let (time, priority) = (dice.time(now), dice.roll(3) as i32);
                    let place = agenda.add(time, priority, sequence, sequence);
                    map.insert(place, sequence);
                }
                4 if !map.is_empty() => {
                    let chosen = dice.roll(map.len() as u64) as usize;
                    let place = *map.keys().nth(chosen).unwrap();
                    assert_eq!(agenda.remove(place), map.remove(&place));
                    gone.push(place);
                }
                5 => assert!(gone.iter().all(|place| agenda.remove(*place).is_none())),
                6 => {
                    let all: Vec<_> = agenda.snapshot().map(|(place, job)| (place, *job)).collect();
                    assert!(all.iter().copied().eq(map.iter().map(|(place, job)| (*place, *job))));
                    // What the snapshot names can be removed.
                    if let Some((place, job)) = all.last() {
                        assert_eq!(agenda.remove(*place), Some(*job));
                        map.remove(place);
                    }
                }
                7 => assert_eq!(agenda.first(), map.keys().next().map(|place| place.time)),
                _ => {
                    now = match dice.roll(4) {
                        // A clock that goes back.
                        0 => now.saturating_sub(dice.roll(1 << 30)),
                        1 => now + dice.roll(1 << 22),
                        2 => agenda.first().filter(|time| *time != NEVER).unwrap_or(now),
                        _ => now + dice.roll(1 << 40),
                    };
                    while let Some((place, job)) = agenda.take_due(now) {
                        assert_eq!(map.pop_first(), Some((place, job)));
                        gone.push(place);
                    }
                    let first = map.keys().next().map(|place| place.time);
                    assert!(first.is_none_or(|time| time > now || time == NEVER), "left behind");
                }
            }
            assert_eq!((agenda.len(), agenda.is_empty()), (map.len(), map.is_empty()));
            let first = map.keys().next().map(|place| place.time);
            assert_eq!(agenda.earliest().is_none(), first.is_none());
            assert!(agenda.earliest() <= first, "it would be late");
        }
        assert!(agenda.take_all().into_iter().eq(map.into_values()));
        assert!(agenda.is_empty());
    }
}

/// A million live entries, and each comes out once, in order.
#[test]
fn a_million_entries() {
    let mut agenda = Agenda::new();
    let mut dice = Dice(7);
    let hour = 3_600_000_000_000;
    for sequence in 0..1_000_000 {
        agenda.add(dice.roll(hour), 0, sequence, ());
    }
    assert_eq!(agenda.len(), 1_000_000);
    let (mut count, mut last) = (0, None);
    while let Some((place, ())) = agenda.take_due(hour) {
        assert!(last < Some(place), "out of order");
        last = Some(place);
        count += 1;
    }
    assert_eq!(count, 1_000_000);
}

/// An agenda in which entries come and go does not grow.
#[test]
fn slots_are_used_again() {
    let mut agenda = Agenda::new();
    for sequence in 0..100_000 {
        let place = agenda.add(1 << 40, 0, sequence, ());
        assert_eq!(agenda.remove(place), Some(()));
    }
    assert!(agenda.wheel.slots().get(500).is_none(), "more slots than can be untidy");
}

#[test]
fn rows_follow_each_other() {
    let slots = Segments::<u8>::new();
    let mut end = 0;
    for row in 0..6 {
        let range = slots.grow().unwrap();
        assert_eq!((range.start, range.len()), (end, 64 << row));
        assert!(slots.get(range.start).is_some() && slots.get(range.end - 1).is_some());
        assert!(slots.get(range.end).is_none());
        end = range.end;
    }
    let mut places: Vec<_> = (0..end).map(|i| &raw const *slots.get(i).unwrap()).collect();
    places.sort();
    places.dedup();
    assert_eq!(places.len(), end, "each number has a slot of its own");
}
