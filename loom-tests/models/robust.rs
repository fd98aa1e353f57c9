//! What outlives its users: every operation of a type against every other, and against one who dies.

pub mod barrier;
pub mod bell;
pub mod lock;
pub mod records;
pub mod rlock;

/// Why a model of two threads has a bound.
const LONG: &str = "more than 300,000 executions without a bound";
/// Why a model of three threads has no greater bound.
const THREE: &str = "three threads: each more costs about ten times";
