//! Python's `multiprocessing`: Rust functions in other processes. Linux only, so far.

mod array;
mod error;
mod frame;
pub mod in_place;
mod list;
pub mod memory;
mod parcel;
mod queue;
mod sync;
mod travel;
mod value;

pub use array::{Array, ArrayGuard, RawArray};
pub use error::{DecodeError, EncodeError, RecvError, SendError};
pub use inkle_core::channel::Shutdown;
pub use inkle_core::robust::Found;
pub use list::{Item, ListError, ShareableList};
pub use queue::{DEFAULT_CAPACITY, GetError, Iter, JoinableQueue, PutError, Queue, SimpleQueue};
pub use sync::{
    Barrier, BoundedSemaphore, Condition, Event, Lock, LockGuard, RLock, RLockGuard, Semaphore,
};
pub use value::{RawValue, Value, ValueGuard};
