//! Floor 0: the one door to atomics, cells, fences and spin hints.
//!
//! Nothing else in this crate, and nothing in the crates above it, names the crate an atomic type
//! comes from. So the same source runs on a processor with or without compare-and-swap, and under
//! the loom model checker.
//!
//! # The backings, and when to prefer which
//!
//! | backing | chosen by | prefer it |
//! |---|---|---|
//! | `core::sync::atomic` | default | wherever the target has compare-and-swap |
//! | `portable-atomic` | feature `portable-atomic` | on targets without compare-and-swap (`thumbv6m`, `riscv32imc`), and for 64-bit atomics on 32-bit targets. The maintained choice. This crate enables none of its features: the final binary picks `unsafe-assume-single-core`, which is smaller and faster on a chip with one core, or `critical-section`, with which each load and store is a section of its own too |
//! | `atomic-polyfill` | feature `atomic-polyfill` | only in a project that already ships it: it is in maintenance, its authors recommend `portable-atomic`. Every operation on a target without the instruction is one `critical-section` |
//! | `loom` | `cfg(inkle_loom)` | for [models](crate#models-of-your-own); the kernel's own are in the mirror package `loom-tests`, which sets it for itself |
//! | `core::sync::atomic`, each access told of | `cfg(inkle_steps)` | never by hand: the mirror package `step-tests` sets it |
//!
//! With both features on, `portable-atomic` wins. On a target without compare-and-swap and with
//! neither feature, the crate does not compile and says so.
//!
//! # What is behind the door
//!
//! [`AtomicU32`], [`AtomicUsize`], [`AtomicPtr`], [`AtomicWord`] (the widest word a queue slot may be: 64
//! bits where the target has 64-bit compare-and-swap, else 32), [`fence`], [`compiler_fence`],
//! [`spin_loop`], [`back_off`], [`Ordering`] and [`UnsafeCell`], whose two methods take closures so that
//! loom sees every access.
//!
//! House rule: `SeqCst` only as a fence, never on an access.

#[cfg(inkle_loom)]
mod model;
#[cfg(inkle_loom)]
pub use model::*;

#[cfg(not(inkle_loom))]
mod native;
#[cfg(not(inkle_loom))]
pub use native::*;

#[cfg(inkle_steps)]
mod steps;
#[cfg(inkle_steps)]
pub use steps::before_each_access;

pub use core::sync::atomic::Ordering;

/// Whether a read-modify-write is a full barrier by itself, so that a fence behind it needs to hold back
/// nothing but the compiler. Under loom a fence is a fence.
pub(crate) const RMW_IS_FENCE: bool =
    cfg!(any(target_arch = "x86", target_arch = "x86_64")) && cfg!(not(inkle_loom));

/// A sequentially consistent fence for a caller whose last access was a read-modify-write.
#[inline(always)]
#[cfg_attr(inkle_loom, track_caller)]
pub(crate) fn fence_after_rmw() {
    if RMW_IS_FENCE {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}
