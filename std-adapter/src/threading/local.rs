//! Values of which each thread has its own.
//!
//! Each thread keeps its values in one table; a [`Local`] has a row in all of them, which goes to
//! another `Local` when it is dropped. The `thread_local` crate looks alike, but its values outlive
//! their threads and go to later ones; these end with the thread, as Python's do.
//!
//! # Invariants
//!
//! 1. The value under a row's number in a table is of the type of the `Local` that took that number:
//!    numbers are never given out twice, and only that `Local` puts values under it.
//! 2. A value leaves its table when its `Local` is dropped, when its thread ends, or when `new` has asked
//!    for the very value that it was making: then the inner one makes room for the outer. None of it
//!    happens while somebody in this thread looks at the value: who looks has borrowed the `Local`, runs
//!    in the thread, and below a `new` has come to an end before that `new` does.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use super::locked;
use super::panic::drop_quietly;

/// A value for each thread that asks, made at the first time by a function. (TH015, TH016)
///
/// Const-constructible: make it a `static`, or a field of something shared. Unlike the standard
/// library's `thread_local!` it can be dropped, and [`values`](Self::values) gives those of all living
/// threads.
///
/// A thread's value is dropped when the thread ends, at the latest when nobody holds a copy of
/// [`values`](Self::values) any more; a panic in that drop is reported and goes no further (TH018).
/// When the `Local` is dropped, values stay until their threads end or use another `Local` in that
/// place.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use inkle::threading::{self, Local};
///
/// static PICKS: Local<AtomicU32> = Local::new(|| AtomicU32::new(0));
///
/// PICKS.with(|picks| picks.fetch_add(2, Relaxed));
/// threading::spawn(|| {
///     PICKS.with(|picks| assert_eq!(picks.fetch_add(1, Relaxed), 0));
///     let all: u32 = PICKS.values().iter().map(|picks| picks.load(Relaxed)).sum();
///     assert_eq!(all, 3);
/// }).unwrap().join().unwrap();
/// ```
pub struct Local<T, F = fn() -> T> {
    new: F,
    row: OnceLock<Row>,
    /// Everybody's; those whose thread has ended are taken off now and then.
    all: Mutex<All<T>>,
}

struct All<T> {
    list: Vec<Weak<T>>,
    /// At how many to look for the dead.
    tidy_at: usize,
}

const FIRST_TIDY: usize = 16;

// SAFETY: what `Send` and `Sync` would not give by themselves is `Weak<T>`, for a `T` that must not
// leave its thread. Without `T: Send + Sync` nothing here ever makes an `Arc` of one of these, so the
// value is touched only through its thread's table, on that thread, and dropped there with it. What
// other threads do to the `Weak` (put it on the list, take it off, drop it with the `Local`) touches
// the counters, which are atomic, and frees the memory, which has no value in it by then. `values`,
// which makes an `Arc`, asks for `T: Send + Sync`. `F` is called by any thread: `Sync`.
unsafe impl<T, F: Sync> Sync for Local<T, F> {}
// SAFETY: as above; to be moved is less than to be shared.
unsafe impl<T, F: Send> Send for Local<T, F> {}

impl<T: 'static, F: Fn() -> T> Local<T, F> {
    /// No thread has a value yet; `new` makes it, in the thread that asks first. (TH016)
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use inkle::threading::Local;
    ///
    /// let start = String::from("once upon a time");
    /// let told = Local::new(move || RefCell::new(start.clone()));
    /// told.with(|told| told.borrow_mut().push_str(" there was a loom"));
    /// ```
    pub const fn new(new: F) -> Self {
        let all = All { list: Vec::new(), tidy_at: FIRST_TIDY };
        Self { new, row: OnceLock::new(), all: Mutex::new(all) }
    }

    /// Calls `f` with the calling thread's value. Does not block; the first call of a thread takes a
    /// short lock.
    ///
    /// Panics: if `new` or `f` does, and if thread-local values of this thread have been destroyed:
    /// in destructors of other such values, and in hooks of [`at_exit`](super::at_exit).
    /// [`try_with`](Self::try_with) says so instead.
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(gone) => panic!("{gone}"),
        }
    }

    /// As [`with`](Self::with).
    ///
    /// Errors: [`LocalGone`] if the thread's values have been destroyed.
    ///
    /// ```
    /// use inkle::threading::Local;
    ///
    /// static SEVEN: Local<u32> = Local::new(|| 7);
    ///
    /// assert_eq!(SEVEN.try_with(|seven| *seven), Ok(7));
    /// ```
    pub fn try_with<R>(&self, f: impl FnOnce(&T) -> R) -> Result<R, LocalGone> {
        let row = self.row.get_or_init(Row::take);
        let known = TABLE.try_with(|table| table.get(row)).map_err(|_| LocalGone)?;
        let value = match known {
            Some(value) => value.cast::<T>(),
            None => self.make(row)?,
        };
        // Nothing is borrowed or locked while `f` runs: it may use this `Local` and any other.
        //
        // SAFETY: it is a `T` (invariant 1), and stays while `f` runs (invariant 2): we have borrowed
        // ourselves until then, and are part of the thread.
        Ok(f(unsafe { &*value }))
    }

    #[cold]
    fn make(&self, row: &Row) -> Result<*const T, LocalGone> {
        let value = Arc::new((self.new)());
        let address = Arc::as_ptr(&value);
        locked(&self.all).enlist(Arc::downgrade(&value));
        let old = TABLE.try_with(|table| table.put(row, value)).map_err(|_| LocalGone)?;
        // Not while the table is borrowed: it may use the table.
        drop_quietly(old);
        Ok(address)
    }

    /// The values of all threads that have one, the calling thread's included, in no particular order.
    /// A snapshot: threads may end, and the copies keep their values alive. Takes a short lock.
    ///
    /// ```
    /// use std::sync::Mutex;
    /// use inkle::threading::Local;
    ///
    /// static NAMES: Local<Mutex<String>> = Local::new(Mutex::default);
    ///
    /// assert!(NAMES.values().is_empty());
    /// NAMES.with(|name| name.lock().unwrap().push_str("weaver"));
    /// assert_eq!(*NAMES.values()[0].lock().unwrap(), "weaver");
    /// ```
    ///
    /// Values that must not be shared are not given:
    ///
    /// ```compile_fail,E0277
    /// use std::cell::Cell;
    /// use inkle::threading::Local;
    ///
    /// static COUNT: Local<Cell<u32>> = Local::new(|| Cell::new(0));
    /// let others = COUNT.values();
    /// ```
    pub fn values(&self) -> Vec<Arc<T>>
    where
        T: Send + Sync,
    {
        locked(&self.all).list.iter().filter_map(Weak::upgrade).collect()
    }
}

impl<T: Copy + 'static, F: Fn() -> Cell<T>> Local<Cell<T>, F> {
    /// The calling thread's value.
    ///
    /// Panics: as [`with`](Self::with).
    ///
    /// ```
    /// use std::cell::Cell;
    /// use inkle::threading::Local;
    ///
    /// static DEPTH: Local<Cell<u32>> = Local::new(|| Cell::new(0));
    ///
    /// DEPTH.set(DEPTH.get() + 1);
    /// assert_eq!(DEPTH.get(), 1);
    /// ```
    pub fn get(&self) -> T {
        self.with(Cell::get)
    }

    /// Replaces the calling thread's value.
    ///
    /// Panics: as [`with`](Self::with).
    pub fn set(&self, value: T) {
        self.with(|cell| cell.set(value));
    }
}

impl<T> All<T> {
    fn enlist(&mut self, value: Weak<T>) {
        if self.list.len() >= self.tidy_at {
            self.list.retain(|value| value.strong_count() > 0);
            self.tidy_at = (self.list.len() * 2).max(FIRST_TIDY);
        }
        self.list.push(value);
    }
}

impl<T, F> Drop for Local<T, F> {
    fn drop(&mut self) {
        if let Some(row) = self.row.get() {
            drop_quietly(TABLE.try_with(|table| table.take(row)));
        }
    }
}

impl<T, F> fmt::Debug for Local<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").finish_non_exhaustive()
    }
}

/// A place in every thread's table.
struct Row {
    index: usize,
    /// Never given out twice: tells an old owner's value from ours.
    number: u64,
}

static ROWS: Mutex<Rows> = Mutex::new(Rows { free: Vec::new(), taken: 0, last_number: 0 });

struct Rows {
    free: Vec<usize>,
    taken: usize,
    last_number: u64,
}

impl Row {
    fn take() -> Self {
        let mut rows = locked(&ROWS);
        rows.last_number += 1;
        let number = rows.last_number;
        let index = rows.free.pop().unwrap_or_else(|| {
            rows.taken += 1;
            rows.taken - 1
        });
        Self { index, number }
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        locked(&ROWS).free.push(self.index);
    }
}

thread_local! {
    static TABLE: Table = const { Table(RefCell::new(Vec::new())) };
}

/// A thread's values, by row.
struct Table(RefCell<Vec<Option<Entry>>>);

struct Entry {
    /// Of the row that it was made for.
    number: u64,
    /// Where it lies, so that nobody has to ask `keeps`, which would have to ask what it keeps.
    value: *const (),
    #[expect(dead_code, reason = "it is there to be dropped")]
    keeps: Arc<dyn Any>,
}

impl Table {
    #[inline]
    fn get(&self, row: &Row) -> Option<*const ()> {
        match self.0.borrow().get(row.index) {
            Some(Some(entry)) if entry.number == row.number => Some(entry.value),
            _ => None,
        }
    }

    /// Returns what was there, for the caller to drop.
    fn put(&self, row: &Row, keeps: Arc<dyn Any>) -> Option<Entry> {
        let mut table = self.0.borrow_mut();
        if table.len() <= row.index {
            table.resize_with(row.index + 1, || None);
        }
        let value = Arc::as_ptr(&keeps).cast();
        table[row.index].replace(Entry { number: row.number, value, keeps })
    }

    fn take(&self, row: &Row) -> Option<Entry> {
        let mut table = self.0.borrow_mut();
        table.get_mut(row.index)?.take_if(|entry| entry.number == row.number)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // One by one: a panic that left a thread-local's destructor would end the process.
        self.0.take().into_iter().flatten().for_each(drop_quietly);
    }
}

/// The thread's values have been destroyed: it is all but over.
///
/// ```
/// assert_eq!(inkle::threading::LocalGone.to_string(), "the thread's values have been destroyed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalGone;

impl fmt::Display for LocalGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the thread's values have been destroyed")
    }
}

impl Error for LocalGone {}
