//! Locks and their kin as parts of what lies in shared memory: fields of a [struct](crate::share), items of an array.
//!
//! They are the kernel's types, on the ground of processes. Each in memory of its own, with a handle that goes to other
//! processes, they are the types of the [module above](super).
//!
//! ```
//! use inkle::multiprocessing::in_place::{Event, Lock, Value};
//! use inkle::multiprocessing::memory::Shared;
//!
//! inkle::share! {
//!     struct Till {
//!         lock: Lock,
//!         open: Event,
//!         cents: [Value<i64>; 3],
//!     }
//! }
//!
//! let till = Shared::new(Till {
//!     lock: Lock::new(),
//!     open: Event::new(),
//!     cents: [const { Value::new(0) }; 3],
//! })?;
//! till.open.set();
//! till.cents[1].lock().modify(|cents| cents + 5);
//! assert_eq!(till.cents[1].get(), 5);
//! # std::io::Result::Ok(())
//! ```

use inkle_core::robust::{self, Life, Survivor};
use inkle_core::sync;

use super::memory::Share;
use crate::platform::Shared;

pub use super::value::InPlace as Value;

/// As [`multiprocessing::Lock`](super::Lock).
pub type Lock = robust::Lock<Shared>;
/// As [`multiprocessing::RLock`](super::RLock).
pub type RLock = robust::RLock<Shared>;
/// As [`multiprocessing::Barrier`](super::Barrier): for at most 128 parties.
pub type Barrier = robust::Barrier<Shared, 128>;
/// As [`multiprocessing::Condition`](super::Condition).
pub type Condition = sync::Condition<Shared>;
/// As [`multiprocessing::Event`](super::Event).
pub type Event = sync::Event<Shared>;
/// As [`multiprocessing::Semaphore`](super::Semaphore).
pub type Semaphore = sync::Semaphore<Shared>;
/// As [`multiprocessing::BoundedSemaphore`](super::BoundedSemaphore).
pub type BoundedSemaphore = sync::BoundedSemaphore<Shared>;

macro_rules! share_survivors {
    ($($type:ident)+) => {
        $(
            // SAFETY: what `Survivor` promises.
            unsafe impl Share for $type {
                fn bury(&self, dead: Life) {
                    Survivor::bury(self, dead);
                }
            }
        )+
    };
}

share_survivors! { Lock RLock Barrier Condition Event Semaphore BoundedSemaphore }
