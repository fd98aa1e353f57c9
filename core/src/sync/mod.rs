//! Floor 4: locks, conditions, events, semaphores, for any ground.
//!
//! | want | take |
//! |---|---|
//! | one at a time, released by anybody | [`Lock`] |
//! | to wait until something protected by a lock changes | [`Condition`] |
//! | to tell everybody that something has happened | [`Event`] |
//! | at most so many at a time, or to count things that have happened | [`Semaphore`] |
//!
//! All are a few words, const-constructible, and sleep only through their
//! [`Platform`](crate::Platform).

mod condition;
mod event;
mod lock;
mod semaphore;

pub use condition::Condition;
pub use event::Event;
pub use lock::{Guard, Lock};
pub use semaphore::Semaphore;
