//! A list of nodes with the newest on top, whose head carries a tag against reuse. What the lists of
//! [`Stack`](super::lifo::Stack) and [`Inbox`](super::inbox::Inbox) and the free slots of a
//! [timer wheel](crate::timer) have in common.
//!
//! # Layout
//!
//! ```text
//!  63 ........ 5    4      3 .. 0
//! [ tag         | CLOSED | top  ]     (64-bit word, links of 4 bits)
//! ```
//!
//! `top` and the links are *link numbers*: the index of a node plus one, or 0 for "nothing". `tag`
//! counts nodes that were put on this list, cyclically.
//!
//! # Invariant
//!
//! A put moves the list's tag, and nothing else does. So between two moments at which the head shows
//! the same tag there was no put (see "the bound"). Without a put a list only gets shorter: a node on
//! top at both moments was there all the time, and its link is the same. That is why the tag need not
//! count takes: a node comes back to the top by a put only.
//!
//! Links are atomics, because a take may read that of a node which was taken away meanwhile; the
//! exchange that would use it then fails.
//!
//! # Progress and cost
//!
//! Lock-free, interrupt-safe; one exchange an operation. Who loses one stays away for a moment, so
//! that the winner gets many done while it has the line.
//!
//! # The bound
//!
//! A take that sleeps between its load of the head and its exchange, while exactly `2^tag_bits` puts
//! (or a multiple) go by and the same node is on top again, takes the old link for the new one. The
//! tag has at least 20 bits, or the type does not compile; it has 59 for 8 nodes in a 64-bit word.

use core::marker::PhantomData;

use super::fast::LOST;
use super::ring::Width;
use crate::atomic::{AtomicU32, AtomicWord, Ordering, Word, back_off, fence};

/// The fewest bits of a tag: a million puts while one take stands still.
const MIN_TAG_BITS: u32 = 20;

/// The nodes that a list links.
pub(crate) trait Nodes {
    /// Bits of a link number.
    const LINK_BITS: u32;
    /// At most so many bits for a tag.
    type Tag: Width;

    /// The link of a node: the link number of the next older one.
    ///
    /// # Safety
    ///
    /// `index` is one that was put on the list, or was on it from the beginning.
    unsafe fn link(&self, index: usize) -> &AtomicU32;
}

/// The head of a list.
pub(crate) struct TaggedList<N: Nodes> {
    head: AtomicWord,
    marker: PhantomData<fn(N)>,
}

impl<N: Nodes> TaggedList<N> {
    const TAG_SHIFT: u32 = N::LINK_BITS + 1;

    const CLOSED: Word = 1 << (Self::TAG_SHIFT - 1);

    const TOP: Word = Self::CLOSED - 1;

    const TAG_BITS: u32 = {
        let room = Word::BITS - Self::TAG_SHIFT;
        // A ticket is a `usize`.
        let room = if room < usize::BITS { room } else { usize::BITS };
        if N::Tag::LAP_BITS < room { N::Tag::LAP_BITS } else { room }
    };

    pub(crate) const TAG_MASK: usize = usize::MAX >> (usize::BITS - Self::TAG_BITS);

    const_fn! {
        /// A list whose newest node has this link number; the nodes are linked already.
        pub(crate) const fn new(top: u32) -> Self {
            const {
                assert!(
                    Self::TAG_SHIFT + MIN_TAG_BITS <= Word::BITS,
                    "too many slots for the head's word on this target"
                )
            };
            Self { head: AtomicWord::new(top as Word), marker: PhantomData }
        }
    }

    #[inline(always)]
    fn tag(head: Word) -> usize {
        (head >> Self::TAG_SHIFT) as usize & Self::TAG_MASK
    }

    /// Puts the nodes that are linked from `first` to `last`, `count` of them, on top, and says
    /// whether the list was empty; `None` if it is closed.
    ///
    /// # Safety
    ///
    /// The caller owns these nodes, their numbers are below `2^LINK_BITS - 1`, and it gives them up
    /// unless the list is closed.
    #[inline(always)]
    pub(crate) unsafe fn put(
        &self,
        nodes: &N,
        first: usize,
        last: usize,
        count: usize,
    ) -> Option<bool> {
        // SAFETY: the caller's promise.
        let link = unsafe { nodes.link(last) };
        // Acquire, here and in `lost`, pairs with the Release of every change of this head: of `close`,
        // what came before it; of another put or take, the nodes that were put on another list before.
        // The head that the exchange finds is the one that was loaded, so the exchange need not acquire
        // again.
        let mut head = self.head.load(Ordering::Acquire);
        while head & Self::CLOSED == 0 {
            // Relaxed: published by the exchange.
            link.store((head & Self::TOP) as u32, Ordering::Relaxed);
            let tag = Self::tag(head).wrapping_add(count) & Self::TAG_MASK;
            let new = (tag as Word) << Self::TAG_SHIFT | (first as Word).wrapping_add(1);
            // Release, pairs with the Acquire of who takes a node: cells and links are complete.
            match self.head.compare_exchange_weak(head, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return Some(head & Self::TOP == 0),
                Err(_) => head = self.lost(),
            }
        }
        None
    }

    /// Takes the newest node. If there is none, says whether the list is closed.
    #[inline(always)]
    pub(crate) fn take_one(&self, nodes: &N) -> Result<usize, bool> {
        // Acquire, here and in `lost`, pairs with the Release of the put: link and cell. Also with that
        // of `close`.
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            if head & Self::TOP == 0 {
                head = self.look_again(head);
                if head & Self::TOP == 0 {
                    return Err(head & Self::CLOSED != 0);
                }
            }
            let index = ((head & Self::TOP) as usize).wrapping_sub(1);
            // SAFETY: it was put.
            let link = unsafe { nodes.link(index) };
            // Relaxed: the load of the head has acquired the put of this node. If the node was taken
            // away since, this may be any link, and the exchange fails (the invariant); if not, nobody
            // has written it, and who writes it later does so after another change of a head.
            let next = link.load(Ordering::Relaxed);
            let new = head & !Self::TOP | next as Word;
            // Release, pairs with the Acquire of a later change of this head: nodes that we have put on
            // another list before.
            match self.head.compare_exchange_weak(head, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return Ok(index),
                Err(_) => head = self.lost(),
            }
        }
    }

    /// Takes the whole list: the link number of its newest node, and whether the list was closed
    /// then, so that nothing comes after it. Call it from one thread at a time, which alone takes.
    pub(crate) fn take_all(&self) -> (u32, bool) {
        // Acquire, pairs with the Release of `close`. A look first: where nothing is to be taken,
        // nothing should be written.
        let mut head = self.head.load(Ordering::Acquire);
        if head & Self::TOP == 0 {
            head = self.look_again(head);
        }
        if head & Self::TOP != 0 {
            // Nobody else takes, so there still is something. Acquire, pairs with the Release of the
            // puts: links and items. Release, pairs with the Acquire of a later put: nodes that we gave
            // back before.
            head = self.head.fetch_and(!Self::TOP, Ordering::AcqRel);
        }
        ((head & Self::TOP) as u32, head & Self::CLOSED != 0)
    }

    /// Another thread has won the exchange, and will want the next one too: stays away for a while,
    /// then gives the head again.
    #[cold]
    fn lost(&self) -> Word {
        back_off(LOST);
        // Acquire: as the first look of who calls.
        self.head.load(Ordering::Acquire)
    }

    /// `head` shows no node. Unless that is final: does it still, behind a fence?
    #[cold]
    fn look_again(&self, head: Word) -> Word {
        if head & Self::CLOSED != 0 {
            return head;
        }
        // Pairs with the same fence for another list: without it, who has just put a node there may
        // miss one that was put here before.
        fence(Ordering::SeqCst);
        // Acquire: as the first look.
        self.head.load(Ordering::Acquire)
    }

    /// Closes the list; whether this call did it.
    pub(crate) fn close(&self) -> bool {
        // Release, pairs with the Acquire of who sees the bit: what came before the close.
        self.head.fetch_or(Self::CLOSED, Ordering::Release) & Self::CLOSED == 0
    }

    pub(crate) fn is_closed(&self) -> bool {
        // Acquire, pairs with the Release of `close`.
        self.head.load(Ordering::Acquire) & Self::CLOSED != 0
    }

    /// How many nodes were put so far, cyclically.
    pub(crate) fn puts(&self, order: Ordering) -> usize {
        Self::tag(self.head.load(order))
    }
}
