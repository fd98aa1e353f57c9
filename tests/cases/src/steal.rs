//! The deque of work stealing, on one thread.

use core::ptr::NonNull;

use heapless::Deque as Plain;
use inkle_core::Platform;
use inkle_core::queue::steal::{Deque, Steal};

use crate::{Dice, Effort};

/// What the pointers point to.
static ITEMS: [u8; 8] = [0, 1, 2, 3, 4, 5, 6, 7];

fn item(number: usize) -> NonNull<u8> {
    NonNull::from(&ITEMS[number])
}

/// Random operations on `deque` and on a plain deque: the same answers.
fn against_plain<const N: usize>(deque: &Deque<u8, N>, seed: u64, steps: u32) {
    let mut owner = deque.owner().expect("nobody else has it");
    let mut plain = Plain::<_, N>::new();
    let mut dice = Dice::new(seed);
    for _ in 0..steps {
        match dice.roll(5) {
            0 | 1 => {
                let item = item(dice.roll(ITEMS.len()));
                assert_eq!(owner.push(item), plain.push_back(item));
            }
            2 | 3 => assert_eq!(owner.pop(), plain.pop_back()),
            _ => {
                let oldest = plain.pop_front().map_or(Steal::Empty, Steal::Taken);
                assert_eq!(deque.steal(), oldest, "there is nobody else");
            }
        }
        assert_eq!((deque.len(), deque.is_empty()), (plain.len(), plain.is_empty()));
        assert_eq!(deque.capacity(), N);
    }
}

/// The owner has the newest item first, thieves the oldest.
pub fn both_ends<P: Platform>(effort: Effort) {
    for seed in effort.seeds() {
        against_plain(&Deque::<u8, 1>::new(), seed, effort.steps);
        against_plain(&Deque::<u8, 2>::new(), seed, effort.steps);
        against_plain(&Deque::<u8, 8>::new(), seed, effort.steps);
    }
}

/// Positions count over the end of `usize`, and over that of `isize`.
pub fn over_the_end_of_the_positions<P: Platform>(_: Effort) {
    for end in [0, usize::MAX / 2 + 1] {
        for before in 0..6 {
            let start = end.wrapping_sub(before);
            against_plain(&Deque::<u8, 1>::starting_at(start), 1, 40);
            against_plain(&Deque::<u8, 2>::starting_at(start), 2, 40);
            against_plain(&Deque::<u8, 4>::starting_at(start), 3, 40);
        }
    }
}

/// The owner's end is one owner's until it gives it back, and what is inside stays there.
pub fn one_owner_at_a_time<P: Platform>(_: Effort) {
    let deque = Deque::<u8, 2>::new();
    let mut owner = deque.owner().expect("nobody else has it");
    assert!(deque.owner().is_none());
    assert_eq!((owner.push(item(1)), owner.push(item(2))), (Ok(()), Ok(())));
    drop(owner);
    let mut owner = deque.owner().expect("it was given back");
    assert_eq!(owner.push(item(3)), Err(item(3)));
    assert_eq!(deque.steal(), Steal::Taken(item(1)));
    assert_eq!(owner.push(item(3)), Ok(()));
    assert_eq!((owner.pop(), owner.pop(), owner.pop()), (Some(item(3)), Some(item(2)), None));
    assert_eq!(deque.steal(), Steal::Empty);
}
