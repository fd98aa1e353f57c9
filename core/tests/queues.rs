//! Long random sequences of operations on every queue, step by step against a plain model.
//!
//! One thread: this is about slots, laps and answers, far beyond the wrap-around. What happens
//! between threads is the business of the models and of the package `inkle-tests`.

use std::collections::VecDeque;

use inkle_core::queue::fifo::{FastFifo, Fifo};
use inkle_core::queue::spsc::Ring;
use inkle_core::queue::word::{WordRing, WordRingIn, WordSlot};
use inkle_core::queue::{Narrow, Queue};
use inkle_core::slab::Slab;
use inkle_core::{PopError, PushError};

/// A small generator of numbers (xorshift64), the same ones every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Pushes and pops at random, in phases that lean one way or the other, then closes and drains.
fn compare(queue: &impl Queue<Item = u32>, capacity: usize, seed: u64) {
    let mut dice = Dice(seed | 1);
    let mut model = VecDeque::new();
    let start = queue.ticket();
    let mut pushes = 0;
    assert_eq!(queue.capacity(), Some(capacity));
    for step in 0..20_000_u32 {
        let lean = 2 + (step / 100) % 5;
        if dice.roll(8) < u64::from(lean) {
            let expected = if model.len() < capacity {
                model.push_back(step);
                pushes += 1;
                Ok(())
            } else {
                Err(PushError::Full(step))
            };
            assert_eq!(queue.try_push(step), expected, "push at step {step}");
        } else {
            assert_eq!(
                queue.try_pop(),
                model.pop_front().ok_or(PopError::Empty),
                "pop at step {step}"
            );
        }
        assert_eq!(queue.len(), model.len());
        assert_eq!(queue.is_empty(), model.is_empty());
        assert_eq!(queue.ticket_after(start, pushes), queue.ticket());
    }
    assert!(!queue.is_closed());
    assert!(queue.close());
    assert!(!queue.close(), "only one call closes");
    assert!(queue.is_closed());
    assert_eq!(queue.try_push(0), Err(PushError::Closed(0)));
    while let Some(item) = model.pop_front() {
        assert_eq!(queue.try_pop(), Ok(item));
        assert_eq!(queue.try_push(0), Err(PushError::Closed(0)));
    }
    assert_eq!(queue.try_pop(), Err(PopError::Closed));
    assert_eq!(queue.try_pop(), Err(PopError::Closed));
}

macro_rules! capacities {
    ($name:ident: $queue:ident $(, $width:ty)?) => {
        #[test]
        fn $name() {
            for seed in 1..=4 {
                compare(&$queue::<u32, 1 $(, $width)?>::new(), 1, seed);
                compare(&$queue::<u32, 2 $(, $width)?>::new(), 2, seed);
                compare(&$queue::<u32, 3 $(, $width)?>::new(), 3, seed);
                compare(&$queue::<u32, 4 $(, $width)?>::new(), 4, seed);
                compare(&$queue::<u32, 7 $(, $width)?>::new(), 7, seed);
                compare(&$queue::<u32, 100 $(, $width)?>::new(), 100, seed);
            }
        }
    };
}

type NarrowFast<T, const N: usize> = FastFifo<T, N, spin::relax::Spin, Narrow<2>>;
type NarrowRing<T, const N: usize> = Ring<T, N, spin::relax::Spin, Narrow<2>>;

#[cfg(target_has_atomic = "64")]
capacities!(word_ring: WordRing);
#[cfg(target_has_atomic = "64")]
capacities!(word_ring_with_laps_of_two_bits: WordRing, Narrow<2>);
#[cfg(target_has_atomic = "64")]
capacities!(word_ring_with_laps_of_three_bits: WordRing, Narrow<3>);
capacities!(fifo: Fifo);
capacities!(fast_fifo: FastFifo);
capacities!(fast_fifo_with_laps_of_two_bits: NarrowFast);
capacities!(spsc_ring: Ring);
capacities!(spsc_ring_with_laps_of_two_bits: NarrowRing);

#[test]
#[cfg(target_has_atomic = "64")]
fn storage_from_elsewhere() {
    let slots = |count| std::iter::repeat_with(WordSlot::new).take(count).collect::<Vec<_>>();
    struct Slots(Vec<WordSlot>);
    // SAFETY: nobody changes the vector's length.
    unsafe impl inkle_core::queue::Storage for Slots {
        type Slot = WordSlot;
        fn slots(&self) -> &[WordSlot] {
            &self.0
        }
    }
    for capacity in [1, 2, 3, 5, 64] {
        let ring = WordRingIn::<u32, _>::with_storage(Slots(slots(capacity))).unwrap();
        compare(&ring, capacity, 9);
    }
    assert!(WordRingIn::<u32, _>::with_storage(Slots(Vec::new())).is_none(), "no slots, no ring");
}

/// Every value that fits comes out as it went in.
#[test]
fn values_survive_the_word() {
    let bytes = WordRing::<u8, 2>::new();
    for byte in 0..=u8::MAX {
        bytes.try_push(byte).unwrap();
        assert_eq!(bytes.try_pop(), Ok(byte));
    }
    let signed = WordRing::<i8, 2>::new();
    for value in i8::MIN..=i8::MAX {
        signed.try_push(value).unwrap();
        assert_eq!(signed.try_pop(), Ok(value));
    }
    let units = WordRing::<(), 3>::new();
    assert_eq!((units.try_push(()), units.try_pop()), (Ok(()), Ok(())));
    let flags = WordRing::<bool, 1>::new();
    flags.try_push(true).unwrap();
    assert_eq!(flags.try_pop(), Ok(true));
}

#[test]
#[cfg(target_has_atomic = "64")]
fn wide_values_survive_the_word() {
    let floats = WordRing::<f32, 1>::new();
    for value in [0.0, -0.0, 1.5, f32::MAX, f32::NEG_INFINITY] {
        floats.try_push(value).unwrap();
        assert_eq!(floats.try_pop().unwrap().to_bits(), value.to_bits());
    }
    let letters = WordRing::<char, 1>::new();
    for letter in ['\0', 'я', '\u{10FFFF}'] {
        letters.try_push(letter).unwrap();
        assert_eq!(letters.try_pop(), Ok(letter));
    }
}

/// A slab gives each place to one value at a time, and a handle dies with its value.
#[test]
fn slab_against_a_model() {
    let slab = Slab::<u32, 5>::new();
    let mut dice = Dice(7);
    let mut alive = Vec::new();
    let mut dead = Vec::new();
    for step in 0..20_000 {
        if dice.roll(2) == 0 {
            match slab.insert(step) {
                Ok(handle) => alive.push((handle, step)),
                Err(back) => assert_eq!((back, alive.len()), (step, 5)),
            }
        } else if !alive.is_empty() {
            let (handle, value) = alive.swap_remove(dice.roll(alive.len() as u64) as usize);
            assert_eq!(slab.remove(handle), Some(value));
            dead.push(handle);
        }
        assert_eq!(slab.len(), alive.len());
        if let Some(handle) = dead.last() {
            assert_eq!(slab.remove(*handle), None);
        }
    }
}
