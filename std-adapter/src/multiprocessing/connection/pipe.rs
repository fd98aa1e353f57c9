//! Python's `Pipe`: two ends that were never apart.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Connection;
use crate::multiprocessing::error::{RecvError, SendError};
use crate::os::socket;
use crate::platform::{Deadline, after};

/// Two ends: what one sends the other receives. Keep one, and give the other to a process. (MP020)
///
/// Errors: the system's, when there are too many open files.
///
/// ```
/// let (ours, theirs) = inkle::multiprocessing::pipe()?;
/// theirs.send("ready")?;
/// assert_eq!(ours.recv::<String>()?, "ready");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn pipe() -> io::Result<(Connection, Connection)> {
    let (one, other) = socket::pair()?;
    Ok((Connection::new(Arc::new(one))?, Connection::new(Arc::new(other))?))
}

/// A pipe for values of one type in one direction: Python's `Pipe(duplex=False)`, with the same order of the ends.
/// The wrong direction does not compile. (MP020)
///
/// Errors: the system's, when there are too many open files.
///
/// ```
/// let (receiver, sender) = inkle::multiprocessing::one_way::<u32>()?;
/// sender.send(&7)?;
/// assert_eq!(receiver.recv()?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn one_way<T>() -> io::Result<(Receiver<T>, Sender<T>)> {
    let (receiver, sender) = pipe()?;
    Ok((
        Receiver { connection: receiver, of: PhantomData },
        Sender { connection: sender, of: PhantomData },
    ))
}

/// The end of a [`one_way`] pipe that sends. As a [`Connection`] otherwise.
///
/// ```
/// let (receiver, sender) = inkle::multiprocessing::one_way::<String>()?;
/// std::thread::spawn(move || sender.send(&"done".to_owned()));
/// assert_eq!(receiver.recv()?, "done");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sender<T> {
    connection: Connection,
    of: PhantomData<fn(T)>,
}

/// The end of a [`one_way`] pipe that receives. As a [`Connection`] otherwise.
///
/// ```
/// use inkle::multiprocessing::RecvError;
///
/// let (receiver, sender) = inkle::multiprocessing::one_way::<u8>()?;
/// drop(sender);
/// assert!(matches!(receiver.recv(), Err(RecvError::Closed)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Receiver<T> {
    connection: Connection,
    of: PhantomData<fn() -> T>,
}

impl<T: Serialize> Sender<T> {
    /// See [`Connection::send`].
    pub fn send(&self, value: &T) -> Result<(), SendError> {
        self.connection.send(value)
    }

    /// See [`Connection::try_send`].
    pub fn try_send(&self, value: &T) -> Result<(), SendError> {
        self.connection.try_send(value)
    }

    /// See [`Connection::send_until`].
    pub fn send_until(&self, value: &T, deadline: impl Into<Deadline>) -> Result<(), SendError> {
        self.connection.send_until(value, deadline)
    }

    /// See [`Connection::send_timeout`].
    pub fn send_timeout(&self, value: &T, timeout: Duration) -> Result<(), SendError> {
        self.send_until(value, after(timeout))
    }
}

impl<T> Sender<T> {
    /// The connection, for all that this has not.
    pub fn into_inner(self) -> Connection {
        self.connection
    }
}

impl<T: DeserializeOwned> Receiver<T> {
    /// See [`Connection::recv`].
    pub fn recv(&self) -> Result<T, RecvError> {
        self.connection.recv()
    }

    /// See [`Connection::try_recv`].
    pub fn try_recv(&self) -> Result<T, RecvError> {
        self.connection.try_recv()
    }

    /// See [`Connection::recv_until`].
    pub fn recv_until(&self, deadline: impl Into<Deadline>) -> Result<T, RecvError> {
        self.connection.recv_until(deadline)
    }

    /// See [`Connection::recv_timeout`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvError> {
        self.recv_until(after(timeout))
    }
}

impl<T> Receiver<T> {
    /// The connection, for all that this has not.
    pub fn into_inner(self) -> Connection {
        self.connection
    }
}

/// What both ends have in common with a connection.
macro_rules! end {
    ($end:ident) => {
        impl<T> AsFd for $end<T> {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.connection.as_fd()
            }
        }

        impl<T> Serialize for $end<T> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.connection.serialize(serializer)
            }
        }

        impl<'de, T> Deserialize<'de> for $end<T> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let connection = Connection::deserialize(deserializer)?;
                Ok(Self { connection, of: PhantomData })
            }
        }

        impl<T> fmt::Debug for $end<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($end)).field(&self.connection).finish()
            }
        }
    };
}

end!(Sender);
end!(Receiver);
