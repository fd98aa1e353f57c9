//! Priority queues, step by step against a plain model; and what a panicking comparison or `Drop`
//! leaves behind.

use std::cell::Cell;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use inkle_core::platform::{NoBoard, Spin};
use inkle_core::queue::priority::{Entry, Heap, Items, Level, Levels, MinHeap};
use inkle_core::queue::{Container, Guarded, Narrow, Peek, Queue};
use inkle_core::{PopError, PushError};

type Ground = Spin<NoBoard>;

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

/// An item of a rank. Two of one rank are equal, whatever their number.
#[derive(Clone, Copy, Debug)]
struct Ranked {
    rank: usize,
    number: u32,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Ranked {}

/// A queue by rank and what goes in and comes out.
trait ByRank: Queue {
    fn item(rank: usize, number: u32) -> Self::Item;
    fn number(item: Self::Item) -> u32;
}

impl<I: Items<Item = Entry<Ranked>>> ByRank for Guarded<MinHeap<I>, Ground> {
    fn item(rank: usize, number: u32) -> Ranked {
        Ranked { rank, number }
    }
    fn number(item: Ranked) -> u32 {
        item.number
    }
}

impl<const L: usize, const N: usize, W: inkle_core::queue::Width> ByRank for Levels<u32, L, N, W> {
    fn item(rank: usize, number: u32) -> (Level<L>, u32) {
        (Level::new(rank).unwrap(), number)
    }
    fn number((_, number): (Level<L>, u32)) -> u32 {
        number
    }
}

/// Pushes and pops at random, in phases that lean one way or the other, then closes and drains.
fn compare<Q: ByRank>(queue: &Q, ranks: usize, capacity: usize, seed: u64) {
    let mut dice = Dice(seed | 1);
    let mut model: BTreeMap<usize, VecDeque<u32>> = BTreeMap::new();
    let first = |model: &mut BTreeMap<usize, VecDeque<u32>>| {
        let mut first = model.first_entry()?;
        let number = first.get_mut().pop_front();
        if first.get().is_empty() {
            first.remove();
        }
        number
    };
    let (start, mut pushes, mut len) = (queue.ticket(), 0, 0);
    assert_eq!(queue.capacity(), Some(capacity));
    for step in 0..10_000_u32 {
        let lean = 2 + (step / 100) % 5;
        if dice.roll(8) < u64::from(lean) {
            let rank = dice.roll(ranks as u64) as usize;
            match queue.try_push(Q::item(rank, step)) {
                Ok(()) => {
                    assert!(len < capacity, "push at step {step}");
                    model.entry(rank).or_default().push_back(step);
                    (pushes, len) = (pushes + 1, len + 1);
                }
                Err(PushError::Full(item)) => assert_eq!((Q::number(item), len), (step, capacity)),
                Err(PushError::Closed(_)) => panic!("closed at step {step}"),
            }
        } else {
            let expected = first(&mut model).ok_or(PopError::Empty);
            assert_eq!(queue.try_pop().map(Q::number), expected, "pop at step {step}");
            len -= usize::from(expected.is_ok());
        }
        assert_eq!((queue.len(), queue.is_empty()), (len, len == 0));
        assert_eq!(queue.ticket_after(start, pushes), queue.ticket());
    }
    assert!(!queue.is_closed());
    assert!(queue.close());
    assert!(!queue.close(), "only one call closes");
    assert!(queue.is_closed());
    for rank in 0..ranks {
        assert!(matches!(queue.try_push(Q::item(rank, 0)), Err(PushError::Closed(_))));
    }
    while let Some(number) = first(&mut model) {
        assert_eq!(queue.try_pop().map(Q::number), Ok(number));
        assert!(matches!(queue.try_push(Q::item(0, 0)), Err(PushError::Closed(_))));
    }
    for _ in 0..2 {
        assert_eq!(queue.try_pop().map(Q::number), Err(PopError::Closed));
    }
}

fn heaps<const N: usize>() {
    for (seed, ranks) in [(1, 1), (2, 3), (3, 1000)] {
        compare(&Heap::<Ranked, N, Ground>::empty(), ranks, N, seed);
    }
}

#[test]
fn qu012_qu013_heap_against_a_model() {
    heaps::<1>();
    heaps::<2>();
    heaps::<3>();
    heaps::<7>();
    heaps::<8>();
    heaps::<100>();
}

#[cfg(target_has_atomic = "64")]
fn levels<const L: usize, const N: usize>() {
    for seed in 1..=3 {
        compare(&Levels::<u32, L, N>::new(), L, N, seed);
        compare(&Levels::<u32, L, N, Narrow<2>>::new(), L, N, seed);
        compare(&Levels::<u32, L, N, Narrow<3>>::new(), L, N, seed);
    }
}

#[test]
#[cfg(target_has_atomic = "64")]
fn levels_against_a_model() {
    levels::<1, 1>();
    levels::<2, 1>();
    levels::<2, 2>();
    levels::<3, 3>();
    levels::<4, 7>();
    levels::<8, 100>();
    // As many as there can be.
    compare(&Levels::<u32, 43, 5>::new(), 43, 5, 4);
}

/// A list outside, with a limit of its own: the same heap over other storage.
struct Growing<T>(Vec<T>, usize);

impl<T> Items for Growing<T> {
    type Item = T;
    fn push(&mut self, item: T) -> Result<(), T> {
        self.0.push(item);
        Ok(())
    }
    fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }
    fn as_slice(&self) -> &[T] {
        &self.0
    }
    fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.0
    }
    fn capacity(&self) -> Option<usize> {
        Some(self.1)
    }
}

#[test]
fn heap_over_another_list() {
    let queue: Guarded<_, Ground> = Guarded::new(MinHeap::new(Growing(Vec::new(), 50)));
    compare(&queue, 9, 50, 5);
    assert_eq!(queue.into_inner().len(), 0);
}

#[test]
fn heap_of_the_highest_first() {
    let queue: Heap<Reverse<u32>, 8, Ground> = Heap::empty();
    for item in [3, 1, 2] {
        queue.try_push(Reverse(item)).unwrap();
    }
    assert_eq!(queue.peek(), Some(Reverse(3)));
    let all: Vec<u32> = std::iter::from_fn(|| Some(queue.try_pop().ok()?.0)).collect();
    assert_eq!(all, [3, 2, 1]);
    assert_eq!(queue.peek(), None);
}

#[test]
fn items_without_size_and_large_ones() {
    let units: Heap<(), 3, Ground> = Heap::empty();
    assert_eq!((units.try_push(()), units.try_push(())), (Ok(()), Ok(())));
    assert_eq!((units.try_pop(), units.len()), (Ok(()), 1));
    let (urgent, idle) = (Level::<2>::new(0).unwrap(), Level::LAST);
    let units = Levels::<(), 2, 2>::new();
    units.try_push(idle, ()).unwrap();
    units.try_push(urgent, ()).unwrap();
    assert_eq!((units.try_pop(), units.try_pop()), (Ok((urgent, ())), Ok((idle, ()))));

    let large: Heap<[u64; 64], 3, Ground> = Heap::empty();
    let levels = Levels::<[u64; 64], 2, 3>::new();
    for number in [2, 1, 3] {
        large.try_push([number; 64]).unwrap();
        levels.try_push(idle, [number; 64]).unwrap();
    }
    assert_eq!(levels.try_push(urgent, [4; 64]), Err(PushError::Full([4; 64])));
    assert_eq!((large.try_pop(), levels.try_pop()), (Ok([1; 64]), Ok((idle, [2; 64]))));
}

/// An item that panics in the comparison after so many.
#[derive(Debug)]
struct Fuse {
    rank: u32,
    left: Rc<Cell<u32>>,
    drops: Rc<Cell<u32>>,
}

impl Ord for Fuse {
    fn cmp(&self, other: &Self) -> Ordering {
        assert!(self.left.get() > 0, "a comparison panics");
        self.left.set(self.left.get() - 1);
        self.rank.cmp(&other.rank)
    }
}

impl PartialOrd for Fuse {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Fuse {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Fuse {}

impl Drop for Fuse {
    fn drop(&mut self) {
        self.drops.set(self.drops.get() + 1);
    }
}

/// Whichever comparison panics, the queue is as it was: same items, same order, still usable.
#[test]
fn qu014_a_comparison_that_panics_changes_nothing() {
    let mut panics = 0;
    for after in 0..8 {
        for (pops, new) in [(false, 0), (false, 50), (true, 0)] {
            let (left, drops) = (Rc::new(Cell::new(u32::MAX)), Rc::new(Cell::new(0)));
            let fuse = |rank| Fuse { rank, left: left.clone(), drops: drops.clone() };
            let queue: Heap<Fuse, 16, Ground> = Heap::empty();
            for rank in (0..15).rev() {
                queue.try_push(fuse(rank * 10)).unwrap();
            }
            left.set(after);
            let ticket = queue.ticket();
            let act = || {
                if pops { drop(queue.try_pop()) } else { drop(queue.try_push(fuse(new))) }
            };
            let panicked = catch_unwind(AssertUnwindSafe(act)).is_err();
            left.set(u32::MAX);
            let mut expected: Vec<u32> = (0..15).map(|rank| rank * 10).collect();
            if panicked {
                panics += 1;
                assert_eq!((queue.len(), queue.ticket()), (15, ticket));
            } else if pops {
                expected.remove(0);
            } else {
                expected.push(new);
                expected.sort();
            }
            let all: Vec<u32> = std::iter::from_fn(|| Some(queue.try_pop().ok()?.rank)).collect();
            assert_eq!(all, expected);
            assert_eq!(drops.get(), if pops { 15 } else { 16 });
        }
    }
    assert!(panics > 10, "only {panics} of the comparisons panicked");
}

/// An item whose `Drop` counts, and for one of them panics.
struct Bomb(Rc<Cell<u32>>, bool);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        assert!(!self.1, "an item panics when dropped");
    }
}

#[test]
fn a_drop_that_panics_leaks_nothing() {
    let drops = Rc::new(Cell::new(0));
    let levels = Levels::<Bomb, 3, 8>::new();
    for number in 0..8 {
        let level = Level::new(number % 3).unwrap();
        levels.try_push(level, Bomb(drops.clone(), number == 4)).unwrap_or_else(|_| panic!("full"));
    }
    assert!(catch_unwind(AssertUnwindSafe(|| drop(levels))).is_err());
    assert_eq!(drops.get(), 8);
}

#[test]
fn a_level_is_one_of_them() {
    assert_eq!(Level::<3>::new(3), None);
    assert_eq!(Level::<3>::new(2), Some(Level::LAST));
    assert_eq!(Level::<300>::new(299), None, "a level has eight bits");
    assert_eq!(Level::<300>::new(255).map(Level::number), Some(255));
}
