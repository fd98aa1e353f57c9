//! Floor 4: locks, conditions, events, semaphores, for any ground.
//!
//! | want | take |
//! |---|---|
//! | one at a time, released by anybody | [`Lock`] |
//! | a value that one at a time may use | [`Mutex`] |
//! | a value that many may read, or one may change | [`RwLock`] |
//! | to wait until something protected by a lock changes | [`Condition`] |
//! | to tell everybody that something has happened | [`Event`] |
//! | to go on when so many things are done, once | [`Latch`] |
//! | a value made or set once, then read by all | [`Once`] |
//! | a value handed over once, to one | [`Promise`] |
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
mod latch;
mod lock;
mod mutex;
mod once;
mod promise;
mod rw_gate;
mod rw_lock;
mod semaphore;
mod write_once;

pub use cancel::{CancelToken, Reason, WaitCancelled};
pub use condition::Condition;
pub use event::{Event, WaitEvent};
pub use latch::{Latch, WaitLatch};
pub use lock::{AcquireLock, Guard, Lock};
pub use mutex::{LockMutex, Mutex, MutexGuard};
pub use once::{Once, WaitOnce};
pub use promise::{Promise, Take};
pub use rw_lock::{ReadGuard, ReadLock, RwLock, WriteGuard, WriteLock};
pub use semaphore::{AcquirePermit, BoundedSemaphore, Semaphore};
