//! The door on real ground: plain re-exports and a transparent cell.

use core::mem::MaybeUninit;

#[cfg(inkle_steps)]
use super::steps as backing;

#[cfg(all(feature = "portable-atomic", not(inkle_steps)))]
use portable_atomic as backing;

#[cfg(all(feature = "atomic-polyfill", not(any(feature = "portable-atomic", inkle_steps))))]
use atomic_polyfill as backing;

#[cfg(not(any(feature = "portable-atomic", feature = "atomic-polyfill", inkle_steps)))]
use core::sync::atomic as backing;

#[cfg(not(any(
    target_has_atomic = "32",
    feature = "portable-atomic",
    feature = "atomic-polyfill"
)))]
compile_error!(
    "this target has no compare-and-swap: enable inkle-core's feature `portable-atomic` (and, in \
     the final binary, portable-atomic's `critical-section` or `unsafe-assume-single-core`)"
);

pub use backing::{AtomicPtr, AtomicU32, AtomicUsize, fence};
pub use core::hint::spin_loop;

/// Words that are loaded and stored and never exchanged: single instructions also where the backing
/// makes a critical section of each access, as the target has no compare-and-swap.
#[cfg(all(
    any(target_has_atomic = "32", target_arch = "arm", target_arch = "riscv32"),
    not(inkle_steps)
))]
pub(crate) use core::sync::atomic::{AtomicPtr as PlainPtr, AtomicU32 as PlainU32};
#[cfg(any(
    not(any(target_has_atomic = "32", target_arch = "arm", target_arch = "riscv32")),
    inkle_steps
))]
pub(crate) use {AtomicPtr as PlainPtr, AtomicU32 as PlainU32};

pub use core::sync::atomic::compiler_fence;

/// That many turns of a spin loop, to leave a contended word to its winner for a while. Under loom
/// it is nothing: unlike [`spin_loop`], the caller's progress does not hang on another thread's.
pub fn back_off(turns: u32) {
    for _ in 0..turns {
        spin_loop();
    }
}

/// The widest word a queue slot may be on this target: an unsigned integer of 64 bits where 64-bit
/// compare-and-swap is native, else of 32.
#[cfg(target_has_atomic = "64")]
pub type Word = u64;
/// The atomic form of [`Word`].
#[cfg(target_has_atomic = "64")]
pub type AtomicWord = backing::AtomicU64;

/// The widest word a queue slot may be on this target: an unsigned integer of 64 bits where 64-bit
/// compare-and-swap is native, else of 32.
#[cfg(not(target_has_atomic = "64"))]
pub type Word = u32;
/// The atomic form of [`Word`].
#[cfg(not(target_has_atomic = "64"))]
pub type AtomicWord = AtomicU32;

/// A cell whose contents may be changed through a shared reference.
///
/// The two methods take closures, so that under loom each access has a beginning and an end and a
/// race between two of them is an error. On real ground they compile to nothing.
///
/// Panics: none. Interrupt-safe: as safe as what the closure does.
///
/// ```
/// use inkle_core::atomic::UnsafeCell;
///
/// let cell = UnsafeCell::new(1);
/// // SAFETY: nobody else can see `cell`.
/// cell.with_mut(|p| unsafe { *p += 1 });
/// // SAFETY: as above.
/// assert_eq!(cell.with(|p| unsafe { *p }), 2);
/// ```
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct UnsafeCell<T: ?Sized>(core::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    /// A cell that holds `value`.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    /// Calls `f` with a pointer for reading. Following it is the caller's promise that nobody
    /// writes meanwhile.
    #[inline(always)]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// Calls `f` with a pointer for writing. Following it is the caller's promise that nobody else
    /// reads or writes meanwhile.
    #[inline(always)]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }

    /// What the cell holds.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

/// A row of cells for items that come and go, one by one or as slices.
///
/// Under loom it reports every access to every cell of a slice, which a row of [`UnsafeCell`]s could
/// not: there they are no slice of items.
#[repr(transparent)]
pub(crate) struct Cells<T, const N: usize>([UnsafeCell<MaybeUninit<T>>; N]);

impl<T, const N: usize> Cells<T, N> {
    /// Cells without items.
    pub(crate) const fn new() -> Self {
        Self([const { UnsafeCell::new(MaybeUninit::uninit()) }; N])
    }

    /// As [`UnsafeCell::with`], for the cell at `index`.
    ///
    /// # Safety
    ///
    /// `index` is below `N`.
    #[inline(always)]
    pub(crate) unsafe fn with<R>(
        &self,
        index: usize,
        f: impl FnOnce(*const MaybeUninit<T>) -> R,
    ) -> R {
        debug_assert!(index < N);
        // SAFETY: the caller's promise.
        unsafe { self.0.get_unchecked(index) }.with(f)
    }

    /// As [`UnsafeCell::with_mut`], for the cell at `index`.
    ///
    /// # Safety
    ///
    /// `index` is below `N`.
    #[inline(always)]
    pub(crate) unsafe fn with_mut<R>(
        &self,
        index: usize,
        f: impl FnOnce(*mut MaybeUninit<T>) -> R,
    ) -> R {
        debug_assert!(index < N);
        // SAFETY: the caller's promise.
        unsafe { self.0.get_unchecked(index) }.with_mut(f)
    }

    /// `len` cells from `from` on, for reading. Following the pointer is the caller's promise that
    /// nobody writes meanwhile.
    ///
    /// # Safety
    ///
    /// `from + len` is at most `N`.
    #[inline(always)]
    pub(crate) unsafe fn row(&self, from: usize, len: usize) -> *const [MaybeUninit<T>] {
        // SAFETY: the caller's promise.
        unsafe { self.row_mut(from, len) }
    }

    /// As [`row`](Self::row), for writing: the promise is that nobody else reads or writes.
    ///
    /// # Safety
    ///
    /// `from + len` is at most `N`.
    #[inline(always)]
    pub(crate) unsafe fn row_mut(&self, from: usize, len: usize) -> *mut [MaybeUninit<T>] {
        debug_assert!(from <= N && len <= N - from);
        // An `UnsafeCell` is its contents (`repr(transparent)`, both ours and `core`'s), and may be
        // written to through a shared reference.
        let first = self.0.as_ptr().cast::<MaybeUninit<T>>().cast_mut();
        // SAFETY: the caller's promise: within the row, or one behind it.
        core::ptr::slice_from_raw_parts_mut(unsafe { first.add(from) }, len)
    }
}
