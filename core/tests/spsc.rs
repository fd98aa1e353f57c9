//! The handles of the two rings between one producer and one consumer: long random sequences of all
//! operations against a plain model, payloads of every kind, and handles that come and go. On one
//! thread, as in `queues.rs`, which also runs the ring as a queue.

use std::collections::VecDeque;
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use inkle_core::queue::spsc::{Overwriting, Ring, TooFewSlots};
use inkle_core::queue::{Narrow, Native, Queue, Width};
use inkle_core::{PopError, PushError};
use spin::relax::Spin;

/// A small generator of numbers (xorshift64), the same ones every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// What goes through a ring: copied, so that slices can be tried too, and checked when it comes out.
trait Item: Copy + PartialEq + std::fmt::Debug {
    fn make(number: u32) -> Self;
}

impl Item for u32 {
    fn make(number: u32) -> Self {
        number
    }
}

impl Item for () {
    fn make(_: u32) -> Self {}
}

impl Item for [u64; 40] {
    fn make(number: u32) -> Self {
        [u64::from(number); 40]
    }
}

/// All operations of both handles at random, in phases that lean one way or the other.
fn ring_against_a_model<T: Item, const N: usize, W: Width>(seed: u64, steps: u32) {
    let ring = Ring::<T, N, Spin, W>::new();
    let mut dice = Dice(seed);
    let mut model = VecDeque::new();
    let start = ring.ticket();
    let mut pushes = 0;
    let mut handles = ring.split();
    for step in 0..steps {
        let item = T::make(step);
        let many: Vec<T> = (0..dice.roll(N + 2) as u32).map(|i| T::make(step + i)).collect();
        let fit = many.len().min(N - model.len());
        let there = many.len().min(model.len());
        let (producer, consumer) = handles.as_mut().unwrap();
        let before = model.len();
        let lean = (step / 50) as usize % 3 + 1;
        if dice.roll(4) < lean {
            match dice.roll(6) {
                0 | 1 => {
                    let expected = if before < N { Ok(()) } else { Err(PushError::Full(item)) };
                    model.extend(expected.is_ok().then_some(item));
                    assert_eq!(producer.try_push(item), expected, "step {step}");
                }
                2 => {
                    assert_eq!(producer.push_slice(&many), fit);
                    model.extend(&many[..fit]);
                }
                3 => {
                    let mut rest = many.iter().copied();
                    assert_eq!(producer.fill_from(&mut rest), fit);
                    assert!(rest.eq(many[fit..].iter().copied()), "nothing is asked for in vain");
                    model.extend(&many[..fit]);
                }
                _ => match producer.write_chunk(many.len()) {
                    Err(TooFewSlots(slots)) => {
                        assert_eq!(slots, N - before);
                        assert!(many.len() > slots);
                    }
                    Ok(mut chunk) => {
                        assert_eq!((chunk.len(), chunk.is_empty()), (many.len(), many.is_empty()));
                        let (first, second) = chunk.as_mut_slices();
                        assert_eq!(first.len() + second.len(), many.len());
                        for (slot, item) in first.iter_mut().chain(second).zip(&many) {
                            slot.write(*item);
                        }
                        let commit = dice.roll(many.len() + 1);
                        // SAFETY: all of them have been written.
                        unsafe { chunk.commit(commit) };
                        model.extend(&many[..commit]);
                    }
                },
            }
            pushes += model.len() - before;
        } else {
            match dice.roll(7) {
                0 | 1 => {
                    let expected = model.pop_front().ok_or(PopError::Empty);
                    assert_eq!(consumer.try_pop(), expected, "step {step}");
                }
                2 => {
                    let mut got = many.clone();
                    assert_eq!(consumer.pop_slice(&mut got), there);
                    assert!(
                        got[..there].iter().eq(model.drain(..there).collect::<Vec<_>>().iter())
                    );
                    assert_eq!(got[there..], many[there..], "the rest is left as it was");
                }
                3 => assert_eq!(consumer.peek(), model.front()),
                take => match consumer.read_chunk(many.len()) {
                    Err(TooFewSlots(slots)) => {
                        assert_eq!(slots, before);
                        assert!(many.len() > slots);
                    }
                    Ok(chunk) if take == 4 => {
                        let some = dice.roll(many.len() + 1);
                        let got: Vec<T> = chunk.into_iter().take(some).collect();
                        assert_eq!(got, model.drain(..some).collect::<Vec<_>>());
                    }
                    Ok(chunk) => {
                        assert_eq!((chunk.len(), chunk.is_empty()), (many.len(), many.is_empty()));
                        let (first, second) = chunk.as_slices();
                        assert!(first.iter().chain(second).eq(model.iter().take(many.len())));
                        let commit = dice.roll(many.len() + 2);
                        chunk.commit(commit);
                        model.drain(..commit.min(many.len()));
                    }
                },
            }
        }
        if dice.roll(8) == 0 {
            assert_eq!((producer.slots(), consumer.slots()), (N - model.len(), model.len()));
        }
        if dice.roll(30) == 0 {
            // The next pair goes on where the last one was.
            let (producer, consumer) = handles.take().unwrap();
            assert!(!producer.is_abandoned() && !consumer.is_abandoned());
            drop(producer);
            assert!(consumer.is_abandoned() && ring.split().is_none());
            drop(consumer);
            handles = ring.split();
        }
        assert_eq!(ring.len(), model.len());
        assert_eq!(ring.ticket_after(start, pushes), ring.ticket());
    }

    let (mut producer, mut consumer) = handles.unwrap();
    assert!(!producer.is_closed());
    assert!(producer.close() && !producer.close(), "only one call closes");
    assert!(producer.is_closed() && ring.is_closed());
    let item = T::make(0);
    for _ in 0..2 {
        assert_eq!(producer.try_push(item), Err(PushError::Closed(item)));
        assert_eq!((producer.slots(), producer.push_slice(&[item])), (0, 0));
        assert_eq!(producer.fill_from([item]), 0);
        assert_eq!(producer.write_chunk(1).unwrap_err(), TooFewSlots(0));
        // SAFETY: nothing is as good as written.
        unsafe { producer.write_chunk(0).unwrap().commit_all() };
        // The same for a producer that has not closed it itself.
        drop((producer, consumer));
        (producer, consumer) = ring.split().unwrap();
    }
    for item in model {
        assert_eq!(consumer.try_pop(), Ok(item));
    }
    assert_eq!(consumer.try_pop(), Err(PopError::Closed));
    assert_eq!((consumer.slots(), consumer.peek()), (0, None));
}

/// Pushes and pops at random; never as far apart as a word has laps.
fn overwriting_against_a_model<T: Item, const N: usize, W: Width>(seed: u64, steps: u32) {
    let ring = Overwriting::<T, N, W>::new();
    let mut dice = Dice(seed);
    let mut model = VecDeque::new();
    let mut handles = ring.split();
    let mut alone = 0;
    for step in 0..steps {
        let (producer, consumer) = handles.as_mut().unwrap();
        let lean = (step / 50) as usize % 4 + 2;
        if dice.roll(7) < lean && alone < 3 * N {
            let item = T::make(step);
            model.push_back(item);
            let oldest = if model.len() > N { model.pop_front() } else { None };
            assert_eq!(producer.push(item), oldest, "step {step}");
            alone += 1;
        } else {
            let expected = model.pop_front().ok_or(PopError::Empty);
            assert_eq!(consumer.try_pop(), expected, "step {step}");
            alone = 0;
        }
        if dice.roll(30) == 0 {
            let (producer, consumer) = handles.take().unwrap();
            assert!(!producer.is_abandoned() && !consumer.is_abandoned());
            drop(consumer);
            assert!(producer.is_abandoned() && ring.split().is_none());
            drop(producer);
            handles = ring.split();
        }
    }
    let (mut producer, _) = handles.unwrap();
    assert!(!producer.is_closed());
    assert!(producer.close() && !producer.close(), "only one call closes");
    drop(producer);
    let (mut producer, mut consumer) = ring.split().unwrap();
    assert!(producer.is_closed());
    assert_eq!(producer.push(T::make(1)), Some(T::make(1)));
    for item in model {
        assert_eq!(consumer.try_pop(), Ok(item));
    }
    assert_eq!(consumer.try_pop(), Err(PopError::Closed));
    assert_eq!(consumer.try_pop(), Err(PopError::Closed));
}

macro_rules! capacities {
    ($name:ident: $compare:ident<$item:ty, $width:ty>, $steps:literal) => {
        #[test]
        fn $name() {
            for seed in 1..=4 {
                $compare::<$item, 1, $width>(seed, $steps);
                $compare::<$item, 2, $width>(seed, $steps);
                $compare::<$item, 3, $width>(seed, $steps);
                $compare::<$item, 4, $width>(seed, $steps);
                $compare::<$item, 7, $width>(seed, $steps);
                $compare::<$item, 100, $width>(seed, $steps);
            }
        }
    };
}

capacities!(ring: ring_against_a_model<u32, Native>, 20_000);
capacities!(ring_with_laps_of_two_bits: ring_against_a_model<u32, Narrow<2>>, 20_000);
capacities!(ring_with_laps_of_three_bits: ring_against_a_model<u32, Narrow<3>>, 20_000);
capacities!(ring_of_nothing: ring_against_a_model<(), Native>, 5_000);
capacities!(ring_of_large_items: ring_against_a_model<[u64; 40], Native>, 5_000);
capacities!(overwriting: overwriting_against_a_model<u32, Native>, 20_000);
capacities!(overwriting_with_laps_of_two_bits: overwriting_against_a_model<u32, Narrow<2>>, 20_000);
capacities!(overwriting_with_laps_of_three_bits: overwriting_against_a_model<u32, Narrow<3>>, 20_000);
capacities!(overwriting_of_nothing: overwriting_against_a_model<(), Native>, 5_000);
capacities!(overwriting_of_large_items: overwriting_against_a_model<[u64; 40], Native>, 5_000);

/// After any number of pushes, any number of laps, the consumer gets the last `N`.
#[test]
fn overtaken_by_any_distance() {
    fn check<const N: usize>() {
        for inside in 0..=N as u32 {
            for pushes in 0..10 * N as u32 {
                let ring = Overwriting::<u32, N>::new();
                let (mut producer, mut consumer) = ring.split().unwrap();
                assert!((0..inside).all(|item| producer.push(item).is_none()));
                (0..inside / 2).for_each(|item| assert_eq!(consumer.try_pop(), Ok(item)));
                for item in inside..inside + pushes {
                    producer.push(item);
                }
                let all = inside + pushes;
                for item in all.saturating_sub(N as u32).max(inside / 2)..all {
                    assert_eq!(consumer.try_pop(), Ok(item));
                }
                assert_eq!(consumer.try_pop(), Err(PopError::Empty));
            }
        }
    }
    check::<1>();
    check::<2>();
    check::<3>();
    check::<5>();
}

/// Overtaken by exactly as many laps as there are: no order is promised, but no item is lost or
/// doubled.
#[test]
fn overtaken_by_all_laps() {
    for pushes in 8..=20 {
        let items: Vec<Rc<u32>> = (0..pushes).map(Rc::new).collect();
        let ring = Overwriting::<Rc<u32>, 2, Narrow<2>>::new();
        let (mut producer, mut consumer) = ring.split().unwrap();
        let mut out: Vec<u32> =
            items.iter().filter_map(|item| producer.push(item.clone())).map(|item| *item).collect();
        while let Ok(item) = consumer.try_pop() {
            out.push(*item);
        }
        out.sort_unstable();
        out.dedup();
        drop((producer, consumer));
        let left = items.iter().filter(|item| Rc::strong_count(item) == 2).count();
        assert_eq!(out.len() + left, items.len());
        drop(ring);
        assert!(items.iter().all(|item| Rc::strong_count(item) == 1));
    }
}

/// Counts itself when dropped; may panic then.
struct Bomb {
    dropped: Rc<std::cell::Cell<u32>>,
    fuse: bool,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.dropped.set(self.dropped.get() + 1);
        assert!(!self.fuse, "as asked for");
    }
}

/// Makes bombs; those with these numbers panic.
fn bombs(dropped: &Rc<std::cell::Cell<u32>>, fuse: u32) -> impl FnMut(u32) -> Bomb {
    move |number| Bomb { dropped: Rc::clone(dropped), fuse: number == fuse }
}

fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

#[test]
fn a_panicking_drop_stops_no_other() {
    for fuse in 0..4 {
        let dropped = Rc::default();
        let ring = Ring::<Bomb, 4>::new();
        let (mut producer, _) = ring.split().unwrap();
        assert_eq!(producer.fill_from((0..4).map(bombs(&dropped, fuse))), 4);
        drop(producer);
        assert!(panics(|| drop(ring)));
        assert_eq!(dropped.get(), 4, "the ring's own drop");

        let dropped = Rc::default();
        let ring = Overwriting::<Bomb, 4>::new();
        let (mut producer, _) = ring.split().unwrap();
        (0..4).map(bombs(&dropped, fuse)).for_each(|bomb| assert!(producer.push(bomb).is_none()));
        drop(producer);
        assert!(panics(|| drop(ring)));
        assert_eq!(dropped.get(), 4, "the overwriting ring's own drop");

        let dropped = Rc::default();
        let ring = Ring::<Bomb, 4>::new();
        let (mut producer, mut consumer) = ring.split().unwrap();
        producer.fill_from((0..4).map(bombs(&dropped, fuse)));
        assert_eq!(panics(|| consumer.read_chunk(4).unwrap().commit(3)), fuse < 3);
        assert_eq!((dropped.get(), consumer.slots(), producer.slots()), (3, 1, 3));
        drop((producer, consumer));
        assert_eq!(panics(|| drop(ring)), fuse == 3);
        assert_eq!(dropped.get(), 4, "a chunk's commit");
    }
}

#[test]
fn a_panicking_iterator_pushes_what_it_gave() {
    let ring = Ring::<String, 4>::new();
    let (mut producer, mut consumer) = ring.split().unwrap();
    let words = ["one", "two", "three"].into_iter().map(|word| {
        assert_ne!(word, "three");
        word.to_string()
    });
    assert!(panics(|| {
        producer.fill_from(words);
    }));
    assert_eq!(
        (consumer.try_pop().unwrap(), consumer.try_pop().unwrap()),
        ("one".into(), "two".into())
    );
    assert_eq!(consumer.try_pop(), Err(PopError::Empty));
}

/// A handle that is forgotten keeps its end for ever; the items are safe.
#[test]
fn forgotten_handles() {
    let item = Rc::new(());
    let ring = Ring::<Rc<()>, 3>::new();
    let (mut producer, mut consumer) = ring.split().unwrap();
    producer.fill_from([item.clone(), item.clone(), item.clone()]);
    drop(consumer.read_chunk(3).unwrap().into_iter().next());
    forget((producer, consumer));
    assert!(ring.split().is_none());
    assert_eq!(Rc::strong_count(&item), 3);
    assert_eq!(ring.try_push(item.clone()), Err(PushError::Full(item.clone())));
    assert_eq!(ring.try_pop(), Err(PopError::Empty));
    assert!(!ring.close() && !ring.is_closed());
    drop(ring);
    assert_eq!(Rc::strong_count(&item), 1);

    let ring = Overwriting::<Rc<()>, 2>::new();
    let (mut producer, mut consumer) = ring.split().unwrap();
    for _ in 0..5 {
        producer.push(item.clone());
    }
    drop(consumer.try_pop());
    forget((producer, consumer));
    assert!(ring.split().is_none());
    drop(ring);
    assert_eq!(Rc::strong_count(&item), 1);
}

/// What the ring itself answers while handles are out, and what is left when they are gone.
#[test]
fn the_ring_beside_its_handles() {
    let ring = Ring::<u32, 2>::new();
    assert_eq!(ring.try_push(1), Ok(()));
    let (mut producer, consumer) = ring.split().unwrap();
    assert_eq!(ring.try_push(2), Err(PushError::Full(2)));
    assert_eq!(ring.try_pop(), Err(PopError::Empty));
    drop(consumer);
    assert_eq!(ring.try_pop(), Ok(1), "that end is free");
    assert_eq!(ring.try_pop(), Err(PopError::Empty));
    assert!(ring.split().is_none(), "the other is not");
    assert!(!ring.close() && !ring.is_closed(), "closing is the producer's business");
    producer.try_push(3).unwrap();
    assert!(producer.close());
    assert_eq!(ring.try_push(4), Err(PushError::Closed(4)));
    assert!(!ring.close());
    drop(producer);

    let (producer, mut consumer) = ring.split().unwrap();
    assert_eq!(ring.try_pop(), Err(PopError::Empty), "the consumer has it");
    assert_eq!(consumer.try_pop(), Ok(3));
    assert_eq!(ring.try_pop(), Err(PopError::Closed), "but that is so for all");
    drop((producer, consumer));

    let ring = Ring::<u32, 2>::new();
    assert!(ring.close() && !ring.close());
    let (mut producer, mut consumer) = ring.split().unwrap();
    assert_eq!(producer.try_push(1), Err(PushError::Closed(1)));
    assert_eq!(consumer.try_pop(), Err(PopError::Closed));
}

#[test]
fn a_ring_as_an_iterator() {
    let ring = Ring::<String, 3>::new();
    for word in ["plain", "twill", "satin"] {
        ring.try_push(word.to_string()).unwrap();
    }
    forget(ring.split());
    let mut iter = ring.into_iter();
    assert_eq!(iter.len(), 3);
    assert_eq!(iter.next().as_deref(), Some("plain"));
    assert_eq!(iter.len(), 2);
    drop(iter);
}
