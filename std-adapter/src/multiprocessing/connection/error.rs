//! Why two programs did not come together.

use std::error::Error;
use std::fmt;
use std::io;

/// A [`Client`](super::Client) has no connection.
///
/// ```
/// use inkle::multiprocessing::{Address, Client, ConnectError};
///
/// let error = Client::new(Address::unix("/nobody/here")).connect().unwrap_err();
/// let ConnectError::Os(error) = error else { panic!("{error}") };
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The listener and this have not the same key. (MP019, MP028)
    Authentication,
    /// Something else is at that address.
    NoListener,
    /// The listener was closed, or had too many others to hear.
    Closed,
    /// The time was over.
    TimedOut,
    /// The system refused: nobody listens there, or this process may not connect.
    Os(io::Error),
}

impl ConnectError {
    pub(super) fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::Closed,
            _ => Self::Os(error),
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authentication => f.write_str("the listener has another key"),
            Self::NoListener => f.write_str("what is at that address is no listener"),
            Self::Closed => f.write_str("the listener hung up"),
            Self::TimedOut => f.write_str("the listener did not answer in time"),
            Self::Os(error) => error.fmt(f),
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Os(error) => Some(error),
            _ => None,
        }
    }
}

/// A [`Listener`](super::Listener) has no new connection. It still listens.
///
/// ```
/// use inkle::multiprocessing::{AcceptError, Address, Listener};
///
/// let listener = Listener::bind(Address::unique()?)?;
/// assert!(matches!(listener.try_accept(), Err(AcceptError::TimedOut)));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum AcceptError {
    /// Somebody connected who has not the key. (MP019, MP028)
    Authentication,
    /// Nobody came in time.
    TimedOut,
    /// The system refused: there are too many open files, say; who has knocked is still there.
    Os(io::Error),
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authentication => f.write_str("who connected has another key"),
            Self::TimedOut => f.write_str("nobody connected in time"),
            Self::Os(error) => error.fmt(f),
        }
    }
}

impl Error for AcceptError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Os(error) => Some(error),
            _ => None,
        }
    }
}
