//! Python's `threading`: threads with names, results and a list of who is alive.
//!
//! | Python | here |
//! |---|---|
//! | `Thread(target=f, name=..., daemon=...).start()` | [`spawn`], [`Builder`]: a failed start hands the function back |
//! | `t.join()`, `t.join(timeout)` | [`join`](Thread::join), [`join_timeout`](Thread::join_timeout): gives the result, which Python has no place for |
//! | `t.is_alive()`, `t.name`, `t.ident`, `t.native_id`, `t.daemon` | methods of [`Thread`] and [`ThreadInfo`]; [`set_name`] |
//! | `current_thread()`, `main_thread()` | [`current`], [`main_thread`] |
//! | `enumerate()`, `active_count()` | [`enumerate`], [`active_count`] |
//! | `get_ident()`, `get_native_id()` | [`get_ident`], [`get_native_id`] |
//! | `stack_size()`, `stack_size(n)` | [`stack_size`], [`set_stack_size`] |
//! | `excepthook` | [`set_panic_hook`]; `__excepthook__` is [`reset_panic_hook`], `ExceptHookArgs` are [`ThreadInfo`] and [`Panic`] |
//! | `local` | [`Local`] |
//! | `Timer` | [`Timer`]: one thread for all of them |
//! | `serialize_iterator`, `concurrent_tee` | [`serialize`], [`tee`] |
//! | the end of the interpreter | [`shutdown`], [`at_exit`], [`set_exit_timeout`] |
//! | what Python has not | [`Mutex`], [`RwLock`], [`Latch`], [`Once`], [`Promise`] (TH076, TH079, TH084), and a [`CancelToken`] for all that waits (TH077) |
//! | `Lock`, `RLock`, `Condition`, `Event`, `Semaphore`, `Barrier` | [`Lock`], [`RLock`], [`Condition`], [`Event`], [`Semaphore`], [`Barrier`]: each a few words and fit for a `static` |
//! | `TIMEOUT_MAX` | [`TIMEOUT_MAX`], and no timeout is refused |
//! | nothing | [`scope`]: threads that borrow, are joined and cancelled together; [`CancelToken`] |
//!
//! An exception that escapes a Python thread is printed and lost. Here a panic is reported by the
//! panic hook of the standard library, as in every thread, and then waits as a value for
//! [`join`](Thread::join).
//!
//! # Without counterpart
//!
//! - `settrace`, `setprofile` and their kin (TH010): a compiled program has no lines to be told of;
//!   debuggers and profilers look from outside.
//! - `ThreadError` (TH013): each operation has an error of its own.
//! - `group`, `args`, `kwargs` (TH019): a closure has its arguments; subclasses with `run` (TH024, TH032)
//!   are closures too, and `__slots__` shared by threads (TH017) are statics.
//! - Threads that have not started, and with them joins and idents before the start, second starts and
//!   a `daemon` set too late (TH021, TH023, TH026, TH030): [`Builder::spawn`] makes and starts in one.
//! - Dummies that live for ever (TH002): here they end with their thread.
//! - The main thread of a forked child (TH004, FK001): a child made by a bare `fork` may use this module
//!   as far as any code after such a `fork`, and keeps its origin's list.
//! - Renaming another thread (TH029), daemons forbidden in subinterpreters (TH021), deprecated getters
//!   (TH031), decorators for functions that return iterators (TH069, a call of [`serialize`] is as
//!   short), `send`, `throw` and `close` of generators (TH068).
//! - An exception instead of a wait for a daemon at the end (EX003, EX006): daemons run on until the
//!   process is gone, nothing stops them earlier.

mod builder;
mod error;
mod exit;
mod handle;
mod hook;
mod info;
mod local;
mod outcome;
mod panic;
mod place;
mod registry;
mod scope;
mod serial;
mod stack;
mod start;
mod tee;
mod timer;

use std::sync::PoisonError;
use std::time::Duration;

use crate::platform::Private;

pub use builder::{Builder, spawn};
pub use inkle_core::error::{
    BarrierError, BelowZero, Cancelled, RLockError, ReleaseError, TakeError,
};
pub use inkle_core::sync::Reason;

pub use error::{JoinError, NulInName, SpawnCause, SpawnError};
#[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
pub(crate) use exit::after_joining;
pub use exit::{ExitBegun, Report, at_exit, set_exit_timeout, shutdown};
pub(crate) use exit::{before_joining, has_begun as exit_has_begun};
pub use handle::Thread;
pub(crate) use hook::report as report_panic;
pub use hook::{reset_panic_hook, set_panic_hook};
pub use info::ThreadInfo;
pub use local::{Local, LocalGone};
pub(crate) use outcome::{exit as exit_thread, is_exit};
pub use panic::Panic;
pub(crate) use panic::drop_quietly;
pub use place::{PanicPlace, locate_panics};
#[cfg(feature = "timeline")]
pub(crate) use registry::name_here;
pub(crate) use registry::started_count;
pub use registry::{
    active_count, current, enumerate, get_ident, get_native_id, main_thread, set_name,
};
#[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
pub(crate) use registry::{become_main, is_closed as no_thread_starts};
pub use scope::{Scope, ScopeBuilder, ScopeError, scope, scope_until};
pub use serial::{Serialized, serialize};
pub use stack::{MIN_STACK_SIZE, StackTooSmall, set_stack_size, stack_size};
#[cfg(any(feature = "timeline", feature = "tracing"))]
pub(crate) use start::name_around;
pub use tee::{Tee, tee};
pub use timer::Timer;

pub(crate) type EventCount = inkle_core::event_count::EventCount<Private>;

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
/// use inkle::threading::{LockGuard, Lock};
///
/// fn critical(_proof: &LockGuard<'_>) {}
///
/// let lock = Lock::new();
/// critical(&lock.guard());
/// assert!(!lock.is_held());
/// ```
pub type LockGuard<'a> = inkle_core::sync::LockGuard<'a, Private>;

/// A value that one at a time may use. (TH033 to TH035)
///
/// ```
/// use inkle::threading::{self, Mutex};
///
/// static SEEN: Mutex<Vec<u32>> = Mutex::new(Vec::new());
///
/// let thread = threading::spawn(|| SEEN.lock().push(1)).unwrap();
/// thread.join().unwrap();
/// assert_eq!(*SEEN.lock(), [1]);
/// ```
pub type Mutex<T> = inkle_core::sync::Mutex<T, Private>;

/// Holds a [`Mutex`] and gives its value, until it is dropped.
///
/// ```
/// use inkle::threading::{Mutex, MutexGuard};
///
/// fn double(mut number: MutexGuard<'_, u32>) {
///     *number *= 2;
/// }
///
/// let number = Mutex::new(4);
/// double(number.lock());
/// assert_eq!(number.into_inner(), 8);
/// ```
pub type MutexGuard<'a, T> = inkle_core::sync::MutexGuard<'a, T, Private>;

/// A value that many may read at a time, or one may change. (TH079)
///
/// ```
/// use inkle::threading::{self, RwLock};
///
/// static NAMES: RwLock<Vec<&str>> = RwLock::new(Vec::new());
///
/// NAMES.write().push("Ada");
/// let (here, there) = (NAMES.read(), threading::spawn(|| NAMES.read().len()).unwrap());
/// assert_eq!(here.len(), there.join().unwrap());
/// ```
pub type RwLock<T> = inkle_core::sync::RwLock<T, Private>;

/// Lets a reader see the value of an [`RwLock`], until it is dropped.
///
/// ```
/// use inkle::threading::{ReadGuard, RwLock};
///
/// fn sum(numbers: &ReadGuard<'_, [u32; 2]>) -> u32 {
///     numbers.iter().sum()
/// }
///
/// assert_eq!(sum(&RwLock::new([1, 2]).read()), 3);
/// ```
pub type ReadGuard<'a, T> = inkle_core::sync::ReadGuard<'a, T, Private>;

/// Lets a writer change the value of an [`RwLock`], until it is dropped.
///
/// ```
/// use inkle::threading::{RwLock, WriteGuard};
///
/// fn raise(mut limit: WriteGuard<'_, u32>) -> u32 {
///     *limit += 1;
///     *limit.downgrade()
/// }
///
/// assert_eq!(raise(RwLock::new(1).write()), 2);
/// ```
pub type WriteGuard<'a, T> = inkle_core::sync::WriteGuard<'a, T, Private>;

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

/// Lets everybody through once it has been counted down to zero. (TH084)
///
/// ```
/// use inkle::threading::{self, Latch};
///
/// static READY: Latch = Latch::new(2);
///
/// let thread = threading::spawn(|| READY.arrive_and_wait()).unwrap();
/// READY.count_down(1).unwrap();
/// thread.join().unwrap().unwrap();
/// ```
pub type Latch = inkle_core::sync::Latch<Private>;

/// A value that is set once, or made by whoever needs it first. (TH084)
///
/// ```
/// use inkle::threading::Once;
///
/// static HOME: Once<String> = Once::new();
///
/// assert_eq!(HOME.get_or_init(|| "/home".to_owned()), "/home");
/// assert!(HOME.set("/root".to_owned()).is_err());
/// ```
pub type Once<T> = inkle_core::sync::Once<T, Private>;

/// A value that is set once and taken once. (TH076)
///
/// ```
/// use inkle::threading::{self, Promise, TakeError};
///
/// static SUM: Promise<u32> = Promise::new();
///
/// let thread = threading::spawn(|| SUM.set(1 + 2)).unwrap();
/// assert_eq!(SUM.take(), Ok(3));
/// assert_eq!(SUM.take(), Err(TakeError::Taken));
/// thread.join().unwrap().unwrap();
/// ```
pub type Promise<T> = inkle_core::sync::Promise<T, Private>;

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

/// No code of a user runs under this crate's own mutexes, so none is ever left half-changed.
pub(crate) fn locked<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
