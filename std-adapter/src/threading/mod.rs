//! Python's `threading`: threads with names, results and a list of who is alive.
//!
//! | Python | here |
//! |---|---|
//! | `Thread(target=f, name=...).start()` | [`spawn`], [`Builder`]: a failed start hands the function back |
//! | `t.join()`, `t.join(timeout)` | [`join`](Thread::join), [`join_timeout`](Thread::join_timeout): gives the result, which Python has no place for |
//! | `t.is_alive()`, `t.name`, `t.ident`, `t.native_id` | methods of [`Thread`] and [`ThreadInfo`] |
//! | `current_thread()`, `main_thread()` | [`current`], [`main_thread`] |
//! | `enumerate()`, `active_count()` | [`enumerate`], [`active_count`] |
//! | `get_ident()`, `get_native_id()` | [`get_ident`], [`get_native_id`] |
//! | `Lock`, `RLock`, `Condition`, `Event`, `Semaphore`, `Barrier` | [`Lock`], [`RLock`], [`Condition`], [`Event`], [`Semaphore`], [`Barrier`]: each a few words and fit for a `static` |
//! | `TIMEOUT_MAX` | [`TIMEOUT_MAX`], and no timeout is refused |
//!
//! An exception that escapes a Python thread is printed and lost. Here a panic is reported by the
//! panic hook of the standard library, as in every thread, and then waits as a value for
//! [`join`](Thread::join).

mod builder;
mod error;
mod handle;
mod panic;
mod registry;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::platform::Private;

pub use builder::{Builder, spawn};
pub use inkle_core::error::{BarrierError, Cancelled, RLockError, ReleaseError};
pub use inkle_core::sync::Reason;

pub use error::{JoinError, SpawnCause, SpawnError};
pub use handle::Thread;
pub use panic::Panic;
pub(crate) use registry::started_count;
pub use registry::{
    ThreadInfo, active_count, current, enumerate, get_ident, get_native_id, main_thread,
};

/// One at a time; any thread may release it. (TH033 to TH035)
///
/// ```
/// use inkle::threading::Lock;
///
/// static LOCK: Lock = Lock::new();
///
/// let guard = LOCK.guard();
/// assert!(!LOCK.try_acquire());
/// drop(guard);
/// assert!(LOCK.release().is_err(), "nobody holds it");
/// ```
pub type Lock = inkle_core::sync::Lock<Private>;

/// Holds a [`Lock`] until it is dropped.
///
/// ```
/// use inkle::threading::{Guard, Lock};
///
/// fn critical(_proof: &Guard<'_>) {}
///
/// let lock = Lock::new();
/// critical(&lock.guard());
/// assert!(!lock.is_held());
/// ```
pub type Guard<'a> = inkle_core::sync::Guard<'a, Private>;

/// One at a time, and its owner again and again; only the owner may release it. (TH038 to TH040)
///
/// ```
/// use inkle::threading::{self, RLock};
///
/// static TREE: RLock = RLock::new();
///
/// let outer = TREE.guard()?;
/// let inner = TREE.guard()?;
/// assert!(threading::spawn(|| TREE.release().is_err()).unwrap().join().unwrap(), "not its owner");
/// # Ok::<(), inkle::threading::RLockError>(())
/// ```
pub type RLock = inkle_core::sync::RLock<Private>;

/// Holds one level of an [`RLock`] until it is dropped.
///
/// ```
/// use inkle::threading::{Condition, RLock, RLockGuard};
///
/// static CHANGED: Condition = Condition::new();
///
/// fn until_ready(guard: &mut RLockGuard<'_>, ready: impl Fn() -> bool) {
///     CHANGED.wait_for(guard, |_| ready());
/// }
///
/// let lock = RLock::new();
/// until_ready(&mut lock.guard()?, || true);
/// # Ok::<(), inkle::threading::RLockError>(())
/// ```
pub type RLockGuard<'a> = inkle_core::sync::RLockGuard<'a, Private>;

/// Waits, with the guard of a [`Lock`] or an [`RLock`], until told that what the lock protects has changed.
/// (TH041 to TH048)
///
/// ```
/// use std::cell::Cell;
/// use inkle::threading::{Condition, Lock};
///
/// let (lock, changed) = (Lock::new(), Condition::new());
/// let ready = Cell::new(true);
/// let mut guard = lock.guard();
/// changed.wait_for(&mut guard, |_| ready.get());
/// ```
pub type Condition = inkle_core::sync::Condition<Private>;

/// Everybody waits until all have come, again and again. (TH060 to TH067)
///
/// ```
/// use inkle::threading::{self, Barrier};
///
/// static START: Barrier = Barrier::new(2).unwrap();
///
/// let thread = threading::spawn(|| START.wait()).unwrap();
/// let (ours, theirs) = (START.wait().unwrap(), thread.join().unwrap().unwrap());
/// assert_eq!(ours + theirs, 1, "one is 0, one is 1");
/// ```
pub type Barrier = inkle_core::sync::Barrier<Private>;

/// A flag that threads can wait for. (TH055, TH056)
///
/// ```
/// use inkle::threading::{self, Event};
///
/// static READY: Event = Event::new();
///
/// let thread = threading::spawn(|| READY.wait()).unwrap();
/// READY.set();
/// thread.join().unwrap();
/// ```
pub type Event = inkle_core::sync::Event<Private>;

/// At most so many at a time. (TH049 to TH052)
///
/// ```
/// use inkle::threading::Semaphore;
///
/// static SEATS: Semaphore = Semaphore::new(2);
///
/// SEATS.acquire();
/// SEATS.acquire();
/// assert!(!SEATS.try_acquire());
/// SEATS.release(2).unwrap();
/// ```
pub type Semaphore = inkle_core::sync::Semaphore<Private>;

/// At most so many at a time, and never more permits than at first. (TH053)
///
/// ```
/// use inkle::threading::BoundedSemaphore;
///
/// static SEATS: BoundedSemaphore = BoundedSemaphore::new(1);
///
/// assert!(SEATS.release(1).is_err(), "nobody has taken one");
/// ```
pub type BoundedSemaphore = inkle_core::sync::BoundedSemaphore<Private>;

/// Calls off whatever waits with it. (TH077)
///
/// ```
/// use inkle::threading::{self, CancelToken, Event, Reason};
///
/// static STOP: CancelToken<'_> = CancelToken::new();
/// static NEVER: Event = Event::new();
///
/// let thread = threading::spawn(|| NEVER.wait_unless(&STOP)).unwrap();
/// STOP.cancel(Reason::REQUESTED);
/// assert_eq!(thread.join().unwrap().unwrap_err().0, Reason::REQUESTED);
/// ```
pub type CancelToken<'p> = inkle_core::sync::CancelToken<'p, Private>;

/// The longest timeout that is counted: 584 years. A longer one is accepted by every call and means
/// no limit, where Python refuses it. (TH012)
///
/// ```
/// use std::time::Duration;
/// use inkle::threading::{Semaphore, TIMEOUT_MAX};
///
/// assert!(TIMEOUT_MAX > Duration::from_secs(9_223_372_036), "Python's");
/// assert_eq!(Semaphore::new(1).acquire_timeout(Duration::MAX), Ok(()));
/// ```
pub const TIMEOUT_MAX: Duration = Duration::from_nanos(u64::MAX);

/// No code of a user runs under this module's mutexes, so none is ever left half-changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
