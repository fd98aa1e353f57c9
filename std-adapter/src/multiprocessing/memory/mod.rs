//! Memory that several processes map: typed values, and bytes with and without a name.
//!
//! | want | take |
//! |---|---|
//! | a struct of atomics, locks and values that all see | [`Shared`] of what [`share!`](crate::share) makes |
//! | a plain value without a lock | [`Cell`] |
//! | bytes, also under a name that programs find (MP049) | [`SharedMemory`] |
//! | names that go with a scope (MP053) | [`SharedMemoryManager`] |
//!
//! Memory without a name is a file that the kernel frees when nobody has it any more, however they ended.

mod cell;
pub(super) mod graves;
mod manager;
mod plain;
mod region;
mod segment;
mod share;
mod shared;
mod words;

pub use cell::Cell;
pub use manager::SharedMemoryManager;
pub use plain::Plain;
pub use segment::{OutOfBounds, SharedMemory};
pub use share::Share;
pub use shared::Shared;

pub(super) use plain::{load, load_all, store_all};
pub(super) use region::Region;
pub(super) use words::{WORD, Words};
