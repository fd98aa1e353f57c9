//! Priority queues against a plain model.

use core::cmp::{Ordering, Reverse};

use inkle_core::queue::priority::{Heap, Level, Levels};
use inkle_core::queue::{Narrow, Native, Peek, Queue, Width};
use inkle_core::{Platform, PopError, PushError};

use crate::model::MOST;
use crate::{Dice, Effort};

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

/// A queue by rank, for a `dyn`.
trait ByRank {
    fn push(&self, rank: usize, number: u32) -> Result<(), PushError<u32>>;
    fn pop(&self) -> Result<u32, PopError>;
    fn len(&self) -> usize;
    fn capacity(&self) -> Option<usize>;
    fn close(&self) -> bool;
}

impl<const N: usize, P: Platform> ByRank for Heap<Ranked, N, P> {
    fn push(&self, rank: usize, number: u32) -> Result<(), PushError<u32>> {
        self.try_push(Ranked { rank, number }).map_err(|error| match error {
            PushError::Full(item) => PushError::Full(item.number),
            PushError::Closed(item) => PushError::Closed(item.number),
        })
    }
    fn pop(&self) -> Result<u32, PopError> {
        self.try_pop().map(|item| item.number)
    }
    fn len(&self) -> usize {
        Queue::len(self)
    }
    fn capacity(&self) -> Option<usize> {
        Queue::capacity(self)
    }
    fn close(&self) -> bool {
        Queue::close(self)
    }
}

impl<const L: usize, const N: usize, W: Width> ByRank for Levels<u32, L, N, W> {
    fn push(&self, rank: usize, number: u32) -> Result<(), PushError<u32>> {
        let level = Level::new(rank).expect("a rank below L");
        self.try_push(level, number)
    }
    fn pop(&self) -> Result<u32, PopError> {
        self.try_pop().map(|(_, number)| number)
    }
    fn len(&self) -> usize {
        Queue::len(self)
    }
    fn capacity(&self) -> Option<usize> {
        Queue::capacity(self)
    }
    fn close(&self) -> bool {
        Queue::close(self)
    }
}

/// What is inside, in the order of arrival.
#[derive(Default)]
struct Model(heapless::Vec<(usize, u32), MOST>);

impl Model {
    fn first(&mut self) -> Result<u32, PopError> {
        let first = self.0.iter().enumerate().min_by_key(|(place, (rank, _))| (*rank, *place));
        let place = first.map(|(place, _)| place).ok_or(PopError::Empty)?;
        Ok(self.0.remove(place).1)
    }
}

/// Pushes and pops at random, in phases that lean one way or the other, then closes and drains.
fn compare(queue: &dyn ByRank, ranks: usize, effort: Effort) {
    let capacity = queue.capacity().expect("a queue by rank is bounded");
    let mut model = Model::default();
    for seed in effort.seeds() {
        let mut dice = Dice::new(seed);
        for step in 0..effort.steps {
            if dice.roll(8) < 2 + (step / 100) as usize % 5 {
                let rank = dice.roll(ranks);
                let expected = if model.0.len() < capacity {
                    assert!(model.0.push((rank, step)).is_ok());
                    Ok(())
                } else {
                    Err(PushError::Full(step))
                };
                assert_eq!(queue.push(rank, step), expected, "push at step {step}");
            } else {
                assert_eq!(queue.pop(), model.first(), "pop at step {step}");
            }
            assert_eq!(queue.len(), model.0.len());
        }
    }
    assert!(queue.close());
    assert!(!queue.close(), "only one call closes");
    for rank in 0..ranks {
        assert_eq!(queue.push(rank, 0), Err(PushError::Closed(0)));
    }
    while let Ok(number) = model.first() {
        assert_eq!(queue.pop(), Ok(number));
        assert_eq!(queue.push(0, 0), Err(PushError::Closed(0)));
    }
    for _ in 0..2 {
        assert_eq!(queue.pop(), Err(PopError::Closed));
    }
}

fn heap_of<const N: usize, P: Platform>(effort: Effort) {
    for ranks in [1, 3, 1000] {
        compare(&Heap::<Ranked, N, P>::empty(), ranks, effort);
    }
}

/// A total order, ties by arrival. Source: QU012, QU013.
pub fn heap<P: Platform>(effort: Effort) {
    heap_of::<1, P>(effort);
    heap_of::<7, P>(effort);
    #[cfg(target_pointer_width = "64")]
    {
        heap_of::<2, P>(effort);
        heap_of::<100, P>(effort);
    }
}

fn levels_of<const L: usize, const N: usize, W: Width>(effort: Effort) {
    compare(&Levels::<u32, L, N, W>::new(), L, effort);
}

/// The most urgent level first; on one thread that is exact.
pub fn levels<P: Platform>(effort: Effort) {
    levels_of::<1, 1, Native>(effort);
    levels_of::<3, 3, Native>(effort);
    levels_of::<3, 7, Narrow<3>>(effort);
    #[cfg(target_pointer_width = "64")]
    {
        levels_of::<2, 1, Native>(effort);
        levels_of::<4, 7, Native>(effort);
        levels_of::<2, 2, Narrow<2>>(effort);
        levels_of::<8, 100, Native>(effort);
        // As many as there can be.
        levels_of::<43, 5, Native>(effort);
    }
}

/// Any order that the items have.
pub fn the_highest_first<P: Platform>(_: Effort) {
    let queue: Heap<Reverse<u32>, 8, P> = Heap::empty();
    for item in [3, 1, 2] {
        assert_eq!(queue.try_push(Reverse(item)), Ok(()));
    }
    assert_eq!(queue.peek(), Some(Reverse(3)));
    for item in [3, 2, 1] {
        assert_eq!(queue.try_pop(), Ok(Reverse(item)));
    }
    assert_eq!(queue.peek(), None);
}

/// Items of every size.
pub fn items_of_no_size_and_large_ones_by_rank<P: Platform>(_: Effort) {
    let units: Heap<(), 3, P> = Heap::empty();
    assert_eq!((units.try_push(()), units.try_push(())), (Ok(()), Ok(())));
    assert_eq!((units.try_pop(), units.len()), (Ok(()), 1));
    let (urgent, idle) = (Level::<2>::new(0).expect("0 < 2"), Level::LAST);
    let units = Levels::<(), 2, 2>::new();
    assert_eq!((units.try_push(idle, ()), units.try_push(urgent, ())), (Ok(()), Ok(())));
    assert_eq!((units.try_pop(), units.try_pop()), (Ok((urgent, ())), Ok((idle, ()))));

    let large: Heap<[u64; 24], 3, P> = Heap::empty();
    let levels = Levels::<[u64; 24], 2, 3>::new();
    for number in [2, 1, 3] {
        assert_eq!(large.try_push([number; 24]), Ok(()));
        assert_eq!(levels.try_push(idle, [number; 24]), Ok(()));
    }
    assert_eq!(levels.try_push(urgent, [4; 24]), Err(PushError::Full([4; 24])));
    assert_eq!((large.try_pop(), levels.try_pop()), (Ok([1; 24]), Ok((idle, [2; 24]))));
}

/// A level is a small number, checked when made.
pub fn a_level_is_one_of_them<P: Platform>(_: Effort) {
    assert_eq!(Level::<3>::new(3), None);
    assert_eq!(Level::<3>::new(2), Some(Level::LAST));
    assert_eq!(Level::<300>::new(299), None, "a level has eight bits");
    assert_eq!(Level::<300>::new(255).map(Level::number), Some(255));
}
