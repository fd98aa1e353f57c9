//! The door under loom: thin wrappers whose methods are `#[track_caller]`, so that a report names
//! the place in the kernel and an ordering in the source is known by its place.

extern crate std;

use core::mem::MaybeUninit;
use core::panic::Location;
use core::sync::atomic::Ordering;

use std::sync::OnceLock;

/// The widest word a queue slot may be: 64 bits, as on the large targets.
pub type Word = u64;
/// The atomic form of [`Word`].
pub type AtomicWord = AtomicU64;

/// What is done to an atomic; or a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "named as the methods are")]
pub enum Operation {
    Load,
    Store,
    Swap,
    FetchAdd,
    FetchSub,
    FetchOr,
    FetchAnd,
    CompareExchange,
    CompareExchangeWeak,
    Fence,
}

/// An access to an atomic, or a fence, that is about to be made.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// Where in the source. A macro or a generic function is one place for all its uses.
    pub place: &'static Location<'static>,
    /// What is done.
    pub operation: Operation,
    /// The address of the atomic; 0 for a fence.
    pub word: usize,
    /// The ordering; that of the success for a compare-exchange.
    pub order: Ordering,
    /// The ordering of the failure of a compare-exchange; else `Relaxed`.
    pub failure: Ordering,
}

/// What every access passes through.
static HOOK: OnceLock<fn(&mut Access)> = OnceLock::new();

/// Has `hook` called before each access to an atomic and each fence, from now on for ever, on the thread
/// that is about to make it.
///
/// It may record the access, stop the thread there, or change the two orderings, with which the access
/// is then made; a fence that is made `Relaxed` is none. Accesses that it makes itself pass through it as
/// well. There is one hook in a process: the first.
pub fn before_each_access(hook: fn(&mut Access)) {
    // Set already: by the same kit.
    let _ = HOOK.set(hook);
}

/// What an access has found, and what it was given to leave there.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "named as the parameters are")]
pub struct Values {
    pub found: u64,
    pub current: u64,
    pub new: u64,
    /// Whether a compare-exchange has taken place.
    pub exchanged: bool,
}

/// What has just happened, or with plain data is about to.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// An access to an atomic, or a fence.
    Access(Access, Values),
    /// Plain data at this address is read.
    Read(&'static Location<'static>, usize),
    /// Plain data at this address is written.
    Write(&'static Location<'static>, usize),
    /// The thread falls asleep on this word.
    Sleeps(usize),
    /// The thread wakes those that sleep on this word.
    Wakes(usize),
}

/// Who is told of every step.
static TOLD: OnceLock<fn(Step)> = OnceLock::new();

/// Has `told` called with each step, in the order in which they happen, on the thread that makes it, from now
/// on for ever. It makes no accesses. There is one in a process: the first.
pub fn tell_of_each_step(told: fn(Step)) {
    // Set already: by the same kit.
    let _ = TOLD.set(told);
}

pub(crate) fn tell(step: Step) {
    if let Some(told) = TOLD.get() {
        told(step);
    }
}

/// Passes an access through the hook, if there is one: as it is to be made.
#[track_caller]
fn before(operation: Operation, word: usize, order: Ordering, failure: Ordering) -> Access {
    let mut access = Access { place: Location::caller(), operation, word, order, failure };
    if let Some(hook) = HOOK.get() {
        hook(&mut access);
    }
    access
}

/// A memory fence, as `core::sync::atomic::fence`.
#[track_caller]
pub fn fence(order: Ordering) {
    let access = before(Operation::Fence, 0, order, Ordering::Relaxed);
    match access.order {
        // Made none by the hook; the kernel has no such fence, and it would panic.
        Ordering::Relaxed => return,
        order => loom::sync::atomic::fence(order),
    }
    tell(Step::Access(access, Values::default()));
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

/// Tells of a compare-exchange that has come out so.
fn exchanged(access: Access, [current, new]: [u64; 2], result: Result<u64, u64>) {
    let (found, exchanged) = match result {
        Ok(found) => (found, true),
        Err(found) => (found, false),
    };
    tell(Step::Access(access, Values { found, current, new, exchanged }));
}

/// Plain data: as loom's cell, and told of.
#[derive(Debug, Default)]
pub struct UnsafeCell<T: ?Sized>(loom::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    /// A cell that holds `value`.
    #[track_caller]
    pub fn new(value: T) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    /// Calls `f` with a pointer for reading.
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        tell(Step::Read(Location::caller(), &raw const *self as usize));
        self.0.with(f)
    }

    /// Calls `f` with a pointer for writing.
    #[track_caller]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        tell(Step::Write(Location::caller(), &raw const *self as usize));
        self.0.with_mut(f)
    }

    /// What the cell holds.
    #[track_caller]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

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

            #[track_caller]
            fn before(&self, operation: Operation, order: Ordering, failure: Ordering) -> Access {
                before(operation, &raw const *self as usize, order, failure)
            }

            /// Tells of a read-modify-write that was given `value`, and gives what it has found.
            fn changed(access: Access, value: $int, found: $int) -> $int {
                let (found_bits, new) = (found as u64, value as u64);
                let values = Values { found: found_bits, new, ..Values::default() };
                tell(Step::Access(access, values));
                found
            }

            /// As `core`'s `load`.
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $int {
                let access = self.before(Operation::Load, order, Ordering::Relaxed);
                let found = self.0.load(access.order);
                tell(Step::Access(access, Values { found: found as u64, ..Values::default() }));
                found
            }

            /// As `core`'s `store`.
            #[track_caller]
            pub fn store(&self, value: $int, order: Ordering) {
                let access = self.before(Operation::Store, order, Ordering::Relaxed);
                self.0.store(value, access.order);
                tell(Step::Access(access, Values { new: value as u64, ..Values::default() }));
            }

            /// As `core`'s `swap`.
            #[track_caller]
            pub fn swap(&self, value: $int, order: Ordering) -> $int {
                let access = self.before(Operation::Swap, order, Ordering::Relaxed);
                Self::changed(access, value, self.0.swap(value, access.order))
            }

            /// As `core`'s `fetch_add`.
            #[track_caller]
            pub fn fetch_add(&self, value: $int, order: Ordering) -> $int {
                let access = self.before(Operation::FetchAdd, order, Ordering::Relaxed);
                Self::changed(access, value, self.0.fetch_add(value, access.order))
            }

            /// As `core`'s `fetch_sub`.
            #[track_caller]
            pub fn fetch_sub(&self, value: $int, order: Ordering) -> $int {
                let access = self.before(Operation::FetchSub, order, Ordering::Relaxed);
                Self::changed(access, value, self.0.fetch_sub(value, access.order))
            }

            /// As `core`'s `fetch_or`.
            #[track_caller]
            pub fn fetch_or(&self, value: $int, order: Ordering) -> $int {
                let access = self.before(Operation::FetchOr, order, Ordering::Relaxed);
                Self::changed(access, value, self.0.fetch_or(value, access.order))
            }

            /// As `core`'s `fetch_and`.
            #[track_caller]
            pub fn fetch_and(&self, value: $int, order: Ordering) -> $int {
                let access = self.before(Operation::FetchAnd, order, Ordering::Relaxed);
                Self::changed(access, value, self.0.fetch_and(value, access.order))
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
                let access = self.before(Operation::CompareExchange, success, failure);
                let (success, failure) = (access.order, access.failure);
                let result = self.0.compare_exchange(current, new, success, failure);
                exchanged(
                    access,
                    [current as u64, new as u64],
                    result.map(|v| v as u64).map_err(|v| v as u64),
                );
                result
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
                let access = self.before(Operation::CompareExchangeWeak, success, failure);
                let (success, failure) = (access.order, access.failure);
                let result = self.0.compare_exchange_weak(current, new, success, failure);
                exchanged(
                    access,
                    [current as u64, new as u64],
                    result.map(|v| v as u64).map_err(|v| v as u64),
                );
                result
            }
        }
    };
}

model_atomic!(AtomicU32, u32);

impl AtomicU32 {
    /// What the ground sees of it, as a part of its own step. Relaxed: what else it tells the caller is the
    /// ground's affair.
    #[track_caller]
    pub(crate) fn peek(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

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

    #[track_caller]
    fn before(&self, operation: Operation, order: Ordering, failure: Ordering) -> Access {
        before(operation, &raw const *self as usize, order, failure)
    }

    /// As `core`'s `load`.
    #[track_caller]
    pub fn load(&self, order: Ordering) -> *mut T {
        let access = self.before(Operation::Load, order, Ordering::Relaxed);
        let found = self.0.load(access.order);
        tell(Step::Access(access, Values { found: found as u64, ..Values::default() }));
        found
    }

    /// As `core`'s `store`.
    #[track_caller]
    pub fn store(&self, pointer: *mut T, order: Ordering) {
        let access = self.before(Operation::Store, order, Ordering::Relaxed);
        self.0.store(pointer, access.order);
        tell(Step::Access(access, Values { new: pointer as u64, ..Values::default() }));
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
        let access = self.before(Operation::CompareExchange, success, failure);
        let result = self.0.compare_exchange(current, new, access.order, access.failure);
        exchanged(
            access,
            [current as u64, new as u64],
            result.map(|p| p as u64).map_err(|p| p as u64),
        );
        result
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
