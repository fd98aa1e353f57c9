//! Queues between processes.
//!
//! The algorithm is the kernel's [`Records`]; here items become bytes and bytes items, before and after the queue's locks
//! are held. The memory is a file of which only what is in use takes room.

mod error;
mod kinds;
mod reserve;

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::channel::Shutdown;
use inkle_core::error::{GetRecordError, PutRecordError};
use inkle_core::robust::{self, Life, Record, Survivor};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use error::{GetError, PutError};
pub use kinds::{JoinableQueue, SimpleQueue};
use reserve::Reserve;

use super::memory::{Region, Share, WORD};
use super::parcel::{self, Parcel};
use super::{DecodeError, EncodeError};
use crate::platform::{Deadline, Shared, after};

/// Bytes that a queue has room for, if nothing else is asked for. They take memory when they are used.
pub const DEFAULT_BYTES: usize = 64 << 20;

type Records<'a> = robust::Records<'a, Shared>;

/// First in, first out, between any number of processes at both ends. (MP029)
///
/// It has two limits: how many items, if one was asked for, and how many bytes they take, [`DEFAULT_BYTES`] unless
/// another number was asked for.
///
/// A put has put the item when it returns, and an item that cannot be sent is refused there (MP031): nothing is left to be
/// sent when the process ends (MP034). The items of one producer come in its order (MP030). A process that is killed in
/// the middle of a put has put nothing, and in the middle of a get it has taken nothing; the others go on (MP035).
///
/// Items are bytes while they are inside: handles of shared things do not go through a queue, but as arguments and through
/// connections.
///
/// The queue itself is a handle: it goes to other processes as an argument or in a message.
///
/// ```
/// use inkle::multiprocessing::{Queue, Shutdown};
///
/// let queue = Queue::new()?;
/// queue.put((1, "skein".to_owned()))?;
/// queue.put((2, "loom".to_owned()))?;
/// queue.shutdown(Shutdown::Graceful);
///
/// let words: Result<Vec<_>, _> = queue.iter().map(|item| item.map(|(_, word)| word)).collect();
/// assert_eq!(words?, ["skein", "loom"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Queue<T: 'static> {
    region: Arc<Region<Head<T>>>,
    /// What a put compares with, as the head said when it was mapped; 0: no limit.
    limit: u32,
    reserve: Arc<Reserve>,
}

/// What lies before the records.
#[repr(C)]
struct Head<T> {
    records: robust::Header<Shared>,
    limit: AtomicU32,
    items: PhantomData<fn(T) -> T>,
}

// SAFETY: a number, and what `Survivor` promises.
unsafe impl<T: 'static> Share for Head<T> {
    fn bury(&self, dead: Life) {
        Survivor::bury(&self.records, dead);
    }
}

impl<T> Queue<T> {
    /// A queue for as many items as have room in [`DEFAULT_BYTES`].
    ///
    /// Errors: the system's.
    pub fn new() -> io::Result<Self> {
        Self::with_bytes(0, DEFAULT_BYTES)
    }

    /// A queue for at most `capacity` items; 0 is no limit.
    ///
    /// Errors: the system's.
    pub fn bounded(capacity: u32) -> io::Result<Self> {
        Self::with_bytes(capacity, DEFAULT_BYTES)
    }

    /// A queue for at most `capacity` items (0: no limit) and about `bytes` bytes. Each item takes eight bytes more than
    /// its own, rounded up to a multiple of eight.
    ///
    /// Errors: of the kind `InvalidInput` for no bytes, or for more than 2^30 words; the system's.
    pub fn with_bytes(capacity: u32, bytes: usize) -> io::Result<Self> {
        if bytes == 0 || bytes.div_ceil(WORD) > 1 << 30 {
            let text = format!("a queue cannot have room for {bytes} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let records = robust::Header::new();
        let head = Head { records, limit: AtomicU32::new(capacity), items: PhantomData };
        Ok(Self::over(Region::create(head, bytes)?, capacity))
    }

    fn over(region: Arc<Region<Head<T>>>, limit: u32) -> Self {
        Self { region, limit, reserve: Arc::default() }
    }

    /// `None` if the memory that arrived is no queue's.
    fn records(&self) -> Option<Records<'_>> {
        Records::new(&self.region.head().records, self.region.tail().all(), self.limit)
    }

    /// Takes no more items from now on, for ever, and wakes everybody who waits. If it is
    /// [immediate](Shutdown::Immediate), what is inside is dropped. (MP037)
    pub fn shutdown(&self, how: Shutdown) {
        if let Some(records) = self.records() {
            records.shutdown(how);
        }
    }

    /// Whether the queue has been shut down.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.records().is_none_or(|records| records.is_shut_down())
    }

    /// How many items are inside: a snapshot. (MP032)
    #[must_use]
    pub fn len(&self) -> usize {
        self.records().map_or(0, |records| records.len())
    }

    /// Whether nothing is inside: a snapshot. (MP032)
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether as many items are inside as may be: a snapshot. One that is not full may have no room for the bytes of an
    /// item. (MP032)
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.limit != 0 && self.len() >= self.limit as usize
    }

    /// How many items may be inside; `None` if there is no limit.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        (self.limit != 0).then_some(self.limit as usize)
    }

    /// Bytes that the largest item may take.
    #[must_use]
    pub fn max_item_size(&self) -> usize {
        self.records().map_or(0, |records| records.max_len())
    }
}

impl<T: Serialize> Queue<T> {
    /// Adds an item; waits for room without limit.
    ///
    /// Errors: [`PutError::Encode`], [`PutError::TooLarge`], [`PutError::ShutDown`], [`PutError::Corrupt`]; the item comes
    /// back. Progress: blocking. Ordering: release, pairs with [`get`](Self::get)'s acquire. (MP029)
    pub fn put(&self, item: T) -> Result<(), PutError<T>> {
        self.put_until(item, Deadline::NEVER)
    }

    /// Adds an item if there is room now. It does wait for others that copy theirs at the moment, but not for ever: if one
    /// of them is stopped in the middle, for a second.
    ///
    /// Errors: besides, [`PutError::Full`], and then [`PutError::TimedOut`].
    pub fn try_put(&self, item: T) -> Result<(), PutError<T>> {
        self.put_by(item, |records, bytes| records.try_put(&[bytes]))
    }

    /// Adds an item; waits for room until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: besides, [`PutError::TimedOut`].
    pub fn put_until(&self, item: T, deadline: impl Into<Deadline>) -> Result<(), PutError<T>> {
        let deadline = deadline.into();
        self.put_by(item, |records, bytes| records.put_until(&[bytes], deadline))
    }

    /// Adds an item; waits for room for at most `timeout`. See [`put_until`](Self::put_until).
    pub fn put_timeout(&self, item: T, timeout: Duration) -> Result<(), PutError<T>> {
        self.put_until(item, after(timeout))
    }

    fn put_by(
        &self,
        item: T,
        put: impl FnOnce(&Records<'_>, &[u8]) -> Result<(), PutRecordError>,
    ) -> Result<(), PutError<T>> {
        let Some(records) = self.records() else { return Err(PutError::Corrupt(item)) };
        match encode(&item) {
            Ok(bytes) => put(&records, &bytes).map_err(|error| PutError::of(error, item)),
            Err(error) => Err(PutError::Encode(item, error)),
        }
    }
}

impl<T: DeserializeOwned> Queue<T> {
    /// Takes the next item; waits for one without limit.
    ///
    /// Errors: [`GetError::ShutDown`], [`GetError::Decode`], [`GetError::Corrupt`]. Progress: blocking. Ordering: acquire,
    /// pairs with [`put`](Self::put)'s release. (MP029)
    pub fn get(&self) -> Result<T, GetError> {
        self.get_until(Deadline::NEVER)
    }

    /// Takes the next item if there is one now. It does wait for others that copy theirs at the moment, but not for ever:
    /// if one of them is stopped in the middle, for a second.
    ///
    /// Errors: besides, [`GetError::Empty`], and then [`GetError::TimedOut`].
    pub fn try_get(&self) -> Result<T, GetError> {
        let records = self.records().ok_or(GetError::Corrupt)?;
        self.taken(&records, records.try_get_with(copy))
    }

    /// Takes the next item; waits for one until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: besides, [`GetError::TimedOut`].
    pub fn get_until(&self, deadline: impl Into<Deadline>) -> Result<T, GetError> {
        let records = self.records().ok_or(GetError::Corrupt)?;
        let mut bytes = Err(GetRecordError::Empty);
        if self.reserve.is_due() {
            // Before it sleeps.
            bytes = records.try_get_with(copy);
        }
        if bytes == Err(GetRecordError::Empty) {
            self.give_back(&records);
            bytes = records.get_with_until(deadline, copy);
        }
        self.taken(&records, bytes)
    }

    /// Takes the next item; waits for one for at most `timeout`. See [`get_until`](Self::get_until).
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetError> {
        self.get_until(after(timeout))
    }

    /// Gets items until the queue is shut down and drained: waits for each. One that is not of the type is an error, and
    /// the next one follows.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { queue: Some(self) }
    }

    fn taken(
        &self,
        records: &Records<'_>,
        bytes: Result<Vec<u8>, GetRecordError>,
    ) -> Result<T, GetError> {
        match bytes {
            Ok(bytes) => {
                self.reserve.count(bytes.len() + WORD);
                decode(bytes).map_err(GetError::Decode)
            }
            Err(error) => {
                if error == GetRecordError::Empty {
                    self.give_back(records);
                }
                Err(GetError::of(error))
            }
        }
    }
}

/// Takes a record out of the queue's memory, with its lock held: others wait.
fn copy(record: &mut Record<'_>) -> Vec<u8> {
    let mut bytes = vec![0; record.len()];
    record.copy_to(&mut bytes);
    bytes
}

fn encode<T: Serialize>(item: &T) -> Result<Vec<u8>, EncodeError> {
    let parcel = Parcel::pack(item)?;
    if parcel.fds.is_empty() {
        Ok(parcel.bytes)
    } else {
        Err(EncodeError::of("handles do not go through queues"))
    }
}

fn decode<T: DeserializeOwned>(bytes: Vec<u8>) -> Result<T, DecodeError> {
    Parcel { bytes, fds: Vec::new() }.unpack()
}

impl<T> Clone for Queue<T> {
    /// The same queue, and in this process the same mapping.
    fn clone(&self) -> Self {
        let (region, reserve) = (Arc::clone(&self.region), Arc::clone(&self.reserve));
        Self { region, limit: self.limit, reserve }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("shut_down", &self.is_shut_down())
            .finish()
    }
}

impl<T: 'static> Serialize for Queue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        parcel::lend(self.region.fd(), serializer)
    }
}

impl<'de, T: 'static> Deserialize<'de> for Queue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let region = Region::<Head<T>>::attach(parcel::claim(deserializer)?);
        let region = region.map_err(D::Error::custom)?;
        // Relaxed: it came by a message, which orders. Read once: it may be changed by then.
        let limit = region.head().limit.load(Ordering::Relaxed);
        Ok(Self::over(region, limit))
    }
}

/// Gets items until the queue is shut down and drained: see [`Queue::iter`].
#[derive(Debug)]
pub struct Iter<'a, T: 'static> {
    queue: Option<&'a Queue<T>>,
}

impl<T: DeserializeOwned> Iterator for Iter<'_, T> {
    type Item = Result<T, GetError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.queue?.get() {
            Err(GetError::ShutDown) => None,
            Err(GetError::Corrupt) => {
                // It stays so.
                self.queue = None;
                Some(Err(GetError::Corrupt))
            }
            item => Some(item),
        }
    }
}

impl<'a, T: DeserializeOwned> IntoIterator for &'a Queue<T> {
    type Item = Result<T, GetError>;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
