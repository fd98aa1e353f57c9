//! What [`Stack`](super::lifo::Stack) and [`Inbox`](super::inbox::Inbox) have in common: nodes on two
//! lists, one of items with the newest on top, one of the nodes that are free.
//!
//! # Layout
//!
//! Nodes of a cell and a link, and two heads, each one word:
//!
//! ```text
//!  63 ........ 5    4      3 .. 0
//! [ tag         | CLOSED | top  ]     (64-bit word, 8 nodes)
//! ```
//!
//! `top` and the links are *link numbers*: the index of a node plus one, or 0 for "nothing". `tag`
//! counts nodes that were put on this list, cyclically; that of the items is the queue's ticket, and the
//! difference of the two is how many items are inside. The list of the free nodes is never closed.
//!
//! # Invariants
//!
//! 1. Each node is on one of the lists, or owned by one thread in mid-operation, or lost: a push that
//!    finds the queue closed keeps its node for ever.
//! 2. A cell is touched, and a link written, only by the owner of its node. A link may be *read* by
//!    a take whose node was taken away meanwhile; so links are atomics, and the exchange that would
//!    use such a link fails (3).
//! 3. A put moves the list's tag, and nothing else does. So between two moments at which the head shows
//!    the same tag there was no put (see "the bound"). Without a put a list only gets shorter: a node
//!    on top at both moments was there all the time, and its link is the same.
//!
//! That is why the tag need not count takes: a node comes back to the top by a put only.
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
//! Lock-free, interrupt-safe: a thread that stops for ever costs the nodes in its hands. Who loses an
//! exchange stays away for a moment, so that the winner gets many done while it has the line. Two
//! read-modify-writes an operation, on one line. Half a word a slot beside the item (with padding: one),
//! two words for the heads. Interrupt-off window: none.
//!
//! # The bound
//!
//! A take that sleeps between its load of the head and its exchange, while exactly `2^tag_bits` puts
//! (or a multiple) go by and the same node is on top again, takes the old link for the new one. The
//! tag has at least 20 bits, or the type does not compile; it has 59 for 8 items in a 64-bit word.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::mem::MaybeUninit;

use super::fast::LOST;
use super::ring::{Width, index_bits};
use crate::atomic::{AtomicU32, AtomicWord, Ordering, UnsafeCell, Word, back_off, fence};
use crate::error::{PopError, PushError};
use crate::pad::Pad;

/// The fewest bits of a tag: a million pushes while one pop stands still.
const MIN_TAG_BITS: u32 = 20;

/// The two lists and their nodes.
pub(super) struct Chain<T, const N: usize, W: Width> {
    /// On one line: an operation works on both, and under contention one thread does many at a time.
    heads: Pad<Heads>,
    nodes: [Node<T>; N],
    marker: PhantomData<fn(W)>,
}

struct Heads {
    used: AtomicWord,
    free: AtomicWord,
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
            const { assert!(N >= 1, "a queue needs at least one slot") };
            const { assert!(N < u32::MAX as usize, "a link has 32 bits") };
            const {
                assert!(
                    Self::TAG_SHIFT + MIN_TAG_BITS <= Word::BITS,
                    "too many slots for the head's word on this target"
                )
            };
            const { assert!(N <= Self::TAG_MASK, "the tag counts what is inside") };
            let mut nodes = array![Node::new(); N];
            // All free: each node is linked to the next one, the last to nothing.
            let mut index = 1;
            while index < N {
                nodes[index - 1].next = AtomicU32::new(index as u32 + 1);
                index += 1;
            }
            Self {
                heads: Pad(Heads { used: AtomicWord::new(0), free: AtomicWord::new(1) }),
                nodes,
                marker: PhantomData,
            }
        }
    }

    /// The node with this index.
    #[inline(always)]
    fn node(&self, index: usize) -> &Node<T> {
        debug_assert!(index < N);
        // SAFETY: only numbers from 1 to `N` are ever in the links.
        unsafe { self.nodes.get_unchecked(index) }
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

    #[inline(always)]
    fn tag(head: Word) -> usize {
        (head >> Self::TAG_SHIFT) as usize & Self::TAG_MASK
    }

    /// Puts the nodes that are linked from `first` to `last`, `count` of them, on top of a list, and
    /// says whether it was empty; `None` if the list is closed.
    #[inline(always)]
    fn put(&self, list: &AtomicWord, first: usize, last: usize, count: usize) -> Option<bool> {
        let next = &self.node(last).next;
        // Acquire, here and in `lost`, pairs with the Release of every change of this head: of `close`,
        // what came before it; of another put or take, the nodes that were put on the other list before.
        // The head that the exchange finds is the one that was loaded, so the exchange need not acquire
        // again.
        let mut head = list.load(Ordering::Acquire);
        while head & Self::CLOSED == 0 {
            // Relaxed: published by the exchange.
            next.store((head & Self::TOP) as u32, Ordering::Relaxed);
            let tag = Self::tag(head).wrapping_add(count) & Self::TAG_MASK;
            let new = (tag as Word) << Self::TAG_SHIFT | (first as Word).wrapping_add(1);
            // Release, pairs with the Acquire of who takes a node: cells and links are complete.
            match list.compare_exchange_weak(head, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return Some(head & Self::TOP == 0),
                Err(_) => head = Self::lost(list),
            }
        }
        None
    }

    /// Takes the newest node from a list. If there is none, says whether the list is closed.
    #[inline(always)]
    fn take_one(&self, list: &AtomicWord) -> Result<usize, bool> {
        // Acquire, here and in `lost`, pairs with the Release of the put: link and cell. Also with that
        // of `close`.
        let mut head = list.load(Ordering::Acquire);
        loop {
            if head & Self::TOP == 0 {
                head = Self::look_again(list, head);
                if head & Self::TOP == 0 {
                    return Err(head & Self::CLOSED != 0);
                }
            }
            let index = ((head & Self::TOP) as usize).wrapping_sub(1);
            // Relaxed: the load of the head has acquired the put of this node. If the node was taken
            // away since, this may be any link, and the exchange fails (invariant 3); if not, nobody
            // has written it, and who writes it later does so after another change of a head.
            let next = self.node(index).next.load(Ordering::Relaxed);
            let new = head & !Self::TOP | next as Word;
            // Release, pairs with the Acquire of a later change of this head: nodes that we have put on
            // the other list before.
            match list.compare_exchange_weak(head, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return Ok(index),
                Err(_) => head = Self::lost(list),
            }
        }
    }

    /// Another thread has won the exchange, and will want the next one too: stays away for a while,
    /// then gives the head again.
    #[cold]
    fn lost(list: &AtomicWord) -> Word {
        back_off(LOST);
        // Acquire: as the first look of who calls.
        list.load(Ordering::Acquire)
    }

    /// `head` shows no node. Unless that is final: does it still, behind a fence?
    #[cold]
    fn look_again(list: &AtomicWord, head: Word) -> Word {
        if head & Self::CLOSED != 0 {
            return head;
        }
        // Pairs with the same fence for the other list: see the module's "linearization points".
        fence(Ordering::SeqCst);
        // Acquire: as the first look.
        list.load(Ordering::Acquire)
    }

    /// Adds an item on top; says whether it is alone in the list.
    #[inline(always)]
    pub(super) fn push(&self, item: T) -> Result<bool, PushError<T>> {
        let Ok(index) = self.take_one(&self.heads.free) else {
            return Err(if self.is_closed() {
                PushError::Closed(item)
            } else {
                PushError::Full(item)
            });
        };
        // SAFETY: invariant 2: we have taken the node, ordered after its last owner.
        self.node(index).cell.with_mut(|cell| unsafe { (*cell).write(item) });
        match self.put(&self.heads.used, index, index, 1) {
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
        match self.take_one(&self.heads.used) {
            Ok(index) => Ok(Owned { chain: self, index }),
            Err(closed) => Err(error(closed)),
        }
    }

    /// Takes the whole list: the link number of its newest node, and whether the chain was closed
    /// then, so that nothing comes after it. Call it from one thread at a time.
    pub(super) fn take(&self) -> (u32, bool) {
        // Acquire, pairs with the Release of `close`. A look first: where nothing is to be taken,
        // nothing should be written.
        let mut head = self.heads.used.load(Ordering::Acquire);
        if head & Self::TOP == 0 {
            head = Self::look_again(&self.heads.used, head);
        }
        if head & Self::TOP != 0 {
            // Nobody else takes, so there still is something. Acquire, pairs with the Release of the
            // pushes: links and items. Release, pairs with the Acquire of a later push: nodes that we
            // gave back before.
            head = self.heads.used.fetch_and(!Self::TOP, Ordering::AcqRel);
        }
        ((head & Self::TOP) as u32, head & Self::CLOSED != 0)
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
        self.heads.used.fetch_or(Self::CLOSED, Ordering::Release) & Self::CLOSED == 0
    }

    pub(super) fn is_closed(&self) -> bool {
        // Acquire, pairs with the Release of `close`.
        self.heads.used.load(Ordering::Acquire) & Self::CLOSED != 0
    }

    /// How many items were pushed and have not given their cell back.
    pub(super) fn inside(&self) -> usize {
        // First what was given back, then what was pushed, so that the difference is never too small.
        //
        // Acquire, pairs with the Release of who gave back: its push comes before.
        let given_back = Self::tag(self.heads.free.load(Ordering::Acquire));
        // Relaxed: not older than what the line above has acquired.
        let pushed = Self::tag(self.heads.used.load(Ordering::Relaxed));
        let inside = pushed.wrapping_sub(given_back) & Self::TAG_MASK;
        // Between the two loads both may have moved on.
        if inside < N { inside } else { N }
    }

    pub(super) fn ticket(&self) -> usize {
        // Relaxed: pushes that happened before are visible by coherence, and so is the push of
        // an item that the caller has got.
        Self::tag(self.heads.used.load(Ordering::Relaxed))
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
        // The list of the free nodes is never closed.
        self.chain.put(&self.chain.heads.free, self.index, self.index, 1);
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
            // The list of the free nodes is never closed.
            self.chain.put(&self.chain.heads.free, self.first, self.last, count);
        }
    }
}

impl<T, const N: usize, W: Width> Drop for Kept<'_, T, N, W> {
    fn drop(&mut self) {
        self.give_back();
    }
}
