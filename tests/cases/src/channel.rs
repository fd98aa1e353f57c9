//! Channels over every queue, as far as one thread sees them.

use inkle_core::channel::{Channel, Shutdown};
use inkle_core::error::{GetError, PutError, TooManyDone};
use inkle_core::queue::Queue;
use inkle_core::queue::fifo::{FastFifo, Fifo};
use inkle_core::queue::inbox::Inbox;
use inkle_core::queue::lifo::Stack;
use inkle_core::queue::priority::{Heap, Level, Levels};
use inkle_core::queue::spsc::Ring;
use inkle_core::queue::word::WordRing;
use inkle_core::{Deadline, Platform, TimedOut};

use crate::Effort;

/// Three items of one kind, numbered.
trait Number: Copy + PartialEq + core::fmt::Debug {
    fn of(number: u8) -> Self;
}

impl Number for u8 {
    fn of(number: u8) -> Self {
        number
    }
}

impl Number for u64 {
    fn of(number: u8) -> Self {
        number.into()
    }
}

impl<const L: usize> Number for (Level<L>, u8) {
    fn of(number: u8) -> Self {
        (Level::LAST, number)
    }
}

/// Everything that a channel of three slots does, twice: graceful to the end and immediate.
/// `order`: in which the items 1, 2, 3 come out.
fn channel<Q: Queue<Item: Number>, P: Platform>(new: fn() -> Q, order: [u8; 3], effort: Effort) {
    for how in [Shutdown::Graceful, Shutdown::Immediate] {
        let channel = Channel::<Q, P>::new(new());
        for _ in 0..effort.steps / 10 {
            round(&channel, order);
        }
        end(&channel, order, how);
    }
}

fn round<Q: Queue<Item: Number>, P: Platform>(channel: &Channel<Q, P>, order: [u8; 3]) {
    let item = Q::Item::of;
    assert_eq!(channel.try_get(), Err(GetError::Empty));
    assert_eq!(channel.get_until(Deadline::PASSED), Err(GetError::TimedOut));
    assert_eq!(channel.put(item(1)), Ok(()));
    assert_eq!(channel.try_put(item(2)), Ok(()));
    assert!(!channel.is_full() && !channel.is_empty());
    assert_eq!(channel.put_until(item(3), Deadline::PASSED), Ok(()));
    assert!(channel.is_full());
    assert_eq!(channel.try_put(item(4)), Err(PutError::Full(item(4))));
    assert_eq!(channel.put_until(item(4), Deadline::PASSED), Err(PutError::TimedOut(item(4))));
    assert_eq!((channel.len(), channel.capacity(), channel.unfinished()), (3, Some(3), 3));
    assert_eq!(channel.get(), Ok(item(order[0])));
    assert_eq!(channel.try_get(), Ok(item(order[1])));
    assert_eq!(channel.get_until(Deadline::PASSED), Ok(item(order[2])));
    assert_eq!(channel.join_until(Deadline::PASSED), Err(TimedOut));
    for unfinished in (0..3).rev() {
        assert_eq!((channel.task_done(), channel.unfinished()), (Ok(()), unfinished));
    }
    assert_eq!(channel.task_done(), Err(TooManyDone));
    channel.join();
}

fn end<Q: Queue<Item: Number>, P: Platform>(
    channel: &Channel<Q, P>,
    order: [u8; 3],
    how: Shutdown,
) {
    let item = Q::Item::of;
    for number in 1..=3 {
        assert_eq!(channel.try_put(item(number)), Ok(()));
    }
    assert!(!channel.is_shut_down());
    channel.shutdown(how);
    channel.shutdown(how);
    assert!(channel.is_shut_down());
    assert_eq!(channel.put(item(4)), Err(PutError::ShutDown(item(4))));
    assert_eq!(channel.try_put(item(4)), Err(PutError::ShutDown(item(4))));
    match how {
        Shutdown::Graceful => {
            assert_eq!(channel.drain().next(), Some(item(order[0])));
            assert!(channel.iter().eq([item(order[1]), item(order[2])]));
            (0..3).for_each(|_| assert_eq!(channel.task_done(), Ok(())));
        }
        Shutdown::Immediate => assert_eq!(channel.drain().next(), None),
    }
    assert_eq!(channel.get(), Err(GetError::ShutDown));
    assert_eq!(channel.try_get(), Err(GetError::ShutDown));
    channel.join();
}

/// Small items.
pub fn of_word_ring<P: Platform>(effort: Effort) {
    channel::<WordRing<u8, 3>, P>(WordRing::new, [1, 2, 3], effort);
}

/// Items of any type.
pub fn of_fifo<P: Platform>(effort: Effort) {
    channel::<Fifo<u64, 3>, P>(Fifo::new, [1, 2, 3], effort);
}

/// The same, for threads.
pub fn of_fast_fifo<P: Platform>(effort: Effort) {
    channel::<FastFifo<u64, 3>, P>(FastFifo::new, [1, 2, 3], effort);
}

/// Newest first.
pub fn of_stack<P: Platform>(effort: Effort) {
    channel::<Stack<u64, 3>, P>(Stack::new, [3, 2, 1], effort);
}

/// Many producers, one consumer.
pub fn of_inbox<P: Platform>(effort: Effort) {
    channel::<Inbox<u64, 3>, P>(Inbox::new, [1, 2, 3], effort);
}

/// One producer, one consumer.
pub fn of_spsc_ring<P: Platform>(effort: Effort) {
    channel::<Ring<u64, 3>, P>(Ring::new, [1, 2, 3], effort);
}

/// Smallest first.
pub fn of_heap<P: Platform>(effort: Effort) {
    channel::<Heap<u64, 3, P>, P>(Heap::empty, [1, 2, 3], effort);
}

/// By level.
pub fn of_levels<P: Platform>(effort: Effort) {
    channel::<Levels<u8, 2, 3>, P>(Levels::new, [1, 2, 3], effort);
}

/// The latest values, and a look at the oldest of them.
pub fn forced_and_peeked<P: Platform>(effort: Effort) {
    let latest = Channel::<WordRing<u8, 2>, P>::new(WordRing::new());
    for _ in 0..effort.steps / 10 {
        assert_eq!(latest.peek(), None);
        assert_eq!((latest.force_put(1), latest.force_put(2)), (Ok(None), Ok(None)));
        assert_eq!(latest.force_put(3), Ok(Some(1)));
        assert_eq!((latest.peek(), latest.unfinished()), (Some(2), 2));
        assert_eq!((latest.get(), latest.get()), (Ok(2), Ok(3)));
        assert_eq!((latest.task_done(), latest.task_done()), (Ok(()), Ok(())));
    }
    latest.shutdown(Shutdown::Graceful);
    assert_eq!(latest.force_put(4), Err(PutError::ShutDown(4)));
}
