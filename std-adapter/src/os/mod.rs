//! Everything this crate asks of the operating system, and nothing else does.
//!
//! `linux` speaks futex and membarrier; `portable` parks threads by address, for every other system
//! (and on Linux with the feature `portable`, so that its tests run somewhere).

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub(crate) use linux::*;

#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
mod portable;
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
pub(crate) use portable::*;

use std::sync::OnceLock;

/// How many threads can run at once, asked once.
pub(crate) fn parallelism() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}
