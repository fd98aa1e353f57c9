//! The door under loom: thin wrappers whose methods are `#[track_caller]`, so that a report names
//! the place in the kernel and an ordering in the source is known by its place.

extern crate std;

use core::mem::MaybeUninit;
use core::sync::atomic::Ordering;

use std::sync::OnceLock;

pub use loom::cell::UnsafeCell;

/// The widest word a queue slot may be: 64 bits, as on the large targets.
pub type Word = u64;
/// The atomic form of [`Word`].
pub type AtomicWord = AtomicU64;

/// What is called before each access to an atomic, on the thread that is about to make it.
static BEFORE: OnceLock<fn()> = OnceLock::new();

/// Has `step` called before each access to an atomic, from now on for ever: so that a model can stop a
/// thread there.
pub fn before_each_access(step: fn()) {
    // Set already: by the same kit.
    let _ = BEFORE.set(step);
}

fn before() {
    if let Some(step) = BEFORE.get() {
        step();
    }
}

/// A memory fence, as `core::sync::atomic::fence`.
#[track_caller]
pub fn fence(order: Ordering) {
    loom::sync::atomic::fence(order);
}

/// Nothing: loom keeps the order within a thread, and to others this promises nothing.
pub fn compiler_fence(_order: Ordering) {}

/// One turn of a spin loop. Under loom another thread must run before the caller goes on.
#[track_caller]
pub fn spin_loop() {
    loom::hint::spin_loop();
}

/// Nothing: a model has no time to lose.
pub fn back_off(_turns: u32) {}

macro_rules! model_atomic {
    ($name:ident, $int:ty) => {
        /// A modelled atomic integer with the methods the kernel uses.
        #[derive(Debug)]
        pub struct $name(loom::sync::atomic::$name);

        impl $name {
            /// A new atomic that holds `value`.
            #[track_caller]
            pub fn new(value: $int) -> Self {
                Self(loom::sync::atomic::$name::new(value))
            }

            /// As `core`'s `load`.
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $int {
                before();
                self.0.load(order)
            }

            /// As `core`'s `store`.
            #[track_caller]
            pub fn store(&self, value: $int, order: Ordering) {
                before();
                self.0.store(value, order);
            }

            /// As `core`'s `swap`.
            #[track_caller]
            pub fn swap(&self, value: $int, order: Ordering) -> $int {
                before();
                self.0.swap(value, order)
            }

            /// As `core`'s `fetch_add`.
            #[track_caller]
            pub fn fetch_add(&self, value: $int, order: Ordering) -> $int {
                before();
                self.0.fetch_add(value, order)
            }

            /// As `core`'s `fetch_sub`.
            #[track_caller]
            pub fn fetch_sub(&self, value: $int, order: Ordering) -> $int {
                before();
                self.0.fetch_sub(value, order)
            }

            /// As `core`'s `fetch_or`.
            #[track_caller]
            pub fn fetch_or(&self, value: $int, order: Ordering) -> $int {
                before();
                self.0.fetch_or(value, order)
            }

            /// As `core`'s `fetch_and`.
            #[track_caller]
            pub fn fetch_and(&self, value: $int, order: Ordering) -> $int {
                before();
                self.0.fetch_and(value, order)
            }

            /// As `core`'s `compare_exchange`.
            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $int,
                new: $int,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$int, $int> {
                before();
                self.0.compare_exchange(current, new, success, failure)
            }

            /// As `core`'s `compare_exchange_weak`. The exact tier lets it fail by budget.
            #[track_caller]
            pub fn compare_exchange_weak(
                &self,
                current: $int,
                new: $int,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$int, $int> {
                before();
                self.0.compare_exchange_weak(current, new, success, failure)
            }
        }
    };
}

model_atomic!(AtomicU32, u32);
model_atomic!(AtomicU64, u64);
model_atomic!(AtomicUsize, usize);

/// A modelled atomic pointer with the methods the kernel uses.
#[derive(Debug)]
pub struct AtomicPtr<T>(loom::sync::atomic::AtomicPtr<T>);

impl<T> AtomicPtr<T> {
    /// A new atomic that holds `pointer`.
    #[track_caller]
    pub fn new(pointer: *mut T) -> Self {
        Self(loom::sync::atomic::AtomicPtr::new(pointer))
    }

    /// As `core`'s `load`.
    #[track_caller]
    pub fn load(&self, order: Ordering) -> *mut T {
        before();
        self.0.load(order)
    }

    /// As `core`'s `store`.
    #[track_caller]
    pub fn store(&self, pointer: *mut T, order: Ordering) {
        before();
        self.0.store(pointer, order);
    }

    /// As `core`'s `compare_exchange`.
    #[track_caller]
    pub fn compare_exchange(
        &self,
        current: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        before();
        self.0.compare_exchange(current, new, success, failure)
    }
}

pub(crate) use {AtomicPtr as PlainPtr, AtomicU32 as PlainU32};

/// A row of cells for items that come and go, one by one or as slices.
///
/// The items lie side by side, as on real ground; beside each is a cell that is empty and tells loom
/// of the accesses. Those to a slice are told of when it is asked for, so ask again after the last
/// one.
pub(crate) struct Cells<T, const N: usize> {
    watched: [UnsafeCell<()>; N],
    items: core::cell::UnsafeCell<[MaybeUninit<T>; N]>,
}

impl<T, const N: usize> Cells<T, N> {
    /// Cells without items.
    pub(crate) fn new() -> Self {
        Self {
            watched: core::array::from_fn(|_| UnsafeCell::new(())),
            items: core::cell::UnsafeCell::new([const { MaybeUninit::uninit() }; N]),
        }
    }

    fn item(&self, index: usize) -> *mut MaybeUninit<T> {
        assert!(index < N);
        // SAFETY: within the array.
        unsafe { self.items.get().cast::<MaybeUninit<T>>().add(index) }
    }

    /// As `UnsafeCell::with`, for the cell at `index`.
    ///
    /// # Safety
    ///
    /// `index` is below `N`.
    #[track_caller]
    pub(crate) unsafe fn with<R>(
        &self,
        index: usize,
        f: impl FnOnce(*const MaybeUninit<T>) -> R,
    ) -> R {
        self.watched[index].with(|_| f(self.item(index)))
    }

    /// As `UnsafeCell::with_mut`, for the cell at `index`.
    ///
    /// # Safety
    ///
    /// `index` is below `N`.
    #[track_caller]
    pub(crate) unsafe fn with_mut<R>(
        &self,
        index: usize,
        f: impl FnOnce(*mut MaybeUninit<T>) -> R,
    ) -> R {
        self.watched[index].with_mut(|_| f(self.item(index)))
    }

    /// `len` cells from `from` on, for reading.
    ///
    /// # Safety
    ///
    /// `from + len` is at most `N`.
    #[track_caller]
    pub(crate) unsafe fn row(&self, from: usize, len: usize) -> *const [MaybeUninit<T>] {
        self.watched[from..from + len].iter().for_each(|cell| cell.with(|_| ()));
        let first = self.items.get().cast::<MaybeUninit<T>>().wrapping_add(from);
        core::ptr::slice_from_raw_parts(first, len)
    }

    /// As [`row`](Self::row), for writing.
    ///
    /// # Safety
    ///
    /// `from + len` is at most `N`.
    #[track_caller]
    pub(crate) unsafe fn row_mut(&self, from: usize, len: usize) -> *mut [MaybeUninit<T>] {
        self.watched[from..from + len].iter().for_each(|cell| cell.with_mut(|_| ()));
        let first = self.items.get().cast::<MaybeUninit<T>>().wrapping_add(from);
        core::ptr::slice_from_raw_parts_mut(first, len)
    }
}
