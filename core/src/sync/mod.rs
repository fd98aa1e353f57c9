//! Floor 4: locks, conditions, events, semaphores, for any ground.
//!
//! | want | take |
//! |---|---|
//! | one at a time, released by anybody | [`Lock`] |
//! | to wait until something protected by a lock changes | [`Condition`] |
//! | to tell everybody that something has happened | [`Event`] |
//! | at most so many at a time, or to count things that have happened | [`Semaphore`], [`BoundedSemaphore`] |
//! | to call off whatever waits | [`CancelToken`] |
//!
//! What blocks comes in four forms: without limit, until a deadline, unless a token is cancelled, and as
//! an [`Operation`](crate::operation::Operation) to await or to select.
//!
//! All are a few words, const-constructible, and sleep only through their
//! [`Platform`](crate::Platform).

mod cancel;
mod condition;
mod event;
mod lock;
mod semaphore;

pub use cancel::{CancelToken, Reason, WaitCancelled};
pub use condition::Condition;
pub use event::{Event, WaitEvent};
pub use lock::{AcquireLock, Guard, Lock};
pub use semaphore::{AcquirePermit, BoundedSemaphore, Semaphore};
