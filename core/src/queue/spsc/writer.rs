//! The producer's end of a [`Ring`]. Layout, invariants and proofs: `ring.rs`.
//!
//! A [`Producer`] knows its own position and `limit`, the position at which the ring is full as far
//! as it knows. Equal means: look. After `close` they stay equal, so the way of a successful push has
//! no test for that.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use ::spin::relax::{RelaxStrategy, Spin};

use super::TooFewSlots;
use super::ring::{CLOSED, Ring};
use crate::atomic::{Ordering, fence};
use crate::error::PushError;
use crate::queue::ring::{Native, Width};

/// The one handle that pushes to a [`Ring`]. Dropping it gives its end back and does not close.
///
/// ```
/// use inkle_core::queue::spsc::Ring;
/// use inkle_core::PushError;
///
/// let ring = Ring::<u8, 4>::new();
/// let (mut producer, mut consumer) = ring.split().unwrap();
///
/// assert_eq!(producer.push_slice(b"pick"), 4);
/// assert_eq!(producer.try_push(b'!'), Err(PushError::Full(b'!')));
/// assert_eq!(consumer.try_pop(), Ok(b'p'));
/// assert_eq!(producer.slots(), 1);
/// drop(consumer);
/// assert!(producer.is_abandoned());
/// ```
pub struct Producer<'a, T, const N: usize, R: RelaxStrategy = Spin, W: Width = Native> {
    ring: &'a Ring<T, N, R, W>,
    /// Our position, as in the ring but for the mark.
    tail: usize,
    /// Where the ring is full, as far as we know; `tail` if it is closed.
    limit: usize,
    /// For one thread at a time.
    not_sync: PhantomData<Cell<()>>,
}

impl<'a, T, const N: usize, R: RelaxStrategy, W: Width> Producer<'a, T, N, R, W> {
    /// # Safety
    ///
    /// The caller owns the producer's end for as long as this is used.
    #[inline(always)]
    pub(super) unsafe fn new(ring: &'a Ring<T, N, R, W>) -> Self {
        // Relaxed: ordered by the token with the last owner, who alone has stored it.
        let tail = ring.tail.position.load(Ordering::Relaxed) & !CLOSED;
        Self { ring, tail, limit: tail, not_sync: PhantomData }
    }

    /// Adds an item, or hands it back.
    ///
    /// Errors: [`PushError::Full`], [`PushError::Closed`]. Progress: wait-free. Interrupt-safe: yes.
    /// Ordering: release, pairs with the acquire of [`Consumer::try_pop`](super::Consumer::try_pop).
    #[inline]
    pub fn try_push(&mut self, item: T) -> Result<(), PushError<T>> {
        if self.tail == self.limit {
            match self.find_room() {
                Ok(()) => {}
                Err(PushError::Full(())) => return Err(PushError::Full(item)),
                Err(PushError::Closed(())) => return Err(PushError::Closed(item)),
            }
        }
        let geometry = Ring::<T, N, R, W>::GEOMETRY;
        // SAFETY: an index; and the ring is not full, so the cell at `tail` is ours (invariant 3).
        unsafe {
            self.ring.cells.with_mut(geometry.index(self.tail), |cell| (*cell).write(item));
        }
        self.publish(geometry.after_const(self.tail));
        Ok(())
    }

    /// What is known of the room is used up: is there more?
    #[cold]
    fn find_room(&mut self) -> Result<(), PushError<()>> {
        if self.is_closed() {
            return Err(PushError::Closed(()));
        }
        self.look();
        if self.tail == self.limit {
            // Pairs with the fence before the consumer's `Empty`: see `ring.rs`.
            fence(Ordering::SeqCst);
            self.look();
            if self.tail == self.limit {
                return Err(PushError::Full(()));
            }
        }
        Ok(())
    }

    /// Looks how far the consumer has come. Not for a closed ring.
    #[inline(always)]
    fn look(&mut self) {
        let geometry = Ring::<T, N, R, W>::GEOMETRY;
        // Acquire, pairs with the Release of the consumer's store: it is done with the cells.
        let head = self.ring.head.position.load(Ordering::Acquire);
        self.limit = geometry.era_after(geometry.era(head)) | geometry.index(head);
    }

    /// Makes everything before `tail` the consumer's. There was room, so the ring is not closed.
    #[inline(always)]
    fn publish(&mut self, tail: usize) {
        self.tail = tail;
        // Release, pairs with the Acquire of the consumer's load: the items are complete.
        self.ring.tail.position.store(tail, Ordering::Release);
    }

    /// How many slots are free as far as we know, after a look if we know of fewer than `wanted`.
    #[inline]
    fn room(&mut self, wanted: usize) -> usize {
        let geometry = Ring::<T, N, R, W>::GEOMETRY;
        let known = geometry.distance(self.tail, self.limit);
        if known >= wanted || self.is_closed() {
            return known;
        }
        self.look();
        geometry.distance(self.tail, self.limit)
    }

    /// How many items can be pushed now; 0 if the ring is closed. Counts every pop that happened
    /// before the call, and may miss one that happens meanwhile.
    ///
    /// Progress: wait-free. Interrupt-safe: yes.
    #[must_use]
    pub fn slots(&mut self) -> usize {
        self.room(N)
    }

    /// Takes no more items from now on; what is inside can still be popped. `false` if the ring was
    /// closed already.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: release, pairs with the acquire of the
    /// operation that answers `Closed`.
    pub fn close(&mut self) -> bool {
        if self.is_closed() {
            return false;
        }
        self.limit = self.tail;
        // Release, pairs with the Acquire load that sees the mark: what came before the close.
        self.ring.tail.position.store(self.tail | CLOSED, Ordering::Release);
        true
    }

    /// Whether the ring is closed.
    ///
    /// Progress: wait-free. Interrupt-safe: yes.
    #[inline]
    #[must_use]
    pub fn is_closed(&self) -> bool {
        // Relaxed: nobody else stores it.
        self.ring.tail.position.load(Ordering::Relaxed) & CLOSED != 0
    }

    /// Whether the [`Consumer`](super::Consumer) has been dropped.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: acquire, pairs with the drop: what it
    /// popped is counted by [`slots`](Self::slots).
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        !self.ring.head.token.is_held()
    }

    /// The next `n` free slots, to be written in place and then committed.
    ///
    /// Errors: [`TooFewSlots`], with [`slots`](Self::slots). Progress: wait-free. Interrupt-safe: yes.
    /// Ordering: acquire, pairs with the consumer's release.
    ///
    /// ```
    /// use inkle_core::queue::spsc::Ring;
    ///
    /// let ring = Ring::<u16, 4>::new();
    /// let (mut producer, mut consumer) = ring.split().unwrap();
    /// let mut chunk = producer.write_chunk(3).unwrap();
    /// let (first, second) = chunk.as_mut_slices();
    /// for (slot, number) in first.iter_mut().chain(second).zip(7..) {
    ///     slot.write(number);
    /// }
    /// // SAFETY: all three have been written.
    /// unsafe { chunk.commit_all() };
    /// assert!(consumer.read_chunk(3).unwrap().into_iter().eq([7, 8, 9]));
    /// ```
    pub fn write_chunk(&mut self, n: usize) -> Result<WriteChunk<'_, 'a, T, N, R, W>, TooFewSlots> {
        let room = self.room(n);
        if n <= room { Ok(WriteChunk { producer: self, len: n }) } else { Err(TooFewSlots(room)) }
    }

    /// Pushes as many of `items` as fit, from the first on, and says how many that was. They become
    /// visible together.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: release, pairs with the consumer's acquire.
    #[inline]
    pub fn push_slice(&mut self, items: &[T]) -> usize
    where
        T: Copy,
    {
        let room = self.room(items.len());
        let len = if items.len() < room { items.len() } else { room };
        let mut chunk = WriteChunk { producer: self, len };
        let (first, second) = chunk.as_mut_slices();
        // SAFETY: the two are free slots, `len <= items.len()` together, and no part of `items`,
        // which are items; a `T: Copy` may be copied. Written, they may be committed.
        unsafe {
            let from = items.as_ptr().cast::<MaybeUninit<T>>();
            first.as_mut_ptr().copy_from_nonoverlapping(from, first.len());
            second.as_mut_ptr().copy_from_nonoverlapping(from.add(first.len()), second.len());
            chunk.commit_all();
        }
        len
    }

    /// Pushes items from `iter` until it ends or there is no room, and says how many that was. They
    /// become visible together, also if `iter` panics. It is not asked for an item that does not fit.
    ///
    /// Progress: wait-free if `iter` is. Interrupt-safe: yes. Ordering: release, pairs with the
    /// consumer's acquire.
    ///
    /// ```
    /// use inkle_core::queue::spsc::Ring;
    ///
    /// let ring = Ring::<String, 2>::new();
    /// let (mut producer, _) = ring.split().unwrap();
    /// let mut names = ["Ada", "Grace", "Karen"].map(String::from).into_iter();
    /// assert_eq!(producer.fill_from(&mut names), 2);
    /// assert!(names.eq(["Karen"]));
    /// ```
    pub fn fill_from<I: IntoIterator<Item = T>>(&mut self, iter: I) -> usize {
        let geometry = Ring::<T, N, R, W>::GEOMETRY;
        let room = self.room(N);
        let mut filled = Filled { tail: self.tail, count: 0, producer: self };
        if room != 0 {
            for item in iter {
                // SAFETY: an index; and fewer than `room` cells are written, so this one is still
                // ours (invariant 3).
                unsafe {
                    let cells = &filled.producer.ring.cells;
                    cells.with_mut(geometry.index(filled.tail), |cell| (*cell).write(item));
                }
                filled.tail = geometry.after_const(filled.tail);
                filled.count += 1;
                if filled.count == room {
                    break;
                }
            }
        }
        filled.count
    }
}

/// Publishes what has been written when it goes out of scope.
struct Filled<'p, 'a, T, const N: usize, R: RelaxStrategy, W: Width> {
    tail: usize,
    count: usize,
    producer: &'p mut Producer<'a, T, N, R, W>,
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> Drop for Filled<'_, '_, T, N, R, W> {
    fn drop(&mut self) {
        // A closed ring has no room, and its mark must stay.
        if self.count != 0 {
            self.producer.publish(self.tail);
        }
    }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> Drop for Producer<'_, T, N, R, W> {
    fn drop(&mut self) {
        self.ring.tail.token.free();
    }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> fmt::Debug for Producer<'_, T, N, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("ring", self.ring).finish()
    }
}

/// Free slots of a [`Ring`], from [`Producer::write_chunk`]. Dropping it without a commit pushes
/// nothing.
pub struct WriteChunk<'p, 'a, T, const N: usize, R: RelaxStrategy = Spin, W: Width = Native> {
    producer: &'p mut Producer<'a, T, N, R, W>,
    len: usize,
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> WriteChunk<'_, '_, T, N, R, W> {
    /// How many slots it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The slots in order: those up to the end of the ring's memory, and those from its beginning
    /// (none if the chunk does not go around).
    #[inline]
    pub fn as_mut_slices(&mut self) -> (&mut [MaybeUninit<T>], &mut [MaybeUninit<T>]) {
        let cells = &self.producer.ring.cells;
        let (index, first, second) =
            Ring::<T, N, R, W>::GEOMETRY.rows(self.producer.tail, self.len);
        // SAFETY: `len <= N`, so both lie in the row, apart. They are free slots from `tail` on, so
        // they are ours (invariant 3), and borrowed with the chunk.
        unsafe { (&mut *cells.row_mut(index, first), &mut *cells.row_mut(0, second)) }
    }

    /// Pushes the first `n` slots. The others are left as they are.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: release, pairs with the consumer's acquire.
    ///
    /// # Safety
    ///
    /// The first `n` slots have been written, and `n` is at most [`len`](Self::len).
    #[inline]
    pub unsafe fn commit(mut self, n: usize) {
        debug_assert!(n <= self.len);
        self.len = n;
        if cfg!(inkle_loom) {
            // Tells loom of the writes once more, now that they are done.
            self.as_mut_slices();
        }
        // The mark of a closed ring, which has only empty chunks, must stay.
        if n != 0 {
            let tail = Ring::<T, N, R, W>::GEOMETRY.forward(self.producer.tail, n);
            self.producer.publish(tail);
        }
    }

    /// Pushes all slots.
    ///
    /// Progress, interrupt safety and ordering: as [`commit`](Self::commit).
    ///
    /// # Safety
    ///
    /// All slots have been written.
    #[inline]
    pub unsafe fn commit_all(self) {
        let len = self.len;
        // SAFETY: the caller's promise.
        unsafe { self.commit(len) };
    }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> fmt::Debug for WriteChunk<'_, '_, T, N, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteChunk").field("len", &self.len).finish()
    }
}
