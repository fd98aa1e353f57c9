//! What holds its items in a chain of nodes, and the forced pushes.

use inkle_core::queue::fifo::{Fifo, Refused};
use inkle_core::queue::inbox::{Arrival, Inbox};
use inkle_core::queue::lifo::Stack;
use inkle_core::queue::word::WordRing;
use inkle_core::queue::{Narrow, Native, Queue, Width};
use inkle_core::{Platform, PopError, PushError};
use spin::relax::Spin;

use crate::Effort;
use crate::model::{
    Item, Model,
    Order::{NewestFirst, OldestFirst},
    compare, nothing, put,
};
use crate::queues::Word;

fn stack_of<const N: usize, W: Width>(effort: Effort) {
    compare(&Stack::<u32, N, W>::new(), NewestFirst, effort, &nothing);
}

/// Newest first.
pub fn stack<P: Platform>(effort: Effort) {
    stack_of::<1, Native>(effort);
    stack_of::<7, Native>(effort);
    #[cfg(target_pointer_width = "64")]
    {
        stack_of::<2, Native>(effort);
        stack_of::<100, Native>(effort);
    }
}

/// Its tag wraps soon; at capacities that a tag of so many bits can count.
pub fn stack_with_a_narrow_tag<P: Platform>(effort: Effort) {
    stack_of::<3, Narrow<2>>(effort);
    #[cfg(target_pointer_width = "64")]
    {
        stack_of::<1, Narrow<2>>(effort);
        stack_of::<4, Narrow<3>>(effort);
        stack_of::<7, Narrow<3>>(effort);
    }
}

fn inbox_of<const N: usize, W: Width>(effort: Effort) {
    let inbox = Inbox::<u32, N, Spin, W>::new();
    // Takes all, or all and drops the batch half used.
    compare(&inbox, OldestFirst, effort, &|model, step| {
        let mut batch = inbox.take_all();
        assert!(!batch.is_last());
        assert_eq!(inbox.len(), model.len(), "a batch holds its cells");
        if step % 2 == 0 {
            batch.by_ref().for_each(|item| assert_eq!(model.pop_front(), Some(item)));
            assert!(model.is_empty());
        } else {
            assert_eq!(batch.next(), model.pop_front());
            model.clear();
        }
        drop(batch);
        assert_eq!(inbox.len(), 0);
    });
}

/// Many producers, one consumer that takes all.
pub fn inbox<P: Platform>(effort: Effort) {
    inbox_of::<1, Native>(effort);
    inbox_of::<7, Native>(effort);
    #[cfg(target_pointer_width = "64")]
    {
        inbox_of::<2, Native>(effort);
        inbox_of::<100, Native>(effort);
    }
}

/// Its tag wraps soon.
pub fn inbox_with_a_narrow_tag<P: Platform>(effort: Effort) {
    inbox_of::<3, Narrow<2>>(effort);
    #[cfg(target_pointer_width = "64")]
    {
        inbox_of::<1, Narrow<2>>(effort);
        inbox_of::<4, Narrow<3>>(effort);
        inbox_of::<7, Narrow<3>>(effort);
    }
}

/// Puts, and gives what had to go.
fn force<T, const N: usize>(model: &mut Model<T>, item: T) -> Option<T> {
    let oldest = if model.len() == N { model.pop_front() } else { None };
    put(model, item);
    oldest
}

fn forced_word_ring_of<const N: usize, W: Width>(effort: Effort) {
    let ring = WordRing::<Word, N, W>::new();
    compare(&ring, OldestFirst, effort, &|model, step| {
        assert_eq!(ring.peek(), model.front().copied());
        let item = Word::make(step);
        assert_eq!(ring.force_push(item), Ok(force::<_, N>(model, item)));
        assert_eq!(ring.peek(), model.front().copied());
    });
}

/// The oldest gives way.
pub fn forced_word_ring<P: Platform>(effort: Effort) {
    forced_word_ring_of::<1, Native>(effort);
    forced_word_ring_of::<7, Native>(effort);
    forced_word_ring_of::<1, Narrow<2>>(effort);
    forced_word_ring_of::<3, Narrow<2>>(effort);
}

fn forced_fifo_of<const N: usize, W: Width>(effort: Effort) {
    let queue = Fifo::<u32, N, W>::new();
    compare(&queue, OldestFirst, effort, &|model, step| {
        assert_eq!(queue.force_push(step), Ok(force::<_, N>(model, step)));
    });
}

/// The oldest gives way.
pub fn forced_fifo<P: Platform>(effort: Effort) {
    forced_fifo_of::<1, Native>(effort);
    forced_fifo_of::<7, Native>(effort);
    forced_fifo_of::<1, Narrow<2>>(effort);
    forced_fifo_of::<3, Narrow<2>>(effort);
    forced_fifo_of::<4, Narrow<3>>(effort);
}

/// Who pushes is told whether the consumer has to be woken.
pub fn the_first_arrival<P: Platform>(_: Effort) {
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
pub fn cells_of_a_batch<P: Platform>(_: Effort) {
    let inbox = Inbox::<u8, 2>::new();
    assert!(inbox.try_push(1).is_ok() && inbox.try_push(2).is_ok());
    let mut batch = inbox.take_all();
    assert_eq!(inbox.try_push(3), Err(PushError::Full(3)));
    assert_eq!(batch.next(), Some(1));
    assert_eq!(inbox.try_push(3), Ok(Arrival::First));
    drop(batch);
    assert!(inbox.take_all().eq([3]));
}

/// Closed is closed, by force too.
pub fn forced_pushes_and_close<P: Platform>(_: Effort) {
    let ring = WordRing::<Word, 2>::new();
    assert_eq!(ring.peek(), None);
    assert_eq!((ring.force_push(1), ring.force_push(2)), (Ok(None), Ok(None)));
    assert_eq!(ring.force_push(3), Ok(Some(1)));
    assert!(ring.close());
    assert_eq!(ring.force_push(4), Err(PushError::Closed(4)));
    assert_eq!((ring.peek(), ring.try_pop(), ring.try_pop()), (Some(2), Ok(2), Ok(3)));
    assert_eq!(ring.force_push(4), Err(PushError::Closed(4)));
    assert_eq!((ring.peek(), ring.try_pop()), (None, Err(PopError::Closed)));

    let closed = |item| Err(Refused { error: PushError::Closed(item), displaced: None });
    let queue = Fifo::<u32, 1>::new();
    assert_eq!(queue.force_push(1), Ok(None));
    assert!(queue.close());
    assert_eq!(queue.force_push(2), closed(2));
    assert_eq!(queue.try_pop(), Ok(1));
    assert_eq!(queue.force_push(2), closed(2));
}

fn passes<T: Copy + PartialEq + core::fmt::Debug>(item: T) {
    let (stack, inbox, fifo) = (Stack::<T, 3>::new(), Inbox::<T, 3>::new(), Fifo::<T, 1>::new());
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
        assert_eq!(fifo.force_push(item), Ok(None));
        assert_eq!(fifo.force_push(item), Ok(Some(item)));
        assert_eq!(fifo.try_pop(), Ok(item));
    }
}

/// Items of every size.
pub fn items_of_no_size_and_large_ones<P: Platform>(_: Effort) {
    passes(());
    passes([7_u64; 24]);
    #[cfg(target_pointer_width = "64")]
    passes([7_u64; 512]);
}
