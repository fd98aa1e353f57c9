//! A few fixed levels, the most urgent first, lock-free.
//!
//! # Layout
//!
//! `N` cells for the items, shared by all levels ([`Cells`]); for each of the `L` levels a
//! [`WordRing`] of the indices of its cells; and one `word`:
//!
//! ```text
//!  63 ................ L+1    L       L-1 ...... 0
//! [ pushes, cyclic         | CLOSED | marked levels ]
//! ```
//!
//! A push claims a cell, writes the item, pushes the index to its level's ring, and *announces* it: it
//! adds one to the count in `word`, and marks its level there if it finds it without a mark. A pop
//! looks for the most urgent mark and pops from that ring. If the ring is empty, the pop takes the mark
//! away by an exchange, which fails if anybody has announced a push since it looked.
//!
//! # Invariants
//!
//! 1. Those of [`Cells`]; each ring has a slot for every cell, so it is never full.
//! 2. A level without a mark has no item whose push is finished. For a mark goes away only if the ring
//!    was empty after all pushes counted so far, and a push that is not counted yet will find the
//!    mark missing when it is.
//! 3. Rings are closed from the first to the last, then `CLOSED` is set. A push that finds its ring
//!    closed does the rest of that before it answers.
//!
//! # Linearization points
//!
//! Push: its announcement, or that of a later push to the same level, or the pop of its item, whichever
//! is first. `Empty`: the second look at `word`, behind the fence. Close: when `CLOSED` is set, by
//! whomever. `Closed`: the look that sees it; then every ring is closed and says for good whether it
//! has items. `Full`: when no cell is free: a cell that another thread's push or pop is just copying
//! into or out of counts as full.
//!
//! A pop of an item has two points: the look at `word`, when no more urgent level has an item of a
//! finished push, and the ring's pop. In between the world goes on, so `Levels` is no linearizable
//! priority queue:
//!
//! 1. A pop looks and sees a mark at level 2 only.
//! 2. A push of `x` to level 0 finishes, then a push of `y` to level 2, and other pops take what was in
//!    level 2 before.
//! 3. The first pop takes `y`, though `x` was more urgent and in earlier.
//!
//! Nor does the look agree with `Full` on one order of all things: a pop may pass over an item that was
//! pushed just before it, by a thread that then finds the queue full because it misses the release of
//! the same thread's pop before. (Loads may overtake stores; a fence in each pop would cure it.)
//!
//! # Progress and cost
//!
//! Lock-free, interrupt-safe: a thread that stops for ever costs one cell. Read-modify-writes: three a
//! push, and one more if the level has no mark; two a pop, and one more for each mark that it takes
//! away. `L + 1` rings of `N` words and two ends each, one word, and the items: memory grows with
//! `L * N`. (Lists through the cells would need two words a level and one a cell, but a tag in each
//! link and a second step in each close.) Interrupt-off window: that of a word ring.
//!
//! # The bound
//!
//! As for a ring: a pop that sleeps between its look and its exchange while the count of `word` comes
//! round exactly (2^(63 - L) pushes with 64-bit words) may take away a mark that is needed, until the
//! next push to that level.

use core::fmt;

use crate::atomic::{AtomicWord, Ordering, Word, fence};
use crate::error::{PopError, PushError};
use crate::pad::Pad;
use crate::queue::cells::Cells;
use crate::queue::ring::{Native, Width};
use crate::queue::word::{Index, WordRing};
use crate::queue::{Queue, debug, drop_all, no_item};

/// One of `L` levels. 0 is the most urgent.
///
/// ```
/// use inkle_core::queue::priority::Level;
///
/// const ALARM: Level<4> = Level::new(0).unwrap();
/// assert_eq!(Level::<4>::new(4), None, "there are only four");
/// assert!(ALARM < Level::LAST);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level<const L: usize>(u8);

impl<const L: usize> Level<L> {
    /// The least urgent level.
    pub const LAST: Self = {
        assert!(L >= 1 && L <= 256, "1 to 256 levels");
        Self((L - 1) as u8)
    };

    /// The level with this number; `None` if there are not so many.
    #[must_use]
    pub const fn new(number: usize) -> Option<Self> {
        if number < L && number <= u8::MAX as usize { Some(Self(number as u8)) } else { None }
    }

    /// Its number, below `L`.
    #[inline(always)]
    #[must_use]
    pub const fn number(self) -> usize {
        self.0 as usize
    }
}

/// A lock-free, interrupt-safe queue of at most `N` items on `L` levels: the most urgent level first,
/// first in first out within a level.
///
/// What a pop promises: at some moment during the call, no item of a more urgent level was inside
/// (whose push had returned), and later it took the first item of its level. While nothing is pushed,
/// the order is exact. For an order that always is, or for more than a few levels, take
/// [`Heap`](super::Heap).
///
/// `L` is at most 43 where the target has 64-bit compare-and-swap, else 11. `W` limits the counters for
/// models and tests; leave it at [`Native`].
///
/// ```
/// use inkle_core::queue::priority::{Level, Levels};
///
/// const ALARM: Level<3> = Level::new(0).unwrap();
/// const SAMPLE: Level<3> = Level::new(2).unwrap();
/// static EVENTS: Levels<&str, 3, 8> = Levels::new();
///
/// EVENTS.try_push(SAMPLE, "21.5 C").unwrap();
/// EVENTS.try_push(SAMPLE, "21.6 C").unwrap();
/// EVENTS.try_push(ALARM, "door").unwrap();
/// assert_eq!(EVENTS.try_pop(), Ok((ALARM, "door")));
/// assert_eq!(EVENTS.try_pop(), Ok((SAMPLE, "21.5 C")));
/// ```
pub struct Levels<T, const L: usize, const N: usize, W: Width = Native> {
    word: Pad<AtomicWord>,
    rings: [WordRing<Index<N>, N, W>; L],
    cells: Cells<T, N, W>,
}

impl<T, const L: usize, const N: usize, W: Width> Levels<T, L, N, W> {
    /// A bit for each level.
    const MARKS: Word = Self::CLOSED - 1;

    const CLOSED: Word = 1 << L;

    /// One push in the count, which ends at the top of the word, so that it wraps by itself.
    const ONE_PUSH: Word = {
        let room = Word::BITS - L as u32 - 1;
        1 << (Word::BITS - if W::LAP_BITS < room { W::LAP_BITS } else { room })
    };

    const_fn! {
        /// An empty queue. `L` and `N` are at least 1, or this does not compile.
        #[must_use]
        pub const fn new() -> Self {
            const { assert!(L >= 1, "a queue needs at least one level") };
            const { assert!(L + 1 + 20 <= Word::BITS as usize, "too many levels for this target's word") };
            Self {
                word: Pad(AtomicWord::new(0)),
                rings: array![WordRing::new(); L],
                cells: Cells::new(),
            }
        }
    }

    /// Adds an item to a level, or hands it back: [`PushError::Full`] or [`PushError::Closed`].
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: release, pairs with
    /// [`try_pop`](Self::try_pop)'s acquire. Source: QU005 without waiting.
    #[inline]
    pub fn try_push(&self, level: Level<L>, item: T) -> Result<(), PushError<T>> {
        let Some(index) = self.cells.claim() else {
            return Err(if self.is_closed() {
                PushError::Closed(item)
            } else {
                PushError::Full(item)
            });
        };
        // SAFETY: `claim` made us the owner.
        unsafe { self.cells.write(index, item) };
        match self.ring(level).try_push(Index(index)) {
            Ok(()) => {
                self.announce(level);
                Ok(())
            }
            // `Full` cannot be (invariant 1).
            Err(PushError::Closed(_) | PushError::Full(_)) => {
                // Whoever closes may stand between two rings: without this, our next push, to
                // another level, could still succeed.
                if !self.is_closed() {
                    self.close();
                }
                // SAFETY: still ours.
                let owned = unsafe { self.cells.own(index) };
                // SAFETY: we wrote the item above; the only read.
                Err(PushError::Closed(unsafe { owned.read() }))
            }
        }
    }

    /// Makes a push to `level` known to pops.
    #[inline]
    fn announce(&self, level: Level<L>) {
        let mark = 1 << level.number();
        // Release, pairs with the Acquire of a pop's look: whoever sees this push counted finds it in
        // its ring, so that its mark cannot go away before it is popped.
        if self.word.fetch_add(Self::ONE_PUSH, Ordering::Release) & mark == 0 {
            // Relaxed: nobody but read-modify-writes change the word, so who acquires this also
            // acquires the line above.
            self.word.fetch_or(mark, Ordering::Relaxed);
        }
    }

    /// Takes the first item of the most urgent level that has one, with its level.
    /// [`PopError::Closed`] means closed and nothing left, and is final.
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: acquire, pairs with
    /// [`try_push`](Self::try_push)'s release. Source: QU007 without waiting.
    #[inline]
    pub fn try_pop(&self) -> Result<(Level<L>, T), PopError> {
        loop {
            // Acquire, pairs with the Release of `announce`, see there, and of `close`: all rings are
            // closed.
            let word = self.word.load(Ordering::Acquire);
            if word & Self::CLOSED != 0 {
                return self.pop_closed();
            }
            if word & Self::MARKS == 0 {
                // Pairs with the fence of a pool that is empty: without the two, one thread may push
                // and then see a stale `Full` while another pops and then sees a stale `Empty`.
                fence(Ordering::SeqCst);
                // Acquire, pairs with the Release of the exchange below: whoever sees `Empty` sees
                // that the items are gone. (No model needs it here beside the first look's: whoever
                // could tell the difference has a fence of its own.)
                if self.word.load(Ordering::Acquire) & (Self::MARKS | Self::CLOSED) == 0 {
                    return no_item(PopError::Empty);
                }
                continue;
            }
            // Below `L`, since no other bit is a mark.
            let level = Level((word & Self::MARKS).trailing_zeros() as u8);
            match self.ring(level).try_pop() {
                // SAFETY: the ring has just handed it to us.
                Ok(Index(index)) => return Ok((level, unsafe { self.take(index) })),
                Err(PopError::Empty | PopError::Closed) => {
                    // Fails if a push has been counted since, or the queue closed: then we look again,
                    // as we do anyway.
                    //
                    // Release, pairs with the Acquire of `Empty`: we have seen the ring empty. (The
                    // fence in the ring's `Empty` would do as well; its `Closed` has none.)
                    // Relaxed on failure: we look again.
                    let _ = self.word.compare_exchange(
                        word,
                        word & !(1 << level.number()),
                        Ordering::Release,
                        Ordering::Relaxed,
                    );
                }
            }
        }
    }

    /// The pop of a closed queue: each ring is closed, so it has an item or never will.
    #[cold]
    fn pop_closed(&self) -> Result<(Level<L>, T), PopError> {
        for (number, ring) in self.rings.iter().enumerate() {
            if let Ok(Index(index)) = ring.try_pop() {
                // SAFETY: the ring has just handed it to us.
                return Ok((Level(number as u8), unsafe { self.take(index) }));
            }
        }
        no_item(PopError::Closed)
    }

    /// Moves an item out of its cell and gives the cell back.
    ///
    /// # Safety
    ///
    /// A ring's `try_pop` has handed `index` to the caller, who uses it for this alone.
    #[inline(always)]
    unsafe fn take(&self, index: usize) -> T {
        // SAFETY: who pops an index owns it; the ring orders us after its push.
        let owned = unsafe { self.cells.own(index) };
        // SAFETY: the push wrote the item before it pushed the index; the only read.
        unsafe { owned.read() }
    }

    #[inline(always)]
    fn ring(&self, level: Level<L>) -> &WordRing<Index<N>, N, W> {
        debug_assert!(level.number() < L);
        // SAFETY: a `Level<L>` is below `L`: that is what its constructors check.
        unsafe { self.rings.get_unchecked(level.number()) }
    }

    /// As the trait's [`close`](Queue::close).
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: release, pairs with the acquire of the
    /// operation that answers `Closed`.
    pub fn close(&self) -> bool {
        let mut rings = self.rings.iter();
        let first = rings.next().is_some_and(WordRing::close);
        for ring in rings {
            ring.close();
        }
        // Release, pairs with the Acquire of `try_pop` and `is_closed`: all rings are closed.
        self.word.fetch_or(Self::CLOSED, Ordering::Release);
        first
    }

    /// As the trait's [`is_closed`](Queue::is_closed).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        // Acquire, pairs with the Release of `close`: what came before it.
        self.word.load(Ordering::Acquire) & Self::CLOSED != 0
    }
}

/// Items go in and come out as pairs of level and item.
///
/// `len` and tickets also count an item that is in its level's ring while the push has yet to announce
/// it: a pop at that moment may say `Empty`.
impl<T, const L: usize, const N: usize, W: Width> Queue for Levels<T, L, N, W> {
    type Item = (Level<L>, T);

    // A push ends with that of the word, which decides `Empty`; a pop with that of the pool, which
    // decides `Full`; a close with that of the word, which decides `Closed`.
    const BY_RMW: bool = true;

    #[inline]
    fn try_push(&self, (level, item): (Level<L>, T)) -> Result<(), PushError<(Level<L>, T)>> {
        self.try_push(level, item).map_err(|error| match error {
            PushError::Full(item) => PushError::Full((level, item)),
            PushError::Closed(item) => PushError::Closed((level, item)),
        })
    }

    #[inline]
    fn try_pop(&self) -> Result<(Level<L>, T), PopError> {
        self.try_pop()
    }

    fn close(&self) -> bool {
        self.close()
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }

    fn capacity(&self) -> Option<usize> {
        Some(N)
    }

    fn len(&self) -> usize {
        // Pairs with itself, here and in `ticket`: without it, two threads that push to different
        // levels and then count may each miss the other's push.
        fence(Ordering::SeqCst);
        let len: usize = self.rings.iter().map(Queue::len).sum();
        // Between the looks at two rings items may have come and gone.
        if len < N { len } else { N }
    }

    fn ticket(&self) -> usize {
        // Pairs with itself, here and in `len`.
        fence(Ordering::SeqCst);
        // All rings number their pushes alike, from 0, so their tickets can be added. One look at each
        // is enough: they only grow, so the sum lies between the counts at the beginning and at the
        // end.
        self.rings
            .iter()
            .fold(0, |sum, ring| ring.ticket_after(sum, ring.tickets_between(0, ring.ticket())))
    }

    fn ticket_after(&self, ticket: usize, pushes: usize) -> usize {
        self.ring(Level::LAST).ticket_after(ticket, pushes)
    }

    fn tickets_between(&self, from: usize, to: usize) -> usize {
        self.ring(Level::LAST).tickets_between(from, to)
    }
}

impl<T, const L: usize, const N: usize, W: Width> Drop for Levels<T, L, N, W> {
    fn drop(&mut self) {
        drop_all(self);
    }
}

impl<T, const L: usize, const N: usize, W: Width> Default for Levels<T, L, N, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const L: usize, const N: usize, W: Width> fmt::Debug for Levels<T, L, N, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Levels", self, f)
    }
}
