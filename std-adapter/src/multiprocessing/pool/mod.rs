//! Pools of processes.

mod classic;
mod collector;
mod counters;
mod engine;
mod executor;
mod job;
mod lost;
mod mailbox;
mod reply;
mod settings;
mod staff;
mod worker;

pub use classic::Pool;
pub use counters::Counters;
pub use executor::{ProcessPoolBuilder, ProcessPoolExecutor};
pub use lost::{BrokenProcessPool, WorkerLost};
#[cfg(feature = "remote")]
pub(crate) use reply::{Outcome, attempt};
pub use settings::BadProcessPool;
#[cfg(inkle_fuzz)]
pub use worker::fuzzed;
