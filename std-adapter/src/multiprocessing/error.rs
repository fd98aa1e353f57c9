//! What can go wrong between processes.

use std::error::Error;
use std::fmt;
use std::io;

/// A value could not be made into bytes: its `Serialize` refused, or it is of a kind that the format does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodeError(String);

impl EncodeError {
    pub(super) fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }

    pub(super) fn why(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value cannot be sent: {}", self.0)
    }
}

impl Error for EncodeError {}

/// What arrived is not a value of the type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(String);

impl DecodeError {
    pub(super) fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }

    pub(super) fn why(&self) -> &str {
        &self.0
    }

    pub(super) fn left_over(bytes: usize) -> Self {
        Self(format!("{bytes} bytes are left over"))
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "what arrived is not what was asked for: {}", self.0)
    }
}

impl Error for DecodeError {}

/// Nothing was sent, or not all of it.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The value could not be made into bytes; nothing was sent.
    Encode(EncodeError),
    /// More than 253 handles in one message; nothing was sent.
    TooManyDescriptors(usize),
    /// The message has handles in it, which cannot go over TCP; nothing was sent.
    Handles,
    /// The other end is closed (MP023).
    Closed,
    /// The time was over; nothing was sent.
    TimedOut,
    /// The time was over in the middle of the message. What is left of it is kept, and goes with the next send,
    /// or with [`flush`](super::Connection::flush): do not send it again.
    Unfinished,
    /// The system refused; nothing was sent.
    Os(io::Error),
}

impl SendError {
    pub(super) fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::Closed,
            _ => Self::Os(error),
        }
    }
}

impl From<EncodeError> for SendError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(error) => error.fmt(f),
            Self::TooManyDescriptors(count) => {
                write!(f, "{count} handles are too many for one message")
            }
            Self::Handles => f.write_str("handles cannot be sent over TCP"),
            Self::Closed => f.write_str("the other end is closed"),
            Self::TimedOut => f.write_str("the other end did not take it in time"),
            Self::Unfinished => f.write_str("the other end took only a part of it in time"),
            Self::Os(error) => error.fmt(f),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Encode(error) => Some(error),
            Self::Os(error) => Some(error),
            _ => None,
        }
    }
}

/// Nothing could be received.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecvError {
    /// The other end is closed, and all it sent has been received (MP023).
    Closed,
    /// No message came in time. If a part of one has come, it is kept for the next receive.
    TimedOut,
    /// The message is longer than the limit, in bytes. It is kept: receive it with a higher limit (MP019, MP024).
    TooLong {
        /// What the other end says it is.
        length: u64,
        /// The limit.
        limit: usize,
    },
    /// The other end was closed in the middle of a message (MP025).
    Truncated,
    /// What arrived was not written by a connection of this crate. The connection is of no more use.
    Corrupt,
    /// The message is not a value of the type that was asked for. It is gone, and the next one can be received.
    Decode(DecodeError),
    /// The system refused. If it says too many open files, a handle found no room here: the message is gone, and
    /// the next one can be received.
    Os(io::Error),
}

impl From<DecodeError> for RecvError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the other end is closed"),
            Self::TimedOut => f.write_str("nothing came in time"),
            Self::TooLong { length, limit } => {
                write!(f, "the message has {length} bytes, and the limit is {limit}")
            }
            Self::Truncated => f.write_str("the message ended too early"),
            Self::Corrupt => f.write_str("what arrived is no message"),
            Self::Decode(error) => error.fmt(f),
            Self::Os(error) => error.fmt(f),
        }
    }
}

impl Error for RecvError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Decode(error) => Some(error),
            Self::Os(error) => Some(error),
            _ => None,
        }
    }
}
