//! [`FastFifo`]: the last nanosecond between threads, at the price of progress.
//!
//! The bounded queue of Dmitry Vyukov, with slots that say which lap they are in, so that any
//! capacity works, and with the exact test for full and empty that crossbeam's `ArrayQueue` adds.
//!
//! # Layout
//!
//! `head` and `tail` are positions and are the truth: an operation first claims its position by an
//! exchange there, then works on the slot alone. A slot's word is the era it is empty in, or the
//! complement of the one it has been full since: `empty(0), full(0), empty(1), ...`, lap by lap. The
//! top bit of `tail` means closed.
//!
//! # Invariants
//!
//! 1. Only the claimer of position `lap·N + i` changes slot `i` from `empty(lap)` to `full(lap)`
//!    (push) or on to `empty(lap + 1)` (pop).
//! 2. `head <= tail <= head + N`.
//!
//! # Linearization points
//!
//! Push, pop and close at their exchange on `tail` or `head`; `Closed` of a push at its load of
//! `tail`; `Full`, `Empty` and the `Closed` of a pop at the second load behind the fence.
//!
//! # Progress and cost
//!
//! *Blocking*: a thread that stops between its claim and its store holds up everybody who comes to
//! that slot, so never share one with an interrupt or signal handler, nor with a process that may be
//! killed. One read-modify-write and one store an operation, one word a slot beside the item.

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use ::spin::relax::{RelaxStrategy, Spin};

use super::ring::{Geometry, Native, Storage, Width, is_possible, one_lap};
use super::{Queue, debug, drop_all, no_item};
use crate::atomic::{AtomicUsize, Ordering, UnsafeCell, back_off, fence, spin_loop};
use crate::error::{PopError, PushError};
use crate::pad::Pad;

/// The mark of a closed queue in `tail`.
const CLOSED: usize = 1 << (usize::BITS - 1);

/// How often to look again at once before the relax strategy takes over.
const LOOKS: u32 = 32;

/// One slot of a [`FastFifo`]. Opaque.
pub struct FastSlot<T> {
    /// `era` if empty, `!era` if full
    state: AtomicUsize,
    cell: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: a slot alone gives no access to its cell. The queue does, to one thread at a time
// (invariant 1): an item goes in on one thread and comes out on another, which needs `T: Send` and
// no more.
unsafe impl<T: Send> Sync for FastSlot<T> {}

impl<T> FastSlot<T> {
    const_fn! {
        /// An empty slot.
        #[must_use]
        pub const fn new() -> Self {
            Self { state: AtomicUsize::new(0), cell: UnsafeCell::new(MaybeUninit::uninit()) }
        }
    }
}

impl<T> Default for FastSlot<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for FastSlot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FastSlot")
    }
}

/// A fast queue between threads, any capacity from 1, first in first out.
///
/// **Blocking**: `try_push` and `try_pop` wait for a thread that was stopped in mid-operation on
/// the same slot. Where that could be for ever (interrupt and signal handlers, killed processes,
/// real-time threads of different priority) take [`Fifo`](super::fifo::Fifo) or
/// [`WordRing`](super::word::WordRing). `Full`, `Empty` and `Closed` are exact.
///
/// `FastFifo<T, N>` is [`FastFifoIn`] with its slots inside.
///
/// ```
/// use inkle_core::queue::fifo::FastFifo;
/// use inkle_core::{PopError, PushError};
///
/// static LINES: FastFifo<&str, 2> = FastFifo::new();
///
/// LINES.try_push("warp").unwrap();
/// LINES.try_push("weft").unwrap();
/// assert_eq!(LINES.try_push("heddle"), Err(PushError::Full("heddle")));
/// assert_eq!(LINES.try_pop(), Ok("warp"));
/// ```
pub type FastFifo<T, const N: usize, R = Spin, W = Native> = FastFifoIn<T, [FastSlot<T>; N], R, W>;

/// [`FastFifo`] over any [`Storage`]: the algorithm itself.
///
/// `R` is what a thread does while it waits for another one in mid-operation (a
/// [relax strategy](::spin::relax) of the `spin` crate); `W` limits the lap counter for models and
/// tests.
pub struct FastFifoIn<T, S: Storage<Slot = FastSlot<T>>, R: RelaxStrategy = Spin, W: Width = Native>
{
    head: Pad<AtomicUsize>,
    tail: Pad<AtomicUsize>,
    /// The capacity rounded up to a power of two: computing it at every operation showed where the
    /// capacity is not known when compiling.
    one_lap: usize,
    slots: S,
    marker: PhantomData<fn(T, R, W) -> T>,
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> FastFifo<T, N, R, W> {
    const_fn! {
        /// An empty queue. `N` is at least 1, or this does not compile.
        #[must_use]
        pub const fn new() -> Self {
            const { assert!(N >= 1, "a queue needs at least one slot") };
            Self {
                head: Pad(AtomicUsize::new(0)),
                tail: Pad(AtomicUsize::new(0)),
                one_lap: one_lap(N),
                slots: array![FastSlot::new(); N],
                marker: PhantomData,
            }
        }
    }
}

/// A claimed and full slot, given back when dropped. Being a guard, it does so after the item has
/// moved into the caller's result: with the store in between, large items would be copied twice.
struct Claim<'a, T> {
    slot: &'a FastSlot<T>,
    /// The state to leave the slot in.
    after: usize,
}

impl<T> Claim<'_, T> {
    /// Moves the item out.
    ///
    /// # Safety
    ///
    /// Called once.
    #[inline(always)]
    unsafe fn read(&self) -> T {
        // SAFETY: the claim of this position is ours alone (invariant 1), the push has written the
        // item, and it is read only once.
        self.slot.cell.with(|cell| unsafe { (*cell).assume_init_read() })
    }
}

impl<T> Drop for Claim<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // Release, pairs with the Acquire load of a push: we are done with the cell.
        self.slot.state.store(self.after, Ordering::Release);
    }
}

/// How long the loser of an exchange stays away.
pub(super) const LOST: u32 = 128;

/// Another thread has won the exchange on this end of the queue, and will want the next one too: to
/// come back at once only takes the line away from it. Then gives the position again.
#[cold]
fn lost(end: &AtomicUsize) -> usize {
    back_off(LOST);
    // Relaxed: the exchange checks it.
    end.load(Ordering::Relaxed)
}

/// Spins for a short while, then leaves it to the strategy.
pub(super) fn relax<R: RelaxStrategy>(looks: &mut u32) {
    if *looks < LOOKS {
        *looks += 1;
        spin_loop();
    } else {
        R::relax();
    }
}

impl<T, S: Storage<Slot = FastSlot<T>>, R: RelaxStrategy, W: Width> FastFifoIn<T, S, R, W> {
    /// An empty queue over `slots`, which must all be new; `None` if there are none or more than
    /// a position can number.
    ///
    /// ```
    /// use inkle_core::queue::fifo::{FastFifoIn, FastSlot};
    ///
    /// let slots: [FastSlot<String>; 3] = std::array::from_fn(|_| FastSlot::new());
    /// let queue: FastFifoIn<String, _> = FastFifoIn::with_storage(slots).unwrap();
    /// queue.try_push("shuttle".to_string()).unwrap();
    /// ```
    #[must_use]
    pub fn with_storage(slots: S) -> Option<Self> {
        let count = slots.slots().len();
        if !is_possible(count) {
            return None;
        }
        Some(Self {
            head: Pad(AtomicUsize::new(0)),
            tail: Pad(AtomicUsize::new(0)),
            one_lap: one_lap(count),
            slots,
            marker: PhantomData,
        })
    }

    #[inline(always)]
    fn geometry(&self) -> Geometry {
        let (capacity, one_lap) = match S::CAPACITY {
            Some(capacity) => (capacity, one_lap(capacity)),
            None => (self.slots.slots().len(), self.one_lap),
        };
        // One bit is spared for `CLOSED`.
        Geometry::with_one_lap(capacity, one_lap, W::LAP_BITS, 1)
    }

    /// The slot at `position`.
    #[inline(always)]
    fn slot(&self, geometry: Geometry, position: usize) -> &FastSlot<T> {
        let slots = self.slots.slots();
        let index = geometry.index(position);
        debug_assert!(index < slots.len());
        // SAFETY: every position comes from `Geometry::new`'s capacity, which is `slots.len()`, so
        // its index is below it; `Storage` promises that the length does not change.
        unsafe { slots.get_unchecked(index) }
    }

    /// As the trait's [`try_push`](Queue::try_push).
    ///
    /// Progress: **blocking** (see the type). Interrupt-safe: no. Ordering: release, pairs with
    /// [`try_pop`](Self::try_pop)'s acquire. Source: QU005 without waiting.
    #[inline]
    pub fn try_push(&self, item: T) -> Result<(), PushError<T>> {
        let geometry = self.geometry();
        // Relaxed: the exchange below checks it.
        let mut tail = self.tail.load(Ordering::Relaxed);
        loop {
            let slot = self.slot(geometry, tail);
            let era = geometry.era(tail);
            // Acquire, pairs with the Release store of a pop: it is done with the cell.
            let state = slot.state.load(Ordering::Acquire);
            if state == empty(era) {
                // Release, pairs with a push's load of `tail` before the fence in `no_room`: who sees
                // this push also sees our earlier pops, or would call a queue full that is not.
                match self.tail.compare_exchange_weak(
                    tail,
                    geometry.after(tail),
                    Ordering::Release,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => {
                        // SAFETY: the claim of this position is ours alone (invariant 1), and the
                        // last reader of the cell is done.
                        slot.cell.with_mut(|cell| unsafe { (*cell).write(item) });
                        // Release, pairs with the Acquire load of a pop: the item is complete.
                        slot.state.store(full(era), Ordering::Release);
                        return Ok(());
                    }
                    Err(_) => tail = lost(&self.tail),
                }
                continue;
            }
            match self.no_room(tail, state) {
                Ok(now) => tail = now,
                Err(PushError::Full(())) => return Err(PushError::Full(item)),
                Err(PushError::Closed(())) => return Err(PushError::Closed(item)),
            }
        }
    }

    /// The slot of the next push is not empty: why there is no room, or where to try again.
    ///
    /// A closed `tail` always ends up here: its slot is empty in this era or full from the one
    /// before, and with the mark on it `tail` asks for neither.
    #[cold]
    fn no_room(&self, mut tail: usize, mut state: usize) -> Result<usize, PushError<()>> {
        let geometry = self.geometry();
        let mut looks = 0;
        loop {
            if tail & CLOSED != 0 {
                // Pairs with the Release of `close`: what came before it.
                fence(Ordering::Acquire);
                return Err(PushError::Closed(()));
            }
            if state == full(geometry.era_before(geometry.era(tail))) {
                // Full in the lap before: either the queue is full, or a pop is in mid-operation.
                // Pairs with the fence of another thread's `Empty`.
                fence(Ordering::SeqCst);
                // Relaxed: the fence does the work.
                let head = self.head.load(Ordering::Relaxed);
                if geometry.era_after(geometry.era(head)) | geometry.index(head) == tail {
                    return Err(PushError::Full(()));
                }
            }
            // Either `tail` is old, or the pop of this slot is on its way.
            relax::<R>(&mut looks);
            // Relaxed, twice: `try_push` looks again with its own ordering.
            tail = self.tail.load(Ordering::Relaxed);
            state = self.slot(geometry, tail).state.load(Ordering::Relaxed);
            if state == empty(geometry.era(tail)) {
                return Ok(tail);
            }
        }
    }

    /// As the trait's [`try_pop`](Queue::try_pop).
    ///
    /// Progress: **blocking** (see the type). Interrupt-safe: no. Ordering: acquire, pairs with
    /// [`try_push`](Self::try_push)'s release. Source: QU007 without waiting.
    #[inline]
    pub fn try_pop(&self) -> Result<T, PopError> {
        // Relaxed: the exchange checks it.
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            match self.claim_item(head) {
                // SAFETY: the only read.
                Ok(claim) => return Ok(unsafe { claim.read() }),
                Err(now) => match self.no_item(now) {
                    Ok(now) => head = now,
                    Err(error) => return no_item(error),
                },
            }
        }
    }

    /// Claims the next item, which was at `head` a moment ago, or says where the head is now.
    #[inline(always)]
    fn claim_item(&self, head: usize) -> Result<Claim<'_, T>, usize> {
        let geometry = self.geometry();
        let slot = self.slot(geometry, head);
        let era = geometry.era(head);
        // Acquire, pairs with the Release store of a push: the item is complete.
        if slot.state.load(Ordering::Acquire) != full(era) {
            return Err(head);
        }
        // Release, pairs with a pop's load of `head` before the fence in `no_item`: who sees this pop
        // also sees our earlier pushes, or would call a queue empty that is not.
        self.head
            .compare_exchange_weak(head, geometry.after(head), Ordering::Release, Ordering::Relaxed)
            .map(|_| Claim { slot, after: empty(geometry.era_after(era)) })
            .map_err(|_| lost(&self.head))
    }

    /// The slot of the next pop is not full: why there is no item, or where to try again.
    #[cold]
    fn no_item(&self, mut head: usize) -> Result<usize, PopError> {
        let geometry = self.geometry();
        let mut looks = 0;
        loop {
            // Relaxed: `claim_item` looks again with its own ordering.
            let state = self.slot(geometry, head).state.load(Ordering::Relaxed);
            if state == full(geometry.era(head)) {
                return Ok(head);
            }
            if state == empty(geometry.era(head)) {
                // Not pushed yet: either the queue is empty, or a push is in mid-operation.
                // Pairs with the fence of another thread's `Full`.
                fence(Ordering::SeqCst);
                // Relaxed: the fence does the work.
                let tail = self.tail.load(Ordering::Relaxed);
                if tail == head {
                    return Err(PopError::Empty);
                }
                if tail == head | CLOSED {
                    // Pairs with the Release of `close`: what came before it.
                    fence(Ordering::Acquire);
                    return Err(PopError::Closed);
                }
            }
            // Either `head` is old, or the push of this slot is on its way.
            relax::<R>(&mut looks);
            // Relaxed: as above.
            head = self.head.load(Ordering::Relaxed);
        }
    }

    /// As the trait's [`close`](Queue::close).
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: release, pairs with the acquire of the
    /// operation that answers `Closed`.
    pub fn close(&self) -> bool {
        self.tail.fetch_or(CLOSED, Ordering::Release) & CLOSED == 0
    }
}

/// The state of a slot that is empty in `era`. Its top bit is clear, as every position's is.
#[inline(always)]
const fn empty(era: usize) -> usize {
    era
}

/// The state of a slot that has been full since `era`. Its top bit is set.
#[inline(always)]
const fn full(era: usize) -> usize {
    !era
}

impl<T, S: Storage<Slot = FastSlot<T>>, R: RelaxStrategy, W: Width> Queue
    for FastFifoIn<T, S, R, W>
{
    type Item = T;

    const BY_RMW: bool = true;

    #[inline]
    fn try_push(&self, item: T) -> Result<(), PushError<T>> {
        self.try_push(item)
    }

    #[inline]
    fn try_pop(&self) -> Result<T, PopError> {
        self.try_pop()
    }

    fn close(&self) -> bool {
        self.close()
    }

    fn is_closed(&self) -> bool {
        // Acquire, pairs with the Release of `close`.
        self.tail.load(Ordering::Acquire) & CLOSED != 0
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.slots.slots().len())
    }

    fn len(&self) -> usize {
        let capacity = self.slots.slots().len();
        // Acquire: the tail must not be older than the head.
        let head = self.head.load(Ordering::Acquire);
        let tail = self.tail.load(Ordering::Relaxed) & !CLOSED;
        let len = self.geometry().distance(head, tail);
        // Between the two loads both ends may have moved on.
        if len < capacity { len } else { capacity }
    }

    fn is_empty(&self) -> bool {
        // Relaxed, twice: with a tail that is older than the head, something has been inside meanwhile.
        let head = self.head.load(Ordering::Relaxed);
        self.tail.load(Ordering::Relaxed) & !CLOSED == head
    }

    fn ticket(&self) -> usize {
        // Relaxed: pushes that happened before are visible by coherence.
        self.tail.load(Ordering::Relaxed) & !CLOSED
    }

    fn ticket_after(&self, ticket: usize, pushes: usize) -> usize {
        self.geometry().advance(ticket, pushes)
    }

    fn tickets_between(&self, from: usize, to: usize) -> usize {
        self.geometry().distance(from, to)
    }
}

impl<T, S: Storage<Slot = FastSlot<T>>, R: RelaxStrategy, W: Width> Drop
    for FastFifoIn<T, S, R, W>
{
    fn drop(&mut self) {
        drop_all(self);
    }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> Default for FastFifo<T, N, R, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, S: Storage<Slot = FastSlot<T>>, R: RelaxStrategy, W: Width> fmt::Debug
    for FastFifoIn<T, S, R, W>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("FastFifo", self, f)
    }
}
