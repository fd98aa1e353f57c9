//! Python's `multiprocessing`: Rust functions in other processes. Linux only, so far.
//!
//! | Python | here |
//! |---|---|
//! | `Process(target=f, args=(a, b), name=…, daemon=…).start()` | [`Process::spawn`]`(f, (a, b))`, [`Builder`] |
//! | `join()`, `join(timeout)` | [`join`](Process::join), [`join_timeout`](Process::join_timeout): gives the result, which Python has no place for |
//! | `is_alive()`, `name`, `pid`, `daemon`, `sentinel` | methods of [`ChildProcess`] |
//! | `exitcode` | [`status`](ChildProcess::status), [`ProcessError`] |
//! | `terminate()`, `kill()`, `interrupt()` | [the](ChildProcess::terminate) [same](ChildProcess::kill) [three](ChildProcess::interrupt) |
//! | `close()` | dropping the handle |
//! | `active_children()`, `current_process()`, `parent_process()`, `cpu_count()` | [the](active_children) [same](current_process) [four](parent_process) [functions](cpu_count) |
//! | `set_start_method`, `get_start_method`, `get_context(method).Process` | [`set_start_method`], [`start_method`], [`Builder::start_method`]; never a fork of a process with threads |
//! | `forkserver.ensure_running()` | [`start_fork_server`] |
//! | `set_executable(path)` | [`Builder::executable`] |
//! | a function that is found by its module and name | [`register!`](crate::register), [`Process::spawn_named`] |
//! | `Queue(maxsize)`, `JoinableQueue`, `SimpleQueue` | [`Queue::bounded`], [`JoinableQueue`], [`SimpleQueue`]: what cannot be sent is an error at `put`, and there is a [`shutdown`](Queue::shutdown) |
//! | `queue.Full`, `queue.Empty` | [`PutError`], [`GetError`]: a failed put hands the item back |
//! | `close()`, `join_thread()`, `cancel_join_thread()` of queues | nothing: no thread feeds them, and a put has happened when it returns (MP033) |
//! | `Lock`, `RLock`, `Semaphore`, `BoundedSemaphore`, `Condition`, `Event`, `Barrier` | [`Lock`], [`RLock`], [`Semaphore`], [`BoundedSemaphore`], [`Condition`], [`Event`], [`Barrier`]; as parts of something shared, [`in_place`] |
//! | `Value(type, x)`, `Array(type, n)` | [`Value`], [`Array`] |
//! | `RawValue`, `RawArray`, `get_obj()` | [`RawValue`], [`Array::raw`], [`raw`](in_place::Value::raw) |
//! | a `ctypes` structure in a `Value` | [`share!`](crate::share), [`memory::Shared`] |
//! | `shared_memory.SharedMemory`, `SharedMemoryManager` | [`memory::SharedMemory`], [`memory::SharedMemoryManager`] |
//! | `shared_memory.ShareableList` | [`ShareableList`] |
//! | `Pipe()`, `Pipe(duplex=False)` | [`pipe`], [`one_way`]: typed ends |
//! | `Connection` | [`Connection`]: with deadlines, for several threads at once, and nothing lost by a short buffer |
//! | `connection.wait(list, timeout)` | [`wait`], [`wait_until`] |
//! | `Listener`, `Client`, `authkey` | [`Listener`], [`Client`], [`AuthKey`]: never without a key |
//! | `AuthenticationError`, `BufferTooShort` | [`AcceptError::Authentication`], [`ConnectError::Authentication`]; [`RecvError::TooLong`] |
//! | `Manager()`, `SyncManager`, `BaseManager`, `register` | [`Manager::start`], [`Manager::connect`], [`Server`]; [`proxy!`] for types of one's own |
//! | `DictProxy`, `ListProxy`, … | [`DictProxy`], [`ListProxy`], [`SetProxy`], [`NamespaceProxy`], [`ValueProxy`]; queues and locks are in shared memory |
//! | `Pool(n)`: `apply`, `map`, `imap`, `close`, `terminate`, `join`, … | [`Pool`] |
//! | `concurrent.futures.ProcessPoolExecutor` | [`ProcessPoolExecutor`], an [`Executor`](crate::concurrent::Executor) |
//! | `BrokenProcessPool`; a `get` that never returns (MP074) | [`WorkerLost`], of the one job that the process had begun; [`BrokenProcessPool`] |
//! | `if __name__ == '__main__':`, `freeze_support()` | nothing: a child does not come to `main` |
//!
//! What crosses is written and read by `serde`, for which a `Vec<u8>` is a list whose elements are bytes:
//! it goes through byte by byte. Megabytes should go as what `serde` takes for bytes, such as
//! `serde_bytes::ByteBuf`, which are copied as a whole; or as [`memory::SharedMemory`], of which only the
//! handle is sent.

#[cfg(feature = "remote")]
pub(crate) mod abroad;
mod array;
mod auth;
mod bulk;
mod call;
mod connection;
mod entry;
mod error;
mod fork;
mod frame;
#[cfg(inkle_fuzz)]
#[doc(hidden)]
pub mod fuzzed;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod hostile;
mod image;
pub mod in_place;
mod list;
mod manager;
pub mod memory;
mod names;
mod parcel;
mod pool;
mod process;
mod queue;
mod sync;
mod travel;
mod value;

pub use array::{Array, ArrayGuard, RawArray};
pub use auth::{AuthKey, EmptyKey, authkey, set_authkey};
pub use call::Call;
pub use connection::{
    AcceptError, Address, Client, ConnectError, Connection, Listener, Receiver, Sender, one_way,
    pipe, try_wait, wait, wait_timeout, wait_until,
};
pub use error::{DecodeError, EncodeError, RecvError, SendError};
pub use inkle_core::channel::Shutdown;
pub use inkle_core::robust::Found;
pub use list::{Item, ListError, ShareableList};
pub use manager::{
    CallError, DictProxy, ListProxy, Manager, NamespaceProxy, Proxy, Reply, Request, Served,
    Server, SetProxy, StartError, ValueProxy,
};
#[doc(hidden)]
pub use names::Named;
pub use pool::{
    BadProcessPool, BrokenProcessPool, Counters, Pool, ProcessPoolBuilder, ProcessPoolExecutor,
    WorkerLost,
};
pub use process::{
    Builder, ChildProcess, PanicReport, Process, ProcessError, ProcessInfo, SpawnCause, SpawnError,
    StartMethod, active_children, cpu_count, current_process, parent_process, set_start_method,
    start_fork_server, start_method,
};
pub use queue::{DEFAULT_BYTES, GetError, Iter, JoinableQueue, PutError, Queue, SimpleQueue};
pub use sync::{
    Barrier, BoundedSemaphore, Condition, Event, Lock, LockGuard, RLock, RLockGuard, Semaphore,
};
pub use value::{RawValue, Value, ValueGuard};

pub use crate::proxy;
#[doc(hidden)]
pub use serde as __serde;
