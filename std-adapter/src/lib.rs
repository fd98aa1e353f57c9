//! # inkle
//!
//! What Python gives in eight modules for concurrent execution, in safe and fast Rust, over one
//! kernel ([`inkle_core`]) that is checked under a model checker.
//!
//! | Python | here |
//! |---|---|
//! | `threading` | [`threading`] |
//! | `queue` | [`queue`] |
//! | `_thread` | [`thread`] |
//! | `sched` | [`sched`] |
//! | `concurrent.futures` | [`concurrent`] |
//! | `contextvars` | [`contextvars`] |
//! | `subprocess` | `subprocess`, on Linux |
//! | `multiprocessing` | `multiprocessing`, on Linux |
//!
//! Every blocking operation comes in forms that wait, that never wait (`try_…`) and that wait until
//! a [`Deadline`] (`…_until`, `…_timeout`). Errors are values, and a failed put hands the item back.
//!
//! The [`guide`] says which queue, lock or executor is for what, and what is other than in Python.
#![deny(clippy::unwrap_used, clippy::expect_used)]

mod agenda;
pub mod concurrent;
pub mod contextvars;
#[cfg(feature = "diagnose")]
pub mod diagnose;
pub mod guide;
#[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
pub mod multiprocessing;
mod os;
pub mod platform;
pub mod queue;
#[cfg(all(target_os = "linux", not(feature = "portable"), feature = "remote"))]
pub mod remote;
pub mod sched;
#[cfg(target_os = "linux")]
pub mod subprocess;
pub mod thread;
pub mod threading;
#[cfg(feature = "timeline")]
pub mod timeline;

/// The kernel underneath: every type of it works on the grounds of [`platform`].
pub use inkle_core as kernel;
pub use platform::Deadline;

/// The example of the package's own page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
