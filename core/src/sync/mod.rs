//! Floor 4: locks, conditions, barriers, events, semaphores, for any ground.
//!
//! | want | take |
//! |---|---|
//! | one at a time, released by anybody | [`Lock`] |
//! | the same, again and again by the thread that has it | [`RLock`] |
//! | a value that one at a time may use | [`Mutex`] |
//! | a value that many may read, or one may change | [`RwLock`] |
//! | to wait until something protected by a lock changes | [`Condition`] |
//! | to wait until all have come this far | [`Barrier`] |
//! | to tell everybody that something has happened | [`Event`] |
//! | to go on when so many things are done, once | [`Latch`] |
//! | a value made or set once, then read by all | [`Once`] |
//! | a value handed over once, to one | [`Promise`] |
//! | work that one does, that can be called off before, and whose result all read | [`Outcome`] |
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
mod hook;
mod latch;
mod lock;
mod mutex;
mod once;
mod outcome;
mod promise;
mod rlock;
mod rw_gate;
mod rw_lock;
mod semaphore;
mod write_once;

pub use barrier::{Barrier, WaitBarrier};
pub use cancel::{CancelToken, Reason, WaitCancelled};
#[cfg(any(target_has_atomic = "64", inkle_loom))]
pub(crate) use condition::Sealed;
pub use condition::{Condition, Held, HeldLock, WaitCondition};
pub use event::{Event, WaitEvent};
pub use hook::Hook;
pub use latch::{Latch, WaitLatch};
pub use lock::{AcquireLock, Lock, LockGuard};
pub use mutex::{LockMutex, Mutex, MutexGuard};
pub use once::{Once, WaitOnce};
pub use outcome::{Claim, GetOutcome, Outcome, Phase, SettleOutcome};
pub use promise::{Promise, Take};
pub use rlock::{RLock, RLockGuard};
pub use rw_lock::{ReadGuard, ReadLock, RwLock, WriteGuard, WriteLock};
pub use semaphore::{AcquirePermit, BoundedSemaphore, Semaphore};
