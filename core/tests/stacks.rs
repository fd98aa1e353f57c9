//! Long random sequences of operations on what holds its items in a chain of nodes, and on the forced
//! pushes, step by step against a plain model. One thread, as in `queues.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use inkle_core::queue::fifo::{Fifo, Refused};
use inkle_core::queue::inbox::{Arrival, Inbox};
use inkle_core::queue::lifo::Stack;
use inkle_core::queue::word::WordRing;
use inkle_core::queue::{Narrow, Queue};
use inkle_core::{PopError, PushError};
use spin::relax::Spin;

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

/// What is done beside pushing and popping, with the plain model of what is inside.
type More<'a, Q> = &'a dyn Fn(&Q, &mut VecDeque<u32>, u32);

/// Pushes, pops and does `more` at random, in phases that lean one way or the other, then closes and
/// drains.
fn compare<Q: Queue<Item = u32>>(queue: &Q, newest_first: bool, seed: u64, more: More<'_, Q>) {
    let take = |model: &mut VecDeque<u32>| match newest_first {
        true => model.pop_back(),
        false => model.pop_front(),
    };
    let capacity = queue.capacity().unwrap();
    let mut dice = Dice(seed | 1);
    let mut model = VecDeque::new();
    for step in 0..10_000_u32 {
        let lean = 2 + (step / 100) % 5;
        let ticket = queue.ticket();
        match dice.roll(9) {
            8 => more(queue, &mut model, step),
            roll if roll < u64::from(lean) => {
                let expected = if model.len() < capacity {
                    model.push_back(step);
                    Ok(())
                } else {
                    Err(PushError::Full(step))
                };
                assert_eq!(queue.try_push(step), expected, "push at step {step}");
                let pushes = usize::from(expected.is_ok());
                assert_eq!(queue.ticket_after(ticket, pushes), queue.ticket());
                assert_eq!(queue.tickets_between(ticket, queue.ticket()), pushes);
            }
            _ => {
                let expected = take(&mut model).ok_or(PopError::Empty);
                assert_eq!(queue.try_pop(), expected, "pop at step {step}");
                assert_eq!(queue.ticket(), ticket);
            }
        }
        assert_eq!(queue.len(), model.len());
        assert_eq!(queue.is_empty(), model.is_empty());
    }
    assert!(!queue.is_closed());
    assert!(queue.close());
    assert!(!queue.close(), "only one call closes");
    assert!(queue.is_closed());
    assert_eq!(queue.try_push(0), Err(PushError::Closed(0)));
    while let Some(item) = take(&mut model) {
        assert_eq!(queue.try_pop(), Ok(item));
        assert_eq!(queue.try_push(0), Err(PushError::Closed(0)));
    }
    assert_eq!(queue.try_pop(), Err(PopError::Closed));
    assert_eq!(queue.try_pop(), Err(PopError::Closed));
}

/// At several capacities; `[2]` and `[3]`: at those that a tag of so many bits can count.
macro_rules! capacities {
    ($name:ident: $queue:ident[$($width:ty)?], $newest_first:literal, $more:ident, [2]) => {
        capacities!($name: $queue[$($width)?], $newest_first, $more, 1 2 3);
    };
    ($name:ident: $queue:ident[$($width:ty)?], $newest_first:literal, $more:ident, [3]) => {
        capacities!($name: $queue[$($width)?], $newest_first, $more, 1 2 3 4 7);
    };
    ($name:ident: $queue:ident[$($width:ty)?], $newest_first:literal, $more:ident) => {
        capacities!($name: $queue[$($width)?], $newest_first, $more, 1 2 3 4 7 100);
    };
    (
        $name:ident: $queue:ident[$($width:ty)?], $newest_first:literal, $more:ident,
        $($capacity:literal)*
    ) => {
        #[test]
        fn $name() {
            capacities!(@ $queue[$($width)?], $newest_first, $more, $($capacity)*);
        }
    };
    (@ $queue:ident[$($width:ty)?], $newest_first:literal, $more:ident,) => {};
    (
        @ $queue:ident[$($width:ty)?], $newest_first:literal, $more:ident,
        $one:literal $($capacity:literal)*
    ) => {
        for seed in 1..=3 {
            compare(&$queue::<u32, $one $(, $width)?>::new(), $newest_first, seed, &$more);
        }
        capacities!(@ $queue[$($width)?], $newest_first, $more, $($capacity)*);
    };
}

fn nothing<Q>(_: &Q, _: &mut VecDeque<u32>, _: u32) {}

/// Takes all, or all and drops the batch half used.
fn take_all<const N: usize, W: inkle_core::queue::Width>(
    inbox: &Inbox<u32, N, Spin, W>,
    model: &mut VecDeque<u32>,
    step: u32,
) {
    let mut batch = inbox.take_all();
    assert!(!batch.is_last());
    assert_eq!(inbox.len(), model.len(), "a batch holds its cells");
    if step % 2 == 0 {
        assert!(batch.eq(model.drain(..)));
    } else {
        assert_eq!(batch.next(), model.pop_front());
        model.clear();
        drop(batch);
    }
    assert_eq!(inbox.len(), 0);
}

fn force_word<const N: usize, W: inkle_core::queue::Width>(
    ring: &WordRing<u32, N, W>,
    model: &mut VecDeque<u32>,
    step: u32,
) {
    assert_eq!(ring.peek(), model.front().copied());
    let oldest = if model.len() == N { model.pop_front() } else { None };
    model.push_back(step);
    assert_eq!(ring.force_push(step), Ok(oldest));
    assert_eq!(ring.peek(), model.front().copied());
}

fn force_fifo<const N: usize, W: inkle_core::queue::Width>(
    queue: &Fifo<u32, N, W>,
    model: &mut VecDeque<u32>,
    step: u32,
) {
    let oldest = if model.len() == N { model.pop_front() } else { None };
    model.push_back(step);
    assert_eq!(queue.force_push(step), Ok(oldest));
}

type Inbox2<T, const N: usize> = Inbox<T, N, Spin, Narrow<2>>;
type Inbox3<T, const N: usize> = Inbox<T, N, Spin, Narrow<3>>;

capacities!(stack: Stack[], true, nothing);
capacities!(stack_with_a_tag_of_two_bits: Stack[Narrow<2>], true, nothing, [2]);
capacities!(stack_with_a_tag_of_three_bits: Stack[Narrow<3>], true, nothing, [3]);
capacities!(inbox: Inbox[], false, take_all);
capacities!(inbox_with_a_tag_of_two_bits: Inbox2[], false, take_all, [2]);
capacities!(inbox_with_a_tag_of_three_bits: Inbox3[], false, take_all, [3]);
#[cfg(target_has_atomic = "64")]
capacities!(forced_word_ring: WordRing[], false, force_word);
#[cfg(target_has_atomic = "64")]
capacities!(forced_word_ring_with_laps_of_two_bits: WordRing[Narrow<2>], false, force_word);
capacities!(forced_fifo: Fifo[], false, force_fifo);
capacities!(forced_fifo_with_laps_of_two_bits: Fifo[Narrow<2>], false, force_fifo);
capacities!(forced_fifo_with_laps_of_three_bits: Fifo[Narrow<3>], false, force_fifo);

/// Who pushes is told whether the consumer has to be woken.
#[test]
fn the_first_arrival() {
    let inbox = Inbox::<u8, 4>::new();
    assert_eq!(inbox.try_push(1), Ok(Arrival::First));
    assert_eq!(inbox.try_push(2), Ok(Arrival::Later));
    assert_eq!(inbox.try_pop(), Ok(1));
    // The consumer has item 2 on its side: it has looked for new ones since.
    assert_eq!(inbox.try_push(3), Ok(Arrival::First));
    assert!(inbox.take_all().eq([2, 3]));
    assert_eq!(inbox.try_push(4), Ok(Arrival::First));
    assert!(inbox.close());
    assert_eq!(inbox.try_push(5), Err(PushError::Closed(5)));
    let batch = inbox.take_all();
    assert!(batch.is_last());
    assert!(batch.eq([4]));
    let mut batch = inbox.take_all();
    assert!(batch.is_last());
    assert_eq!(batch.next(), None);
    assert_eq!(inbox.try_pop(), Err(PopError::Closed));
}

/// A batch holds its cells until they are passed on.
#[test]
fn cells_of_a_batch() {
    let inbox = Inbox::<u8, 2>::new();
    inbox.try_push(1).unwrap();
    inbox.try_push(2).unwrap();
    let mut batch = inbox.take_all();
    assert_eq!(inbox.try_push(3), Err(PushError::Full(3)));
    assert_eq!(batch.next(), Some(1));
    assert_eq!(inbox.try_push(3), Ok(Arrival::First));
    drop(batch);
    assert!(inbox.take_all().eq([3]));
}

#[test]
#[cfg(target_has_atomic = "64")]
fn forced_pushes_and_close() {
    let ring = WordRing::<u32, 2>::new();
    assert_eq!(ring.peek(), None);
    assert_eq!((ring.force_push(1), ring.force_push(2)), (Ok(None), Ok(None)));
    assert_eq!(ring.force_push(3), Ok(Some(1)));
    assert!(ring.close());
    assert_eq!(ring.force_push(4), Err(PushError::Closed(4)));
    assert_eq!((ring.peek(), ring.try_pop(), ring.try_pop()), (Some(2), Ok(2), Ok(3)));
    assert_eq!(ring.force_push(4), Err(PushError::Closed(4)));
    assert_eq!((ring.peek(), ring.try_pop()), (None, Err(PopError::Closed)));
}

#[test]
fn a_forced_push_to_a_closed_fifo() {
    let closed = |item| Err(Refused { error: PushError::Closed(item), displaced: None });
    let queue = Fifo::<u32, 1>::new();
    assert_eq!(queue.force_push(1), Ok(None));
    assert!(queue.close());
    assert_eq!(queue.force_push(2), closed(2));
    assert_eq!(queue.try_pop(), Ok(1));
    assert_eq!(queue.force_push(2), closed(2));
}

#[test]
fn items_of_no_size_and_large_ones() {
    fn passes<T: Copy + PartialEq + std::fmt::Debug>(item: T) {
        let (stack, inbox, fifo) =
            (Stack::<T, 3>::new(), Inbox::<T, 3>::new(), Fifo::<T, 1>::new());
        for _ in 0..10 {
            for _ in 0..3 {
                assert_eq!(stack.try_push(item), Ok(()));
                assert!(inbox.try_push(item).is_ok());
            }
            assert_eq!(stack.try_push(item), Err(PushError::Full(item)));
            assert_eq!(inbox.try_push(item), Err(PushError::Full(item)));
            assert_eq!(inbox.try_pop(), Ok(item));
            assert!(inbox.take_all().eq([item; 2]));
            for _ in 0..3 {
                assert_eq!(stack.try_pop(), Ok(item));
            }
            fifo.force_push(item).unwrap();
            assert_eq!(fifo.force_push(item), Ok(Some(item)));
        }
    }
    passes(());
    passes([7_u64; 512]);
}

thread_local! {
    static DROPPED: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    static BOMB: Cell<u32> = const { Cell::new(0) };
}

/// An item that counts its drop, and then panics if it is the one that shall.
struct Fused(u32);

impl Drop for Fused {
    fn drop(&mut self) {
        DROPPED.with_borrow_mut(|dropped| dropped.push(self.0));
        assert_ne!(self.0, BOMB.get(), "this one panics when dropped");
    }
}

/// Drops what `make` makes of items 1 to 5 while `bomb` panics, and gives what was dropped.
fn dropped<Q>(bomb: u32, make: impl Fn() -> Q, end: impl FnOnce(Q)) -> Vec<u32> {
    BOMB.set(bomb);
    DROPPED.take();
    let queue = make();
    let panicked = catch_unwind(AssertUnwindSafe(|| end(queue))).is_err();
    assert_eq!(panicked, (1..=5).contains(&bomb), "the panic goes through");
    BOMB.set(0);
    let mut dropped = DROPPED.take();
    dropped.sort_unstable();
    dropped
}

#[test]
fn every_item_is_dropped_once_whoever_panics() {
    let stack = || {
        let stack = Stack::<Fused, 6>::new();
        (1..=5).for_each(|item| assert!(stack.try_push(Fused(item)).is_ok()));
        stack
    };
    let inbox = || {
        let inbox = Inbox::<Fused, 6>::new();
        (1..=5).for_each(|item| assert!(inbox.try_push(Fused(item)).is_ok()));
        inbox
    };
    // Two items on the consumer's side, two that arrived since.
    let begun = || {
        let inbox = Inbox::<Fused, 6>::new();
        (0..3).for_each(|item| assert!(inbox.try_push(Fused(item)).is_ok()));
        std::mem::forget(inbox.try_pop()); // item 0
        (3..=5).for_each(|item| assert!(inbox.try_push(Fused(item)).is_ok()));
        inbox
    };
    for bomb in 1..=6 {
        assert_eq!(dropped(bomb, stack, drop), [1, 2, 3, 4, 5]);
        assert_eq!(dropped(bomb, inbox, drop), [1, 2, 3, 4, 5]);
        assert_eq!(dropped(bomb, begun, drop), [1, 2, 3, 4, 5]);
        let all = dropped(bomb, begun, |inbox| {
            let taken = catch_unwind(AssertUnwindSafe(|| drop(inbox.take_all())));
            assert_eq!(inbox.len(), 0, "the cells are back");
            if let Err(panic) = taken {
                std::panic::resume_unwind(panic);
            }
        });
        assert_eq!(all, [1, 2, 3, 4, 5]);
    }
}
