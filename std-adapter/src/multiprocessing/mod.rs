//! Python's `multiprocessing`: Rust functions in other processes. Linux only, so far.
//!
//! | Python | here |
//! |---|---|
//! | `Pipe()`, `Pipe(duplex=False)` | [`pipe`], [`one_way`]: typed ends |
//! | `Connection` | [`Connection`]: with deadlines, for several threads at once, and nothing lost by a short buffer |
//! | `connection.wait(list, timeout)` | [`wait`], [`wait_until`] |
//! | `Listener`, `Client`, `authkey` | [`Listener`], [`Client`], [`AuthKey`]: never without a key |
//! | `AuthenticationError`, `BufferTooShort` | [`AcceptError::Authentication`], [`ConnectError::Authentication`]; [`RecvError::TooLong`] |
//! | `Manager()`, `SyncManager`, `BaseManager`, `register` | [`Server`], [`Manager`]; [`proxy!`] for types of one's own |
//! | `DictProxy`, `ListProxy`, … | [`DictProxy`], [`ListProxy`], [`SetProxy`], [`NamespaceProxy`], [`ValueProxy`]; queues and locks are in shared memory |

mod auth;
mod connection;
mod error;
mod frame;
mod manager;
mod parcel;

pub use auth::{AuthKey, EmptyKey, authkey, set_authkey};
pub use connection::{
    AcceptError, Address, Client, ConnectError, Connection, Listener, Receiver, Sender, one_way,
    pipe, try_wait, wait, wait_timeout, wait_until,
};
pub use error::{DecodeError, EncodeError, RecvError, SendError};
pub use manager::{
    CallError, DictProxy, ListProxy, Manager, NamespaceProxy, Proxy, Reply, Request, Served,
    Server, SetProxy, ValueProxy,
};

pub use crate::proxy;
#[doc(hidden)]
pub use serde as __serde;
