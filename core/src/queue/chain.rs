//! What [`Stack`](super::lifo::Stack) and [`Inbox`](super::inbox::Inbox) have in common: items in
//! cells, the newest on top of a list that hangs on one word.
//!
//! # Layout
//!
//! A [`Pool`] of the free nodes; nodes of a cell and a link; and the head:
//!
//! ```text
//!  63 ........ 5    4      3 .. 0
//! [ tag         | CLOSED | top  ]     (64-bit word, 8 nodes)
//! ```
//!
//! `top` and the links are *link numbers*: the index of a node plus one, or 0 for "nothing". `tag`
//! counts pushes, cyclically, and is the queue's ticket.
//!
//! # Invariants
//!
//! 1. Each index is in the pool, in the list, or owned by one thread in mid-operation.
//! 2. A cell is touched, and a link written, only by the owner of its index. A link may be *read* by
//!    a pop whose node was taken away meanwhile; so links are atomics, and the exchange that would
//!    use such a link fails (3).
//! 3. A push moves the tag, and nothing else does. So between two moments at which the head shows the
//!    same tag there was no push (see "the bound"). Without a push the list only gets shorter: a node
//!    on top at both moments was there all the time, and its link is the same.
//!
//! That is why the tag need not count pops: an index comes back to the top by a push only.
//!
//! # Linearization points
//!
//! Push, pop, take and close at their change of the head; `Closed` at the load that sees the bit;
//! `Empty` at the second load, behind the fence. `Full` is "the pool is empty".
//!
//! The head and the pool are two words, and the orderings make one order of both. Without the fence
//! before `Empty` a thread that has just given a cell back may see a stale empty list while one that
//! has just pushed sees a stale empty pool (store buffering; the pool has the other fence). And each
//! change of the head acquires what the changes before it released: else who comes after a pop or
//! a push, as the head shows, could miss a cell that was given back before it.
//!
//! # Progress and cost
//!
//! Lock-free, interrupt-safe: a thread that stops for ever costs the one cell in its hands. A push is
//! one read-modify-write of the pool and one of the head. A word and a half a slot beside the item.
//! Interrupt-off window: none.
//!
//! # The bound
//!
//! A pop that sleeps between its load of the head and its exchange, while exactly `2^tag_bits` pushes
//! (or a multiple) go by and the same node is on top again, takes the old link for the new one. The
//! tag has at least 20 bits, or the type does not compile; it has 59 for 8 items in a 64-bit word.

use core::mem::MaybeUninit;

use super::ring::{Width, index_bits};
use crate::atomic::{AtomicU32, AtomicWord, Ordering, UnsafeCell, Word, fence};
use crate::error::{PopError, PushError};
use crate::pad::Pad;
use crate::slab::Pool;

/// The fewest bits of a tag: a million pushes while one pop stands still.
const MIN_TAG_BITS: u32 = 20;

/// The list, its nodes, and the pool of those that are free.
pub(super) struct Chain<T, const N: usize, W: Width> {
    head: Pad<AtomicWord>,
    free: Pool<N, W>,
    nodes: [Node<T>; N],
}

struct Node<T> {
    /// The link number of the next older node.
    next: AtomicU32,
    cell: UnsafeCell<MaybeUninit<T>>,
}

impl<T> Node<T> {
    const_fn! {
        const fn new() -> Self {
            Self { next: AtomicU32::new(0), cell: UnsafeCell::new(MaybeUninit::uninit()) }
        }
    }
}

// SAFETY: an item goes in on one thread and comes out on another, never shared (invariant 2). That
// needs `T: Send` and no more.
unsafe impl<T: Send, const N: usize, W: Width> Sync for Chain<T, N, W> {}
// SAFETY: owning the chain is owning its items.
unsafe impl<T: Send, const N: usize, W: Width> Send for Chain<T, N, W> {}

impl<T, const N: usize, W: Width> Chain<T, N, W> {
    const TAG_SHIFT: u32 = index_bits(N + 1) + 1;

    const CLOSED: Word = 1 << (Self::TAG_SHIFT - 1);

    const TOP: Word = Self::CLOSED - 1;

    const TAG_BITS: u32 = {
        let room = Word::BITS - Self::TAG_SHIFT;
        // A ticket is a `usize`.
        let room = if room < usize::BITS { room } else { usize::BITS };
        if W::LAP_BITS < room { W::LAP_BITS } else { room }
    };

    const TAG_MASK: usize = usize::MAX >> (usize::BITS - Self::TAG_BITS);

    const_fn! {
        pub(super) const fn new() -> Self {
            const { assert!(N < u32::MAX as usize, "a link has 32 bits") };
            const {
                assert!(
                    Self::TAG_SHIFT + MIN_TAG_BITS <= Word::BITS,
                    "too many slots for the head's word on this target"
                )
            };
            Self {
                head: Pad(AtomicWord::new(0)),
                free: Pool::new(),
                nodes: array![Node::new(); N],
            }
        }
    }

    /// The node with this index.
    #[inline(always)]
    fn node(&self, index: usize) -> &Node<T> {
        debug_assert!(index < N);
        // SAFETY: only numbers below `N` are ever in the pool, and only they, plus one, in the links.
        unsafe { self.nodes.get_unchecked(index) }
    }

    /// The head after a push of `index`.
    #[inline(always)]
    fn pushed(head: Word, index: usize) -> Word {
        let tag = Self::tag(head).wrapping_add(1) & Self::TAG_MASK;
        (tag as Word) << Self::TAG_SHIFT | (index as Word).wrapping_add(1)
    }

    #[inline(always)]
    fn tag(head: Word) -> usize {
        (head >> Self::TAG_SHIFT) as usize
    }

    /// Adds an item on top; says whether it is alone in the list.
    #[inline(always)]
    pub(super) fn push(&self, item: T) -> Result<bool, PushError<T>> {
        let Some(index) = self.free.claim() else {
            return Err(if self.is_closed() {
                PushError::Closed(item)
            } else {
                PushError::Full(item)
            });
        };
        let node = self.node(index);
        // SAFETY: invariant 2: `claim` made us the owner, ordered after the last one.
        node.cell.with_mut(|cell| unsafe { (*cell).write(item) });
        // Acquire, here and on failure, pairs with the Release of every change of the head: of
        // `close`, what came before it; of a pop and a push, the cells that were given back before.
        // The head that the exchange finds is the one that was loaded, so the exchange need not
        // acquire again.
        let mut head = self.head.load(Ordering::Acquire);
        while head & Self::CLOSED == 0 {
            // Relaxed: published by the exchange.
            node.next.store((head & Self::TOP) as u32, Ordering::Relaxed);
            // Release, pairs with the Acquire of who takes the node: cell and link are complete.
            match self.head.compare_exchange_weak(
                head,
                Self::pushed(head, index),
                Ordering::Release,
                Ordering::Acquire,
            ) {
                Ok(_) => return Ok(head & Self::TOP == 0),
                Err(now) => head = now,
            }
        }
        let owned = Owned { chain: self, index };
        // SAFETY: we wrote the item above; the only read.
        Err(PushError::Closed(unsafe { owned.read() }))
    }

    /// Takes the newest node.
    #[inline(always)]
    pub(super) fn pop(&self) -> Result<Owned<'_, T, N, W>, PopError> {
        // Acquire, here and on failure, pairs with the Release of the push: link and item. Also with
        // that of `close`.
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            if head & Self::TOP == 0 {
                head = self.look_again(head);
                if head & Self::TOP == 0 {
                    return Err(error(head & Self::CLOSED != 0));
                }
            }
            let index = ((head & Self::TOP) as usize).wrapping_sub(1);
            // Relaxed: the load of the head has acquired the push of this node. If the node was taken
            // away since, this may be any link, and the exchange fails (invariant 3); if not, nobody
            // has written it, and who writes it later comes after our release of the index.
            let next = self.node(index).next.load(Ordering::Relaxed);
            // Release, pairs with the Acquire of a later change of the head: cells that we gave back
            // before.
            match self.head.compare_exchange_weak(
                head,
                head & !Self::TOP | next as Word,
                Ordering::Release,
                Ordering::Acquire,
            ) {
                Ok(_) => return Ok(Owned { chain: self, index }),
                Err(now) => head = now,
            }
        }
    }

    /// Takes the whole list: the link number of its newest node, and whether the chain was closed
    /// then, so that nothing comes after it. Call it from one thread at a time.
    pub(super) fn take(&self) -> (u32, bool) {
        // Acquire, pairs with the Release of `close`. A look first: where nothing is to be taken,
        // nothing should be written.
        let mut head = self.head.load(Ordering::Acquire);
        if head & Self::TOP == 0 {
            head = self.look_again(head);
        }
        if head & Self::TOP != 0 {
            // Nobody else takes, so there still is something. Acquire, pairs with the Release of the
            // pushes: links and items. Release, pairs with the Acquire of a later push: cells that we
            // gave back before.
            head = self.head.fetch_and(!Self::TOP, Ordering::AcqRel);
        }
        ((head & Self::TOP) as u32, head & Self::CLOSED != 0)
    }

    /// `head` shows no node. Unless that is final: does it still, behind a fence?
    #[cold]
    fn look_again(&self, head: Word) -> Word {
        if head & Self::CLOSED != 0 {
            return head;
        }
        // Pairs with the fence of the pool before another thread's `Full`: see the module's
        // "linearization points".
        fence(Ordering::SeqCst);
        // Acquire: as the first look.
        self.head.load(Ordering::Acquire)
    }

    /// Turns a list that the caller owns round: from `link`, its newest node, to its oldest.
    pub(super) fn turn_round(&self, mut link: u32) -> u32 {
        let mut turned = 0;
        while link != 0 {
            let next = &self.node((link as usize).wrapping_sub(1)).next;
            // Relaxed, twice: the list is ours.
            let older = next.load(Ordering::Relaxed);
            next.store(turned, Ordering::Relaxed);
            turned = link;
            link = older;
        }
        turned
    }

    /// The first node of a list that the caller owns, and the rest of the list.
    #[inline]
    pub(super) fn split(&self, link: u32) -> Option<(Owned<'_, T, N, W>, u32)> {
        if link == 0 {
            return None;
        }
        let index = (link as usize).wrapping_sub(1);
        // Relaxed: the list is ours.
        Some((Owned { chain: self, index }, self.node(index).next.load(Ordering::Relaxed)))
    }

    pub(super) fn close(&self) -> bool {
        // Release, pairs with the Acquire of who sees the bit: what came before the close.
        self.head.fetch_or(Self::CLOSED, Ordering::Release) & Self::CLOSED == 0
    }

    pub(super) fn is_closed(&self) -> bool {
        // Acquire, pairs with the Release of `close`.
        self.head.load(Ordering::Acquire) & Self::CLOSED != 0
    }

    /// How many cells are not free.
    pub(super) fn taken(&self) -> usize {
        N.saturating_sub(self.free.free())
    }

    pub(super) fn ticket(&self) -> usize {
        // Relaxed: pushes that happened before are visible by coherence, and so is the push of
        // an item that the caller has got.
        Self::tag(self.head.load(Ordering::Relaxed)) & Self::TAG_MASK
    }

    pub(super) fn ticket_after(&self, ticket: usize, pushes: usize) -> usize {
        ticket.wrapping_add(pushes) & Self::TAG_MASK
    }

    pub(super) fn tickets_between(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & Self::TAG_MASK
    }
}

/// Why there is nothing.
#[inline(always)]
pub(super) const fn error(closed: bool) -> PopError {
    if closed { PopError::Closed } else { PopError::Empty }
}

/// A node that we own, given back when dropped. Being a guard, it does so after the item has moved
/// into the caller's result: with the release in between, large items would be copied twice.
pub(super) struct Owned<'a, T, const N: usize, W: Width> {
    chain: &'a Chain<T, N, W>,
    index: usize,
}

impl<T, const N: usize, W: Width> Owned<'_, T, N, W> {
    /// Moves the item out.
    ///
    /// # Safety
    ///
    /// The cell holds an item, and this is called once.
    #[inline(always)]
    pub(super) unsafe fn read(&self) -> T {
        // SAFETY: invariant 2: the cell is ours; the caller says that it holds an item.
        self.chain.node(self.index).cell.with(|cell| unsafe { (*cell).assume_init_read() })
    }
}

impl<T, const N: usize, W: Width> Drop for Owned<'_, T, N, W> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: we own the index and do not touch the cell any more.
        unsafe { self.chain.free.release(self.index) };
    }
}
