//! Random operations on a queue, step by step against a plain model.
//!
//! One thread: this is about slots, laps and answers, far beyond the wrap-around. The queue is behind
//! a `dyn`, so that an image holds one copy of the comparison and not one for each type.

use core::fmt::Debug;

use heapless::Deque;
use inkle_core::queue::Queue;
use inkle_core::{PopError, PushError};

use crate::{Dice, Effort};

/// The largest capacity that a model can follow.
pub(crate) const MOST: usize = 100;

/// A plain queue.
pub(crate) type Model<T> = Deque<T, MOST>;

/// What goes through a queue: checked when it comes out.
pub(crate) trait Item: Copy + PartialEq + Debug {
    fn make(number: u32) -> Self;
}

impl Item for u32 {
    fn make(number: u32) -> Self {
        number
    }
}

impl Item for u16 {
    fn make(number: u32) -> Self {
        number as u16
    }
}

impl Item for () {
    fn make(_: u32) -> Self {}
}

impl Item for [u64; 9] {
    fn make(number: u32) -> Self {
        [u64::from(number) << 7; 9]
    }
}

/// [`Queue`], for a `dyn`.
pub(crate) trait Plain<T> {
    fn try_push(&self, item: T) -> Result<(), PushError<T>>;
    fn try_pop(&self) -> Result<T, PopError>;
    fn close(&self) -> bool;
    fn is_closed(&self) -> bool;
    fn capacity(&self) -> Option<usize>;
    fn len(&self) -> usize;
    fn is_empty(&self) -> bool;
    fn ticket(&self) -> usize;
    fn ticket_after(&self, ticket: usize, pushes: usize) -> usize;
    fn tickets_between(&self, from: usize, to: usize) -> usize;
}

impl<Q: Queue> Plain<Q::Item> for Q {
    fn try_push(&self, item: Q::Item) -> Result<(), PushError<Q::Item>> {
        Queue::try_push(self, item)
    }
    fn try_pop(&self) -> Result<Q::Item, PopError> {
        Queue::try_pop(self)
    }
    fn close(&self) -> bool {
        Queue::close(self)
    }
    fn is_closed(&self) -> bool {
        Queue::is_closed(self)
    }
    fn capacity(&self) -> Option<usize> {
        Queue::capacity(self)
    }
    fn len(&self) -> usize {
        Queue::len(self)
    }
    fn is_empty(&self) -> bool {
        Queue::is_empty(self)
    }
    fn ticket(&self) -> usize {
        Queue::ticket(self)
    }
    fn ticket_after(&self, ticket: usize, pushes: usize) -> usize {
        Queue::ticket_after(self, ticket, pushes)
    }
    fn tickets_between(&self, from: usize, to: usize) -> usize {
        Queue::tickets_between(self, from, to)
    }
}

/// What is done beside pushing and popping, with the model of what is inside.
pub(crate) type More<'a, T> = &'a dyn Fn(&mut Model<T>, u32);

/// In which order items come out.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    OldestFirst,
    NewestFirst,
}

impl Order {
    fn take<T>(self, model: &mut Model<T>) -> Option<T> {
        match self {
            Self::OldestFirst => model.pop_front(),
            Self::NewestFirst => model.pop_back(),
        }
    }
}

/// Puts into the model, which has room.
pub(crate) fn put<T>(model: &mut Model<T>, item: T) {
    assert!(model.push_back(item).is_ok(), "a model is too small");
}

/// Pushes, pops and does `more` at random, in phases that lean one way or the other, then closes and
/// drains.
pub(crate) fn compare<T: Item>(
    queue: &dyn Plain<T>,
    order: Order,
    effort: Effort,
    more: More<'_, T>,
) {
    // Without a limit, the model's is kept.
    let capacity = queue.capacity().unwrap_or(usize::MAX);
    for seed in effort.seeds() {
        sequence(queue, capacity, order, effort.steps, seed, more);
    }
    close_and_drain(queue, capacity, order);
}

fn sequence<T: Item>(
    queue: &dyn Plain<T>,
    capacity: usize,
    order: Order,
    steps: u32,
    seed: u64,
    more: More<'_, T>,
) {
    let mut dice = Dice::new(seed);
    let mut model = Model::new();
    for step in 0..steps {
        let lean = 2 + (step / 100) as usize % 5;
        let ticket = queue.ticket();
        match dice.roll(9) {
            8 => more(&mut model, step),
            roll if roll < lean && (capacity <= MOST || model.len() < MOST) => {
                let item = T::make(step);
                let expected = if model.len() < capacity {
                    put(&mut model, item);
                    Ok(())
                } else {
                    Err(PushError::Full(item))
                };
                assert_eq!(queue.try_push(item), expected, "push at step {step}");
                let pushes = usize::from(expected.is_ok());
                assert_eq!(queue.ticket_after(ticket, pushes), queue.ticket());
                assert_eq!(queue.tickets_between(ticket, queue.ticket()), pushes);
            }
            _ => {
                let expected = order.take(&mut model).ok_or(PopError::Empty);
                assert_eq!(queue.try_pop(), expected, "pop at step {step}");
                assert_eq!(queue.ticket(), ticket);
            }
        }
        assert_eq!(queue.len(), model.len());
        assert_eq!(queue.is_empty(), model.is_empty());
    }
    while let Some(item) = order.take(&mut model) {
        assert_eq!(queue.try_pop(), Ok(item));
    }
    assert_eq!(queue.try_pop(), Err(PopError::Empty));
}

fn close_and_drain<T: Item>(queue: &dyn Plain<T>, capacity: usize, order: Order) {
    let item = T::make(0);
    let mut model = Model::new();
    for number in 0..capacity.min(MOST) as u32 / 2 + 1 {
        put(&mut model, T::make(number));
        assert_eq!(queue.try_push(T::make(number)), Ok(()));
    }
    assert!(!queue.is_closed());
    assert!(queue.close());
    assert!(!queue.close(), "only one call closes");
    assert!(queue.is_closed());
    assert_eq!(queue.try_push(item), Err(PushError::Closed(item)));
    while let Some(expected) = order.take(&mut model) {
        assert_eq!(queue.try_pop(), Ok(expected));
        assert_eq!(queue.try_push(item), Err(PushError::Closed(item)));
    }
    for _ in 0..2 {
        assert_eq!(queue.try_pop(), Err(PopError::Closed));
    }
}

/// Nothing more.
pub(crate) fn nothing<T>(_: &mut Model<T>, _: u32) {}
