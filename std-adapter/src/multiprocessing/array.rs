//! Plain values one after the other, with a lock.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use inkle_core::atomic::{AtomicUsize, Ordering};
use inkle_core::error::TimedOut;
use inkle_core::robust::{Found, Life};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::in_place::Lock;
use super::memory::{OutOfBounds, Plain, Region, Share, Words, load, load_all, store_all};
use super::parcel;
use super::sync::LockGuard;
use crate::platform::{Deadline, after};

/// So many plain values in shared memory, and the lock that guards them. (MP047)
///
/// ```
/// use inkle::multiprocessing::Array;
///
/// let squares = Array::new(4)?;
/// let guard = squares.lock();
/// for number in 0..4 {
///     guard.set(number, (number * number) as u32)?;
/// }
/// drop(guard);
/// assert_eq!(squares.lock().to_vec(), [0, 1, 4, 9]);
/// assert!(squares.raw().get(4).is_err());
/// # std::io::Result::Ok(())
/// ```
pub struct Array<T: Plain> {
    region: Arc<Region<Head<T>>>,
    /// As the head said when it was mapped: there is room for as many.
    len: usize,
}

/// What lies before the items.
#[repr(C)]
struct Head<T> {
    len: AtomicUsize,
    lock: Lock,
    items: PhantomData<fn(T) -> T>,
}

// SAFETY: a number, and a lock.
unsafe impl<T: Plain> Share for Head<T> {
    fn bury(&self, dead: Life) {
        self.lock.bury(dead);
    }
}

impl<T: Plain> Array<T> {
    /// `len` items, all of zeros. (MP048)
    ///
    /// Errors: of the kind `InvalidInput` if no memory is that large; the system's.
    pub fn new(len: usize) -> io::Result<Self> {
        let bytes = len.checked_mul(size_of::<T>()).ok_or(io::ErrorKind::InvalidInput)?;
        let head = Head { len: AtomicUsize::new(len), lock: Lock::new(), items: PhantomData };
        Ok(Self { region: Region::create(head, bytes)?, len })
    }

    /// The items of `values`.
    ///
    /// Errors: as [`new`](Self::new).
    pub fn from_slice(values: &[T]) -> io::Result<Self> {
        let array = Self::new(values.len())?;
        store_all(array.region.tail(), 0, values);
        Ok(array)
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Locks it. Progress: blocking.
    pub fn lock(&self) -> ArrayGuard<'_, T> {
        self.locked(self.region.head().lock.guard())
    }

    /// Locks it if nobody has it locked now.
    #[must_use]
    pub fn try_lock(&self) -> Option<ArrayGuard<'_, T>> {
        self.region.head().lock.try_guard().map(|guard| self.locked(guard))
    }

    /// Locks it; waits until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`].
    pub fn lock_until(&self, deadline: impl Into<Deadline>) -> Result<ArrayGuard<'_, T>, TimedOut> {
        self.region.head().lock.guard_until(deadline).map(|guard| self.locked(guard))
    }

    /// Locks it; waits for at most `timeout`. See [`lock_until`](Self::lock_until).
    pub fn lock_timeout(&self, timeout: Duration) -> Result<ArrayGuard<'_, T>, TimedOut> {
        self.lock_until(after(timeout))
    }

    fn locked<'a>(&'a self, guard: LockGuard<'a>) -> ArrayGuard<'a, T> {
        ArrayGuard { items: self.raw(), guard }
    }

    /// The items without the lock. (MP048)
    #[must_use]
    pub fn raw(&self) -> RawArray<'_, T> {
        RawArray { words: self.region.tail(), len: self.len, items: PhantomData }
    }
}

impl<T: Plain> Clone for Array<T> {
    fn clone(&self) -> Self {
        Self { region: Arc::clone(&self.region), len: self.len }
    }
}

impl<T: Plain> fmt::Debug for Array<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Array").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<T: Plain> Serialize for Array<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        parcel::lend(self.region.fd(), serializer)
    }
}

impl<'de, T: Plain> Deserialize<'de> for Array<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let region =
            Region::<Head<T>>::attach(parcel::claim(deserializer)?).map_err(D::Error::custom)?;
        // Relaxed: it came by a message, which orders. Read once: it may be changed by then.
        let len = region.head().len.load(Ordering::Relaxed);
        match len.checked_mul(size_of::<T>()) {
            Some(bytes) if bytes <= region.tail().len() => Ok(Self { region, len }),
            _ => Err(D::Error::custom("the array says that it is longer than its memory")),
        }
    }
}

/// The items of an [`Array`] without its lock.
///
/// A number of up to a word is read and written in one piece, more than that in several; access orders nothing else.
///
/// ```
/// use inkle::multiprocessing::Array;
///
/// let array = Array::from_slice(&[1_u16, 2, 3, 4])?;
/// let items = array.raw();
/// items.write(1, &[7, 8])?;
/// assert_eq!(items.to_vec(), [1, 7, 8, 4]);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy)]
pub struct RawArray<'a, T: Plain> {
    words: Words<'a>,
    len: usize,
    items: PhantomData<fn(T) -> T>,
}

impl<T: Plain> RawArray<'_, T> {
    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The item at `index`.
    ///
    /// Errors: [`OutOfBounds`]. Progress: wait-free.
    pub fn get(&self, index: usize) -> Result<T, OutOfBounds> {
        Ok(load(self.words, self.place(index, 1)?))
    }

    /// Another item at `index`.
    ///
    /// Errors: [`OutOfBounds`]. Progress: lock-free.
    pub fn set(&self, index: usize, item: T) -> Result<(), OutOfBounds> {
        self.write(index, &[item])
    }

    /// Copies the items from `index` on to `into`.
    ///
    /// Errors: [`OutOfBounds`], and nothing is copied. Progress: wait-free.
    pub fn read(&self, index: usize, into: &mut [T]) -> Result<(), OutOfBounds> {
        load_all(self.words, self.place(index, into.len())?, into);
        Ok(())
    }

    /// Copies `items` to `index` and on.
    ///
    /// Errors: [`OutOfBounds`], and nothing is copied. Progress: lock-free.
    pub fn write(&self, index: usize, items: &[T]) -> Result<(), OutOfBounds> {
        store_all(self.words, self.place(index, items.len())?, items);
        Ok(())
    }

    /// A copy of all items.
    #[must_use]
    pub fn to_vec(&self) -> Vec<T> {
        (0..self.len).map(|index| load(self.words, index * size_of::<T>())).collect()
    }

    /// The byte where the items begin.
    fn place(&self, offset: usize, count: usize) -> Result<usize, OutOfBounds> {
        match offset.checked_add(count) {
            Some(end) if end <= self.len => Ok(offset * size_of::<T>()),
            _ => Err(OutOfBounds { offset, count, len: self.len }),
        }
    }
}

impl<T: Plain + fmt::Debug> fmt::Debug for RawArray<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.to_vec()).finish()
    }
}

/// Has an [`Array`] locked until it is dropped; what it can do is said at [`RawArray`].
///
/// ```
/// use inkle::multiprocessing::Array;
///
/// let array = Array::from_slice(&[1.5, 2.5])?;
/// let guard = array.lock();
/// let sum = guard.get(0)? + guard.get(1)?;
/// guard.set(0, sum)?;
/// assert!(!guard.found().is_abandoned());
/// # std::io::Result::Ok(())
/// ```
#[must_use = "the array is unlocked as soon as the guard is dropped"]
#[derive(Debug)]
pub struct ArrayGuard<'a, T: Plain> {
    items: RawArray<'a, T>,
    guard: LockGuard<'a>,
}

impl<T: Plain> ArrayGuard<'_, T> {
    /// Whether somebody died who had it locked: then some items may be changed and others not.
    pub fn found(&self) -> Found {
        self.guard.found()
    }
}

impl<'a, T: Plain> std::ops::Deref for ArrayGuard<'a, T> {
    type Target = RawArray<'a, T>;

    fn deref(&self) -> &RawArray<'a, T> {
        &self.items
    }
}
