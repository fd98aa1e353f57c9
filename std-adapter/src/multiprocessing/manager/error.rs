//! Why a call of an object elsewhere gave nothing.

use std::error::Error;
use std::fmt;
use std::io;

use crate::multiprocessing::connection::ConnectError;
use crate::multiprocessing::error::{DecodeError, EncodeError, RecvError, SendError};

/// A call by a [`Proxy`](super::Proxy) has no result. What the method itself returns as an error is no such thing,
/// but a result. (MP056)
///
/// ```
/// use inkle::multiprocessing::{Address, CallError, Manager};
///
/// let manager = Manager::connect(Address::unique()?);
/// assert!(matches!(manager.ping(), Err(CallError::Connect(_))), "there is no server");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError {
    /// The arguments cannot be sent; the server knows nothing of the call.
    Send(SendError),
    /// There is no connection to the server; it knows nothing of the call.
    Connect(ConnectError),
    /// The server has ended, or was killed: whether it has made the call nobody knows.
    ServerGone,
    /// The server has not answered in time; it may still make the call, or have made it.
    TimedOut,
    /// The server has no such object: it was removed, or the server is another one.
    NoObject,
    /// The server has registered no type of that name.
    NoType(String),
    /// The object has no method of that name.
    NoMethod(String),
    /// The arguments are not those of the method; it was not called.
    Arguments(String),
    /// The arguments are more bytes than the server takes; it was not called.
    TooLong(String),
    /// The method panicked, with this message. The object is as the method left it, and takes further calls.
    Panicked(String),
    /// The method was called, and what it returned cannot be sent.
    Reply(String),
    /// The method was called, and what it returned is not of the type that was expected.
    Decode(DecodeError),
    /// The system refused.
    Os(io::Error),
}

impl CallError {
    pub(super) fn of_send(error: SendError) -> Self {
        match error {
            SendError::Closed => Self::ServerGone,
            SendError::TimedOut | SendError::Unfinished => Self::TimedOut,
            error => Self::Send(error),
        }
    }

    pub(super) fn of_recv(error: RecvError) -> Self {
        match error {
            RecvError::TimedOut => Self::TimedOut,
            RecvError::Decode(error) => Self::Decode(error),
            RecvError::Os(error) => Self::Os(error),
            // Without a limit nothing is too long.
            RecvError::Closed
            | RecvError::Truncated
            | RecvError::Corrupt
            | RecvError::TooLong { .. } => Self::ServerGone,
        }
    }

    /// As a server tells it.
    pub(super) fn to_code(&self) -> (u8, String) {
        match self {
            Self::NoObject => (0, String::new()),
            Self::NoType(text) => (1, text.clone()),
            Self::NoMethod(text) => (2, text.clone()),
            Self::Arguments(text) => (3, text.clone()),
            Self::TooLong(text) => (4, text.clone()),
            Self::Panicked(text) => (5, text.clone()),
            // A method that calls another server: its errors are that it has no reply.
            other => (6, other.to_string()),
        }
    }

    pub(super) fn of_code(code: u8, text: String) -> Self {
        match code {
            0 => Self::NoObject,
            1 => Self::NoType(text),
            2 => Self::NoMethod(text),
            3 => Self::Arguments(text),
            4 => Self::TooLong(text),
            5 => Self::Panicked(text),
            _ => Self::Reply(text),
        }
    }
}

impl From<EncodeError> for CallError {
    fn from(error: EncodeError) -> Self {
        Self::Send(SendError::Encode(error))
    }
}

impl From<DecodeError> for CallError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(error) => error.fmt(f),
            Self::Connect(error) => error.fmt(f),
            Self::ServerGone => f.write_str("the server is gone"),
            Self::TimedOut => f.write_str("the server did not answer in time"),
            Self::NoObject => f.write_str("the server has no such object"),
            Self::NoType(name) => write!(f, "the server has no type `{name}`"),
            Self::NoMethod(name) => write!(f, "the object has no method `{name}`"),
            Self::Arguments(why) => write!(f, "the arguments are not the method's: {why}"),
            Self::TooLong(why) => write!(f, "the arguments are too long: {why}"),
            Self::Panicked(message) => write!(f, "the method panicked: {message}"),
            Self::Reply(why) => write!(f, "the result could not be sent: {why}"),
            Self::Decode(error) => error.fmt(f),
            Self::Os(error) => error.fmt(f),
        }
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Send(error) => Some(error),
            Self::Connect(error) => Some(error),
            Self::Decode(error) => Some(error),
            Self::Os(error) => Some(error),
            _ => None,
        }
    }
}
