//! Behind the door of `step-tests`: the atomics of `core`, and a hook before each access to one and before
//! each fence, so that an operation can be stopped there, and others run inside it.

extern crate std;

use core::sync::atomic::{self, Ordering};

use std::sync::OnceLock;

/// What is called before each step, on the thread that is about to make it.
static BEFORE: OnceLock<fn()> = OnceLock::new();

/// Has `step` called before each access to an atomic and before each fence, from now on for ever.
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
pub fn fence(order: Ordering) {
    before();
    atomic::fence(order);
}

/// The methods that all atomics have.
macro_rules! steps {
    ($value:ty) => {
        /// As `core`'s `load`.
        pub fn load(&self, order: Ordering) -> $value {
            before();
            self.0.load(order)
        }

        /// As `core`'s `store`.
        pub fn store(&self, value: $value, order: Ordering) {
            before();
            self.0.store(value, order);
        }

        /// As `core`'s `compare_exchange`.
        pub fn compare_exchange(
            &self,
            current: $value,
            new: $value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<$value, $value> {
            before();
            self.0.compare_exchange(current, new, success, failure)
        }
    };
}

macro_rules! step_atomic {
    ($name:ident, $int:ty) => {
        /// An atomic integer with the methods the kernel uses.
        #[derive(Debug, Default)]
        #[repr(transparent)]
        pub struct $name(atomic::$name);

        impl $name {
            /// A new atomic that holds `value`.
            pub const fn new(value: $int) -> Self {
                Self(atomic::$name::new(value))
            }

            steps!($int);

            /// As `core`'s `compare_exchange_weak`.
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

            /// As `core`'s `swap`.
            pub fn swap(&self, value: $int, order: Ordering) -> $int {
                before();
                self.0.swap(value, order)
            }

            /// As `core`'s `fetch_add`.
            pub fn fetch_add(&self, value: $int, order: Ordering) -> $int {
                before();
                self.0.fetch_add(value, order)
            }

            /// As `core`'s `fetch_sub`.
            pub fn fetch_sub(&self, value: $int, order: Ordering) -> $int {
                before();
                self.0.fetch_sub(value, order)
            }

            /// As `core`'s `fetch_or`.
            pub fn fetch_or(&self, value: $int, order: Ordering) -> $int {
                before();
                self.0.fetch_or(value, order)
            }

            /// As `core`'s `fetch_and`.
            pub fn fetch_and(&self, value: $int, order: Ordering) -> $int {
                before();
                self.0.fetch_and(value, order)
            }
        }
    };
}

step_atomic!(AtomicU32, u32);
step_atomic!(AtomicU64, u64);
step_atomic!(AtomicUsize, usize);

/// An atomic pointer with the methods the kernel uses.
#[derive(Debug)]
#[repr(transparent)]
pub struct AtomicPtr<T>(atomic::AtomicPtr<T>);

impl<T> AtomicPtr<T> {
    /// A new atomic that holds `pointer`.
    pub const fn new(pointer: *mut T) -> Self {
        Self(atomic::AtomicPtr::new(pointer))
    }

    steps!(*mut T);
}
