//! Floor 4: any queue made blocking, with the task accounting and the shutdown of Python's `queue`.
//!
//! # How it is made
//!
//! A queue that answers at once, and three wait queues, for threads and for tasks: not empty, not full,
//! all done. The fast path of `put` and `get` is the queue's own operation, one fence of the platform
//! (none on x86, where the exchange is one) and one load; no system call while nobody sleeps.
//!
//! Unfinished tasks need no counter on the fast path: the queue numbers its pushes with tickets, and
//! the channel keeps the ticket up to which tasks are done.
//!
//! # Shutdown
//!
//! [`shutdown`](Channel::shutdown) closes the queue, which is one atomic step in the order of its
//! pushes. So an item whose `put` succeeded is never lost behind a `get` that said `ShutDown`.

mod iter;
mod operation;

use core::fmt;
use core::time::Duration;

use crate::atomic::{AtomicUsize, Ordering};
use crate::error::{GetError, PopError, PushError, PutError, TimedOut, TooManyDone};
use crate::pad::Pad;
use crate::platform::{Deadline, Platform};
use crate::queue::{ForcePush, Peek, Queue};
use crate::waiting::WaitQueue;

pub use iter::{Drain, Iter};
pub use operation::{Get, Join, Put};

/// How to shut a channel down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Takes nothing new; what is inside can still be got. (QU019)
    Graceful,
    /// Takes nothing new, drops what is inside and counts it as done. (QU020, QU021)
    Immediate,
}

/// A queue `Q` made blocking on the ground `P`.
///
/// Any number of threads may put and get. Interrupt handlers may use the `try_` forms if the queue,
/// the platform's `wake` and, where tasks wait, its [`masked`](Platform::masked) allow it.
///
/// ```
/// use core::time::Duration;
/// use inkle_core::channel::{Channel, Shutdown};
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::queue::fifo::Fifo;
/// use inkle_core::GetError;
///
/// static WORK: Channel<Fifo<&str, 4>, Spin<NoBoard>> = Channel::new(Fifo::new());
///
/// WORK.put("card").unwrap();
/// WORK.put("spin").unwrap();
/// assert_eq!(WORK.unfinished(), 2);
///
/// assert_eq!(WORK.get(), Ok("card"));
/// WORK.task_done().unwrap();
///
/// WORK.shutdown(Shutdown::Graceful);
/// assert_eq!(WORK.get(), Ok("spin"));
/// WORK.task_done().unwrap();
/// WORK.join();
/// assert_eq!(WORK.get_timeout(Duration::from_secs(1)), Err(GetError::ShutDown));
/// ```
pub struct Channel<Q, P> {
    queue: Q,
    not_empty: WaitQueue<P>,
    not_full: WaitQueue<P>,
    all_done: WaitQueue<P>,
    /// The ticket of the first put whose task is not done. Apart from what puts and gets read.
    done: Pad<AtomicUsize>,
}

impl<Q, P: Platform> Channel<Q, P> {
    const_fn! {
        /// A channel over `queue`, which must be new: nothing was ever pushed to it.
        #[must_use]
        pub const fn new(queue: Q) -> Self {
            Self {
                queue,
                not_empty: WaitQueue::new(),
                not_full: WaitQueue::new(),
                all_done: WaitQueue::new(),
                done: Pad(AtomicUsize::new(0)),
            }
        }
    }
}

impl<Q: Queue, P: Platform> Channel<Q, P> {
    /// Adds an item; waits for room without limit.
    ///
    /// Errors: [`PutError::ShutDown`], with the item. Progress: blocking. Interrupt-safe: no.
    /// Ordering: release, pairs with [`get`](Self::get)'s acquire. Source: QU005, QU018.
    #[inline(always)]
    pub fn put(&self, item: Q::Item) -> Result<(), PutError<Q::Item>> {
        self.put_until(item, Deadline::NEVER)
    }

    /// Adds an item if there is room now.
    ///
    /// Errors: [`PutError::Full`], [`PutError::ShutDown`], with the item. Progress: the queue's, and with
    /// tasks waiting a short lock. Interrupt-safe: if the queue and the platform's `wake` are, and with
    /// tasks if its [`masked`](Platform::masked) keeps handlers out. Source: QU009.
    #[inline(always)]
    pub fn try_put(&self, item: Q::Item) -> Result<(), PutError<Q::Item>> {
        match self.push(item) {
            Ok(()) => Ok(()),
            Err(PushError::Full(item)) => Err(PutError::Full(item)),
            Err(PushError::Closed(item)) => Err(PutError::ShutDown(item)),
        }
    }

    /// Adds an item; waits for room until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`PutError::TimedOut`], [`PutError::ShutDown`], with the item. Progress: blocking.
    /// Interrupt-safe: no. Source: QU005, QU006.
    #[inline(always)]
    pub fn put_until(
        &self,
        item: Q::Item,
        deadline: impl Into<Deadline>,
    ) -> Result<(), PutError<Q::Item>> {
        match self.push(item) {
            Ok(()) => Ok(()),
            // Whatever the error, the slow path finds out again.
            Err(error) => self.put_slowly(error.into_inner(), deadline.into()),
        }
    }

    /// Adds an item; waits for room for at most `timeout`. See [`put_until`](Self::put_until).
    pub fn put_timeout(&self, item: Q::Item, timeout: Duration) -> Result<(), PutError<Q::Item>> {
        self.put_until(item, Deadline::after::<P>(timeout))
    }

    /// Takes the next item; waits for one without limit.
    ///
    /// Errors: [`GetError::ShutDown`] once the channel is shut down and drained. Progress: blocking.
    /// Interrupt-safe: no. Ordering: acquire, pairs with [`put`](Self::put)'s release. Source:
    /// QU007, QU008.
    #[inline(always)]
    pub fn get(&self) -> Result<Q::Item, GetError> {
        self.get_until(Deadline::NEVER)
    }

    /// Takes the next item if there is one now.
    ///
    /// Errors: [`GetError::Empty`], [`GetError::ShutDown`]. Progress and interrupt safety: as
    /// [`try_put`](Self::try_put). Source: QU009.
    #[inline(always)]
    pub fn try_get(&self) -> Result<Q::Item, GetError> {
        match self.pop() {
            Ok(item) => Ok(item),
            Err(PopError::Empty) => Err(GetError::Empty),
            Err(PopError::Closed) => Err(GetError::ShutDown),
        }
    }

    /// Takes the next item; waits for one until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`GetError::TimedOut`], [`GetError::ShutDown`]. Progress: blocking. Interrupt-safe:
    /// no. Source: QU007, QU008.
    #[inline(always)]
    pub fn get_until(&self, deadline: impl Into<Deadline>) -> Result<Q::Item, GetError> {
        // The error is not kept: the slow path tries again before anything else.
        match self.pop() {
            Ok(item) => Ok(item),
            Err(_) => self.get_slowly(deadline.into()),
        }
    }

    /// Takes the next item; waits for one for at most `timeout`. See
    /// [`get_until`](Self::get_until).
    pub fn get_timeout(&self, timeout: Duration) -> Result<Q::Item, GetError> {
        self.get_until(Deadline::after::<P>(timeout))
    }

    /// Gets items until the channel is shut down and drained: waits for each. (QU031)
    ///
    /// ```
    /// # use inkle_core::channel::{Channel, Shutdown};
    /// # use inkle_core::platform::{NoBoard, Spin};
    /// # use inkle_core::queue::word::WordRing;
    /// let channel: Channel<WordRing<u8, 4>, Spin<NoBoard>> = Channel::new(WordRing::new());
    /// channel.put(1).unwrap();
    /// channel.put(2).unwrap();
    /// channel.shutdown(Shutdown::Graceful);
    /// assert_eq!(channel.iter().sum::<u8>(), 3);
    /// ```
    pub fn iter(&self) -> Iter<'_, Q, P> {
        Iter { channel: self }
    }

    /// Gets the items that are there now: never waits, ends when there is none. (QU034)
    ///
    /// Items put meanwhile may come too; while others put as fast as this gets, it does not end.
    pub fn drain(&self) -> Drain<'_, Q, P> {
        Drain { channel: self }
    }

    /// Says that the work on one item that was got is finished.
    ///
    /// Errors: [`TooManyDone`] if every item ever put is already done. Progress: lock-free, and with
    /// tasks waiting a short lock. Interrupt-safe: as [`try_put`](Self::try_put). Ordering: release, pairs
    /// with [`join`](Self::join)'s acquire. Source: QU010.
    pub fn task_done(&self) -> Result<(), TooManyDone> {
        // Acquire, pairs with the Release below: what was done before the tasks counted so far.
        let mut done = self.done.load(Ordering::Acquire);
        loop {
            if done == self.queue.ticket() {
                return Err(TooManyDone);
            }
            let next = self.queue.ticket_after(done, 1);
            // Release, pairs with the Acquire of `join`: whoever sees all done sees what every task did,
            // those of the others as well, whose exchanges came before in one chain. Acquire on failure:
            // as above; what is exchanged was acquired when it was looked at.
            match self.done.compare_exchange(done, next, Ordering::Release, Ordering::Acquire) {
                Ok(_) => {
                    if next == self.queue.ticket() {
                        self.all_done.notify_after_rmw(u32::MAX);
                    }
                    return Ok(());
                }
                Err(now) => done = now,
            }
        }
    }

    /// Waits without limit until every item that was put has been got and called
    /// [`task_done`](Self::task_done) for. Returns at once if that is so now.
    ///
    /// Progress: blocking. Interrupt-safe: no. Ordering: acquire, pairs with the release of
    /// `task_done`. Source: QU011.
    pub fn join(&self) {
        // Without a deadline it cannot time out.
        let _ = self.join_until(Deadline::NEVER);
    }

    /// As [`join`](Self::join), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`]. (Python's `join` has no timeout: QU030.)
    pub fn join_until(&self, deadline: impl Into<Deadline>) -> Result<(), TimedOut> {
        self.all_done.block(deadline.into(), || self.join_once()).ok_or(TimedOut)
    }

    /// As [`join`](Self::join), for at most `timeout`. See [`join_until`](Self::join_until).
    pub fn join_timeout(&self, timeout: Duration) -> Result<(), TimedOut> {
        self.join_until(Deadline::after::<P>(timeout))
    }

    /// Takes no more items from now on, for ever, and wakes everybody who waits. May be called
    /// again, also to go from graceful to immediate.
    ///
    /// A put that succeeded comes before the shutdown; its item is got or, by an immediate shutdown,
    /// dropped. An immediate shutdown takes the items out one by one: a `get` at the same time may
    /// still come in between and return one. If the `Drop` of a dropped item panics, the panic goes
    /// through and the rest stays inside until the next call.
    ///
    /// Progress: the queue's `close`, plus one pop for each dropped item, and with tasks waiting a short
    /// lock. Interrupt-safe: as
    /// [`try_put`](Self::try_put). Source: QU017 to QU021.
    pub fn shutdown(&self, how: Shutdown) {
        self.queue.close();
        self.not_full.notify(u32::MAX);
        self.not_empty.notify(u32::MAX);
        if how == Shutdown::Immediate {
            while let Ok(item) = self.queue.try_pop() {
                // Cannot fail: this item was put and nobody else can call it done, unless somebody
                // has called `task_done` without a task, and then it is done already.
                let _ = self.task_done();
                drop(item);
            }
        }
    }

    /// Whether the channel has been shut down.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.queue.is_closed()
    }

    /// The queue, with what is left in it.
    #[must_use]
    pub fn into_inner(self) -> Q {
        self.queue
    }

    /// How many items are inside: a snapshot (QU004).
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing is inside: a snapshot (QU004).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether there is no room: a snapshot (QU004).
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.queue.capacity().is_some_and(|capacity| self.queue.len() >= capacity)
    }

    /// How many items fit; `None` if there is no limit.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        self.queue.capacity()
    }

    /// How many items were put and are not yet called done: a snapshot (QU010).
    #[must_use]
    pub fn unfinished(&self) -> usize {
        // Acquire, pairs with `task_done`. First `done`, then the ticket: the difference is never
        // less than it was at the first load, so 0 was true at that moment.
        let done = self.done.load(Ordering::Acquire);
        self.queue.tickets_between(done, self.queue.ticket())
    }

    /// Wakes somebody after the queue has changed.
    #[inline(always)]
    fn notify(changed: &WaitQueue<P>, count: u32) {
        if Q::BY_RMW {
            changed.notify_after_rmw(count);
        } else {
            changed.notify(count);
        }
    }

    #[inline(always)]
    fn push(&self, item: Q::Item) -> Result<(), PushError<Q::Item>> {
        match self.queue.try_push(item) {
            Ok(()) => {
                Self::notify(&self.not_empty, 1);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    #[inline(always)]
    fn pop(&self) -> Result<Q::Item, PopError> {
        let item = self.queue.try_pop()?;
        Self::notify(&self.not_full, 1);
        Ok(item)
    }

    /// One attempt of a put that waits: `None` while there is no room, with the item back in its place.
    #[inline(always)]
    fn put_once(&self, place: &mut Option<Q::Item>) -> Option<Result<(), PutError<Q::Item>>> {
        match self.push(place.take()?) {
            Ok(()) => Some(Ok(())),
            Err(PushError::Full(item)) => {
                *place = Some(item);
                None
            }
            Err(PushError::Closed(item)) => Some(Err(PutError::ShutDown(item))),
        }
    }

    /// One attempt of a get that waits: `None` while there is nothing.
    #[inline(always)]
    fn get_once(&self) -> Option<Result<Q::Item, GetError>> {
        match self.pop() {
            Ok(item) => Some(Ok(item)),
            Err(PopError::Empty) => None,
            Err(PopError::Closed) => Some(Err(GetError::ShutDown)),
        }
    }

    /// One attempt of a join that waits.
    fn join_once(&self) -> Option<()> {
        (self.unfinished() == 0).then_some(())
    }

    #[cold]
    fn put_slowly(&self, item: Q::Item, deadline: Deadline) -> Result<(), PutError<Q::Item>> {
        let mut rejected = Some(item);
        let result = self.not_full.block(deadline, || self.put_once(&mut rejected));
        match (result, rejected) {
            (Some(result), _) => result,
            (None, Some(item)) => Err(PutError::TimedOut(item)),
            // `block` gave up, so the last attempt said `Full` and put the item back.
            (None, None) => Ok(()),
        }
    }

    #[cold]
    fn get_slowly(&self, deadline: Deadline) -> Result<Q::Item, GetError> {
        let result = self.not_empty.block(deadline, || self.get_once());
        result.unwrap_or(Err(GetError::TimedOut))
    }
}

impl<Q: ForcePush, P: Platform> Channel<Q, P> {
    /// Adds an item at once, also to a full channel: then the oldest item goes, is handed back and
    /// counts as done.
    ///
    /// Errors: [`PutError::ShutDown`], with the item. Progress and interrupt safety: as
    /// [`try_put`](Self::try_put). Source: QU034.
    ///
    /// ```
    /// # use inkle_core::channel::Channel;
    /// # use inkle_core::platform::{NoBoard, Spin};
    /// # use inkle_core::queue::word::WordRing;
    /// static LATEST: Channel<WordRing<u16, 2>, Spin<NoBoard>> = Channel::new(WordRing::new());
    ///
    /// for sample in [10, 20, 30] {
    ///     LATEST.force_put(sample).unwrap();
    /// }
    /// assert_eq!((LATEST.peek(), LATEST.get(), LATEST.unfinished()), (Some(20), Ok(20), 2));
    /// ```
    pub fn force_put(&self, item: Q::Item) -> Result<Option<Q::Item>, PutError<Q::Item>> {
        let oldest = match self.queue.force_push(item) {
            Ok(oldest) => oldest,
            Err(PushError::Full(item)) => return Err(PutError::Full(item)),
            Err(PushError::Closed(item)) => return Err(PutError::ShutDown(item)),
        };
        Self::notify(&self.not_empty, 1);
        if oldest.is_some() {
            // As in `shutdown`: it can only fail if somebody has called it done already.
            let _ = self.task_done();
        }
        Ok(oldest)
    }
}

impl<Q: Peek, P: Platform> Channel<Q, P> {
    /// A copy of the item that a get would take now.
    ///
    /// Progress and interrupt safety: the queue's. Source: QU034.
    #[must_use]
    pub fn peek(&self) -> Option<Q::Item> {
        self.queue.peek()
    }
}

impl<Q: Queue, P: Platform> fmt::Debug for Channel<Q, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("unfinished", &self.unfinished())
            .field("shut_down", &self.is_shut_down())
            .finish()
    }
}
