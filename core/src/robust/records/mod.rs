//! A queue of byte records in shared memory, for many processes at both ends, any of which may be killed.
//!
//! # Layout
//!
//! Words for the records, as a ring, and apart from them the [`Header`]: for each end a lock, a place
//! (`place.rs`) and a bell; how many tasks are done, and a bell. A record is a word with its number of
//! bytes and the bytes, padded to a word, around the end of the ring if need be.
//!
//! # Invariants
//!
//! 1. Only who holds an end's lock moves its place, and only by an exchange of what it has read under the
//!    lock. So one who was taken for dead, and lives, moves nothing.
//! 2. From the head to the tail lie whole records. The rest is nobody's but the put lock's holder's.
//!
//! # Linearization points
//!
//! Put: the exchange of the tail. Get: that of the head. An end of the queue that is reached: `Full`: the
//! load of the head under the put lock; `Empty`: the load of the tail. Shutdown: the `or` that closes the
//! tail, which is one more step in the order of puts; if it is immediate, what lies inside is dropped by
//! another one, that closes the head.
//!
//! # What the dead leave
//!
//! Killed before its exchange, a put has put nothing and a get has taken nothing; afterwards all. The lock
//! it may hold says so to the next one, which has nothing to set right: what lies outside of head and tail
//! means nothing. The bell that was not rung is rung by [`bury`](Survivor::bury). An immediate shutdown may
//! have come as far as a graceful one.
//!
//! # Why no wake-up is lost
//!
//! Whoever moves a place rings the other end's bell afterwards, and each bell's argument holds (`bell.rs`).
//! Records wait for one getter each, so their bell is rung for one, and whoever takes one and leaves others
//! rings on. Room is rung to all: it may be enough for some and not for others. After a shutdown all bells
//! rouse everybody.
//!
//! # Hostile bytes
//!
//! Places and lengths are looked at before they are used, each read once: `Corrupt` if they make no sense.
//! Where the words lie and how many there are each process knows for itself.
//!
//! # Progress and cost
//!
//! Puts block each other while they copy, gets likewise, puts and gets do not. Three read-modify-writes
//! each, and one access for each word of the record.

mod bytes;
mod place;

use core::fmt;
use core::mem::forget;
use core::time::Duration;

pub use bytes::Record;

use super::{Bell, Life, Lock, LockGuard, Mortal, NET, Survivor};
use crate::atomic::{AtomicU32, AtomicUsize, AtomicWord, Ordering};
use crate::channel::Shutdown;
use crate::error::{GetRecordError, PutRecordError, TimedOut, TooManyDone};
use crate::pad::Pad;
use crate::platform::Deadline;
use place::{CLOSED, Filled, MOST_WORDS, Place, excess, one_more};

/// One end of the queue.
#[repr(C)]
struct End<P> {
    place: AtomicWord,
    lock: Lock<P>,
    /// For those who wait at this end.
    bell: Bell<P>,
}

impl<P: Mortal> End<P> {
    const_fn! {
        const fn new() -> Self {
            Self { place: AtomicWord::new(0), lock: Lock::new(), bell: Bell::new() }
        }
    }

    /// Where it is. Acquire, pairs with the Release of `advance` and of a shutdown: what the other end has
    /// done with the words up to there.
    fn look(&self) -> Place {
        Place(self.place.load(Ordering::Acquire))
    }

    /// Goes on from where the caller, with the lock, has seen it.
    fn advance(&self, from: Place, to: Place) -> Result<(), Astray> {
        // Release, pairs with the Acquire of `look`: the record that was written is whole, or was read
        // whole, before its words are the other end's. Acquire, pairs with the Release of `close`: who is
        // told of it sees what came before it.
        match self.place.compare_exchange(from.0, to.0, Ordering::Release, Ordering::Acquire) {
            Ok(_) => Ok(()),
            Err(now) if Place(now).is_closed() && from.meets(Place(now)) => Err(Astray::Closed),
            Err(_) => Err(Astray::Moved),
        }
    }

    /// Stays where it is for ever.
    fn close(&self) {
        // Release, pairs with the Acquire of `look`: what came before the shutdown. It is a
        // read-modify-write, so it hands on the last record as well.
        self.place.fetch_or(CLOSED, Ordering::Release);
    }

    /// The lock, for as long as the caller waits anyway; who does not wait waits for others' copies, but
    /// not for ever.
    fn hold(&self, deadline: Deadline) -> Result<LockGuard<'_, P>, TimedOut> {
        match self.lock.try_guard() {
            Some(guard) => Ok(guard),
            None if deadline.has_passed::<P>() => self.lock.guard_timeout(NET),
            None => self.lock.guard_until(deadline),
        }
    }

    fn bury(&self, dead: Life) {
        self.lock.bury(dead);
        self.bell.bury(dead);
    }
}

/// Why an end did not go on.
enum Astray {
    /// It was closed meanwhile.
    Closed,
    /// Somebody has moved it who does not hold the lock; or we do not, having been taken for dead.
    Moved,
}

/// What a queue of [`Records`] is besides the words with the bytes. Lies in shared memory.
#[repr(C)]
pub struct Header<P> {
    tail: Pad<End<P>>,
    head: Pad<End<P>>,
    /// How many tasks are done; wraps as the places' counts do.
    done: AtomicU32,
    all_done: Bell<P>,
}

impl<P: Mortal> Header<P> {
    const_fn! {
        /// That of a new, empty queue.
        #[must_use]
        pub const fn new() -> Self {
            Self {
                tail: Pad(End::new()),
                head: Pad(End::new()),
                done: AtomicU32::new(0),
                all_done: Bell::new(),
            }
        }
    }
}

// SAFETY: atomic words; places and what they lead to are looked at before they are used, and they are no
// addresses.
unsafe impl<P: Mortal> Survivor for Header<P> {
    /// Whoever waits looks again; what the dead process had not put whole is not there, what it had not
    /// taken is. A task that it had taken and not done stays unfinished.
    fn bury(&self, dead: Life) {
        self.tail.0.bury(dead);
        self.head.0.bury(dead);
        self.all_done.bury(dead);
    }
}

impl<P: Mortal> Default for Header<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P> fmt::Debug for Header<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header").finish_non_exhaustive()
    }
}

/// A bounded queue of byte records in shared memory, first in first out, for any number of processes.
///
/// This is a handle, one in each process: it knows where the [`Header`] and the words lie. Two limits: that
/// of bytes, by the words, and that of records. Killed in the middle of a put a process has put nothing,
/// in the middle of a get it has taken nothing; nothing else is lost, and nobody is held up for longer
/// than it takes to learn of the death.
///
/// `try_` forms do not wait for records or room, but for others that copy at the moment; if one of these
/// does not get on (because it is stopped) for a second they say `TimedOut`.
///
/// ```
/// # mod alone { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/robust/alone.rs")); }
/// # use alone::Alone;
/// use inkle_core::atomic::AtomicUsize;
/// use inkle_core::error::PutRecordError;
/// use inkle_core::robust::{Header, Records};
///
/// // In real use both lie in a shared mapping.
/// static HEADER: Header<Alone> = Header::new();
/// static WORDS: [AtomicUsize; 8] = [const { AtomicUsize::new(0) }; 8];
///
/// let queue = Records::new(&HEADER, &WORDS, 3).expect("neither none nor too many");
/// queue.put(&[b"skein ", b"of yarn"])?;
/// assert_eq!(queue.try_put(&[&[0; 100]]), Err(PutRecordError::TooLarge));
///
/// let mut buffer = [0; 16];
/// let len = queue.get(&mut buffer).unwrap();
/// assert_eq!(&buffer[..len], b"skein of yarn");
/// queue.task_done().unwrap();
/// queue.join();
/// # Ok::<(), PutRecordError>(())
/// ```
pub struct Records<'a, P> {
    header: &'a Header<P>,
    words: &'a [AtomicUsize],
    limit: u32,
}

impl<P> Clone for Records<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Records<'_, P> {}

impl<'a, P: Mortal> Records<'a, P> {
    /// The queue of a header and words that belong together, for at most `limit` records, or with 0 for as
    /// many as fit. `None` without words, or with more than 2^30.
    ///
    /// All processes must mean the same words and limit. Bytes that are all 0 are a new queue.
    #[must_use]
    pub fn new(header: &'a Header<P>, words: &'a [AtomicUsize], limit: u32) -> Option<Self> {
        let fits = !words.is_empty() && words.len() <= MOST_WORDS;
        fits.then_some(Self { header, words, limit: if limit == 0 { u32::MAX } else { limit } })
    }

    /// How many words a record of so many bytes takes.
    #[must_use]
    pub const fn words_for(bytes: usize) -> usize {
        bytes::words_for(bytes)
    }

    /// Adds a record, the pieces one after the other; waits for room without limit.
    ///
    /// Errors: [`PutRecordError::ShutDown`]; [`PutRecordError::TooLarge`] if it never fits;
    /// [`PutRecordError::Corrupt`] if what lies in the memory makes no sense. Progress: blocking.
    /// Interrupt-safe: no. Ordering: release, pairs with [`get`](Self::get)'s acquire. Source: MP029,
    /// MP035.
    pub fn put(&self, pieces: &[&[u8]]) -> Result<(), PutRecordError> {
        self.put_until(pieces, Deadline::NEVER)
    }

    /// As [`put`](Self::put), if there is room now.
    ///
    /// Errors: besides, [`PutRecordError::Full`]; [`PutRecordError::TimedOut`] if another put does not get
    /// on for a second.
    pub fn try_put(&self, pieces: &[&[u8]]) -> Result<(), PutRecordError> {
        let bytes = self.length(pieces)?;
        self.push(bytes, pieces, Deadline::PASSED).unwrap_or(Err(PutRecordError::Full))
    }

    /// As [`put`](Self::put), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: besides, [`PutRecordError::TimedOut`].
    pub fn put_until(
        &self,
        pieces: &[&[u8]],
        deadline: impl Into<Deadline>,
    ) -> Result<(), PutRecordError> {
        let (bytes, deadline) = (self.length(pieces)?, deadline.into());
        let result = self.header.tail.0.bell.block(deadline, || self.push(bytes, pieces, deadline));
        result.unwrap_or(Err(PutRecordError::TimedOut))
    }

    /// As [`put`](Self::put), for at most `timeout`. See [`put_until`](Self::put_until).
    pub fn put_timeout(&self, pieces: &[&[u8]], timeout: Duration) -> Result<(), PutRecordError> {
        self.put_until(pieces, Deadline::after::<P>(timeout))
    }

    /// Takes the next record into `buffer` and gives its length; waits for one without limit.
    ///
    /// Errors: [`GetRecordError::ShutDown`] once the queue is shut down and drained;
    /// [`GetRecordError::TooSmall`], with the length, and then the record stays where it is;
    /// [`GetRecordError::Corrupt`] if what lies in the memory makes no sense. Progress: blocking.
    /// Interrupt-safe: no. Ordering: acquire, pairs with [`put`](Self::put)'s release. Source: MP029, MP035.
    pub fn get(&self, buffer: &mut [u8]) -> Result<usize, GetRecordError> {
        self.get_until(buffer, Deadline::NEVER)
    }

    /// As [`get`](Self::get), if there is a record now.
    ///
    /// Errors: besides, [`GetRecordError::Empty`]; [`GetRecordError::TimedOut`] if another get does not get
    /// on for a second.
    pub fn try_get(&self, buffer: &mut [u8]) -> Result<usize, GetRecordError> {
        let taken = self.pop(Deadline::PASSED, |record| into_buffer(record, buffer));
        taken.unwrap_or(Err(GetRecordError::Empty))
    }

    /// As [`get`](Self::get), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: besides, [`GetRecordError::TimedOut`].
    pub fn get_until(
        &self,
        buffer: &mut [u8],
        deadline: impl Into<Deadline>,
    ) -> Result<usize, GetRecordError> {
        self.wait(deadline.into(), |record| into_buffer(record, buffer))
    }

    /// As [`get`](Self::get), for at most `timeout`. See [`get_until`](Self::get_until).
    pub fn get_timeout(
        &self,
        buffer: &mut [u8],
        timeout: Duration,
    ) -> Result<usize, GetRecordError> {
        self.get_until(buffer, Deadline::after::<P>(timeout))
    }

    /// Takes the next record and gives what `sink` makes of it; waits for one without limit. The record is
    /// taken when `sink` returns, whether it has copied all of it or not; if it panics, the record stays.
    ///
    /// Until then others cannot get, so it should copy and no more.
    ///
    /// Errors and the rest: as [`get`](Self::get), without `TooSmall`.
    pub fn get_with<R>(
        &self,
        sink: impl FnOnce(&mut Record<'_>) -> R,
    ) -> Result<R, GetRecordError> {
        self.get_with_until(Deadline::NEVER, sink)
    }

    /// As [`get_with`](Self::get_with), if there is a record now. Errors: as [`try_get`](Self::try_get).
    pub fn try_get_with<R>(
        &self,
        sink: impl FnOnce(&mut Record<'_>) -> R,
    ) -> Result<R, GetRecordError> {
        self.pop(Deadline::PASSED, once(sink)).unwrap_or(Err(GetRecordError::Empty))
    }

    /// As [`get_with`](Self::get_with), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: besides, [`GetRecordError::TimedOut`].
    pub fn get_with_until<R>(
        &self,
        deadline: impl Into<Deadline>,
        sink: impl FnOnce(&mut Record<'_>) -> R,
    ) -> Result<R, GetRecordError> {
        self.wait(deadline.into(), once(sink))
    }

    /// As [`get_with`](Self::get_with), for at most `timeout`. See
    /// [`get_with_until`](Self::get_with_until).
    pub fn get_with_timeout<R>(
        &self,
        timeout: Duration,
        sink: impl FnOnce(&mut Record<'_>) -> R,
    ) -> Result<R, GetRecordError> {
        self.get_with_until(Deadline::after::<P>(timeout), sink)
    }

    /// Says that the work on one record that was got is finished, one of the last 2^30 that were put.
    ///
    /// Errors: [`TooManyDone`] if every record ever put is already done. Progress: lock-free.
    /// Interrupt-safe: no. Ordering: release, pairs with [`join`](Self::join)'s acquire. Source: MP036.
    pub fn task_done(&self) -> Result<(), TooManyDone> {
        // Acquire, pairs with the Release below: what was done before the tasks counted so far.
        let mut done = self.header.done.load(Ordering::Acquire);
        loop {
            if self.ahead_of(done) == 0 {
                return Err(TooManyDone);
            }
            let next = one_more(done);
            // Release, pairs with the Acquire of `unfinished`: whoever sees all done sees what every task
            // did, those of the others as well, whose exchanges came before in one chain. Acquire on
            // failure: as above; what is exchanged was acquired when it was looked at.
            match self.header.done.compare_exchange_weak(
                done,
                next,
                Ordering::Release,
                Ordering::Acquire,
            ) {
                Ok(_) => {
                    if self.ahead_of(next) == 0 {
                        self.header.all_done.ring_after_rmw(u32::MAX);
                    }
                    return Ok(());
                }
                Err(now) => done = now,
            }
        }
    }

    /// Waits without limit until [`task_done`](Self::task_done) has been called for every record that was
    /// put. Returns at once if that is so now.
    ///
    /// Progress: blocking. Interrupt-safe: no. Ordering: acquire, pairs with the release of `task_done`.
    /// Source: MP036.
    pub fn join(&self) {
        // Without a deadline it cannot time out.
        let _ = self.join_until(Deadline::NEVER);
    }

    /// As [`join`](Self::join), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`]. (Python's `join` has no timeout: MP036.)
    pub fn join_until(&self, deadline: impl Into<Deadline>) -> Result<(), TimedOut> {
        let joined = || (self.unfinished() == 0).then_some(());
        self.header.all_done.block(deadline.into(), joined).ok_or(TimedOut)
    }

    /// As [`join`](Self::join), for at most `timeout`. See [`join_until`](Self::join_until).
    pub fn join_timeout(&self, timeout: Duration) -> Result<(), TimedOut> {
        self.join_until(Deadline::after::<P>(timeout))
    }

    /// How many records were put and are not yet called done: a snapshot.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        // Acquire, pairs with `task_done`. First this, then the places: the difference is never less than
        // it was at this load, so 0 was true at that moment.
        self.ahead_of(self.header.done.load(Ordering::Acquire)) as usize
    }

    /// Takes no more records from now on, for ever, and wakes everybody who waits. May be called again, also
    /// to go from graceful to immediate, which drops what is inside and counts it as done, in one step.
    ///
    /// A put that succeeded comes before the shutdown.
    ///
    /// Progress: lock-free. Interrupt-safe: no. Ordering: release; whoever is told of it sees what came
    /// before. Source: QU017 to QU021 (MP037: Python's has none).
    pub fn shutdown(&self, how: Shutdown) {
        self.header.tail.0.close();
        if how == Shutdown::Immediate {
            self.header.head.0.close();
        }
        self.header.tail.0.bell.rouse();
        self.header.head.0.bell.rouse();
        self.header.all_done.rouse();
    }

    /// Whether the queue has been shut down.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.header.tail.0.look().is_closed()
    }

    /// How many records are inside: a snapshot.
    #[must_use]
    pub fn len(&self) -> usize {
        // The head first: the tail is never behind what it was then.
        let (head, tail) = (self.header.head.0.look(), self.header.tail.0.look());
        if head.is_closed() { 0 } else { place::difference(tail.count(), head.count()) as usize }
    }

    /// Whether nothing is inside: a snapshot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes the largest record may have.
    #[must_use]
    pub fn max_len(&self) -> usize {
        self.words.len().wrapping_sub(1).wrapping_mul(size_of::<usize>())
    }

    /// Rung for each record that comes, and at shutdown: to wait for one of several queues. Whoever waits
    /// there and leaves a record to others rings on: see [`Bell::prepare`].
    #[must_use]
    pub fn readable(&self) -> &'a Bell<P> {
        &self.header.head.0.bell
    }

    /// Rung when there is more room, and at shutdown: as [`readable`](Self::readable).
    #[must_use]
    pub fn writable(&self) -> &'a Bell<P> {
        &self.header.tail.0.bell
    }

    /// Calls `give_back` with the words that hold no record, in one run or two, while it keeps others from
    /// putting: the memory under them may be given back to the system, and they may be of any value
    /// afterwards. Does nothing while somebody puts.
    ///
    /// Progress: lock-free, but for `give_back`. Interrupt-safe: no.
    pub fn with_unused(&self, mut give_back: impl FnMut(&'a [AtomicUsize])) {
        let end = &self.header.tail.0;
        let Some(_guard) = end.lock.try_guard() else { return };
        // As in `push`: behind the tail, up to the head, is what only the lock's holder writes to.
        let (tail, capacity) = (end.look(), self.words.len());
        let Some(filled) = self.header.head.0.look().to(tail, capacity) else { return };
        let unused = capacity.wrapping_sub(filled.words);
        let from = if tail.at() >= capacity { tail.at() - capacity } else { tail.at() };
        let behind = unused.min(capacity.wrapping_sub(from));
        let runs = [(from, behind), (0, unused.wrapping_sub(behind))];
        for (from, count) in runs {
            let run = self.words.get(from..).and_then(|words| words.get(..count));
            if let Some(run @ [_, ..]) = run {
                give_back(run);
            }
        }
    }

    /// How far those that were put, and not dropped, are ahead of those done.
    fn ahead_of(&self, done: u32) -> u32 {
        let head = self.header.head.0.look();
        let last = if head.is_closed() { head } else { self.header.tail.0.look() };
        excess(last.count(), done)
    }

    /// How many bytes the pieces have together.
    fn length(&self, pieces: &[&[u8]]) -> Result<usize, PutRecordError> {
        let add = |sum: usize, piece: &&[u8]| sum.checked_add(piece.len());
        match pieces.iter().try_fold(0, add) {
            Some(bytes) if bytes <= self.max_len() => Ok(bytes),
            _ => Err(PutRecordError::TooLarge),
        }
    }

    /// One attempt of a put: `None` if there is no room.
    fn push(
        &self,
        bytes: usize,
        pieces: &[&[u8]],
        deadline: Deadline,
    ) -> Option<Result<(), PutRecordError>> {
        let end = &self.header.tail.0;
        let Ok(guard) = end.hold(deadline) else { return Some(Err(PutRecordError::TimedOut)) };
        // The tail first: it stays where it is, and the head does not pass it.
        let tail = end.look();
        if tail.is_closed() {
            return Some(Err(PutRecordError::ShutDown));
        }
        let Some(filled) = self.header.head.0.look().to(tail, self.words.len()) else {
            return Some(Err(PutRecordError::Corrupt));
        };
        let needed = bytes::words_for(bytes);
        if needed > self.words.len().wrapping_sub(filled.words) || filled.records >= self.limit {
            return None;
        }
        bytes::write(self.words, tail.at(), bytes, pieces);
        match end.advance(tail, tail.after(needed, self.words.len())) {
            Ok(()) => {}
            Err(Astray::Closed) => return Some(Err(PutRecordError::ShutDown)),
            Err(Astray::Moved) => return Some(Err(PutRecordError::Corrupt)),
        }
        drop(guard);
        self.header.head.0.bell.ring_after_rmw(1);
        Some(Ok(()))
    }

    /// What lies inside, seen from the head; `None` if nothing does.
    fn inside(&self, head: Place) -> Result<Option<Filled>, GetRecordError> {
        let tail = self.header.tail.0.look();
        if head.is_closed() || (head.meets(tail) && tail.is_closed()) {
            return Err(GetRecordError::ShutDown);
        }
        if head.meets(tail) {
            return Ok(None);
        }
        head.to(tail, self.words.len()).map(Some).ok_or(GetRecordError::Corrupt)
    }

    /// One attempt of a get: `None` if there is no record. If `sink` gives an error, the record stays.
    fn pop<R>(
        &self,
        deadline: Deadline,
        sink: impl FnOnce(&mut Record<'_>) -> Result<R, GetRecordError>,
    ) -> Option<Result<R, GetRecordError>> {
        let end = &self.header.head.0;
        // Without the lock only whether there is nothing: the head may move on meanwhile.
        match self.inside(end.look()) {
            Err(GetRecordError::ShutDown) => return Some(Err(GetRecordError::ShutDown)),
            Ok(None) => return None,
            _ => {}
        }
        let Ok(guard) = end.hold(deadline) else { return Some(Err(GetRecordError::TimedOut)) };
        // It stays where it is, and the tail only goes on.
        let head = end.look();
        let filled = match self.inside(head) {
            Ok(filled) => filled?,
            Err(error) => return Some(Err(error)),
        };
        let Some((mut record, words)) = Record::at(self.words, head.at(), filled.words) else {
            return Some(Err(GetRecordError::Corrupt));
        };
        // We may have been woken for a record that stays, also if the sink panics.
        let ring_on = RingOn(self.readable());
        let result = sink(&mut record);
        if result.is_err() {
            return Some(result);
        }
        forget(ring_on);
        match end.advance(head, head.after(words, self.words.len())) {
            Ok(()) => {}
            Err(Astray::Closed) => return Some(Err(GetRecordError::ShutDown)),
            Err(Astray::Moved) => return Some(Err(GetRecordError::Corrupt)),
        }
        drop(guard);
        self.writable().ring_after_rmw(u32::MAX);
        if filled.records > 1 {
            // We may have been woken in the place of all others: see `bell.rs`.
            self.readable().ring_after_rmw(1);
        }
        Some(result)
    }

    /// A get that waits.
    fn wait<R>(
        &self,
        deadline: Deadline,
        mut sink: impl FnMut(&mut Record<'_>) -> Result<R, GetRecordError>,
    ) -> Result<R, GetRecordError> {
        let result = self.readable().block(deadline, || self.pop(deadline, &mut sink));
        result.unwrap_or(Err(GetRecordError::TimedOut))
    }
}

/// Wakes another one when dropped.
struct RingOn<'a, P: Mortal>(&'a Bell<P>);

impl<P: Mortal> Drop for RingOn<'_, P> {
    fn drop(&mut self) {
        self.0.ring(1);
    }
}

/// Copies a record if it fits.
fn into_buffer(record: &mut Record<'_>, buffer: &mut [u8]) -> Result<usize, GetRecordError> {
    let len = record.len();
    if len > buffer.len() {
        Err(GetRecordError::TooSmall { len })
    } else {
        Ok(record.copy_to(buffer))
    }
}

/// What is called for the one record that is taken.
fn once<R>(
    sink: impl FnOnce(&mut Record<'_>) -> R,
) -> impl FnMut(&mut Record<'_>) -> Result<R, GetRecordError> {
    let mut sink = Some(sink);
    // `None` would mean a second record for one call.
    move |record| sink.take().map(|sink| sink(record)).ok_or(GetRecordError::Corrupt)
}

impl<P: Mortal> fmt::Debug for Records<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("len", &self.len())
            .field("max_len", &self.max_len())
            .field("unfinished", &self.unfinished())
            .field("shut_down", &self.is_shut_down())
            .finish()
    }
}

#[cfg(test)]
mod tests;
