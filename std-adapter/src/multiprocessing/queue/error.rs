//! Why a queue did not take or give an item.

use std::error::Error;
use std::fmt;

use inkle_core::error::{GetRecordError, PutRecordError};

use crate::multiprocessing::{DecodeError, EncodeError};

/// Why a queue did not take an item. The item comes back.
///
/// ```
/// use inkle::multiprocessing::{PutError, Queue};
///
/// let queue = Queue::bounded(1)?;
/// queue.put(1)?;
/// match queue.try_put(2) {
///     Err(PutError::Full(item)) => assert_eq!(item, 2),
///     _ => unreachable!(),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(PartialEq, Eq)]
#[non_exhaustive]
pub enum PutError<T> {
    /// There is no room, and the call was not to wait.
    Full(T),
    /// There was no room until the deadline, or others were in the middle of their puts until then.
    TimedOut(T),
    /// The queue has been shut down.
    ShutDown(T),
    /// The item takes more bytes than the queue has room for even when it is empty.
    TooLarge(T),
    /// The item could not be made into bytes.
    Encode(T, EncodeError),
    /// Somebody else than this crate has written to the queue's memory.
    Corrupt(T),
}

impl<T> PutError<T> {
    pub(super) fn of(error: PutRecordError, item: T) -> Self {
        match error {
            PutRecordError::Full => Self::Full(item),
            PutRecordError::TimedOut => Self::TimedOut(item),
            PutRecordError::ShutDown => Self::ShutDown(item),
            PutRecordError::TooLarge => Self::TooLarge(item),
            _ => Self::Corrupt(item),
        }
    }

    /// The item that was not taken.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item)
            | Self::TimedOut(item)
            | Self::ShutDown(item)
            | Self::TooLarge(item)
            | Self::Encode(item, _)
            | Self::Corrupt(item) => item,
        }
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("Full(..)"),
            Self::TimedOut(_) => f.write_str("TimedOut(..)"),
            Self::ShutDown(_) => f.write_str("ShutDown(..)"),
            Self::TooLarge(_) => f.write_str("TooLarge(..)"),
            Self::Encode(_, error) => write!(f, "Encode(.., {error:?})"),
            Self::Corrupt(_) => f.write_str("Corrupt(..)"),
        }
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the queue is full"),
            Self::TimedOut(_) => f.write_str("the queue stayed full until the deadline"),
            Self::ShutDown(_) => f.write_str("the queue has been shut down"),
            Self::TooLarge(_) => f.write_str("the item is larger than the queue"),
            Self::Encode(_, error) => error.fmt(f),
            Self::Corrupt(_) => f.write_str(CORRUPT),
        }
    }
}

const CORRUPT: &str = "the queue has been written to by somebody else";

impl<T> Error for PutError<T> {}

/// Why a queue gave no item.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetError {
    /// There is no item, and the call was not to wait.
    Empty,
    /// There was no item until the deadline, or others were in the middle of their gets until then.
    TimedOut,
    /// The queue has been shut down and nothing is left in it.
    ShutDown,
    /// The next item is not of the type that was asked for. It is gone, and the one after it can be got.
    Decode(DecodeError),
    /// Somebody else than this crate has written to the queue's memory.
    Corrupt,
}

impl GetError {
    pub(super) fn of(error: GetRecordError) -> Self {
        match error {
            GetRecordError::Empty => Self::Empty,
            GetRecordError::TimedOut => Self::TimedOut,
            GetRecordError::ShutDown => Self::ShutDown,
            _ => Self::Corrupt,
        }
    }
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the queue is empty"),
            Self::TimedOut => f.write_str("the queue stayed empty until the deadline"),
            Self::ShutDown => f.write_str("the queue has been shut down and is drained"),
            Self::Decode(error) => error.fmt(f),
            Self::Corrupt => f.write_str(CORRUPT),
        }
    }
}

impl Error for GetError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Decode(error) => Some(error),
            _ => None,
        }
    }
}
