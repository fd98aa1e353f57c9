//! The consumer's end of a [`Ring`]. Layout, invariants and proofs: `ring.rs`.
//!
//! A [`Consumer`] knows its own position and `limit`, up to where there are items as far as it knows.
//! Equal means: look.
//!
//! Every item that is moved out is paid for at once with a store of `head`, also by the iterator of a
//! chunk: the ring must not hand an item out twice, even if iterator and handle are forgotten.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use ::spin::relax::{RelaxStrategy, Spin};

use super::TooFewSlots;
use super::ring::{CLOSED, Ring};
use crate::atomic::{Cells, Ordering, fence};
use crate::error::PopError;
use crate::queue::no_item;
use crate::queue::ring::{Native, Width};

/// The one handle that pops from a [`Ring`]. Dropping it gives its end back; the items stay.
///
/// ```
/// use inkle_core::queue::spsc::Ring;
///
/// let ring = Ring::<u8, 4>::new();
/// let (mut producer, mut consumer) = ring.split().unwrap();
/// producer.push_slice(b"loom");
/// drop(producer);
/// assert!(consumer.is_abandoned());
///
/// assert_eq!(consumer.peek(), Some(&b'l'));
/// let mut two = [0; 2];
/// assert_eq!(consumer.pop_slice(&mut two), 2);
/// assert_eq!(&two, b"lo");
/// assert_eq!(consumer.slots(), 2);
/// ```
pub struct Consumer<'a, T, const N: usize, R: RelaxStrategy = Spin, W: Width = Native> {
    ring: &'a Ring<T, N, R, W>,
    /// Our position, as in the ring.
    head: usize,
    /// Up to where there are items, as far as we know.
    limit: usize,
    /// For one thread at a time.
    not_sync: PhantomData<Cell<()>>,
}

/// The item at the head, popped when this is dropped. Being a guard, it does so after the item has
/// moved into the caller's result: with the store in between, large items would be copied twice.
struct Taken<'p, 'a, T, const N: usize, R: RelaxStrategy, W: Width>(
    &'p mut Consumer<'a, T, N, R, W>,
);

impl<T, const N: usize, R: RelaxStrategy, W: Width> Taken<'_, '_, T, N, R, W> {
    /// Moves the item out.
    ///
    /// # Safety
    ///
    /// The consumer knows of an item, and this is called once.
    #[inline(always)]
    unsafe fn read(&self) -> T {
        let index = Ring::<T, N, R, W>::GEOMETRY.index(self.0.head);
        // SAFETY: an index; and there is an item at the head, so the cell is ours (invariant 3).
        unsafe { self.0.ring.cells.with(index, |cell| (*cell).assume_init_read()) }
    }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> Drop for Taken<'_, '_, T, N, R, W> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.release(Ring::<T, N, R, W>::GEOMETRY.after_const(self.0.head));
    }
}

impl<'a, T, const N: usize, R: RelaxStrategy, W: Width> Consumer<'a, T, N, R, W> {
    /// # Safety
    ///
    /// The caller owns the consumer's end for as long as this is used.
    #[inline(always)]
    pub(super) unsafe fn new(ring: &'a Ring<T, N, R, W>) -> Self {
        // Relaxed: ordered by the token with the last owner, who alone has stored it.
        let head = ring.head.position.load(Ordering::Relaxed);
        Self { ring, head, limit: head, not_sync: PhantomData }
    }

    /// Takes the next item.
    ///
    /// Errors: [`PopError::Empty`]; [`PopError::Closed`], which means closed and nothing left, and is
    /// final. Progress: wait-free. Interrupt-safe: yes. Ordering: acquire, pairs with the release of
    /// [`Producer::try_push`](super::Producer::try_push).
    #[inline]
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        if self.head == self.limit {
            self.look();
            if self.head == self.limit {
                if let Err(error) = self.find_item() {
                    return no_item(error);
                }
            }
        }
        let taken = Taken(self);
        // SAFETY: there is an item; the only read.
        Ok(unsafe { taken.read() })
    }

    /// A look at the next item, if there is one.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: as [`try_pop`](Self::try_pop).
    #[must_use]
    #[inline]
    pub fn peek(&mut self) -> Option<&T> {
        self.read_chunk(1).ok()?.into_slices().0.first()
    }

    /// A look has shown no item: is that so?
    #[cold]
    fn find_item(&mut self) -> Result<(), PopError> {
        // Pairs with the fence before the producer's `Full`: see `ring.rs`.
        fence(Ordering::SeqCst);
        match self.look() {
            tail if tail == self.head => Err(PopError::Empty),
            tail if tail == self.head | CLOSED => Err(PopError::Closed),
            _ => Ok(()),
        }
    }

    /// Looks how far the producer has come, and whether it has closed.
    #[inline(always)]
    fn look(&mut self) -> usize {
        // Acquire, pairs with the Release of the producer's stores: the items are complete, and what
        // came before a close.
        let tail = self.ring.tail.position.load(Ordering::Acquire);
        self.limit = tail & !CLOSED;
        tail
    }

    /// Makes everything before `head` the producer's.
    #[inline(always)]
    fn release(&mut self, head: usize) {
        self.head = head;
        // Release, pairs with the Acquire of the producer's load: we are done with the cells.
        self.ring.head.position.store(head, Ordering::Release);
    }

    /// How many items there are as far as we know, after a look if we know of fewer than `wanted`.
    #[inline]
    fn items(&mut self, wanted: usize) -> usize {
        let geometry = Ring::<T, N, R, W>::GEOMETRY;
        let known = geometry.distance(self.head, self.limit);
        if known >= wanted {
            return known;
        }
        self.look();
        geometry.distance(self.head, self.limit)
    }

    /// How many items can be popped now. Counts every push that happened before the call, and may
    /// miss one that happens meanwhile.
    ///
    /// Progress: wait-free. Interrupt-safe: yes.
    #[must_use]
    pub fn slots(&mut self) -> usize {
        self.items(N)
    }

    /// Whether the [`Producer`](super::Producer) has been dropped.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: acquire, pairs with the drop: what it
    /// pushed is counted by [`slots`](Self::slots).
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        !self.ring.tail.token.is_held()
    }

    /// The next `n` items, to be read in place and then committed.
    ///
    /// Errors: [`TooFewSlots`], with [`slots`](Self::slots). Progress: wait-free. Interrupt-safe: yes.
    /// Ordering: acquire, pairs with the producer's release.
    ///
    /// ```
    /// use inkle_core::queue::spsc::{Ring, TooFewSlots};
    ///
    /// let ring = Ring::<String, 4>::new();
    /// let (mut producer, mut consumer) = ring.split().unwrap();
    /// producer.fill_from(["over", "under"].map(String::from));
    /// assert_eq!(consumer.read_chunk(3).unwrap_err(), TooFewSlots(2));
    ///
    /// let chunk = consumer.read_chunk(2).unwrap();
    /// let (first, second) = chunk.as_slices();
    /// assert_eq!([first, second].concat().concat(), "overunder");
    /// chunk.commit(1);
    /// assert_eq!(consumer.try_pop().unwrap(), "under");
    /// ```
    pub fn read_chunk(&mut self, n: usize) -> Result<ReadChunk<'_, 'a, T, N, R, W>, TooFewSlots> {
        let items = self.items(n);
        if n <= items { Ok(ReadChunk { consumer: self, len: n }) } else { Err(TooFewSlots(items)) }
    }

    /// Pops as many items as are there and as `items` has place for, into its beginning, and says how
    /// many that was.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: acquire, pairs with the producer's release.
    #[inline]
    pub fn pop_slice(&mut self, items: &mut [T]) -> usize
    where
        T: Copy,
    {
        let there = self.items(items.len());
        let len = if items.len() < there { items.len() } else { there };
        let chunk = ReadChunk { consumer: self, len };
        let (first, second) = chunk.as_slices();
        let to = items.as_mut_ptr();
        // SAFETY: the two have `len <= items.len()` items together, and are no part of `items`; a
        // `T: Copy` may be copied.
        unsafe {
            to.copy_from_nonoverlapping(first.as_ptr(), first.len());
            to.add(first.len()).copy_from_nonoverlapping(second.as_ptr(), second.len());
        }
        chunk.commit_all();
        len
    }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> Drop for Consumer<'_, T, N, R, W> {
    fn drop(&mut self) {
        self.ring.head.token.free();
    }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> fmt::Debug for Consumer<'_, T, N, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("ring", self.ring).finish()
    }
}

/// Items of a [`Ring`], from [`Consumer::read_chunk`]. Dropping it without a commit pops nothing.
///
/// As an iterator it pops each item that it gives; those that are not asked for stay.
pub struct ReadChunk<'p, 'a, T, const N: usize, R: RelaxStrategy = Spin, W: Width = Native> {
    consumer: &'p mut Consumer<'a, T, N, R, W>,
    len: usize,
}

impl<'p, T, const N: usize, R: RelaxStrategy, W: Width> ReadChunk<'p, '_, T, N, R, W> {
    /// How many items it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The items in order: those up to the end of the ring's memory, and those from its beginning
    /// (none if the chunk does not go around).
    #[inline]
    #[must_use]
    pub fn as_slices(&self) -> (&[T], &[T]) {
        let (first, second) = self.rows();
        // SAFETY: items from `head` on that the consumer knows of, so they are complete and ours
        // (invariant 3), and borrowed with the chunk.
        unsafe { (items(first), items(second)) }
    }

    /// As [`as_slices`](Self::as_slices), for as long as the consumer is borrowed.
    #[inline]
    fn into_slices(self) -> (&'p [T], &'p [T]) {
        let (first, second) = self.rows();
        // SAFETY: as in `as_slices`; the consumer, without which nothing pops them, stays borrowed.
        unsafe { (items(first), items(second)) }
    }

    #[inline]
    fn rows(&self) -> (*const [MaybeUninit<T>], *const [MaybeUninit<T>]) {
        let cells = &self.consumer.ring.cells;
        let (index, first, second) =
            Ring::<T, N, R, W>::GEOMETRY.rows(self.consumer.head, self.len);
        // SAFETY: `len <= N`, so both lie in the row.
        unsafe { (cells.row(index, first), cells.row(0, second)) }
    }

    /// Pops and drops the first `n` items, or all if there are fewer, together. The others stay.
    ///
    /// If the `Drop` of an item panics, the rest of the `n` is dropped before the panic goes on.
    ///
    /// Progress: wait-free if the items' drop is. Interrupt-safe: yes. Ordering: release, pairs with
    /// the producer's acquire.
    #[inline]
    pub fn commit(mut self, n: usize) {
        self.len = if n < self.len { n } else { self.len };
        let cells = &self.consumer.ring.cells;
        let (index, first, second) =
            Ring::<T, N, R, W>::GEOMETRY.rows(self.consumer.head, self.len);
        // The last one first when they go out of scope, and all of them whichever panics.
        let _popped = Popped(self);
        let _second = Dropped { cells, from: 0, len: second };
        let _first = Dropped { cells, from: index, len: first };
    }

    /// Pops and drops all its items, as [`commit`](Self::commit).
    #[inline]
    pub fn commit_all(self) {
        let len = self.len;
        self.commit(len);
    }

    /// Pops the next item of the chunk.
    #[inline]
    fn next(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        let taken = Taken(self.consumer);
        // SAFETY: the consumer knows of all items of the chunk; the only read.
        Some(unsafe { taken.read() })
    }
}

/// Pops the items of a chunk, which have been dropped, when this is dropped.
struct Popped<'p, 'a, T, const N: usize, R: RelaxStrategy, W: Width>(ReadChunk<'p, 'a, T, N, R, W>);

impl<T, const N: usize, R: RelaxStrategy, W: Width> Drop for Popped<'_, '_, T, N, R, W> {
    #[inline(always)]
    fn drop(&mut self) {
        let consumer = &mut *self.0.consumer;
        consumer.release(Ring::<T, N, R, W>::GEOMETRY.forward(consumer.head, self.0.len));
    }
}

/// Drops the items in a row of cells when this is dropped.
struct Dropped<'a, T, const N: usize> {
    cells: &'a Cells<T, N>,
    from: usize,
    len: usize,
}

impl<T, const N: usize> Drop for Dropped<'_, T, N> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: made by `commit` of items in the row that are ours (invariant 3) and popped after
        // this, so they are dropped once. A slice goes on if an item's drop panics.
        unsafe { core::ptr::drop_in_place(self.cells.row_mut(self.from, self.len) as *mut [T]) };
    }
}

/// # Safety
///
/// All of `row` are items that nobody writes for the lifetime that the caller chooses.
#[inline(always)]
unsafe fn items<'x, T>(row: *const [MaybeUninit<T>]) -> &'x [T] {
    // SAFETY: the caller's promise; an item in a `MaybeUninit` has its own layout.
    unsafe { &*(row as *const [T]) }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> fmt::Debug for ReadChunk<'_, '_, T, N, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadChunk").field("len", &self.len).finish()
    }
}

impl<'p, 'a, T, const N: usize, R: RelaxStrategy, W: Width> IntoIterator
    for ReadChunk<'p, 'a, T, N, R, W>
{
    type Item = T;
    type IntoIter = ReadChunkIntoIter<'p, 'a, T, N, R, W>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        ReadChunkIntoIter(self)
    }
}

/// The items of a [`ReadChunk`], popped one by one.
#[derive(Debug)]
pub struct ReadChunkIntoIter<'p, 'a, T, const N: usize, R: RelaxStrategy = Spin, W: Width = Native>(
    ReadChunk<'p, 'a, T, N, R, W>,
);

impl<T, const N: usize, R: RelaxStrategy, W: Width> Iterator
    for ReadChunkIntoIter<'_, '_, T, N, R, W>
{
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len, Some(self.0.len))
    }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> ExactSizeIterator
    for ReadChunkIntoIter<'_, '_, T, N, R, W>
{
}
