//! Python's `_thread`: the low-level way to start a thread, and the plain lock.
//!
//! | Python | here |
//! |---|---|
//! | `start_new_thread(f, args)` | [`start_new_thread`]: arguments are what the closure captures |
//! | `start_joinable_thread(f)`, its handle | [`start_joinable_thread`], [`Thread`]: `is_done()` is `!is_alive()` |
//! | `allocate_lock()`, `LockType` | [`allocate_lock`], [`LockType`] |
//! | `get_ident()`, `get_native_id()` | [`get_ident`], [`get_native_id`] |
//! | `stack_size()`, `stack_size(n)` | [`stack_size`], [`set_stack_size`]; each [`Builder`] has its own too |
//! | `set_name(name)` | [`set_name`] |
//! | `exit()` | [`exit`] |
//! | `interrupt_main()` | [`interrupt_main`], [`main_interrupt`] |
//! | `_count()` | [`count`] |
//! | `TIMEOUT_MAX` | [`TIMEOUT_MAX`] |
//! | `error` | each operation has its own error type |
//!
//! Take [`threading`] instead if you ever want to know how the thread ended.
//!
//! Without counterpart: `interrupt_main(signum)` for other signals and what it does when a handler is
//! ignored (LT008), because there are no Python-level handlers to call; `daemon_threads_allowed`, there
//! is one interpreter and it allows them (LT010); `_set_done`, `_shutdown`, `_local`, `_excepthook` and
//! the like, the inside of `threading` (LT011); signal handlers in the main thread, a signal's handler
//! runs wherever the system delivers it (LT012); audit events (LT014); the obsolete `start_new`,
//! `exit_thread`, `allocate`, `acquire_lock`, `release_lock`, `locked_lock`.

use std::sync::Arc;

use crate::threading::{self, Builder, Event, Thread};

pub use crate::threading::{
    SpawnError, TIMEOUT_MAX, get_ident, get_native_id, set_name, set_stack_size, stack_size,
};

/// Starts a thread that nobody joins, and gives its number. Blocks until it runs. It is a daemon: the
/// end of the process does not wait for it (LT013). (LT002)
///
/// If `body` panics, the panic hook of the standard library reports the thread's name and the
/// message on stderr (replace it with [`std::panic::set_hook`]), then that of
/// [`threading::set_panic_hook`]; the thread ends, and all other threads go on (LT003). Unlike
/// Python's, the thread is on [`threading::enumerate`]'s list from the start, under a name of the form
/// `Thread-N`.
///
/// Errors: [`SpawnError`], with the function.
///
/// ```
/// use inkle::thread;
///
/// let done = thread::allocate_lock();
/// done.acquire();
/// let its = done.clone();
/// let ident = thread::start_new_thread(move || its.release().unwrap()).unwrap();
/// assert_ne!(ident, thread::get_ident());
/// done.acquire();
/// ```
pub fn start_new_thread<F>(body: F) -> Result<u64, SpawnError<F>>
where
    F: FnOnce() + Send + 'static,
{
    start_joinable_thread(body).map(|thread| thread.ident())
}

/// As [`start_new_thread`], with a handle to join it by, any number of times and from any thread. A
/// daemon too. (LT004, LT005)
///
/// Errors: [`SpawnError`], with the function.
///
/// ```
/// use inkle::thread;
///
/// let thread = thread::start_joinable_thread(|| 7).unwrap();
/// assert_eq!(thread.join().unwrap(), 7);
/// assert!(!thread.is_alive());
/// ```
pub fn start_joinable_thread<T, F>(body: F) -> Result<Thread<T>, SpawnError<F>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().daemon(true).spawn(body)
}

/// Leaves the function that the calling thread was started with: destructors run, no hook hears of it
/// and nothing is printed; a join gets [`JoinError::Exited`](threading::JoinError::Exited). In the
/// function of a timer or the action of a scheduler, leaves that. (LT009, TH007)
///
/// Where this crate has not started the thread, it does what an unreported panic does: the main
/// thread ends the process with the code of a panic. Code on the way that catches panics stops it,
/// and in a program compiled with `panic = "abort"` it ends the process.
///
/// ```
/// use inkle::thread;
/// use inkle::threading::JoinError;
///
/// let thread = thread::start_joinable_thread(|| thread::exit()).unwrap();
/// assert!(matches!(thread.join(), Err(JoinError::Exited)));
/// ```
pub fn exit() -> ! {
    threading::exit_thread()
}

static INTERRUPT: Event = Event::new();

/// Asks the main thread to stop what it does: sets [`main_interrupt`]. Does not block. (LT007)
///
/// As in Python no signal is sent, no blocking call is broken off, and nothing happens before the
/// main thread looks; where nobody looks it does nothing (LT008). A main thread that blocks selects
/// the event beside what it waits for; one that is to be stopped for good gives a
/// [`CancelToken`](threading::CancelToken) to its calls instead.
///
/// ```
/// use inkle::thread;
///
/// thread::start_joinable_thread(thread::interrupt_main).unwrap();
/// // In main, instead of plain waiting:
/// thread::main_interrupt().wait();
/// thread::main_interrupt().clear();
/// ```
pub fn interrupt_main() {
    INTERRUPT.set();
}

/// What [`interrupt_main`] sets, for the main thread to wait for, to look at between steps, and to
/// clear when it has heard. Does not block. (LT007)
///
/// ```
/// assert!(!inkle::thread::main_interrupt().is_set());
/// ```
#[must_use]
pub fn main_interrupt() -> &'static Event {
    &INTERRUPT
}

/// A handle of a lock: clone it freely, all clones are one lock. Any thread may release it, and to
/// release it when nobody holds it is an error. (LT001, LT006)
///
/// For a lock that several threads see anyway, a `static` for instance, take
/// [`threading::Lock`] itself.
///
/// ```
/// use std::time::Duration;
/// use inkle::thread::{LockType, allocate_lock};
///
/// let lock: LockType = allocate_lock();
/// assert!(lock.try_acquire());
/// assert!(lock.is_held());
/// assert!(lock.acquire_timeout(Duration::ZERO).is_err());
/// assert!(lock.release().is_ok());
/// assert!(lock.release().is_err());
/// let _guard = lock.guard();
/// ```
pub type LockType = Arc<threading::Lock>;

/// A new lock that nobody holds. Does not block. (LT006)
///
/// ```
/// assert!(!inkle::thread::allocate_lock().is_held());
/// ```
#[must_use]
pub fn allocate_lock() -> LockType {
    Arc::new(threading::Lock::new())
}

/// How many threads started by this crate, here or in [`threading`], have not ended: a snapshot.
/// The main thread is not one of them. Takes a short lock. (LT010)
///
/// ```
/// use inkle::{thread, threading};
///
/// static GO: threading::Event = threading::Event::new();
///
/// thread::start_new_thread(|| GO.wait()).unwrap();
/// assert!(thread::count() >= 1);
/// GO.set();
/// ```
#[must_use]
pub fn count() -> usize {
    threading::started_count()
}
