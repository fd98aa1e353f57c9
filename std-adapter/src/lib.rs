//! # inkle
//!
//! What Python gives in eight modules for concurrent execution, in safe and fast Rust, over one
//! kernel ([`inkle_core`]) that runs the same on a microcontroller and under a model checker.
#![deny(clippy::unwrap_used, clippy::expect_used)]

mod os;
pub mod platform;
pub mod queue;
pub mod thread;
pub mod threading;

/// The kernel underneath: every type of it works on the grounds of [`platform`].
pub use inkle_core as kernel;
pub use platform::Deadline;
