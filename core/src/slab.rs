//! Floor 3: a fixed number of places, handed out and taken back from any thread or interrupt.
//!
//! [`Pool`] hands out bare indices; [`Slab`] keeps a value in each place and answers with handles
//! that go stale.
//!
//! # Algorithm
//!
//! The free places are a [`WordRing`] of their indices: claim is a pop, release a push. Both cost one
//! read-modify-write, whatever the size, and two threads that claim and release at the same time
//! mostly work on different words. A bitmap would need its word count as a second parameter and puts
//! every claim and release of 64 places on one word; a stack of indices needs a tag against reuse.
//! Oldest free place first also makes a stale handle's generation last as long as it can.
//!
//! # Layout and cost
//!
//! One word a place and two for the ring's ends; [`Slab`] adds the value and a 32-bit generation.
//! Progress: lock-free, interrupt-safe. Interrupt-off window: that of a word ring.

use core::fmt;
use core::mem::MaybeUninit;

use crate::atomic::{AtomicU32, Ordering, UnsafeCell};
use crate::queue::word::{Index, WordRing};
use crate::queue::{Native, Queue, Width};

/// A set of the numbers 0 to `N` - 1 that hands each out to one owner at a time.
///
/// ```
/// use inkle_core::slab::Pool;
///
/// static BUFFERS: Pool<2> = Pool::new();
///
/// let (a, b) = (BUFFERS.claim().unwrap(), BUFFERS.claim().unwrap());
/// assert_ne!(a, b);
/// assert_eq!(BUFFERS.claim(), None);
/// // SAFETY: `a` was claimed above and is not used any more.
/// unsafe { BUFFERS.release(a) };
/// assert_eq!(BUFFERS.claim(), Some(a));
/// ```
///
/// `W` limits the ring's lap counter for models and tests; leave it at [`Native`].
pub struct Pool<const N: usize, W = Native> {
    free: WordRing<Index<N>, N, W>,
}

impl<const N: usize, W: Width> Pool<N, W> {
    const_fn! {
        /// A pool with all its numbers free. `N` is at least 1, or this does not compile.
        #[must_use]
        pub const fn new() -> Self {
            Self { free: WordRing::of_all_indices() }
        }
    }

    /// Takes a free number, the one that has been free for longest; `None` if there is none.
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: acquire, pairs with the release of
    /// [`release`](Self::release): what the last owner did comes before what this one does.
    #[must_use]
    #[inline]
    pub fn claim(&self) -> Option<usize> {
        self.free.try_pop().ok().map(|index| index.0)
    }

    /// Gives a number back.
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: release, pairs with
    /// [`claim`](Self::claim)'s acquire.
    ///
    /// # Safety
    ///
    /// `index` was claimed from this pool and its owner gives it up.
    #[inline]
    pub unsafe fn release(&self, index: usize) {
        // The ring has a slot for each of its numbers and is never closed, so this cannot fail while
        // each number is in it at most once, which is the caller's promise.
        let pushed = self.free.try_push(Index(index));
        debug_assert!(pushed.is_ok());
    }

    /// How many numbers are free: a snapshot, exact while nobody claims or releases.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free.len()
    }
}

impl<const N: usize, W: Width> Default for Pool<N, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize, W: Width> fmt::Debug for Pool<N, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("free", &self.free()).field("size", &N).finish()
    }
}

/// Where a value lies in a [`Slab`], and which one: a handle of a value that is gone stays invalid
/// when the place is used again (until 2^31 values have passed through that place).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle {
    index: u32,
    generation: u32,
}

/// `N` values, put in and taken out by handle from any thread or interrupt.
///
/// A handle can be copied and sent about freely; whoever removes first gets the value, everybody
/// else gets `None`.
///
/// ```
/// use inkle_core::slab::Slab;
///
/// static REQUESTS: Slab<&str, 4> = Slab::new();
///
/// let handle = REQUESTS.insert("read block 7").unwrap();
/// assert_eq!(REQUESTS.remove(handle), Some("read block 7"));
/// assert_eq!(REQUESTS.remove(handle), None);
/// ```
pub struct Slab<T, const N: usize> {
    pool: Pool<N>,
    places: [Place<T>; N],
}

struct Place<T> {
    /// Even: vacant. Odd: holds the value whose handle has this generation.
    generation: AtomicU32,
    cell: UnsafeCell<MaybeUninit<T>>,
}

impl<T> Place<T> {
    const_fn! {
        const fn new() -> Self {
            Self { generation: AtomicU32::new(0), cell: UnsafeCell::new(MaybeUninit::uninit()) }
        }
    }
}

// SAFETY: a value goes in on one thread and comes out on another, never shared: `remove` hands it to
// the one caller whose exchange of the generation succeeds. That needs `T: Send` and no more.
unsafe impl<T: Send, const N: usize> Sync for Slab<T, N> {}
// SAFETY: owning the slab is owning the values.
unsafe impl<T: Send, const N: usize> Send for Slab<T, N> {}

impl<T, const N: usize> Slab<T, N> {
    const_fn! {
        /// An empty slab. `N` is at least 1, or this does not compile.
        #[must_use]
        pub const fn new() -> Self {
            const { assert!(N <= u32::MAX as usize, "a handle's index has 32 bits") };
            Self {
                pool: Pool::new(),
                places: array![Place::new(); N],
            }
        }
    }

    /// Stores `value` and gives its handle, or gives the value back if there is no room.
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: release, pairs with
    /// [`remove`](Self::remove)'s acquire.
    pub fn insert(&self, value: T) -> Result<Handle, T> {
        // The pool has no index beyond the places; asking costs less than a panic would.
        let Some((index, place)) = self.pool.claim().and_then(|i| Some((i, self.places.get(i)?)))
        else {
            return Err(value);
        };
        // SAFETY: `claim` gave us this place and nobody else; the last owner's access came before
        // its release, which our claim acquired.
        place.cell.with_mut(|cell| unsafe { (*cell).write(value) });
        // Relaxed: only the owner of a vacant place changes its generation, and that is us.
        let generation = place.generation.load(Ordering::Relaxed).wrapping_add(1);
        // Release, pairs with the Acquire of `remove`: the value is complete.
        place.generation.store(generation, Ordering::Release);
        Ok(Handle { index: index as u32, generation })
    }

    /// Takes the value of `handle` out; `None` if it is gone.
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: acquire, pairs with
    /// [`insert`](Self::insert)'s release.
    pub fn remove(&self, handle: Handle) -> Option<T> {
        let index = handle.index as usize;
        let place = self.places.get(index)?;
        // Acquire, pairs with the Release of `insert`: the value is complete.
        place
            .generation
            .compare_exchange(
                handle.generation,
                handle.generation.wrapping_add(1),
                Ordering::Acquire,
                Ordering::Relaxed,
            )
            .ok()?;
        // SAFETY: the exchange from this odd generation succeeds for one caller only, and `insert`
        // had written the value before it stored that generation.
        let value = place.cell.with(|cell| unsafe { (*cell).assume_init_read() });
        // SAFETY: `insert` claimed the index for this value; with the value out we give it up.
        unsafe { self.pool.release(index) };
        Some(value)
    }

    /// How many values are inside: a snapshot, exact while nobody inserts or removes.
    #[must_use]
    pub fn len(&self) -> usize {
        N.saturating_sub(self.pool.free())
    }

    /// Whether nothing is inside: a snapshot, as [`len`](Self::len).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T, const N: usize> Drop for Slab<T, N> {
    fn drop(&mut self) {
        for (index, place) in self.places.iter().enumerate() {
            // Relaxed: `&mut self` is ordered after everything else.
            let generation = place.generation.load(Ordering::Relaxed);
            if generation % 2 == 1 {
                drop(self.remove(Handle { index: index as u32, generation }));
            }
        }
    }
}

impl<T, const N: usize> Default for Slab<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> fmt::Debug for Slab<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slab").field("len", &self.len()).field("capacity", &N).finish()
    }
}
