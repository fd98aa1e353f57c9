//! A binary heap, lowest first, stable, behind a lock.
//!
//! # Layout
//!
//! The entries lie in one list, the usual way: the children of place `i` are at `2i` and `2i + 1`,
//! counted from 1, and no child comes before its parent. Each entry carries its arrival number, 64
//! bits, which decides between equals. (Python's heap has none and is not stable: QU013.)
//!
//! # Invariants
//!
//! 1. First all comparisons, then all moves. Comparing runs code of the items, which may panic; moving
//!    runs none. So a comparison that panics changes nothing. (One that fails leaves Python's heap
//!    with the item inside and out of order: QU014.)
//! 2. A place names its ancestors: they are `place / 2`, `place / 4`, .... So a plan is one number.
//!
//! # Progress and cost
//!
//! That of [`Guarded`]. A push compares at most `log2(len)` times, for a random item about twice; a
//! pop about `log2(len)` times, since it goes down by the smaller child alone and then looks from
//! below where the last entry belongs. Each move is one entry. An entry is the item and
//! eight bytes.

use core::cmp::Ordering;

use crate::platform::Platform;
use crate::queue::{Container, Guarded, Peek};

/// A queue of at most `N` items, lowest first, first in first out among equals.
///
/// Python's `PriorityQueue`, made stable. For the highest first, wrap the items in
/// [`core::cmp::Reverse`]; for items without an order of their own, implement `Ord` for a pair of
/// priority and item that looks at the priority only.
///
/// It is a [`Guarded`] heap: a comparison runs under the lock and must not use the same queue. If it
/// panics, the item that was to be pushed is dropped, and the queue is as it was.
///
/// ```
/// use core::cmp::Reverse;
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::queue::{Peek, priority::Heap};
/// use inkle_core::PushError;
///
/// type Ground = Spin<NoBoard>;
/// static DEADLINES: Heap<(u32, &str), 3, Ground> = Heap::empty();
///
/// DEADLINES.try_push((30, "sleep")).unwrap();
/// DEADLINES.try_push((10, "blink")).unwrap();
/// DEADLINES.try_push((20, "beep")).unwrap();
/// assert_eq!(DEADLINES.try_push((5, "late")), Err(PushError::Full((5, "late"))));
/// assert_eq!(DEADLINES.peek(), Some((10, "blink")));
/// assert_eq!(DEADLINES.try_pop(), Ok((10, "blink")));
/// assert_eq!(DEADLINES.try_pop(), Ok((20, "beep")));
///
/// let highest_first: Heap<Reverse<u32>, 3, Ground> = Heap::empty();
/// highest_first.try_push(Reverse(1)).unwrap();
/// highest_first.try_push(Reverse(2)).unwrap();
/// assert_eq!(highest_first.try_pop(), Ok(Reverse(2)));
/// ```
pub type Heap<T, const N: usize, P> = Guarded<MinHeap<InPlace<Entry<T>, N>>, P>;

impl<T, const N: usize, P: Platform> Heap<T, N, P> {
    const_fn! {
        /// An empty queue with room for `N` items.
        #[must_use]
        pub const fn empty() -> Self {
            Self::new(MinHeap::new(InPlace::new()))
        }
    }
}

impl<T: Ord + Clone, I: Items<Item = Entry<T>>, P: Platform> Peek for Guarded<MinHeap<I>, P> {
    /// The copy is made under the lock. Progress: blocking. Interrupt-safe: as
    /// [`try_pop`](Guarded::try_pop).
    fn peek(&self) -> Option<T> {
        self.with(|heap| heap.peek().cloned())
    }
}

/// A list that a [`MinHeap`] lies in: [`InPlace`], or in memory that somebody else allocates.
///
/// ```
/// use inkle_core::queue::Container;
/// use inkle_core::queue::priority::{Entry, Items, MinHeap};
///
/// /// A list that grows.
/// struct Growing<T>(Vec<T>);
///
/// impl<T> Items for Growing<T> {
///     type Item = T;
///     fn push(&mut self, item: T) -> Result<(), T> {
///         self.0.push(item);
///         Ok(())
///     }
///     fn pop(&mut self) -> Option<T> {
///         self.0.pop()
///     }
///     fn as_slice(&self) -> &[T] {
///         &self.0
///     }
///     fn as_mut_slice(&mut self) -> &mut [T] {
///         &mut self.0
///     }
/// }
///
/// let mut heap: MinHeap<Growing<Entry<u32>>> = MinHeap::new(Growing(Vec::new()));
/// for item in [3, 1, 2] {
///     heap.put(item).unwrap();
/// }
/// assert_eq!((heap.take(), heap.take(), heap.take()), (Some(1), Some(2), Some(3)));
/// ```
pub trait Items {
    /// What the list holds.
    type Item;

    /// Appends an item, or gives it back if there is no room.
    fn push(&mut self, item: Self::Item) -> Result<(), Self::Item>;

    /// Takes the last item.
    fn pop(&mut self) -> Option<Self::Item>;

    /// All items, the first one first.
    fn as_slice(&self) -> &[Self::Item];

    /// All items, the first one first.
    fn as_mut_slice(&mut self) -> &mut [Self::Item];

    /// How many items fit; `None` if there is no limit.
    fn capacity(&self) -> Option<usize> {
        None
    }
}

/// A list of at most `N` items that lies where it is itself.
#[derive(Clone, Debug)]
pub struct InPlace<T, const N: usize>(heapless::Vec<T, N>);

impl<T, const N: usize> InPlace<T, N> {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self(heapless::Vec::new())
    }
}

impl<T, const N: usize> Default for InPlace<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> Items for InPlace<T, N> {
    type Item = T;

    #[inline]
    fn push(&mut self, item: T) -> Result<(), T> {
        self.0.push(item)
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    #[inline]
    fn as_slice(&self) -> &[T] {
        self.0.as_slice()
    }

    #[inline]
    fn as_mut_slice(&mut self) -> &mut [T] {
        self.0.as_mut_slice()
    }

    #[inline]
    fn capacity(&self) -> Option<usize> {
        Some(N)
    }
}

/// An item in a [`MinHeap`] and the number of its arrival. Opaque.
#[derive(Clone, Debug)]
pub struct Entry<T> {
    item: T,
    arrival: u64,
}

impl<T: Ord> Entry<T> {
    /// Runs code of the item: it may panic.
    #[inline(always)]
    fn precedes(&self, other: &Self) -> bool {
        match self.item.cmp(&other.item) {
            Ordering::Equal => self.came_before(other),
            order => order == Ordering::Less,
        }
    }

    /// Out of line, so that the usual answer needs no branch: which of two items is smaller is what
    /// no processor can foresee.
    #[cold]
    fn came_before(&self, other: &Self) -> bool {
        self.arrival < other.arrival
    }
}

/// A heap over any list of [`Items`], lowest first, first in first out among equals: the algorithm
/// itself, for one thread at a time.
///
/// A comparison that panics changes nothing, but the item that was to be put is dropped.
#[derive(Clone, Debug, Default)]
pub struct MinHeap<I> {
    items: I,
    /// The number of the next arrival. 64 bits never come round.
    arrivals: u64,
}

impl<I> MinHeap<I> {
    /// A heap over `items`, which must be empty.
    #[must_use]
    pub const fn new(items: I) -> Self {
        Self { items, arrivals: 0 }
    }
}

impl<T, I: Items<Item = Entry<T>>> MinHeap<I> {
    /// The item that [`take`](Container::take) would take.
    #[must_use]
    pub fn peek(&self) -> Option<&T> {
        self.items.as_slice().first().map(|entry| &entry.item)
    }
}

impl<T: Ord, I: Items<Item = Entry<T>>> Container for MinHeap<I> {
    type Item = T;

    fn put(&mut self, item: T) -> Result<(), T> {
        let len = self.items.as_slice().len();
        if self.items.capacity().is_some_and(|capacity| len >= capacity) {
            return Err(item);
        }
        let entry = Entry { item, arrival: self.arrivals };
        let end = len + 1;
        let levels = rise_of_new(self.items.as_slice(), &entry, end);
        // From here on no code of the item runs. The entry takes its place, and what was there and below
        // goes down by one.
        self.arrivals = self.arrivals.wrapping_add(1);
        let way_down = (1..=levels).rev().map(|shift| end >> shift);
        let lowest = carry(self.items.as_mut_slice(), entry, way_down);
        self.items.push(lowest).map_err(|entry| entry.item)
    }

    fn take(&mut self) -> Option<T> {
        let (last, rest) = self.items.as_slice().split_last()?;
        let place = place_of_last(rest, last);
        // From here on no code of the item runs. The last entry takes its place, what was there and above
        // goes up by one, and out comes the root.
        let last = self.items.pop()?;
        let way_up = core::iter::successors(Some(place), |place| Some(place / 2));
        Some(carry(self.items.as_mut_slice(), last, way_up.take_while(|place| *place > 0)).item)
    }

    fn len(&self) -> usize {
        self.items.as_slice().len()
    }

    fn capacity(&self) -> Option<usize> {
        self.items.capacity()
    }
}

/// How many levels above the place `end`, on the way up to the root, a new entry belongs. Only compares.
fn rise_of_new<T: Ord>(entries: &[Entry<T>], new: &Entry<T>, end: usize) -> u32 {
    let (mut place, mut levels) = (end, 0);
    while at(entries, place / 2).is_some_and(|parent| new.precedes(parent)) {
        place /= 2;
        levels += 1;
    }
    levels
}

/// Where on the way from the root down by the smaller children the last entry belongs once the root is
/// gone; `rest` is all but the last. Only compares.
fn place_of_last<T: Ord>(rest: &[Entry<T>], last: &Entry<T>) -> usize {
    let mut place = 1;
    while let Some([left, right]) = rest.get(2 * place - 1..=2 * place) {
        place = 2 * place + usize::from(right.precedes(left));
    }
    if 2 * place <= rest.len() {
        place *= 2;
    }
    // It came from the bottom, so it mostly belongs there.
    while place > 1 && at(rest, place).is_some_and(|entry| last.precedes(entry)) {
        place /= 2;
    }
    place
}

/// The entry at a place, counted from 1.
fn at<T>(entries: &[T], place: usize) -> Option<&T> {
    entries.get(place.checked_sub(1)?)
}

/// Puts `entry` at the first of the places, counted from 1, what was there at the second, and so on;
/// gives what was at the last.
fn carry<T>(entries: &mut [T], mut entry: T, places: impl Iterator<Item = usize>) -> T {
    for place in places {
        if let Some(there) = entries.get_mut(place.wrapping_sub(1)) {
            entry = core::mem::replace(there, entry);
        }
    }
    entry
}
