//! What threads and tasks are coordinated by: every operation of a type against every other.

pub mod barrier;
pub mod cancel;
pub mod condition;
pub mod event;
pub mod latch;
pub mod lock;
pub mod mutex;
pub mod once;
pub mod outcome;
pub mod promise;
pub mod rlock;
pub mod rw_lock;
pub mod semaphore;

/// Why a model of two threads has a bound.
const LONG: &str = "more than 300,000 executions without a bound";
/// As [`LONG`]; tasks have a list to go through, with a lock around it.
const SLOW: &str = "more than 5 s in the exact tier without a bound";
/// Why a model of three threads has no greater bound.
const THREE: &str = "three threads: each more costs about ten times";
