//! The door under loom: thin wrappers whose methods are `#[track_caller]`, so that a report names
//! the place in the kernel and an ordering in the source is known by its place.

use core::sync::atomic::Ordering;

pub use loom::cell::UnsafeCell;

/// The widest word a queue slot may be: 64 bits, as on the large targets.
pub type Word = u64;
/// The atomic form of [`Word`].
pub type AtomicWord = AtomicU64;

/// A memory fence, as `core::sync::atomic::fence`.
#[track_caller]
pub fn fence(order: Ordering) {
    loom::sync::atomic::fence(order);
}

/// A fence for the compiler alone. Loom knows no weaker fence than a real one.
#[track_caller]
pub fn compiler_fence(order: Ordering) {
    fence(order);
}

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
                self.0.load(order)
            }

            /// As `core`'s `store`.
            #[track_caller]
            pub fn store(&self, value: $int, order: Ordering) {
                self.0.store(value, order);
            }

            /// As `core`'s `swap`.
            #[track_caller]
            pub fn swap(&self, value: $int, order: Ordering) -> $int {
                self.0.swap(value, order)
            }

            /// As `core`'s `fetch_add`.
            #[track_caller]
            pub fn fetch_add(&self, value: $int, order: Ordering) -> $int {
                self.0.fetch_add(value, order)
            }

            /// As `core`'s `fetch_sub`.
            #[track_caller]
            pub fn fetch_sub(&self, value: $int, order: Ordering) -> $int {
                self.0.fetch_sub(value, order)
            }

            /// As `core`'s `fetch_or`.
            #[track_caller]
            pub fn fetch_or(&self, value: $int, order: Ordering) -> $int {
                self.0.fetch_or(value, order)
            }

            /// As `core`'s `fetch_and`.
            #[track_caller]
            pub fn fetch_and(&self, value: $int, order: Ordering) -> $int {
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
                self.0.compare_exchange_weak(current, new, success, failure)
            }
        }
    };
}

model_atomic!(AtomicU32, u32);
model_atomic!(AtomicU64, u64);
model_atomic!(AtomicUsize, usize);
