//! Python's `multiprocessing`: Rust functions in other processes. Linux only, so far.

mod error;
mod frame;
mod parcel;

pub use error::{DecodeError, EncodeError, RecvError, SendError};
