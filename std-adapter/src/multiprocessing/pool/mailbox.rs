//! What the pool and one of its workers share: two queues of records, and a word that says what the worker does.
//!
//! # Records
//!
//! To the worker: the number of the job, how its parcel comes, whom to call, then the parcel. From it: the number, how
//! the parcel comes, what became of the job, then the parcel. Parcels that are large, or carry descriptors, come as a
//! message over a stream beside the queue: their bytes as a file in memory, which is mapped and read in place.
//!
//! # What the death of a worker leaves behind
//!
//! Each queue is whole whenever its user dies. `begun` is written before a job is begun and once its result has been
//! put. So a job that the worker was given and that has no result was begun if `begun` holds its number, and was not
//! otherwise. Release on the worker's side; the pool reads it with acquire after the process has ended: nothing else
//! orders the two.
//!
//! # A worker that is to be killed for the sake of one job
//!
//! Nothing else may be lost by that, and the worker may go on to the next job at any moment. So the pool marks `begun`
//! first ([`doom`](Post::doom)), by an exchange that succeeds only while the worker does that job or none; a worker
//! that finds the mark, when it begins or ends a job, does nothing more.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use inkle_core::atomic::{AtomicUsize, Ordering};
use inkle_core::channel::Shutdown;
use inkle_core::error::{GetRecordError, PutRecordError};
use inkle_core::robust::{Header, Life, Records, Survivor};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::multiprocessing::error::DecodeError;
use crate::multiprocessing::frame;
use crate::multiprocessing::memory::{Region, Share};
use crate::multiprocessing::parcel::{self, Claimed, Lent, Parcel};
use crate::os::memory::{self, Fixed};
use crate::os::socket;
use crate::platform::{Deadline, Shared};

/// Words of each queue: 64 KiB of memory, once it is used.
const WORDS: usize = 64 * 1024 / size_of::<usize>();
/// Larger parcels go beside the queue.
const IN_PLACE: usize = 8 * 1024;

/// The worker is about to be killed.
const DOOMED: usize = 1 << (usize::BITS - 1);

/// What stands for a job's number.
fn mark(number: u64) -> usize {
    number as usize & !DOOMED
}

/// See the module.
#[repr(C)]
pub(super) struct Mailbox {
    orders: Header<Shared>,
    replies: Header<Shared>,
    /// The number of the job that the worker does; 0 is none. And [`DOOMED`].
    begun: AtomicUsize,
}

// SAFETY: headers and a word, all atomic, of any bits, without an address.
unsafe impl Share for Mailbox {
    fn bury(&self, dead: Life) {
        Survivor::bury(&self.orders, dead);
        Survivor::bury(&self.replies, dead);
    }
}

/// One side's view of it, and its end of the stream.
pub(super) struct Post {
    region: Arc<Region<Mailbox>>,
    stream: Arc<OwnedFd>,
}

/// What goes with a record: as it will be sent, made before anybody holds a lock.
#[derive(Clone, Debug, Default)]
pub(super) struct Cargo {
    inside: Vec<u8>,
    beside: Vec<Arc<OwnedFd>>,
    /// Whether the first of `beside` holds the bytes.
    has_file: bool,
}

impl Cargo {
    /// Errors: the system's, if the bytes are to go as a file and it cannot be made.
    pub(super) fn of(parcel: Parcel) -> io::Result<Self> {
        let Parcel { bytes, fds } = parcel;
        if bytes.len() <= IN_PLACE {
            return Ok(Self { inside: bytes, beside: fds, has_file: false });
        }
        let file = Arc::new(memory::holding("inkle job", &bytes)?);
        let beside = std::iter::once(file).chain(fds).collect();
        Ok(Self { inside: Vec::new(), beside, has_file: true })
    }

    /// A message for people.
    pub(super) fn text(message: &impl fmt::Display) -> Self {
        let mut inside = message.to_string().into_bytes();
        inside.truncate(IN_PLACE);
        Self { inside, ..Self::default() }
    }
}

/// What has come with a record.
pub(super) struct Received {
    bytes: Bytes,
    fds: Vec<Arc<OwnedFd>>,
}

enum Bytes {
    Inside(Vec<u8>),
    Beside(Fixed),
}

impl Received {
    pub(super) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Inside(bytes) => bytes,
            Bytes::Beside(file) => file.bytes(),
        }
    }

    pub(super) fn fds(&self) -> &[Arc<OwnedFd>] {
        &self.fds
    }

    pub(super) fn unpack<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        parcel::unpack(self.bytes(), self.fds.clone())
    }
}

/// Of a record: the number, `N` bytes, and what came with it.
pub(super) struct Letter<const N: usize> {
    pub(super) number: u64,
    pub(super) head: [u8; N],
    pub(super) received: Received,
}

/// Why nothing was sent or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PostError {
    /// Nothing is there, or there is no room.
    NotNow,
    ShutDown,
    /// What lies in the memory makes no sense, or the other side is gone.
    Broken,
}

/// Which of the two queues.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Orders,
    Replies,
}

impl Post {
    /// The pool's side, and the worker's.
    pub(super) fn pair() -> io::Result<(Self, Self)> {
        let mailbox =
            Mailbox { orders: Header::new(), replies: Header::new(), begun: AtomicUsize::new(0) };
        let region = Region::create(mailbox, 2 * WORDS * size_of::<usize>())?;
        let (ours, theirs) = socket::pair()?;
        let end = |stream| Self { region: Arc::clone(&region), stream: Arc::new(stream) };
        Ok((end(ours), end(theirs)))
    }

    fn queue(&self, way: Way) -> Result<Records<'_, Shared>, PostError> {
        let head = self.region.head();
        let words = self.region.tail().all();
        let (header, words) = match way {
            Way::Orders => (&head.orders, words.get(..WORDS)),
            Way::Replies => (&head.replies, words.get(WORDS..2 * WORDS)),
        };
        words.and_then(|words| Records::new(header, words, 0)).ok_or(PostError::Broken)
    }

    /// Puts a record, or waits for room until `deadline`.
    pub(super) fn put<const N: usize>(
        &self,
        way: Way,
        number: u64,
        head: [u8; N],
        cargo: &Cargo,
        deadline: Deadline,
    ) -> Result<(), PostError> {
        let queue = self.queue(way)?;
        let beside = u64::from(!cargo.beside.is_empty()) + u64::from(cargo.has_file);
        if beside != 0 {
            // Before the record: whoever finds the record finds this. There are never more than a few on the way,
            // for which the stream has room.
            let message = Parcel { bytes: Vec::new(), fds: cargo.beside.clone() };
            frame::send(self.stream.as_fd(), &message, deadline).map_err(|_| PostError::Broken)?;
        }
        let pieces = [&number.to_ne_bytes()[..], &beside.to_ne_bytes(), &head, &cargo.inside];
        match queue.put_until(&pieces, deadline) {
            Ok(()) => Ok(()),
            // What went beside it has no record.
            Err(_) if beside != 0 => Err(PostError::Broken),
            Err(PutRecordError::Full | PutRecordError::TimedOut) => Err(PostError::NotNow),
            Err(PutRecordError::ShutDown) => Err(PostError::ShutDown),
            Err(_) => Err(PostError::Broken),
        }
    }

    /// Takes a record, or waits for one until `deadline`.
    pub(super) fn get<const N: usize>(
        &self,
        way: Way,
        deadline: Deadline,
    ) -> Result<Letter<N>, PostError> {
        let record = self.queue(way)?.get_with_until(deadline, |record| {
            let mut bytes = vec![0; record.remaining()];
            record.copy_to(&mut bytes);
            bytes
        });
        let bytes = match record {
            Ok(bytes) => bytes,
            Err(GetRecordError::Empty | GetRecordError::TimedOut) => return Err(PostError::NotNow),
            Err(GetRecordError::ShutDown) => return Err(PostError::ShutDown),
            Err(_) => return Err(PostError::Broken),
        };
        let (number, rest) = bytes.split_first_chunk().ok_or(PostError::Broken)?;
        let (beside, rest) = rest.split_first_chunk().ok_or(PostError::Broken)?;
        let (head, inside) = rest.split_first_chunk().ok_or(PostError::Broken)?;
        let mut fds = Vec::new();
        let beside = u64::from_ne_bytes(*beside);
        if beside != 0 {
            // It is there already, if the record was written by a pool.
            let message = frame::receive(self.stream.as_fd(), 0, Deadline::PASSED);
            fds = message.map_err(|_| PostError::Broken)?.fds;
        }
        let bytes = match beside {
            2 if !fds.is_empty() => {
                let file = Fixed::map(fds.remove(0).as_fd()).map_err(|_| PostError::Broken)?;
                Bytes::Beside(file)
            }
            0 | 1 => Bytes::Inside(inside.to_vec()),
            _ => return Err(PostError::Broken),
        };
        let received = Received { bytes, fds };
        Ok(Letter { number: u64::from_ne_bytes(*number), head: *head, received })
    }

    /// Says, in the worker, that it begins with this job; `false` if it must not.
    pub(super) fn begin(&self, number: u64) -> bool {
        self.turn(0, mark(number))
    }

    /// Says, in the worker, that the job's result has been put; `false` if it must not begin another.
    pub(super) fn end(&self, number: u64) -> bool {
        self.turn(mark(number), 0)
    }

    fn turn(&self, from: usize, to: usize) -> bool {
        let begun = &self.region.head().begun;
        // Release, pairs with the Acquire of `has_begun`. Relaxed: a mark says all there is to know.
        begun.compare_exchange(from, to, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// Has the worker begin nothing more, and this job not end, if the worker does it or none: then it may be killed
    /// for its sake. `false` if it does another, or has been told.
    pub(super) fn doom(&self, number: u64) -> bool {
        let begun = &self.region.head().begun;
        // Relaxed: nothing is read of what the worker has done.
        let doom = |from| {
            begun.compare_exchange(from, from | DOOMED, Ordering::Relaxed, Ordering::Relaxed)
        };
        // It may begin it in between.
        doom(0).is_ok() || doom(mark(number)).is_ok()
    }

    /// Whether the worker, which has died, had begun this job and not ended it.
    pub(super) fn has_begun(&self, number: u64) -> bool {
        // Acquire, pairs with the Release of `turn`.
        self.region.head().begun.load(Ordering::Acquire) & !DOOMED == mark(number)
    }

    /// The worker gets what it was given, and then that there is no more.
    pub(super) fn dismiss(&self) {
        if let Ok(queue) = self.queue(Way::Orders) {
            queue.shutdown(Shutdown::Graceful);
        }
    }
}

#[cfg(inkle_fuzz)]
impl Post {
    /// All that both sides can write to: the queues and the word, and the stream.
    pub(super) fn shared(&self) -> (&OwnedFd, &OwnedFd) {
        (self.region.fd(), &self.stream)
    }
}

/// For the worker's side alone.
impl Serialize for Post {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (Lent(self.region.fd()), Lent(&self.stream)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Post {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (file, stream) = <(Claimed, Claimed)>::deserialize(deserializer)?;
        let region = Region::attach(file.0).map_err(D::Error::custom)?;
        Ok(Self { region, stream: stream.0 })
    }
}
