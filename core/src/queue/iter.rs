//! Iterators over what a queue gives.

use ::spin::relax::RelaxStrategy;

use super::fast::{FastFifoIn, FastSlot};
use super::fifo::Fifo;
use super::inbox::Inbox;
use super::lifo::Stack;
use super::priority::Levels;
use super::word::{Bits, WordRingIn, WordSlot};
use super::{Container, Guarded, Queue, Storage, Width};
use crate::platform::Platform;

/// Pops until the queue is empty; see [`Queue::drain`].
#[derive(Debug)]
#[must_use = "an iterator that nobody asks pops nothing"]
pub struct Drain<'a, Q: Queue>(pub(super) &'a Q);

impl<Q: Queue> Iterator for Drain<'_, Q> {
    type Item = Q::Item;

    #[inline]
    fn next(&mut self) -> Option<Q::Item> {
        self.0.try_pop().ok()
    }
}

/// The items of a queue that nobody else uses any more, in its order: what `for item in queue` runs
/// over. What is left when it is dropped is dropped.
///
/// ```
/// use inkle_core::queue::lifo::Stack;
///
/// let stack = Stack::<u8, 4>::new();
/// stack.try_push(1).unwrap();
/// stack.try_push(2).unwrap();
/// assert!(stack.into_iter().eq([2, 1]));
/// ```
#[derive(Debug)]
pub struct IntoIter<Q: Queue>(pub(super) Q);

impl<Q: Queue> Iterator for IntoIter<Q> {
    type Item = Q::Item;

    #[inline]
    fn next(&mut self) -> Option<Q::Item> {
        self.0.try_pop().ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Exact: nobody else is there.
        let len = self.0.len();
        (len, Some(len))
    }
}

impl<Q: Queue> ExactSizeIterator for IntoIter<Q> {}

/// Implements [`IntoIterator`] for queues.
macro_rules! into_iter {
    ($([$($parameters:tt)*] $queue:ty;)*) => {$(
        impl<$($parameters)*> IntoIterator for $queue {
            type Item = <Self as Queue>::Item;
            type IntoIter = IntoIter<Self>;

            fn into_iter(self) -> IntoIter<Self> {
                IntoIter(self)
            }
        }
    )*};
}

into_iter! {
    [T: Bits, S: Storage<Slot = WordSlot>, W: Width] WordRingIn<T, S, W>;
    [T, const N: usize, W: Width] Fifo<T, N, W>;
    [T, S: Storage<Slot = FastSlot<T>>, R: RelaxStrategy, W: Width] FastFifoIn<T, S, R, W>;
    [T, const N: usize, W: Width] Stack<T, N, W>;
    [T, const N: usize, R: RelaxStrategy, W: Width] Inbox<T, N, R, W>;
    [T, const L: usize, const N: usize, W: Width] Levels<T, L, N, W>;
    [C: Container, P: Platform] Guarded<C, P>;
}
