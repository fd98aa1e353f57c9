//! The handles of the two rings between one producer and one consumer: all operations at random
//! against a plain model, and handles that come and go. On one thread; `queues` also runs the ring as
//! a queue.

use core::cell::Cell;
use core::mem::forget;

use heapless::Vec;
use inkle_core::queue::spsc::{Consumer, Overwriting, Producer, Ring, TooFewSlots};
use inkle_core::queue::{Narrow, Native, Queue, Width};
use inkle_core::{Platform, PopError, PushError};
use spin::relax::Spin;

use crate::model::{Item, Model, put};
use crate::{Dice, Effort, Tally};

/// A few items: one more than fit into the largest ring but one.
type Few<T> = Vec<T, 9>;

fn few<T: Item>(count: usize, from: u32) -> Few<T> {
    (0..count as u32).map(|i| T::make(from.wrapping_add(i))).collect()
}

fn extend<T: Copy>(model: &mut Model<T>, items: &[T]) {
    items.iter().for_each(|item| put(model, *item));
}

/// Takes what the model has at its front, which must be `items`.
fn drain<T: Item>(model: &mut Model<T>, items: &[T]) {
    items.iter().for_each(|item| assert_eq!(model.pop_front().as_ref(), Some(item)));
}

/// One operation of the producer at random; `many` is what may be pushed at once.
fn produce<T: Item, const N: usize, W: Width>(
    producer: &mut Producer<'_, T, N, Spin, W>,
    model: &mut Model<T>,
    dice: &mut Dice,
    many: &[T],
    item: T,
) {
    let before = model.len();
    let fit = many.len().min(N - before);
    match dice.roll(6) {
        0 | 1 => {
            let expected = if before < N { Ok(()) } else { Err(PushError::Full(item)) };
            if expected.is_ok() {
                put(model, item);
            }
            assert_eq!(producer.try_push(item), expected);
        }
        2 => {
            assert_eq!(producer.push_slice(many), fit);
            extend(model, &many[..fit]);
        }
        3 => {
            let mut rest = many.iter().copied();
            assert_eq!(producer.fill_from(&mut rest), fit);
            assert!(rest.eq(many[fit..].iter().copied()), "nothing is asked for in vain");
            extend(model, &many[..fit]);
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
                for (slot, item) in first.iter_mut().chain(second).zip(many) {
                    slot.write(*item);
                }
                let commit = dice.roll(many.len() + 1);
                // SAFETY: all of them have been written.
                unsafe { chunk.commit(commit) };
                extend(model, &many[..commit]);
            }
        },
    }
}

/// One operation of the consumer at random; as many at once as `many` has.
fn consume<T: Item, const N: usize, W: Width>(
    consumer: &mut Consumer<'_, T, N, Spin, W>,
    model: &mut Model<T>,
    dice: &mut Dice,
    many: &[T],
) {
    let before = model.len();
    let there = many.len().min(before);
    match dice.roll(7) {
        0 | 1 => {
            let expected = model.pop_front().ok_or(PopError::Empty);
            assert_eq!(consumer.try_pop(), expected);
        }
        2 => {
            let mut got: Few<T> = many.iter().copied().collect();
            assert_eq!(consumer.pop_slice(&mut got), there);
            drain(model, &got[..there]);
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
                let got: Few<T> = chunk.into_iter().take(some).collect();
                assert_eq!(got.len(), some);
                drain(model, &got);
            }
            Ok(chunk) => {
                assert_eq!((chunk.len(), chunk.is_empty()), (many.len(), many.is_empty()));
                let (first, second) = chunk.as_slices();
                assert!(first.iter().chain(second).eq(model.iter().take(many.len())));
                let commit = dice.roll(many.len() + 2);
                chunk.commit(commit);
                for _ in 0..commit.min(many.len()) {
                    model.pop_front();
                }
            }
        },
    }
}

/// All operations of both handles, in phases that lean one way or the other.
fn ring_against_a_model<T: Item, const N: usize, W: Width>(effort: Effort) {
    let ring = Ring::<T, N, Spin, W>::new();
    let mut model = Model::new();
    let start = ring.ticket();
    let mut pushes = 0;
    let mut handles = ring.split();
    for seed in effort.seeds() {
        let mut dice = Dice::new(seed);
        for step in 0..effort.steps {
            let many = few::<T>(dice.roll((N + 2).min(10)), step);
            let (producer, consumer) = handles.as_mut().expect("both ends are free");
            let before = model.len();
            if dice.roll(4) < (step / 50) as usize % 3 + 1 {
                produce(producer, &mut model, &mut dice, &many, T::make(step));
                pushes += model.len() - before;
            } else {
                consume(consumer, &mut model, &mut dice, &many);
            }
            if dice.roll(8) == 0 {
                assert_eq!((producer.slots(), consumer.slots()), (N - model.len(), model.len()));
            }
            let renewed = if dice.roll(30) == 0 { handles.take() } else { None };
            if let Some((producer, consumer)) = renewed {
                // The next pair goes on where the last one was.
                assert!(!producer.is_abandoned() && !consumer.is_abandoned());
                drop(producer);
                assert!(consumer.is_abandoned() && ring.split().is_none());
                drop(consumer);
                handles = ring.split();
            }
            assert_eq!(ring.len(), model.len());
            assert_eq!(ring.ticket_after(start, pushes), ring.ticket());
        }
    }
    drop(handles);
    closed(&ring, &mut model);
}

/// What the handles of a closed ring answer, also those that did not close it.
fn closed<T: Item, const N: usize, W: Width>(ring: &Ring<T, N, Spin, W>, model: &mut Model<T>) {
    let item = T::make(0);
    let (mut producer, mut consumer) = ring.split().expect("both ends are free");
    assert!(!producer.is_closed());
    assert!(producer.close() && !producer.close(), "only one call closes");
    assert!(producer.is_closed() && ring.is_closed());
    for _ in 0..2 {
        assert_eq!(producer.try_push(item), Err(PushError::Closed(item)));
        assert_eq!((producer.slots(), producer.push_slice(&[item])), (0, 0));
        assert_eq!(producer.fill_from([item]), 0);
        assert_eq!(producer.write_chunk(1).err(), Some(TooFewSlots(0)));
        if let Ok(chunk) = producer.write_chunk(0) {
            // SAFETY: nothing is as good as written.
            unsafe { chunk.commit_all() };
        }
        drop((producer, consumer));
        (producer, consumer) = ring.split().expect("both ends are free again");
    }
    while let Some(item) = model.pop_front() {
        assert_eq!(consumer.try_pop(), Ok(item));
    }
    assert_eq!(consumer.try_pop(), Err(PopError::Closed));
    assert_eq!((consumer.slots(), consumer.peek()), (0, None));
}

/// Pushes and pops; never as far apart as a word has laps.
fn overwriting_against_a_model<T: Item, const N: usize, W: Width>(effort: Effort) {
    let ring = Overwriting::<T, N, W>::new();
    let mut model = Model::new();
    let mut handles = ring.split();
    let mut alone = 0;
    for seed in effort.seeds() {
        let mut dice = Dice::new(seed);
        for step in 0..effort.steps {
            let (producer, consumer) = handles.as_mut().expect("both ends are free");
            if dice.roll(7) < (step / 50) as usize % 4 + 2 && alone < 3 * N {
                let item = T::make(step);
                let oldest = if model.len() == N { model.pop_front() } else { None };
                put(&mut model, item);
                assert_eq!(producer.push(item), oldest, "step {step}");
                alone += 1;
            } else {
                let expected = model.pop_front().ok_or(PopError::Empty);
                assert_eq!(consumer.try_pop(), expected, "step {step}");
                alone = 0;
            }
            let renewed = if dice.roll(30) == 0 { handles.take() } else { None };
            if let Some((producer, consumer)) = renewed {
                assert!(!producer.is_abandoned() && !consumer.is_abandoned());
                drop(consumer);
                assert!(producer.is_abandoned() && ring.split().is_none());
                drop(producer);
                handles = ring.split();
            }
        }
    }
    drop(handles);
    let (mut producer, consumer) = ring.split().expect("both ends are free");
    assert!(!producer.is_closed());
    assert!(producer.close() && !producer.close(), "only one call closes");
    drop((producer, consumer));
    let (mut producer, mut consumer) = ring.split().expect("both ends are free again");
    assert!(producer.is_closed());
    assert_eq!(producer.push(T::make(1)), Some(T::make(1)));
    while let Some(item) = model.pop_front() {
        assert_eq!(consumer.try_pop(), Ok(item));
    }
    for _ in 0..2 {
        assert_eq!(consumer.try_pop(), Err(PopError::Closed));
    }
}

/// A case at several capacities: few of them where flash is short.
macro_rules! capacities {
    ($(#[$doc:meta])* $name:ident: $compare:ident<$item:ty, $width:ty>) => {
        $(#[$doc])*
        pub fn $name<P: Platform>(effort: Effort) {
            $compare::<$item, 3, $width>(effort);
            #[cfg(target_pointer_width = "64")]
            {
                $compare::<$item, 1, $width>(effort);
                $compare::<$item, 2, $width>(effort);
                $compare::<$item, 4, $width>(effort);
                $compare::<$item, 7, $width>(effort);
                $compare::<$item, 100, $width>(effort);
            }
        }
    };
}

capacities!(
    /// As wide as it gets.
    ring: ring_against_a_model<u32, Native>
);
capacities!(
    /// Its laps wrap soon.
    ring_with_laps_of_two_bits: ring_against_a_model<u32, Narrow<2>>
);
capacities!(
    /// A little later.
    ring_with_laps_of_three_bits: ring_against_a_model<u32, Narrow<3>>
);
capacities!(
    /// Items without size.
    ring_of_nothing: ring_against_a_model<(), Native>
);
capacities!(
    /// Items of many words.
    ring_of_large_items: ring_against_a_model<[u64; 9], Native>
);
capacities!(
    /// As wide as it gets.
    overwriting: overwriting_against_a_model<u32, Native>
);
capacities!(
    /// Its laps wrap soon.
    overwriting_with_laps_of_two_bits: overwriting_against_a_model<u32, Narrow<2>>
);
capacities!(
    /// A little later.
    overwriting_with_laps_of_three_bits: overwriting_against_a_model<u32, Narrow<3>>
);
capacities!(
    /// Items without size.
    overwriting_of_nothing: overwriting_against_a_model<(), Native>
);
capacities!(
    /// Items of many words.
    overwriting_of_large_items: overwriting_against_a_model<[u64; 9], Native>
);

fn overtaken<const N: usize>() {
    for inside in 0..=N as u32 {
        for pushes in 0..10 * N as u32 {
            let ring = Overwriting::<u32, N>::new();
            let (mut producer, mut consumer) = ring.split().expect("both ends are free");
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

/// The smallest of both.
pub fn rings_of_one<P: Platform>(effort: Effort) {
    ring_against_a_model::<u32, 1, Native>(effort);
    overwriting_against_a_model::<u32, 1, Native>(effort);
}

/// After any number of pushes, any number of laps, the consumer gets the last `N`.
pub fn overtaken_by_any_distance<P: Platform>(_: Effort) {
    overtaken::<1>();
    overtaken::<3>();
    #[cfg(target_pointer_width = "64")]
    {
        overtaken::<2>();
        overtaken::<5>();
    }
}

/// Overtaken by exactly as many laps as there are: no order is promised, but no item is lost or
/// doubled.
pub fn overtaken_by_all_laps<P: Platform>(_: Effort) {
    for pushes in 8..=20_u32 {
        let alive = Cell::new(0);
        let ring = Overwriting::<(u32, Tally<'_>), 2, Narrow<2>>::new();
        let (mut producer, mut consumer) = ring.split().expect("both ends are free");
        let mut out = 0_u32;
        let mut take = |number: u32| {
            assert_eq!(out >> number & 1, 0, "item {number} came twice");
            out |= 1 << number;
        };
        for number in 0..pushes {
            if let Some((number, _)) = producer.push((number, Tally::new(&alive))) {
                take(number);
            }
        }
        while let Ok((number, _)) = consumer.try_pop() {
            take(number);
        }
        drop((producer, consumer));
        assert_eq!(out.count_ones() as usize + alive.get(), pushes as usize);
        drop(ring);
        assert_eq!(alive.get(), 0);
    }
}

/// A handle that is forgotten keeps its end for ever; the items are safe.
pub fn forgotten_handles<P: Platform>(_: Effort) {
    let alive = Cell::new(0);
    let item = || Tally::new(&alive);
    let ring = Ring::<Tally<'_>, 3>::new();
    let (mut producer, mut consumer) = ring.split().expect("both ends are free");
    producer.fill_from([item(), item(), item()]);
    drop(consumer.read_chunk(3).ok().and_then(|chunk| chunk.into_iter().next()));
    forget((producer, consumer));
    assert!(ring.split().is_none());
    assert_eq!(alive.get(), 2);
    assert!(matches!(ring.try_push(item()), Err(PushError::Full(_))));
    assert!(matches!(ring.try_pop(), Err(PopError::Empty)));
    assert!(!ring.close() && !ring.is_closed());
    drop(ring);
    assert_eq!(alive.get(), 0);

    let ring = Overwriting::<Tally<'_>, 2>::new();
    let (mut producer, mut consumer) = ring.split().expect("both ends are free");
    for _ in 0..5 {
        producer.push(item());
    }
    drop(consumer.try_pop());
    forget((producer, consumer));
    assert!(ring.split().is_none());
    assert_eq!(alive.get(), 1);
    drop(ring);
    assert_eq!(alive.get(), 0);
}

/// What the ring itself answers while handles are out, and what is left when they are gone.
pub fn the_ring_beside_its_handles<P: Platform>(_: Effort) {
    let ring = Ring::<u32, 2>::new();
    assert_eq!(ring.try_push(1), Ok(()));
    let (mut producer, consumer) = ring.split().expect("both ends are free");
    assert_eq!(ring.try_push(2), Err(PushError::Full(2)));
    assert_eq!(ring.try_pop(), Err(PopError::Empty));
    drop(consumer);
    assert_eq!(ring.try_pop(), Ok(1), "that end is free");
    assert_eq!(ring.try_pop(), Err(PopError::Empty));
    assert!(ring.split().is_none(), "the other is not");
    assert!(!ring.close() && !ring.is_closed(), "closing is the producer's business");
    assert_eq!(producer.try_push(3), Ok(()));
    assert!(producer.close());
    assert_eq!(ring.try_push(4), Err(PushError::Closed(4)));
    assert!(!ring.close());
    drop(producer);

    let (producer, mut consumer) = ring.split().expect("both ends are free again");
    assert_eq!(ring.try_pop(), Err(PopError::Empty), "the consumer has it");
    assert_eq!(consumer.try_pop(), Ok(3));
    assert_eq!(ring.try_pop(), Err(PopError::Closed), "but that is so for all");
    drop((producer, consumer));

    let ring = Ring::<u32, 2>::new();
    assert!(ring.close() && !ring.close());
    let (mut producer, mut consumer) = ring.split().expect("both ends are free");
    assert_eq!(producer.try_push(1), Err(PushError::Closed(1)));
    assert_eq!(consumer.try_pop(), Err(PopError::Closed));
}

/// All that is inside, whoever has the handles.
pub fn a_ring_as_an_iterator<P: Platform>(_: Effort) {
    let alive = Cell::new(0);
    let ring = Ring::<(u8, Tally<'_>), 3>::new();
    for number in 1..=3 {
        assert!(ring.try_push((number, Tally::new(&alive))).is_ok());
    }
    forget(ring.split());
    let mut iter = ring.into_iter();
    assert_eq!(iter.len(), 3);
    assert_eq!(iter.next().map(|(number, _)| number), Some(1));
    assert_eq!((iter.len(), alive.get()), (2, 2));
    drop(iter);
    assert_eq!(alive.get(), 0);
}
