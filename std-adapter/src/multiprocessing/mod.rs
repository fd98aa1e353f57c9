//! Python's `multiprocessing`: Rust functions in other processes. Linux only, so far.
//!
//! | Python | here |
//! |---|---|
//! | `Pipe()`, `Pipe(duplex=False)` | [`pipe`], [`one_way`]: typed ends |
//! | `Connection` | [`Connection`]: with deadlines, for several threads at once, and nothing lost by a short buffer |
//! | `connection.wait(list, timeout)` | [`wait`], [`wait_until`] |

mod connection;
mod error;
mod frame;
mod parcel;

pub use connection::{
    Connection, Receiver, Sender, one_way, pipe, try_wait, wait, wait_timeout, wait_until,
};
pub use error::{DecodeError, EncodeError, RecvError, SendError};
