//! What [`Stack`](super::lifo::Stack) and [`Inbox`](super::inbox::Inbox) have in common: nodes on two
//! lists, one of items with the newest on top, one of the nodes that are free.
//!
//! # Layout
//!
//! Nodes of a cell and a link, and the heads of two lists (`tagged.rs`), each one word. The tag counts
//! nodes that were put on a list, cyclically; that of the items is the queue's ticket, and the
//! difference of the two is how many items are inside. The list of the free nodes is never closed.
//!
//! # Invariants
//!
//! 1. Each node is on one of the lists, or owned by one thread in mid-operation, or lost: a push that
//!    finds the queue closed keeps its node for ever.
//! 2. A cell is touched, and a link written, only by the owner of its node. A link may be *read* by
//!    a take whose node was taken away meanwhile; so links are atomics, and the exchange that would
//!    use such a link fails.
//!
//! # Linearization points
//!
//! Push, pop, take and close at their change of the head of the items; `Closed` at the load that sees
//! the bit; `Empty` at the second load, behind the fence. `Full` is "no node is free", at the second
//! load of that head.
//!
//! The heads are two words, and the orderings make one order of both. Without the fences before `Empty`
//! and `Full` a thread that has just given a node back may see a stale empty list while one that has
//! just pushed sees that no node is free (store buffering). And each change of a head acquires what the
//! changes before it released: else who comes after a pop or a push, as the head shows, could miss a
//! node that was given back before it.
//!
//! # Progress and cost
//!
//! Lock-free, interrupt-safe: a thread that stops for ever costs the nodes in its hands. Two
//! read-modify-writes an operation, on one line. Half a word a slot beside the item (with padding: one),
//! two words for the heads. Interrupt-off window: none.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::mem::MaybeUninit;

use super::ring::{Width, index_bits};
use super::tagged::{Nodes, TaggedList};
use crate::atomic::{AtomicU32, Ordering, UnsafeCell};
use crate::error::{PopError, PushError};
use crate::pad::Pad;

/// The two lists and their nodes.
pub(super) struct Chain<T, const N: usize, W: Width> {
    /// On one line: an operation works on both, and under contention one thread does many at a time.
    heads: Pad<Heads<T, N, W>>,
    nodes: Row<T, N, W>,
}

struct Heads<T, const N: usize, W: Width> {
    used: TaggedList<Row<T, N, W>>,
    free: TaggedList<Row<T, N, W>>,
}

struct Row<T, const N: usize, W: Width>([Node<T>; N], PhantomData<fn(W)>);

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

impl<T, const N: usize, W: Width> Row<T, N, W> {
    /// The node with this index, which is below `N`.
    #[inline(always)]
    unsafe fn node(&self, index: usize) -> &Node<T> {
        debug_assert!(index < N);
        // SAFETY: the caller's promise.
        unsafe { self.0.get_unchecked(index) }
    }
}

impl<T, const N: usize, W: Width> Nodes for Row<T, N, W> {
    const LINK_BITS: u32 = index_bits(N + 1);
    type Tag = W;

    #[inline(always)]
    unsafe fn link(&self, index: usize) -> &AtomicU32 {
        // SAFETY: only numbers below `N` are ever put.
        unsafe { &self.node(index).next }
    }
}

// SAFETY: an item goes in on one thread and comes out on another, never shared (invariant 2). That
// needs `T: Send` and no more.
unsafe impl<T: Send, const N: usize, W: Width> Sync for Chain<T, N, W> {}
// SAFETY: owning the chain is owning its items.
unsafe impl<T: Send, const N: usize, W: Width> Send for Chain<T, N, W> {}

impl<T, const N: usize, W: Width> Chain<T, N, W> {
    const TAG_MASK: usize = TaggedList::<Row<T, N, W>>::TAG_MASK;

    const_fn! {
        pub(super) const fn new() -> Self {
            const { assert!(N >= 1, "a queue needs at least one slot") };
            const { assert!(N < u32::MAX as usize, "a link has 32 bits") };
            const { assert!(N <= Self::TAG_MASK, "the tag counts what is inside") };
            let mut nodes = array![Node::new(); N];
            // All free: each node is linked to the next one, the last to nothing.
            let mut index = 1;
            while index < N {
                nodes[index - 1].next = AtomicU32::new(index as u32 + 1);
                index += 1;
            }
            Self {
                heads: Pad(Heads { used: TaggedList::new(0), free: TaggedList::new(1) }),
                nodes: Row(nodes, PhantomData),
            }
        }
    }

    /// The node with this index.
    #[inline(always)]
    fn node(&self, index: usize) -> &Node<T> {
        // SAFETY: only numbers from 1 to `N` are ever in the links.
        unsafe { self.nodes.node(index) }
    }

    /// Moves the item out of a node.
    ///
    /// # Safety
    ///
    /// The caller owns the node, it holds an item, and this is called once.
    #[inline(always)]
    unsafe fn read(&self, index: usize) -> T {
        // SAFETY: the caller's promise, by invariant 2.
        self.node(index).cell.with(|cell| unsafe { (*cell).assume_init_read() })
    }

    /// Gives nodes back that the caller owns.
    #[inline(always)]
    fn give_back(&self, first: usize, last: usize, count: usize) {
        // The list of the free nodes is never closed.
        //
        // SAFETY: all who call own these nodes and do not touch them any more.
        unsafe { self.heads.free.put(&self.nodes, first, last, count) };
    }

    /// Adds an item on top; says whether it is alone in the list.
    #[inline(always)]
    pub(super) fn push(&self, item: T) -> Result<bool, PushError<T>> {
        let Ok(index) = self.heads.free.take_one(&self.nodes) else {
            return Err(if self.is_closed() {
                PushError::Closed(item)
            } else {
                PushError::Full(item)
            });
        };
        // SAFETY: invariant 2: we have taken the node, ordered after its last owner.
        self.node(index).cell.with_mut(|cell| unsafe { (*cell).write(item) });
        // SAFETY: we own the node, and give it up if it is taken.
        match unsafe { self.heads.used.put(&self.nodes, index, index, 1) } {
            Some(was_empty) => Ok(was_empty),
            // The node is still ours and stays so: in a closed chain nobody needs one any more, and so
            // the tags count nothing but items.
            //
            // SAFETY: we wrote the item above; the only read.
            None => Err(PushError::Closed(unsafe { self.read(index) })),
        }
    }

    /// Takes the newest node.
    #[inline(always)]
    pub(super) fn pop(&self) -> Result<Owned<'_, T, N, W>, PopError> {
        match self.heads.used.take_one(&self.nodes) {
            Ok(index) => Ok(Owned { chain: self, index }),
            Err(closed) => Err(error(closed)),
        }
    }

    /// Takes the whole list: the link number of its newest node, and whether the chain was closed
    /// then, so that nothing comes after it. Call it from one thread at a time.
    pub(super) fn take(&self) -> (u32, bool) {
        self.heads.used.take_all()
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
        self.heads.used.close()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.heads.used.is_closed()
    }

    /// How many items were pushed and have not given their cell back.
    pub(super) fn inside(&self) -> usize {
        // First what was given back, then what was pushed, so that the difference is never too small.
        //
        // Acquire, pairs with the Release of who gave back: its push comes before.
        let given_back = self.heads.free.puts(Ordering::Acquire);
        // Relaxed: not older than what the line above has acquired.
        let pushed = self.heads.used.puts(Ordering::Relaxed);
        let inside = pushed.wrapping_sub(given_back) & Self::TAG_MASK;
        // Between the two loads both may have moved on.
        if inside < N { inside } else { N }
    }

    pub(super) fn ticket(&self) -> usize {
        // Relaxed: pushes that happened before are visible by coherence, and so is the push of
        // an item that the caller has got.
        self.heads.used.puts(Ordering::Relaxed)
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
/// into the caller's result: with that in between, large items would be copied twice.
pub(super) struct Owned<'a, T, const N: usize, W: Width> {
    chain: &'a Chain<T, N, W>,
    index: usize,
}

impl<'a, T, const N: usize, W: Width> Owned<'a, T, N, W> {
    /// Moves the item out.
    ///
    /// # Safety
    ///
    /// The cell holds an item, and this is called once.
    #[inline(always)]
    pub(super) unsafe fn read(&self) -> T {
        // SAFETY: invariant 2: the node is ours; the rest is the caller's promise.
        unsafe { self.chain.read(self.index) }
    }

    /// The same node, to be given back together with others.
    #[inline(always)]
    pub(super) fn kept_in<'k>(self, kept: &'k mut Kept<'a, T, N, W>) -> ToKeep<'k, 'a, T, N, W> {
        ToKeep { kept, index: ManuallyDrop::new(self).index }
    }
}

impl<T, const N: usize, W: Width> Drop for Owned<'_, T, N, W> {
    #[inline(always)]
    fn drop(&mut self) {
        self.chain.give_back(self.index, self.index, 1);
    }
}

/// A node that we own, as [`Owned`], added to the kept ones when dropped.
pub(super) struct ToKeep<'k, 'a, T, const N: usize, W: Width> {
    kept: &'k mut Kept<'a, T, N, W>,
    index: usize,
}

impl<T, const N: usize, W: Width> ToKeep<'_, '_, T, N, W> {
    /// Moves the item out.
    ///
    /// # Safety
    ///
    /// As [`Owned::read`].
    #[inline(always)]
    pub(super) unsafe fn read(&self) -> T {
        // SAFETY: invariant 2: the node is ours; the rest is the caller's promise.
        unsafe { self.kept.chain.read(self.index) }
    }
}

impl<T, const N: usize, W: Width> Drop for ToKeep<'_, '_, T, N, W> {
    #[inline(always)]
    fn drop(&mut self) {
        self.kept.add(self.index);
    }
}

/// Nodes that we own and that hold no item any more, given back together: one exchange for
/// [`KEPT`](Self::KEPT) of them.
pub(super) struct Kept<'a, T, const N: usize, W: Width> {
    chain: &'a Chain<T, N, W>,
    first: usize,
    last: usize,
    count: usize,
}

impl<'a, T, const N: usize, W: Width> Kept<'a, T, N, W> {
    /// How many are kept at most: few enough that producers do not starve meanwhile.
    const KEPT: usize = if N / 8 < 32 { N / 8 } else { 32 };

    pub(super) fn new(chain: &'a Chain<T, N, W>) -> Self {
        Self { chain, first: 0, last: 0, count: 0 }
    }

    /// Takes a node over, which the caller owns.
    #[inline]
    fn add(&mut self, index: usize) {
        if self.count == 0 {
            self.last = index;
        } else {
            // Relaxed: published with the others.
            self.chain.node(index).next.store(self.first as u32 + 1, Ordering::Relaxed);
        }
        self.first = index;
        self.count = self.count.wrapping_add(1);
        if self.count >= Self::KEPT {
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        let count = core::mem::take(&mut self.count);
        if count > 0 {
            self.chain.give_back(self.first, self.last, count);
        }
    }
}

impl<T, const N: usize, W: Width> Drop for Kept<'_, T, N, W> {
    fn drop(&mut self) {
        self.give_back();
    }
}
