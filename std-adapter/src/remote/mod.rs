//! One machine is not enough: executors whose workers are on whatever machines, over a server of NATS. With
//! the feature `remote`, on Linux.
//!
//! What changes is one line, the executor. Futures, [`wait`](crate::concurrent::wait),
//! [`as_completed`](crate::concurrent::as_completed), [`map_fn`](crate::concurrent::Submit::map_fn),
//! cancel, stop and deadlines are those of all executors, and futures of threads, processes and machines
//! mix.
//!
//! # From one machine to many
//!
//! ```no_run
//! use inkle::concurrent::Submit;
//! use inkle::remote::{RemoteExecutor, Settings, Worker};
//!
//! fn square(number: u64) -> u64 {
//!     number * number
//! }
//!
//! // In the program that asks, and in the one that works; mostly they are the same one.
//! inkle::register!("example.square", square as fn(u64) -> u64);
//!
//! let settings = Settings::new("nats://loom.example:4222").version(env!("CARGO_PKG_VERSION"));
//! if std::env::args().any(|argument| argument == "--worker") {
//!     Worker::start(&settings)?.wait();
//! } else {
//!     let executor = RemoteExecutor::connect(&settings)?;
//!     let sum: u64 = executor.map_fn(square, 1..=100).into_iter().sum::<Result<_, _>>()?;
//!     println!("{sum}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The server is one program without dependencies, `nats-server` (Debian has it by that name). Durable mode
//! needs its JetStream: `nats-server -js`. Workers are started as programs are, by hand or by whatever looks
//! after them; or from the program that asks, by a [`Launcher`]: here, by `ssh`, by `srun`. Those it owns:
//! they drain when their handle is dropped, and when this process dies, however it does.
//!
//! # Functions
//!
//! Only what is [registered](crate::register) is called, by its name. With each task go the types of its
//! arguments and its result, and the [version](Settings::version) of the code; nothing of the arguments is
//! decoded before the worker has found the function and both are the same there. Otherwise the future names
//! both sides ([`Refusal`]).
//!
//! Context variables that [travel](crate::contextvars::ContextVar::travelling) arrive. Handles of this
//! machine, such as shared memory, cannot be sent.
//!
//! # Two modes
//!
//! [*Fast*](RemoteExecutor::connect): a task goes to a worker directly, and nothing is kept. Workers beat;
//! one that is silent for a [lease](Settings::lease) is lost, and its tasks are given to others, as often
//! as [they may be](RemoteExecutor::retries). [*Durable*](RemoteExecutor::attach): the server keeps tasks
//! and answers.
//!
//! | who dies | fast | durable |
//! |---|---|---|
//! | a worker | its tasks are done by others; tried too often, a task is a [`WorkerLost`] that names it, the host and the attempt | the same |
//! | the submitter | what runs is done and thrown away; what has not begun is dropped after twelve leases | all is done; who attaches to the job again has the answers, and nothing that is done is done again |
//! | the server, and comes back | tasks wait; what was lost on the way is asked for again with the next beat | the same; what it had acknowledged it still has |
//! | the network, and comes back | as if those on the other side had died; who comes back late changes nothing | the same |
//!
//! Clocks need not agree: no time of one machine is compared with one of another, and wall clocks are not
//! read. (A server that has given credentials an end reads its own.)
//!
//! Effects happen at least once: a task whose worker is lost may have been done, or be done by a worker
//! that only could not be heard. With [`retries(0)`](RemoteExecutor::retries) they happen at most once in
//! fast mode, and a loss is an error. A result is delivered once: the first answer counts.
//!
//! What the server has acknowledged outlives its process, but not a loss of power: it writes to the disk
//! every two minutes. Newer servers than Debian's have `sync_interval: always`.
//!
//! # What it costs
//!
//! The feature brings the client `async-nats` and a runtime, which are in no signature. An executor, and a
//! worker, has one thread in which they run; names of hosts are looked up on another one. Callbacks of
//! futures run on that thread, outside of the runtime: a long one keeps answers waiting.

mod attic;
mod crew;
mod desk;
mod durable;
mod engine;
mod error;
mod executor;
mod fast;
mod job;
mod launch;
mod settings;
mod slot;
mod staff;
mod status;
mod store;
mod wire;
mod work;
mod worker;

pub use error::{Refusal, WorkerLost};
pub use executor::RemoteExecutor;
pub use launch::{Launched, Launcher};
pub use settings::{ConnectError, Settings};
pub use status::{Status, WorkerStatus};
#[cfg(inkle_fuzz)]
#[doc(hidden)]
pub use wire::fuzzed;
pub use worker::{Worker, WorkerBuilder};

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// A number that nobody else has.
fn random() -> Result<u64, ConnectError> {
    let mut bytes = [0; 8];
    loop {
        match getrandom(&mut bytes, GetRandomFlags::empty()) {
            // So few come as a whole.
            Ok(_) => return Ok(u64::from_ne_bytes(bytes)),
            Err(Errno::INTR) => {}
            Err(error) => return Err(ConnectError::refused(std::io::Error::from(error))),
        }
    }
}
