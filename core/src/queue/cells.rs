//! Where a queue of indices keeps the items: `N` cells, and a [`Pool`] of the free ones.
//!
//! # Invariants
//!
//! 1. Each index is in the pool, in a ring of the queue, or owned by one thread in mid-operation. So
//!    no ring with `N` slots can be full when an index is pushed to it.
//! 2. A cell is touched only by the owner of its index.
//!
//! # Cost
//!
//! One word a cell beside the item, two words for the pool's ends; one read-modify-write to claim a
//! cell and one to give it back.

use core::mem::MaybeUninit;

use super::ring::Width;
use crate::atomic::UnsafeCell;
use crate::slab::Pool;

/// `N` cells for items, each with one owner at a time.
pub(super) struct Cells<T, const N: usize, W: Width> {
    free: Pool<N, W>,
    cells: [UnsafeCell<MaybeUninit<T>>; N],
}

// SAFETY: an item goes in on one thread and comes out on another, never shared (invariant 2). That
// needs `T: Send` and no more.
unsafe impl<T: Send, const N: usize, W: Width> Sync for Cells<T, N, W> {}
// SAFETY: owning the cells is owning the items.
unsafe impl<T: Send, const N: usize, W: Width> Send for Cells<T, N, W> {}

impl<T, const N: usize, W: Width> Cells<T, N, W> {
    const_fn! {
        /// All cells free. `N` is at least 1, or this does not compile.
        pub(super) const fn new() -> Self {
            Self { free: Pool::new(), cells: array![UnsafeCell::new(MaybeUninit::uninit()); N] }
        }
    }

    /// The index of a free cell, which the caller owns from now on.
    #[inline(always)]
    pub(super) fn claim(&self) -> Option<usize> {
        self.free.claim()
    }

    /// Moves an item into a cell.
    ///
    /// # Safety
    ///
    /// The caller owns `index`.
    #[inline(always)]
    pub(super) unsafe fn write(&self, index: usize, item: T) {
        // SAFETY: invariant 2: the caller owns the cell, ordered after its last owner by the pool.
        self.cell(index).with_mut(|cell| unsafe { (*cell).write(item) });
    }

    /// Puts an item in the place of the one in a cell, and gives that one.
    ///
    /// # Safety
    ///
    /// The caller owns `index`, and the cell holds an item.
    #[inline(always)]
    pub(super) unsafe fn replace(&self, index: usize, item: T) -> T {
        // SAFETY: invariant 2: the caller owns the cell, and says that it holds an item: that is read
        // once and then written over.
        self.cell(index).with_mut(|cell| unsafe {
            let old = (*cell).assume_init_read();
            (*cell).write(item);
            old
        })
    }

    /// What owns the cell from now on, and gives it back.
    ///
    /// # Safety
    ///
    /// The caller owns `index`, ordered after what its last owner did, and passes that on.
    #[inline(always)]
    pub(super) unsafe fn own(&self, index: usize) -> Owned<'_, T, N, W> {
        Owned { cells: self, index }
    }

    #[inline(always)]
    fn cell(&self, index: usize) -> &UnsafeCell<MaybeUninit<T>> {
        debug_assert!(index < N);
        // SAFETY: only numbers below `N` are ever in the pool.
        unsafe { self.cells.get_unchecked(index) }
    }
}

/// A cell that we own, given back when dropped. Being a guard, it does so after the item has moved
/// into the caller's result: with the release in between, large items would be copied twice.
pub(super) struct Owned<'a, T, const N: usize, W: Width> {
    cells: &'a Cells<T, N, W>,
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
        self.cells.cell(self.index).with(|cell| unsafe { (*cell).assume_init_read() })
    }
}

impl<T, const N: usize, W: Width> Drop for Owned<'_, T, N, W> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: we own the index and do not touch the cell any more.
        unsafe { self.cells.free.release(self.index) };
    }
}
