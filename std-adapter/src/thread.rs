//! Python's `_thread`: the low-level way to start a thread, and the plain lock.
//!
//! | Python | here |
//! |---|---|
//! | `start_new_thread(f, args)` | [`start_new_thread`]: arguments are what the closure captures |
//! | `allocate_lock()`, `LockType` | [`allocate_lock`], [`LockType`] |
//! | `get_ident()`, `get_native_id()` | [`get_ident`], [`get_native_id`] |
//! | `_count()` | [`count`] |
//! | `TIMEOUT_MAX` | [`TIMEOUT_MAX`] |
//!
//! Take [`threading`] instead if you ever want to know how the thread ended.

use std::sync::Arc;

use crate::threading;

pub use crate::threading::{SpawnError, TIMEOUT_MAX, get_ident, get_native_id};

/// Starts a thread that nobody joins, and gives its number. Blocks until it runs. (LT002)
///
/// If `body` panics, the panic hook of the standard library reports the thread's name and the
/// message on stderr (replace it with [`std::panic::set_hook`]), the thread ends, and all other
/// threads go on (LT003). Unlike Python's, the thread is on [`threading::enumerate`]'s list from the
/// start, under a name of the form `Thread-N`.
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
    threading::spawn(body).map(|thread| thread.ident())
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
pub fn count() -> usize {
    threading::started_count()
}
