//! One plain value with a lock.

use std::fmt;
use std::io;
use std::ops::Deref;
use std::time::Duration;

use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::error::TimedOut;
use inkle_core::robust::{Found, Life};

use super::in_place::Lock;
use super::memory::{Cell, Plain, Share, Shared};
use super::sync::LockGuard;
use super::travel::travels_as_its_field;
use crate::platform::{Deadline, after};

/// A plain value in shared memory, and the lock that guards it. (MP047)
///
/// [`get`](InPlace::get) and [`set`](InPlace::set) take the lock each time; to change a value by what it was, take the lock
/// for both ([`lock`](InPlace::lock)).
///
/// ```
/// use inkle::multiprocessing::Value;
///
/// let done = Value::new(0_u64)?;
/// done.lock().modify(|done| done + 1);
/// assert_eq!(done.get(), 1);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct Value<T: Plain>(Shared<InPlace<T>>);

impl<T: Plain> Value<T> {
    /// A value in memory of its own.
    ///
    /// Errors: the system's.
    pub fn new(value: T) -> io::Result<Self> {
        Ok(Self(Shared::new(InPlace::new(value))?))
    }
}

impl<T: Plain> Deref for Value<T> {
    type Target = InPlace<T>;

    #[inline]
    fn deref(&self) -> &InPlace<T> {
        &self.0
    }
}

travels_as_its_field!(Value<T>, T: Plain);

/// A plain value in shared memory without a lock. (MP048)
///
/// ```
/// use inkle::multiprocessing::{RawValue, memory::Cell};
///
/// let ratio = RawValue::new(Cell::new(0.5))?;
/// assert_eq!(ratio.get(), 0.5);
/// # std::io::Result::Ok(())
/// ```
pub type RawValue<T> = Shared<Cell<T>>;

/// A plain value and its lock, as a part of what lies in shared memory: see [`Value`].
#[repr(C)]
pub struct InPlace<T: Plain> {
    lock: Lock,
    /// Not 0: the lock was found abandoned by somebody who did not ask. Changed under the lock alone, which orders it.
    untold: AtomicU32,
    cell: Cell<T>,
}

impl<T: Plain> InPlace<T> {
    /// A value that nobody has locked.
    pub const fn new(value: T) -> Self {
        Self { lock: Lock::new(), untold: AtomicU32::new(0), cell: Cell::new(value) }
    }

    /// The value. Waits while somebody has it locked. Progress: blocking.
    pub fn get(&self) -> T {
        let _guard = self.quietly();
        self.cell.get()
    }

    /// Another value. Waits while somebody has it locked. Progress: blocking.
    pub fn set(&self, value: T) {
        let _guard = self.quietly();
        self.cell.set(value);
    }

    /// For who has no place to tell that the last holder died: the next one that asks is told.
    fn quietly(&self) -> LockGuard<'_> {
        let guard = self.lock.guard();
        if guard.found().is_abandoned() {
            self.untold.store(1, Ordering::Relaxed);
        }
        guard
    }

    /// Locks it. Progress: blocking.
    pub fn lock(&self) -> ValueGuard<'_, T> {
        self.locked(self.lock.guard())
    }

    /// Locks it if nobody has it locked now.
    pub fn try_lock(&self) -> Option<ValueGuard<'_, T>> {
        self.lock.try_guard().map(|guard| self.locked(guard))
    }

    /// Locks it; waits until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`].
    pub fn lock_until(&self, deadline: impl Into<Deadline>) -> Result<ValueGuard<'_, T>, TimedOut> {
        self.lock.guard_until(deadline).map(|guard| self.locked(guard))
    }

    /// Locks it; waits for at most `timeout`. See [`lock_until`](Self::lock_until).
    pub fn lock_timeout(&self, timeout: Duration) -> Result<ValueGuard<'_, T>, TimedOut> {
        self.lock_until(after(timeout))
    }

    fn locked<'a>(&'a self, guard: LockGuard<'a>) -> ValueGuard<'a, T> {
        let untold = self.untold.load(Ordering::Relaxed) != 0;
        if untold {
            self.untold.store(0, Ordering::Relaxed);
        }
        let found = if untold { Found::Abandoned } else { guard.found() };
        ValueGuard { cell: &self.cell, found, _guard: guard }
    }

    /// The value without the lock.
    pub fn raw(&self) -> &Cell<T> {
        &self.cell
    }
}

// SAFETY: each of its parts may.
unsafe impl<T: Plain> Share for InPlace<T> {
    fn bury(&self, dead: Life) {
        self.lock.bury(dead);
    }
}

impl<T: Plain + fmt::Debug> fmt::Debug for InPlace<T> {
    /// Without the lock.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Value").field(&self.cell.get()).finish()
    }
}

/// Has a [`Value`] locked until it is dropped.
///
/// ```
/// use inkle::multiprocessing::Value;
///
/// let value = Value::new(2.5)?;
/// let guard = value.lock();
/// guard.set(guard.get() * 2.0);
/// assert!(!guard.found().is_abandoned());
/// drop(guard);
/// assert_eq!(value.get(), 5.0);
/// # std::io::Result::Ok(())
/// ```
#[must_use = "the value is unlocked as soon as the guard is dropped"]
pub struct ValueGuard<'a, T: Plain> {
    cell: &'a Cell<T>,
    found: Found,
    _guard: LockGuard<'a>,
}

impl<T: Plain> ValueGuard<'_, T> {
    /// Whether somebody died who had it locked: then a value of more than a word may be half-changed.
    pub fn found(&self) -> Found {
        self.found
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> T {
        self.cell.get()
    }

    /// Another value.
    pub fn set(&self, value: T) {
        self.cell.set(value);
    }

    /// What `change` makes of the value, which it becomes.
    pub fn modify(&self, change: impl FnOnce(T) -> T) -> T {
        let value = change(self.get());
        self.set(value);
        value
    }
}

impl<T: Plain + fmt::Debug> fmt::Debug for ValueGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueGuard")
            .field("value", &self.get())
            .field("found", &self.found)
            .finish()
    }
}
