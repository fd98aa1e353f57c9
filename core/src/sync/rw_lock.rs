//! A value that many may read, or one may change.
//!
//! # Layout
//!
//! The gate, which is one word and two queues to wait in (`rw_gate.rs`: the protocol, and why no wake-up
//! is lost), then the value.
//!
//! # Invariant
//!
//! The value is read by those whom the gate has let in as readers, changed by the one whom it has let in
//! as a writer, or touched by whoever has the whole lock for itself. Who is in has a guard and leaves
//! when it is dropped.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

use super::CancelToken;
use super::rw_gate::{Gate, ReadTurn, WriteTurn};
use crate::atomic::UnsafeCell;
use crate::error::{Cancelled, TimedOut};
use crate::operation::{Attempt, Operation};
use crate::platform::{Deadline, Platform, Step};
use crate::watch;

/// A value that many may read at a time, or one may change.
///
/// *Writers are preferred.* A reader that comes while a writer waits does not get in, so readers alone
/// never starve a writer: it waits for those who read, and for those who waited before it while
/// another writer was in. A reader that has waited while a writer was in does not wait for writers that
/// only wait; it can be overtaken for as long as it finds a writer *in* each time it looks. Between
/// writers no order is promised. A writer that gives up, by a deadline, by a token, or dropped, keeps
/// nobody out any more.
///
/// Not re-entrant: who reads and reads again waits for the writer that waits for it. At most 65,535 read
/// at a time; one more waits until one of them leaves. There is no poisoning, as in
/// [`Mutex`](super::Mutex).
///
/// ```
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::RwLock;
///
/// static LIMITS: RwLock<[u32; 2], Spin<NoBoard>> = RwLock::new([0, 10]);
///
/// let mut limits = LIMITS.write();
/// limits[1] = 20;
/// let seen = limits.downgrade();
/// assert_eq!(*seen, *LIMITS.read());
/// assert!(LIMITS.try_write().is_none());
/// ```
#[repr(C)]
pub struct RwLock<T, P: Platform> {
    gate: Gate<P>,
    value: UnsafeCell<T>,
}

// SAFETY: the value is changed by one at a time, from any thread, which takes `Send`, and read by
// several at a time, which takes `Sync` (invariant).
unsafe impl<T: Send + Sync, P: Platform> Sync for RwLock<T, P> {}

impl<T, P: Platform> RwLock<T, P> {
    const_fn! {
        /// A lock that nobody holds.
        #[must_use]
        pub const fn new(value: T) -> Self {
            Self { gate: Gate::new(), value: UnsafeCell::new(value) }
        }
    }

    /// Lets the caller read; waits without limit.
    ///
    /// Progress: blocking. Interrupt-safe: no. Ordering: acquire, pairs with the release of the
    /// writer before. Source: TH079.
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn read(&self) -> ReadGuard<'_, T, P> {
        // Without a deadline it cannot time out.
        let _ = self.gate.read(Deadline::NEVER);
        ReadGuard { lock: self }
    }

    /// Lets the caller read if no writer is in and none waits.
    ///
    /// Progress: lock-free. Interrupt-safe: yes, and so is dropping the guard if the platform's `wake`
    /// is, and with tasks if its [`masked`](Platform::masked) keeps handlers out. Ordering: as
    /// [`read`](Self::read).
    #[must_use]
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn try_read(&self) -> Option<ReadGuard<'_, T, P>> {
        self.gate.try_read().then(|| ReadGuard { lock: self })
    }

    /// As [`read`](Self::read), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`].
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn read_until(
        &self,
        deadline: impl Into<Deadline>,
    ) -> Result<ReadGuard<'_, T, P>, TimedOut> {
        if self.gate.read(deadline.into()) { Ok(ReadGuard { lock: self }) } else { Err(TimedOut) }
    }

    /// As [`read`](Self::read), for at most `timeout`. See [`read_until`](Self::read_until).
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn read_timeout(&self, timeout: Duration) -> Result<ReadGuard<'_, T, P>, TimedOut> {
        self.read_until(Deadline::after::<P>(timeout))
    }

    /// As [`read`](Self::read), until `token` is cancelled.
    ///
    /// Errors: [`Cancelled`]. Source: TH077.
    pub fn read_unless(
        &self,
        token: &CancelToken<'_, P>,
    ) -> Result<ReadGuard<'_, T, P>, Cancelled> {
        self.read_async().unless(token)
    }

    /// [`read`](Self::read) to await, to select, or to block on with a limit.
    ///
    /// Dropped before it is done it holds nothing. Progress: each poll is lock-free, and if it cannot
    /// read takes a short lock on the list of waiters. Interrupt-safe: to be polled in a handler, if the
    /// platform's [`masked`](Platform::masked) keeps handlers out.
    pub fn read_async(&self) -> ReadLock<'_, T, P> {
        let reading = Reading { lock: self, turn: ReadTurn::new(&self.gate) };
        Operation::new(reading, self.gate.readers())
    }

    /// Lets the caller change the value; waits without limit.
    ///
    /// Progress: blocking. Interrupt-safe: no. Ordering: acquire, pairs with the release of the
    /// writer and of the readers before. Source: TH079.
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn write(&self) -> WriteGuard<'_, T, P> {
        // Without a deadline it cannot time out.
        let _ = self.gate.write(Deadline::NEVER);
        WriteGuard::new(self)
    }

    /// Lets the caller change the value if nobody is in.
    ///
    /// Progress: lock-free. Interrupt-safe: yes, and so is dropping the guard if the platform's `wake`
    /// is, and with tasks if its [`masked`](Platform::masked) keeps handlers out. Ordering: as
    /// [`write`](Self::write).
    #[must_use]
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn try_write(&self) -> Option<WriteGuard<'_, T, P>> {
        self.gate.try_write().then(|| WriteGuard::new(self))
    }

    /// As [`write`](Self::write), until `deadline`. A deadline that has passed polls, and keeps no reader
    /// out.
    ///
    /// Errors: [`TimedOut`].
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn write_until(
        &self,
        deadline: impl Into<Deadline>,
    ) -> Result<WriteGuard<'_, T, P>, TimedOut> {
        if self.gate.write(deadline.into()) { Ok(WriteGuard::new(self)) } else { Err(TimedOut) }
    }

    /// As [`write`](Self::write), for at most `timeout`. See [`write_until`](Self::write_until).
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn write_timeout(&self, timeout: Duration) -> Result<WriteGuard<'_, T, P>, TimedOut> {
        self.write_until(Deadline::after::<P>(timeout))
    }

    /// As [`write`](Self::write), until `token` is cancelled.
    ///
    /// Errors: [`Cancelled`]. Source: TH077.
    pub fn write_unless(
        &self,
        token: &CancelToken<'_, P>,
    ) -> Result<WriteGuard<'_, T, P>, Cancelled> {
        self.write_async().unless(token)
    }

    /// [`write`](Self::write) to await, to select, or to block on with a limit.
    ///
    /// While it waits, from the first poll on, it keeps new readers out as a thread does; dropped before
    /// it is done it holds nothing and keeps nobody out. Progress and interrupt safety: as
    /// [`read_async`](Self::read_async).
    pub fn write_async(&self) -> WriteLock<'_, T, P> {
        let writing = Writing { lock: self, turn: WriteTurn::new(&self.gate) };
        Operation::new(writing, self.gate.writers())
    }

    /// The value, which nobody else can reach at the moment.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: the lock is borrowed exclusively, so there is no guard, but for those that were leaked,
        // whose borrows have ended.
        self.value.with_mut(|value| unsafe { &mut *value })
    }

    /// The value, which nobody else can reach any more.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: Default, P: Platform> Default for RwLock<T, P> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T, P: Platform> From<T> for RwLock<T, P> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: fmt::Debug, P: Platform> fmt::Debug for RwLock<T, P> {
    /// Shows the value if it may be read now.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_read() {
            Some(guard) => f.debug_struct("RwLock").field("value", &*guard).finish(),
            None => f.debug_struct("RwLock").finish_non_exhaustive(),
        }
    }
}

/// Lets a reader see the value of an [`RwLock`]; leaves when dropped.
#[must_use = "the reader leaves as soon as the guard is dropped"]
pub struct ReadGuard<'a, T, P: Platform> {
    lock: &'a RwLock<T, P>,
}

impl<T, P: Platform> Deref for ReadGuard<'_, T, P> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: we are in as a reader for as long as we live, so no writer is (invariant).
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T: fmt::Debug, P: Platform> fmt::Debug for ReadGuard<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display, P: Platform> fmt::Display for ReadGuard<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T, P: Platform> Drop for ReadGuard<'_, T, P> {
    #[inline]
    fn drop(&mut self) {
        self.lock.gate.leave_read();
    }
}

/// Lets a writer change the value of an [`RwLock`]; leaves when dropped.
#[must_use = "the writer leaves as soon as the guard is dropped"]
pub struct WriteGuard<'a, T, P: Platform> {
    lock: &'a RwLock<T, P>,
    /// It gives the value away as `&mut`, and may be shared or sent only where that may.
    gives: PhantomData<&'a mut T>,
}

impl<'a, T, P: Platform> WriteGuard<'a, T, P> {
    /// The caller is in as a writer.
    fn new(lock: &'a RwLock<T, P>) -> Self {
        Self { lock, gives: PhantomData }
    }

    /// Goes on as a reader, without letting another writer in between. Lets in readers that have waited
    /// for this writer, and others unless a writer waits.
    ///
    /// Progress and interrupt safety: as dropping the guard.
    pub fn downgrade(self) -> ReadGuard<'a, T, P> {
        let lock = self.lock;
        core::mem::forget(self);
        lock.gate.downgrade();
        ReadGuard { lock }
    }
}

impl<T, P: Platform> Deref for WriteGuard<'_, T, P> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: we are in as the writer for as long as we live, so nobody else is (invariant), and
        // through us only `deref_mut`, which takes us exclusively, gives `&mut`.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T, P: Platform> DerefMut for WriteGuard<'_, T, P> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and we are borrowed exclusively.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: fmt::Debug, P: Platform> fmt::Debug for WriteGuard<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display, P: Platform> fmt::Display for WriteGuard<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T, P: Platform> Drop for WriteGuard<'_, T, P> {
    #[inline]
    fn drop(&mut self) {
        self.lock.gate.leave_write();
    }
}

/// An [`RwLock`] about to be read; see [`RwLock::read_async`].
pub type ReadLock<'a, T, P> = Operation<'a, Reading<'a, T, P>, P>;

/// See [`ReadLock`].
pub struct Reading<'a, T, P: Platform> {
    lock: &'a RwLock<T, P>,
    turn: ReadTurn<'a, P>,
}

debug_name!(impl[T, P: Platform] Reading<'_, T, P>: "Reading";);

impl<'a, T, P: Platform> Attempt for Reading<'a, T, P> {
    type Output = ReadGuard<'a, T, P>;

    fn attempt(&mut self, _waited: bool) -> Option<ReadGuard<'a, T, P>> {
        self.turn.attempt().then(|| {
            watch::tell::<P, _>(&self.lock.gate, Step::Acquired);
            ReadGuard { lock: self.lock }
        })
    }

    fn stop(&mut self) {
        self.turn.stop();
    }
}

/// An [`RwLock`] about to be changed; see [`RwLock::write_async`].
pub type WriteLock<'a, T, P> = Operation<'a, Writing<'a, T, P>, P>;

/// See [`WriteLock`].
pub struct Writing<'a, T, P: Platform> {
    lock: &'a RwLock<T, P>,
    turn: WriteTurn<'a, P>,
}

debug_name!(impl[T, P: Platform] Writing<'_, T, P>: "Writing";);

impl<'a, T, P: Platform> Attempt for Writing<'a, T, P> {
    type Output = WriteGuard<'a, T, P>;

    fn attempt(&mut self, waited: bool) -> Option<WriteGuard<'a, T, P>> {
        self.turn.attempt(waited).then(|| {
            watch::tell::<P, _>(&self.lock.gate, Step::Acquired);
            WriteGuard::new(self.lock)
        })
    }

    fn stop(&mut self) {
        self.turn.stop();
    }
}
