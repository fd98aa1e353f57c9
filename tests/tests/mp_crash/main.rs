//! What is left of shared things by a process that is killed at any instruction. (MP035, MP044)
//!
//! Where the system lets nobody trace a process these tests fail; `INKLE_NO_PTRACE=1` leaves them out.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(feature = "portable")
))]

mod crash;
mod locks;
mod place;
mod queues;
mod stage;
mod steps;
mod waiters;
