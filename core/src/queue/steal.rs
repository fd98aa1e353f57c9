//! The deque of work stealing: one owner at one end, thieves at the other.
//!
//! Chase and Lev's deque (SPAA 2005) in the form of Lê, Pop, Cohen and Zappa Nardelli (PPoPP 2013), with
//! a fixed number of slots.
//!
//! # Layout
//!
//! `top` and `bottom` are positions: they count up, over the end of `usize` too, and `position % N` is
//! the slot. Beside `bottom` is the `Token` of its end. A slot is a pointer; only the owner stores to
//! it.
//!
//! # Invariants
//!
//! 1. `top` only grows, by one at a time, by the exchange of whoever takes the item there.
//! 2. Only the owner stores `bottom`. Outside of its operations `top <= bottom <= top + N`, and the items
//!    from `top` to `bottom` are inside. During a pop `bottom` is less by one.
//! 3. Who takes an item without an exchange (the owner, one of several) has taken it off `bottom` before
//!    it looks at `top`; a thief looks at `top` before it looks at `bottom`. There is a SeqCst fence between
//!    the two on both sides, so one sees the other: the thief sees that the item is gone, or the owner sees
//!    that `top` has come to the item, and takes it by an exchange or not at all.
//! 4. A slot is stored to again when its last item has been taken: the push has seen `top` beyond it.
//!
//! # Linearization points
//!
//! A push at its store of `bottom`. An item that is not the last leaves at a thief's exchange, or at the
//! store of `bottom` by the pop that takes it. The last one leaves at a thief's exchange, or at the store
//! of `bottom` by the pop that wants it, if that comes first, and is then whoever's who makes the exchange:
//! in between other thieves say `Empty`. A pop that finds or gets nothing, at its load of `top` or right
//! after the thief that was quicker. `Full` at the second look at `top`, behind the fence. `Empty` at the
//! load of `bottom`, or before the push that it has missed.
//!
//! # What no model shows
//!
//! Three orderings are needed only where a load may see a store that comes after it in every order of
//! running (load buffering, which Arm allows and no loom explores): the Release of `steal`'s exchange and
//! the Acquire of a push's look at `top`, for invariant 4, and the Release with which a pop puts `bottom`
//! back. The litmus tests `load_buffering_given_up` and `load_buffering_put_back` are these two places:
//! C++20 forbids the error with them and allows it without any one of them.
//!
//! # Progress and cost
//!
//! All operations are wait-free and interrupt-safe as far as the owner's are not nested. Push: two
//! loads, two stores. Pop: two loads if there is nothing; else two stores and a fence more, and for the
//! last item an exchange and a third store. Steal: three loads, a fence and an exchange. A word a slot
//! and three words. Interrupt-off window: none.
//!
//! A thief that sleeps in mid-steal while as many items as `usize` can count are taken could take the
//! item in its old slot's place: never with 64 bits, and with 32 after exactly 2^32 items.

use core::fmt;
use core::ptr::{self, NonNull};

use super::token::Token;
use crate::atomic::{AtomicUsize, Ordering, PlainPtr, fence};
use crate::pad::Pad;

/// What came of [`Deque::steal`].
#[must_use = "a pointer that was taken is in nobody's hands else"]
pub enum Steal<T> {
    /// The oldest pointer, which is now the caller's.
    Taken(NonNull<T>),
    /// Nothing was inside, at one moment of the call.
    Empty,
    /// Somebody else took what the caller was about to take. There may be more.
    Retry,
}

impl<T> PartialEq for Steal<T> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Taken(a), Self::Taken(b)) => a == b,
            (Self::Empty, Self::Empty) | (Self::Retry, Self::Retry) => true,
            _ => false,
        }
    }
}

impl<T> Eq for Steal<T> {}

impl<T> fmt::Debug for Steal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(item) => f.debug_tuple("Taken").field(item).finish(),
            Self::Empty => f.write_str("Empty"),
            Self::Retry => f.write_str("Retry"),
        }
    }
}

/// A work-stealing deque of pointers: its owner pushes and pops the newest, anybody steals the oldest.
///
/// For the tasks of one worker among several: it works on what is still warm in its cache, and who has
/// nothing to do takes the largest part of what is left. It holds up to `N` pointers, a power of two
/// from 1 (others do not compile), and owns nothing: it neither follows nor drops what they point to.
/// So it goes to any thread whatever `T` is, and who takes a pointer answers for what he does with it.
///
/// [`owner`](Self::owner) gives the owner's end away safely. Who can tell by other means that he is the
/// only one calls [`push`](Self::push) and [`pop`](Self::pop) himself.
///
/// A thief that is stopped in the middle of [`steal`](Self::steal), while others take exactly as many
/// items as `usize` can count (on a 32-bit target 2^32), may take the pointer that lies in the place of
/// the one it had seen: there, do not stop threads for hours.
///
/// Source: Chase and Lev 2005; Lê, Pop, Cohen and Zappa Nardelli 2013.
///
/// ```
/// use core::ptr::NonNull;
/// use inkle_core::queue::steal::{Deque, Steal};
///
/// struct Task(fn() -> u32);
/// static SAMPLE: Task = Task(|| 1);
/// static FILTER: Task = Task(|| 2);
/// static REPORT: Task = Task(|| 3);
///
/// // One core's tasks.
/// static TASKS: Deque<Task, 4> = Deque::new();
///
/// let mut owner = TASKS.owner().unwrap();
/// for task in [&SAMPLE, &FILTER, &REPORT] {
///     owner.push(NonNull::from(task)).unwrap();
/// }
///
/// // Another core, or an interrupt handler, has nothing better to do.
/// let Steal::Taken(oldest) = TASKS.steal() else { unreachable!() };
/// // SAFETY: only statics are pushed.
/// assert_eq!((unsafe { oldest.as_ref() }.0)(), 1);
///
/// let newest = owner.pop().unwrap();
/// // SAFETY: only statics are pushed.
/// assert_eq!((unsafe { newest.as_ref() }.0)(), 3);
/// ```
pub struct Deque<T, const N: usize> {
    top: Pad<AtomicUsize>,
    bottom: Pad<Bottom>,
    slots: [PlainPtr<T>; N],
}

/// The owner's end.
struct Bottom {
    position: AtomicUsize,
    token: Token,
}

impl<T, const N: usize> Deque<T, N> {
    const_fn! {
        /// An empty deque. `N` is a power of two, or this does not compile.
        #[must_use]
        pub const fn new() -> Self {
            Self::starting_at(0)
        }
    }

    const_fn! {
        /// An empty deque that so many items seem to have passed through: for models and tests of the
        /// wrap-around.
        #[doc(hidden)]
        pub const fn starting_at(position: usize) -> Self {
            const { assert!(N.is_power_of_two(), "the capacity of a deque is a power of two") };
            Self {
                top: Pad(AtomicUsize::new(position)),
                bottom: Pad(Bottom { position: AtomicUsize::new(position), token: Token::new() }),
                slots: array![PlainPtr::new(ptr::null_mut()); N],
            }
        }
    }

    /// The owner's end, until it is dropped; `None` while somebody has it.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: acquire, pairs with the release of the last
    /// owner's drop.
    #[must_use]
    pub fn owner(&self) -> Option<Owner<'_, T, N>> {
        self.bottom.token.try_lock()?.hold();
        Some(Owner { deque: self })
    }

    /// Adds a pointer at the owner's end, or hands it back if the deque is full.
    ///
    /// `Full` is exact: at one moment of the call there were `N` pointers inside.
    ///
    /// Progress: wait-free. Interrupt-safe: yes, but for other calls of the owner. Ordering: release,
    /// pairs with the acquire of [`steal`](Self::steal).
    ///
    /// # Safety
    ///
    /// Nobody else pushes or pops meanwhile, all earlier pushes and pops happened before this call, and
    /// there is no [`Owner`].
    #[inline]
    pub unsafe fn push(&self, item: NonNull<T>) -> Result<(), NonNull<T>> {
        // Relaxed: only the owner stores it.
        let bottom = self.bottom.position.load(Ordering::Relaxed);
        if self.is_full(bottom) {
            // Pairs with the fence of `steal`: either we see what a thief has taken, or it sees what we
            // have pushed, and does not say `Empty` after it. Both stale would have no order.
            fence(Ordering::SeqCst);
            if self.is_full(bottom) {
                return Err(item);
            }
        }
        // Relaxed: published by the store of `bottom`.
        self.slot(bottom).store(item.as_ptr(), Ordering::Relaxed);
        // Release, pairs with the Acquire of `steal`: the slot, and what the item points to.
        self.bottom.position.store(bottom.wrapping_add(1), Ordering::Release);
        Ok(())
    }

    #[inline(always)]
    fn is_full(&self, bottom: usize) -> bool {
        // Acquire, pairs with the Release of `steal`: the thieves have read the slots below `top` before
        // we store to them again; or they could take an item that is yet to be pushed there.
        bottom.wrapping_sub(self.top.load(Ordering::Acquire)) >= N
    }

    /// Takes the newest pointer.
    ///
    /// `None` is exact: at one moment of the call nothing was inside.
    ///
    /// Progress: wait-free. Interrupt-safe: yes, but for other calls of the owner. Ordering: none, as
    /// what comes out was pushed by the same owner.
    ///
    /// # Safety
    ///
    /// As for [`push`](Self::push).
    #[inline]
    pub unsafe fn pop(&self) -> Option<NonNull<T>> {
        // Relaxed: only the owner stores it.
        let bottom = self.bottom.position.load(Ordering::Relaxed);
        // Relaxed: `top` may be late, but is never beyond `bottom`. So if they are equal nothing is
        // inside.
        if self.top.load(Ordering::Relaxed) == bottom {
            return None;
        }
        let newest = bottom.wrapping_sub(1);
        // Release, pairs with the Acquire of `steal`: a thief that reads this takes older items, which
        // our pushes have published by other stores.
        self.bottom.position.store(newest, Ordering::Release);
        // Pairs with the fence of `steal`, see invariant 3. Without it both could take the item.
        fence(Ordering::SeqCst);
        // Relaxed: the fence stands before it, and nothing of the thieves' is touched.
        let top = self.top.load(Ordering::Relaxed);
        // Relaxed: our own store.
        let item = self.slot(newest).load(Ordering::Relaxed);
        // SAFETY: the owner's pushes are the only stores, of pointers that are not null, and `newest` was
        // pushed: before the store above `bottom` was beyond some `top`.
        let item = unsafe { NonNull::new_unchecked(item) };
        if is_before(top, newest) {
            return Some(item);
        }
        // The last one, which a thief may be about to take, or has taken.
        // Relaxed: the item is our own, and the release of the thieves before us goes on through our
        // exchange.
        let taken = top == newest
            && self.top.compare_exchange(top, bottom, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        // Release, pairs with the Acquire of `steal`: or the thief whose exchange has beaten ours could have
        // read this store before that, instead of the push's, and would have what was not published.
        self.bottom.position.store(bottom, Ordering::Release);
        taken.then_some(item)
    }

    /// Takes the oldest pointer. Anybody may.
    ///
    /// `Empty` is exact: at one moment of the call nothing was inside. After [`Steal::Retry`] somebody
    /// else has taken a pointer meanwhile.
    ///
    /// Progress: wait-free; in a loop until it is not `Retry`, lock-free. Interrupt-safe: yes. Ordering:
    /// acquire, pairs with [`push`](Self::push)'s release.
    #[inline]
    pub fn steal(&self) -> Steal<T> {
        self.steal_if(|| true)
    }

    /// As [`steal`](Self::steal), if `condition` holds; else it is as if nothing were inside.
    ///
    /// The condition is asked when an item has been found and before it is taken, so it is about that item:
    /// what the owner did before it pushed it, the condition sees.
    #[inline]
    pub fn steal_if(&self, condition: impl FnOnce() -> bool) -> Steal<T> {
        // Relaxed: the fence behind it makes it an acquire.
        let top = self.top.load(Ordering::Relaxed);
        // Pairs with the fences of `pop` (invariant 3) and of `push`, see there.
        fence(Ordering::SeqCst);
        // Acquire, pairs with the Release of `push` and `pop`: the slot, and what the item points to.
        let bottom = self.bottom.position.load(Ordering::Acquire);
        if !is_before(top, bottom) || !condition() {
            return Steal::Empty;
        }
        // Relaxed: ordered by `bottom`. Another item's if `top` is late; then the exchange fails.
        let item = self.slot(top).load(Ordering::Relaxed);
        // Release, pairs with the Acquire of `push`: we have read the slot.
        // Relaxed on failure: nothing is touched.
        match self.top.compare_exchange(
            top,
            top.wrapping_add(1),
            Ordering::Release,
            Ordering::Relaxed,
        ) {
            // SAFETY: `bottom` was beyond `top`, so this slot had been stored to, by pushes, of pointers
            // that are not null.
            Ok(_) => Steal::Taken(unsafe { NonNull::new_unchecked(item) }),
            Err(_) => Steal::Retry,
        }
    }

    /// How many pointers are inside: a snapshot, exact while nobody pushes, pops or steals.
    ///
    /// Progress: wait-free. Interrupt-safe: yes.
    #[must_use]
    pub fn len(&self) -> usize {
        // Acquire, pairs with the fence before `steal`'s exchange: `bottom` is not older than `top`, or a
        // deque that is never empty could seem so.
        let top = self.top.load(Ordering::Acquire);
        // Relaxed: a snapshot.
        let bottom = self.bottom.position.load(Ordering::Relaxed);
        if !is_before(top, bottom) {
            return 0;
        }
        // Between the two loads both may have moved on.
        let len = bottom.wrapping_sub(top);
        if len < N { len } else { N }
    }

    /// Whether nothing is inside: a snapshot, as [`len`](Self::len).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many pointers fit: `N`.
    #[must_use]
    pub fn capacity(&self) -> usize {
        N
    }

    #[inline(always)]
    fn slot(&self, position: usize) -> &PlainPtr<T> {
        // SAFETY: `N` is a power of two, so this is less than `N`.
        unsafe { self.slots.get_unchecked(position & (N - 1)) }
    }
}

/// Whether one position comes before another, over the end of `usize` too.
#[inline(always)]
const fn is_before(a: usize, b: usize) -> bool {
    (b.wrapping_sub(a) as isize) > 0
}

impl<T, const N: usize> Default for Deque<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> fmt::Debug for Deque<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deque").field("len", &self.len()).field("capacity", &N).finish()
    }
}

/// The owner's end of a [`Deque`]. Dropping it gives the end back; the pointers stay inside.
///
/// ```
/// use core::ptr::NonNull;
/// use inkle_core::queue::steal::Deque;
///
/// let (deque, item) = (Deque::<u8, 1>::new(), NonNull::from(&7));
/// let mut owner = deque.owner().unwrap();
/// assert!(deque.owner().is_none());
/// assert_eq!(owner.push(item), Ok(()));
/// assert_eq!(owner.push(item), Err(item), "full");
/// drop(owner);
/// assert_eq!(deque.owner().unwrap().pop(), Some(item));
/// ```
pub struct Owner<'a, T, const N: usize> {
    deque: &'a Deque<T, N>,
}

impl<T, const N: usize> Owner<'_, T, N> {
    /// As [`Deque::push`].
    #[inline]
    pub fn push(&mut self, item: NonNull<T>) -> Result<(), NonNull<T>> {
        // SAFETY: we have the owner's end, which orders us after the last owner, and `&mut self`. Who
        // calls the deque's own `push` or `pop` has promised that we do not exist.
        unsafe { self.deque.push(item) }
    }

    /// As [`Deque::pop`].
    #[inline]
    pub fn pop(&mut self) -> Option<NonNull<T>> {
        // SAFETY: as for `push`.
        unsafe { self.deque.pop() }
    }
}

impl<T, const N: usize> fmt::Debug for Owner<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Owner").field(self.deque).finish()
    }
}

impl<T, const N: usize> Drop for Owner<'_, T, N> {
    fn drop(&mut self) {
        self.deque.bottom.token.free();
    }
}
