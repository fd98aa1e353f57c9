//! Python's `concurrent.futures`: work, whoever does it, and its result to come.
//!
//! | Python | here |
//! |---|---|
//! | `Executor.submit(f)` | [`Spawn::submit`] a closure, [`Submit::submit_fn`] a function and its argument |
//! | `Executor.map(f, items, timeout, chunksize, buffersize)` | [`Spawn::map`], [`Submit::map_fn`]: a [`Map`] |
//! | `Executor.shutdown(wait, cancel_futures)` | [`Executor::shutdown`], with a deadline |
//! | `Future.result(timeout)` | [`result`](Future::result), [`result_timeout`](Future::result_timeout) by reference, [`join`](Future::join) by value, `future.await` |
//! | `Future.exception(timeout)` | [`exception`](Future::exception): a panic as a value |
//! | `Future.cancel()`, `cancelled()`, `running()`, `done()` | [`cancel`](Future::cancel), [`is_cancelled`](Future::is_cancelled), [`is_running`](Future::is_running), [`is_done`](Future::is_done) |
//! | `Future.add_done_callback(f)` | [`add_done_callback`](Future::add_done_callback) |
//! | `set_running_or_notify_cancel`, `set_result`, `set_exception` | [`Promise`], [`Task`] |
//! | `wait(fs, timeout, return_when)`, `as_completed(fs, timeout)` | [`wait`], [`as_completed`] |
//! | `CancelledError`, `TimeoutError`, `InvalidStateError` | [`FutureError`]; a [`Promise`] is ended once |
//! | `Executor.submit(f)`, and the future thrown away | [`Spawn::start`] |
//! | nothing: work that runs cannot be called off | [`Future::stop`], and [`with_token`] in the work |
//! | nothing | [`ThreadPoolExecutor::join`], [`for_each`](ThreadPoolExecutor::for_each), [`map_vec`](ThreadPoolExecutor::map_vec): work that is halved, and may borrow; [`scope`](ThreadPoolExecutor::scope): tasks that may borrow |
//! | nothing | [`Future::map`], [`then`](Future::then), [`timeout`](Future::timeout), [`join_all`], [`first_success`] |
//!
//! There is no state in which a waiter hangs. A cancel tells everybody who waits at once (in Python a
//! future that is cancelled, but that its executor does not come to, is waited for in vain: CF016, CF017).
//! A task that is dropped is cancelled; a promise that is dropped is broken; work that waits for itself is
//! told so.
//!
//! # Two forms of work
//!
//! A *closure* can go to another thread, and no further: it may hold anything, and its code is an address.
//! So it is the form of executors in this process ([`Spawn`]). A *function and its argument* can go
//! anywhere, if both can be named there: a function without captures is a place in the program, and the
//! argument is data. So this is the form that every executor has ([`Submit`]).
//!
//! What data is depends on the executor: to a thread anything goes that is `Send`, to a process what can be
//! written and read again. A trait with one set of bounds could not say both. So argument and result are
//! parameters of the trait: an executor implements `Submit<A, R>` for those that it can carry. All that
//! implement `Spawn` have `Submit` for everything `Send`; an executor of processes implements `Submit<A, R>`
//! itself, for what can be serialized; and code for any executor says which work it has:
//!
//! ```
//! use inkle::concurrent::{FutureError, Inline, Submit};
//!
//! fn square(number: u64) -> u64 {
//!     number * number
//! }
//!
//! /// On threads, in processes, on other machines.
//! fn squares<E: Submit<u64, u64>>(executor: &E) -> Result<Vec<u64>, FutureError> {
//!     executor.map_fn(square, 1..=3).into_iter().collect()
//! }
//!
//! assert_eq!(squares(&Inline::new()).unwrap(), [1, 4, 9]);
//! ```
//!
//! Several arguments are one tuple.
//!
//! Work is done in a copy of the [context](crate::contextvars) of whoever submits it, a callback in a copy of
//! the context of whoever adds it.
//!
//! # To watch it
//!
//! - *Progress*: [`Map`]'s results and [`as_completed`] are iterators, so a progress bar counts what comes out
//!   of them; the example `progress` does that with the crate `indicatif`.
//! - *Spans*: with the feature `tracing` each task runs in a span `task` of the crate `tracing`, of level
//!   `DEBUG` and target `inkle::task`, from its submission to its end. It is a child of the span in which it
//!   was submitted, and tells the task's `name`, its `pool`, how long it had waited (`waited_us`), and whether
//!   it `panicked`.
//! - *Timeline*: with the feature `timeline` the module `timeline` records which thread did what when, for
//!   trace viewers and as a picture.
//! - *Counters*: [`ThreadPoolExecutor::counters`].
//!
//! [`ThreadPoolExecutor::named`] names tasks for all of those.
//!
//! # Cost
//!
//! A task, its function and its future are one allocation. Done with nobody waiting, it costs two
//! read-modify-writes, to claim it and to end it, and no system call. The half of a
//! [`join`](ThreadPoolExecutor::join) that nobody takes costs no allocation and no read-modify-write: a
//! fence.

mod bulk;
mod callback;
mod cell;
mod combine;
mod detached;
mod error;
mod executor;
mod future;
mod gather;
mod held;
mod here;
mod label;
mod map;
mod pool;
mod promise;
mod scope;
#[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
mod settle;
#[cfg(feature = "tracing")]
mod spans;
mod stop;
mod task;
mod thread_pool;
mod wait;

pub use bulk::Split;
pub use combine::{first_success, join_all};
pub use error::{FutureError, SubmitCause, SubmitError};
pub use executor::{Executor, Inline, Pending, Spawn, Submit};
pub use inkle_core::error::TimedOut;

pub use future::{Future, Joining, Watching};
pub use map::{Map, Results, ZeroSize};
#[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
pub(crate) use pool::exit::{AtExit, add as add_at_exit};
pub use pool::{BadPool, Counters, Halt, Halted, WhenFull};
pub use promise::{Promise, promise};
pub use scope::Scope;
#[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
pub(crate) use settle::{Reader, Settle};
pub use stop::with_token;
pub use task::{Task, task};
pub use thread_pool::{BrokenPool, PoolBuilder, Ranked, ThreadPoolExecutor};
pub use wait::{AsCompleted, ReturnWhen, Unfinished, Waited, as_completed, wait};
