//! The agenda against a plain map.

mod play;

use inkle_cases::dice::{Choices, Dice};

use super::Agenda;
use super::segments::Segments;
use crate::kernel::timer::Slots;

#[test]
fn as_a_plain_map() {
    for seed in 1..16 {
        // A clock like the system's time, or one that has just begun.
        let now = if seed % 2 == 0 { play::TODAY } else { 0 };
        play::play(Dice::new(seed), now, 1500);
    }
}

/// A million live entries, and each comes out once, in order.
#[test]
fn a_million_entries() {
    let mut agenda = Agenda::new();
    let mut dice = Dice::new(7);
    for sequence in 0..1_000_000 {
        // Within half an hour.
        agenda.add(dice.number(41), 0, sequence, ());
    }
    assert_eq!(agenda.len(), 1_000_000);
    let (mut count, mut last) = (0, None);
    while let Some((place, ())) = agenda.take_due(1 << 41) {
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
