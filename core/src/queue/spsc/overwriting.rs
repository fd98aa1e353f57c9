//! [`Overwriting`]: a ring whose producer never waits, because the oldest item gives way.
//!
//! A triple buffer, made as long as one likes: producer and consumer each own a spare cell, and what
//! they exchange with the ring's slots is whole cells. So an item is never touched by two at once,
//! whatever its size.
//!
//! # Layout
//!
//! `N + 2` cells, and `N` slots of one word, `lap | cell | CLOSED | FULL`. A slot is `free(lap)`,
//! waiting for the push of this lap, with a cell that holds nothing; or `full(lap)`, with a cell that
//! holds the item pushed in this lap. Each end keeps its position and its spare cell.
//!
//! Position `lap·N + i` is pushed by the one swap to `full(lap, spare)` in slot `i`. The old word gives
//! the next spare cell; if it was `full(lap - 1)` there is an item in it: the oldest, displaced. The
//! position is popped by the one exchange `full(lap, cell) -> free(lap + 1, spare)`.
//!
//! # Invariants
//!
//! 1. Each cell is in one slot or is the spare of one end. Who takes a cell out of a slot owns it; both
//!    ends exchange one for one. This does not depend on laps.
//! 2. A cell holds an item exactly if it is in a slot that is `FULL`.
//! 3. The consumer's position is at most the producer's, and every item between the two that has not
//!    been displaced is in its slot.
//! 4. `CLOSED` is set in the slot of the next push, once, and stays there.
//!
//! A slot that is full of a later lap than the consumer's says that the producer has overtaken it: the
//! consumer's item is gone. Position `p` being pushed, all up to `p - N` are gone, so the consumer goes
//! on at `p - N + 1`. Each such step follows a push that displaced something.
//!
//! # Linearization points
//!
//! Push at its swap, pop at its exchange, close at its mark. `Empty` and `Closed` at the load of the
//! slot. It needs no fence, unlike that of a [`Ring`](super::Ring): what a push answers comes from a
//! read-modify-write and is never stale.
//!
//! # Progress and cost
//!
//! Push wait-free: one swap. Pop lock-free: one exchange, again only if the producer has come around
//! meanwhile. Both interrupt-safe. One word a slot and two cells beside the items. Interrupt-off
//! window: none.
//!
//! A consumer that sleeps while the producer goes round exactly as often as a word has laps (at least
//! 2^60 pushes, 2^28 where words have 32 bits) cannot know it: it may then get items out of order, and
//! `Empty` until the producer has come around once more (and no `Closed` if it closes before that). No
//! item is damaged, lost or doubled by that (invariants 1 and 2).

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use crate::atomic::{AtomicWord, Ordering, UnsafeCell, Word};
use crate::error::PopError;
use crate::pad::Pad;
use crate::queue::ring::{Geometry, Native, Width, index_bits};
use crate::queue::token::Token;
use crate::queue::{drop_each, no_item};

const FULL: Word = 1;
const CLOSED: Word = 2;
const CELL_SHIFT: u32 = 2;

/// A queue between one producer that never waits and one consumer that gets the latest `N` items in
/// order: when it is full, the oldest one gives way and is handed back to the producer.
///
/// For sensor values, video frames, positions, whatever is worth less the older it is; with `N` = 1,
/// the latest value (a triple buffer). Any type of item, any capacity from 1.
///
/// It is no [`Queue`](crate::queue::Queue): an item that gave way is never got, so a channel would wait
/// for ever for its `task_done`. A consumer that wants to sleep does so on an
/// [event count](crate::event_count).
///
/// `W` limits the lap counter for models and tests; leave it at [`Native`].
///
/// ```
/// use inkle_core::event_count::EventCount;
/// use inkle_core::platform::{Deadline, NoBoard, Spin};
/// use inkle_core::queue::spsc::Overwriting;
/// use inkle_core::PopError;
///
/// static FRAMES: Overwriting<[u8; 64], 2> = Overwriting::new();
/// static ARRIVED: EventCount<Spin<NoBoard>> = EventCount::new();
///
/// let (mut producer, mut consumer) = FRAMES.split().unwrap();
/// assert_eq!(producer.push([1; 64]), None);
/// assert_eq!(producer.push([2; 64]), None);
/// assert_eq!(producer.push([3; 64]), Some([1; 64]), "the oldest gave way");
/// ARRIVED.notify(1);
///
/// let next = ARRIVED.block(Deadline::NEVER, || match consumer.try_pop() {
///     Err(PopError::Empty) => None,
///     result => Some(result),
/// });
/// assert_eq!(next, Some(Ok([2; 64])));
/// ```
pub struct Overwriting<T, const N: usize, W: Width = Native> {
    producer: Pad<End>,
    consumer: Pad<End>,
    slots: [AtomicWord; N],
    cells: Cells<T, N>,
    marker: PhantomData<fn(W)>,
}

/// What is kept of an end while nobody holds it, and who does.
struct End {
    token: Token,
    own: UnsafeCell<Own>,
}

/// What the owner of an end alone knows.
#[derive(Clone, Copy)]
struct Own {
    position: usize,
    /// Its spare cell.
    spare: usize,
    /// Only the producer's tells.
    closed: bool,
}

impl End {
    const_fn! {
        const fn new(spare: usize) -> Self {
            Self {
                token: Token::new(),
                own: UnsafeCell::new(Own { position: 0, spare, closed: false }),
            }
        }
    }
}

/// `N + 2` cells in a row.
#[repr(C)]
struct Cells<T, const N: usize> {
    row: [UnsafeCell<MaybeUninit<T>>; N],
    rest: [UnsafeCell<MaybeUninit<T>>; 2],
}

impl<T, const N: usize> Cells<T, N> {
    /// # Safety
    ///
    /// `index` is below `N + 2`.
    #[inline(always)]
    unsafe fn cell(&self, index: usize) -> &UnsafeCell<MaybeUninit<T>> {
        debug_assert!(index < N + 2);
        let first = core::ptr::from_ref(self).cast::<UnsafeCell<MaybeUninit<T>>>();
        // SAFETY: `repr(C)` puts the two arrays of the same cells side by side, and the pointer is
        // that of the whole.
        unsafe { &*first.add(index) }
    }
}

// SAFETY: an item goes in on one thread and comes out on another, never shared (invariants 1 and 2).
// That needs `T: Send` and no more. What an end knows is touched by the owner of its token alone.
unsafe impl<T: Send, const N: usize, W: Width> Sync for Overwriting<T, N, W> {}
// SAFETY: owning the ring is owning its items.
unsafe impl<T: Send, const N: usize, W: Width> Send for Overwriting<T, N, W> {}

impl<T, const N: usize, W: Width> Overwriting<T, N, W> {
    const_fn! {
        /// An empty ring. `N` is at least 1, or this does not compile.
        #[must_use]
        pub const fn new() -> Self {
            const { assert!(N >= 1, "a ring needs at least one slot") };
            const { assert!(Self::LAP_SHIFT + 8 <= Word::BITS, "too many slots for their word") };
            let mut slots = array![AtomicWord::new(0); N];
            let mut index = 0;
            while index < N {
                slots[index] = AtomicWord::new((index as Word) << CELL_SHIFT);
                index += 1;
            }
            Self {
                producer: Pad(End::new(N)),
                consumer: Pad(End::new(N + 1)),
                slots,
                cells: Cells {
                    row: array![UnsafeCell::new(MaybeUninit::uninit()); N],
                    rest: array![UnsafeCell::new(MaybeUninit::uninit()); 2],
                },
                marker: PhantomData,
            }
        }
    }

    const LAP_SHIFT: u32 = CELL_SHIFT + index_bits(N + 2);

    const GEOMETRY: Geometry = {
        let room = Word::BITS - Self::LAP_SHIFT;
        Geometry::new(N, if W::LAP_BITS < room { W::LAP_BITS } else { room }, 0)
    };

    /// The word of a slot with this cell at this position's lap.
    #[inline(always)]
    fn word(position: usize, cell: usize) -> Word {
        let geometry = Self::GEOMETRY;
        (geometry.lap(geometry.era(position)) as Word) << Self::LAP_SHIFT
            | (cell as Word) << CELL_SHIFT
    }

    /// The era of a slot's word.
    #[inline(always)]
    fn era(word: Word) -> usize {
        Self::GEOMETRY.of_lap((word >> Self::LAP_SHIFT) as usize)
    }

    /// The cell of a slot's word.
    #[inline(always)]
    fn cell_of(word: Word) -> usize {
        ((word >> CELL_SHIFT) & ((1 << index_bits(N + 2)) - 1)) as usize
    }

    /// The slot of a position.
    #[inline(always)]
    fn slot(&self, position: usize) -> &AtomicWord {
        let index = Self::GEOMETRY.index(position);
        debug_assert!(index < N);
        // SAFETY: every position comes from `GEOMETRY` of capacity `N`, so its index is below it.
        unsafe { self.slots.get_unchecked(index) }
    }

    /// Moves the item out of a cell.
    ///
    /// # Safety
    ///
    /// The caller owns the cell, it holds an item, and that is never read again.
    #[inline(always)]
    unsafe fn read(&self, cell: usize) -> T {
        // SAFETY: only numbers of cells are ever in slots and spares; the caller owns the item.
        unsafe { self.cells.cell(cell).with(|cell| (*cell).assume_init_read()) }
    }

    /// The two handles, if nobody has one: `None` as long as either of the last two is there, and
    /// while another thread splits.
    ///
    /// Items that are inside stay inside.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: acquire, pairs with the release of a
    /// handle's drop.
    #[must_use]
    pub fn split(&self) -> Option<(Producer<'_, T, N, W>, Consumer<'_, T, N, W>)> {
        let producer = self.producer.token.try_lock()?;
        let consumer = self.consumer.token.try_lock()?;
        producer.hold();
        consumer.hold();
        // SAFETY: both ends are now ours alone, until the handles free them.
        let (mine, its) =
            unsafe { (self.producer.own.with(|own| *own), self.consumer.own.with(|own| *own)) };
        Some((
            Producer { ring: self, own: mine, not_sync: PhantomData },
            Consumer { ring: self, own: its, not_sync: PhantomData },
        ))
    }
}

impl End {
    /// Keeps what its owner knows, and frees it.
    fn give_back(&self, own: Own) {
        // SAFETY: the caller is a handle, which owns the end until the next line.
        self.own.with_mut(|kept| unsafe { *kept = own });
        self.token.free();
    }
}

/// The one handle that pushes to an [`Overwriting`] ring. Dropping it gives its end back and does not
/// close.
///
/// ```
/// use inkle_core::queue::spsc::Overwriting;
/// use inkle_core::PopError;
///
/// let ring = Overwriting::<u32, 1>::new();
/// let (mut producer, mut consumer) = ring.split().unwrap();
/// producer.push(20);
/// producer.push(21);
/// producer.close();
/// assert_eq!(consumer.try_pop(), Ok(21));
/// assert_eq!(consumer.try_pop(), Err(PopError::Closed));
/// assert_eq!(producer.push(22), Some(22), "a closed ring takes nothing");
/// ```
pub struct Producer<'a, T, const N: usize, W: Width = Native> {
    ring: &'a Overwriting<T, N, W>,
    own: Own,
    /// For one thread at a time.
    not_sync: PhantomData<Cell<()>>,
}

impl<T, const N: usize, W: Width> Producer<'_, T, N, W> {
    /// Adds an item. Returns what does not fit any more: the oldest item if the ring was full, this
    /// very one if it is closed.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: release, pairs with the acquire of
    /// [`Consumer::try_pop`].
    #[inline]
    pub fn push(&mut self, item: T) -> Option<T> {
        let (ring, Own { position, spare, closed }) = (self.ring, self.own);
        if closed {
            return Some(item);
        }
        // SAFETY: only numbers of cells are ever in slots and spares; our spare is ours (invariant 1)
        // and holds nothing (invariant 2).
        unsafe { ring.cells.cell(spare).with_mut(|cell| (*cell).write(item)) };
        // Release, pairs with the Acquire of a pop: the item is complete. Acquire, pairs with the
        // Release of a pop's exchange: the consumer is done with the cell that it left there.
        let full = Overwriting::<T, N, W>::word(position, spare) | FULL;
        let word = ring.slot(position).swap(full, Ordering::AcqRel);
        self.own.position = Overwriting::<T, N, W>::GEOMETRY.after_const(position);
        self.own.spare = Overwriting::<T, N, W>::cell_of(word);
        if word & FULL == 0 {
            return None;
        }
        // SAFETY: we have taken the cell out of a slot that was full (invariants 1 and 2), and as our
        // spare it is written before it is read again.
        Some(unsafe { ring.read(self.own.spare) })
    }

    /// Takes no more items from now on; what is inside can still be popped. `false` if the ring was
    /// closed already.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: release, pairs with the acquire of the pop
    /// that answers `Closed`.
    pub fn close(&mut self) -> bool {
        if self.own.closed {
            return false;
        }
        self.own.closed = true;
        // Release, pairs with the Acquire load that sees the mark: what came before the close.
        self.ring.slot(self.own.position).fetch_or(CLOSED, Ordering::Release);
        true
    }

    /// Whether the ring is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.own.closed
    }

    /// Whether the [`Consumer`] has been dropped.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: acquire, pairs with the drop.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        !self.ring.consumer.token.is_held()
    }
}

impl<T, const N: usize, W: Width> Drop for Producer<'_, T, N, W> {
    fn drop(&mut self) {
        self.ring.producer.give_back(self.own);
    }
}

impl<T, const N: usize, W: Width> fmt::Debug for Producer<'_, T, N, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("closed", &self.own.closed).finish()
    }
}

/// The one handle that pops from an [`Overwriting`] ring. Dropping it gives its end back; the items
/// stay.
pub struct Consumer<'a, T, const N: usize, W: Width = Native> {
    ring: &'a Overwriting<T, N, W>,
    own: Own,
    /// For one thread at a time.
    not_sync: PhantomData<Cell<()>>,
}

impl<T, const N: usize, W: Width> Consumer<'_, T, N, W> {
    /// Takes the oldest item that is still there.
    ///
    /// Errors: [`PopError::Empty`]; [`PopError::Closed`], which means closed and nothing left, and is
    /// final. Progress: lock-free. Interrupt-safe: yes. Ordering: acquire, pairs with the release of
    /// [`Producer::push`].
    #[inline]
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        let geometry = Overwriting::<T, N, W>::GEOMETRY;
        loop {
            let Own { position, spare, .. } = self.own;
            let (index, era) = (geometry.index(position), geometry.era(position));
            let slot = self.ring.slot(position);
            // Acquire, pairs with the Release of a push, also where the item is not ours any more:
            // who is told of one push knows of all before it, or `Empty` could be stale. And with the
            // Release of `close`.
            let word = slot.load(Ordering::Acquire);
            if word & FULL == 0 {
                return no_item(if word & CLOSED != 0 {
                    PopError::Closed
                } else {
                    PopError::Empty
                });
            }
            let lap = Overwriting::<T, N, W>::era(word);
            if lap != era {
                // Overtaken: the slot's item is the newest but what came after it.
                self.own.position = geometry.after_const(geometry.era_before(lap) | index);
                continue;
            }
            let next = Overwriting::<T, N, W>::word(geometry.era_after(era), spare);
            // Release, pairs with the Acquire of a push: we are done with our spare cell. Acquire: as
            // the load; after all the laps that a word has, it may be another push of the same word.
            // Relaxed on failure: looked at again.
            if slot
                .compare_exchange(word, next | word & CLOSED, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                self.own.position = geometry.after_const(position);
                self.own.spare = Overwriting::<T, N, W>::cell_of(word);
                // SAFETY: we have taken the cell out of a slot that was full (invariants 1 and 2),
                // and as our spare it is written before it is read again.
                return Ok(unsafe { self.ring.read(self.own.spare) });
            }
        }
    }

    /// Whether the [`Producer`] has been dropped.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: acquire, pairs with the drop: what it pushed
    /// is there.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        !self.ring.producer.token.is_held()
    }
}

impl<T, const N: usize, W: Width> Drop for Consumer<'_, T, N, W> {
    fn drop(&mut self) {
        self.ring.consumer.give_back(self.own);
    }
}

impl<T, const N: usize, W: Width> fmt::Debug for Consumer<'_, T, N, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").finish_non_exhaustive()
    }
}

impl<T, const N: usize, W: Width> Drop for Overwriting<T, N, W> {
    fn drop(&mut self) {
        // By the slots alone: they are right even if a handle was forgotten.
        let mut slots = self.slots.iter();
        drop_each(|| {
            slots.find_map(|slot| {
                // Relaxed: `&mut self` is ordered after everything else.
                let word = slot.load(Ordering::Relaxed);
                // SAFETY: a full slot's cell holds an item (invariant 2); each slot is looked at once.
                (word & FULL != 0).then(|| unsafe { self.read(Self::cell_of(word)) })
            })
        });
    }
}

impl<T, const N: usize, W: Width> Default for Overwriting<T, N, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize, W: Width> fmt::Debug for Overwriting<T, N, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let full = |slot: &&AtomicWord| {
            // Relaxed: a snapshot.
            slot.load(Ordering::Relaxed) & FULL != 0
        };
        f.debug_struct("Overwriting")
            .field("len", &self.slots.iter().filter(full).count())
            .field("capacity", &N)
            .finish()
    }
}
