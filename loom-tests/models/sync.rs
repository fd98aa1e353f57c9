//! Locks, conditions, events, semaphores and cancel tokens: every operation of a type against every
//! other.

pub mod cancel;
pub mod condition;
pub mod event;
pub mod lock;
pub mod semaphore;

/// Why a model of two threads has a bound.
const LONG: &str = "more than 300,000 executions without a bound";
/// Why a model of three threads has no greater bound.
const THREE: &str = "three threads: each more costs about ten times";
