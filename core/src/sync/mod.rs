//! Floor 4: locks, conditions, barriers, events, semaphores, for any ground.
//!
//! | want | take |
//! |---|---|
//! | one at a time, released by anybody | [`Lock`] |
//! | the same, again and again by the thread that has it | [`RLock`] |
//! | to wait until something protected by a lock changes | [`Condition`] |
//! | to wait until all have come this far | [`Barrier`] |
//! | to tell everybody that something has happened | [`Event`] |
//! | at most so many at a time, or to count things that have happened | [`Semaphore`], [`BoundedSemaphore`] |
//! | to call off whatever waits | [`CancelToken`] |
//!
//! What blocks comes in four forms: without limit, until a deadline, unless a token is cancelled, and as
//! an [`Operation`](crate::operation::Operation) to await or to select. An [`RLock`] is not awaited, for
//! its owner is a thread; a [`Condition`] gives a future, which cannot be an arm of a select because it
//! holds the lock at first.
//!
//! All are a few words, const-constructible, and sleep only through their
//! [`Platform`](crate::Platform).

mod barrier;
mod cancel;
mod condition;
mod event;
mod lock;
mod rlock;
mod semaphore;

pub use barrier::{Barrier, WaitBarrier};
pub use cancel::{CancelToken, Reason, WaitCancelled};
pub use condition::{Condition, Held, HeldLock, WaitCondition};
pub use event::{Event, WaitEvent};
pub use lock::{AcquireLock, Guard, Lock};
pub use rlock::{RLock, RLockGuard};
pub use semaphore::{AcquirePermit, BoundedSemaphore, Semaphore};
