//! Two ends between which messages go.
//!
//! Layout: a stream socket, and for each direction what of a message is half on its way, behind a lock of its own.
//! Threads that use one end at once take turns, message by message (Python: MP025 leaves that to the caller).
//! Nothing is read ahead of the message that was asked for: as long as there is one, or the begin of one, the
//! descriptor is ready, so that [`wait`] and any other poller see it. Cost of a message: one call of the system to
//! send it, two to receive it.

mod address;
mod client;
mod error;
mod handshake;
mod listener;
mod pipe;
mod wait;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use address::Address;
pub use client::Client;
pub use error::{AcceptError, ConnectError};
#[cfg(inkle_fuzz)]
pub use handshake::fuzzed;
pub use listener::Listener;
pub use pipe::{Receiver, Sender, one_way, pipe};
pub use wait::{try_wait, wait, wait_timeout, wait_until};

use super::error::{RecvError, SendError};
use super::frame::{Incoming, Outgoing};
use super::parcel::{self, Parcel};
use crate::os::{poll, socket};
use crate::platform::{Deadline, after};
use crate::threading::Mutex;

/// One end of a [`pipe`], or of a connection to a [`Listener`](super::Listener): messages go both ways. Dropping it
/// closes it.
///
/// A message is a value of any type that `serde` knows, and may have handles in it: other connections, shared
/// memory. The receiver says what type it expects, and is to be right: the bytes do not tell. What cannot be of that
/// type is an error, and the next message can be received; but a `3`, which is an `i32`, is a 6 as a `u32`. Where
/// all messages are of one type, take [`one_way`]. (MP021, MP023)
///
/// A connection can itself be sent, and be an argument of a function in another process; what you keep here is
/// then a second handle of the same end, to be dropped if the other side is to see when the receiver closes its own
/// (MP022). Threads may share one handle: they take turns, message by message. Two handles of one end must not
/// receive at the same time, nor send: the messages would mix, and the connection be of no more use. (MP025)
///
/// Progress: blocking. Ordering: what happened before a send happens before what follows its receive.
///
/// ```
/// use std::time::Duration;
/// use inkle::multiprocessing::{RecvError, pipe};
///
/// let (here, there) = pipe()?;
/// here.send(&("weft", 3u32))?;
/// assert_eq!(there.recv::<(String, u32)>()?, ("weft".to_owned(), 3));
/// assert!(matches!(there.try_recv::<u32>(), Err(RecvError::TimedOut)));
///
/// drop(here);
/// assert!(matches!(there.recv::<u32>(), Err(RecvError::Closed)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Connection {
    socket: Arc<OwnedFd>,
    carries_descriptors: bool,
    limit: usize,
    incoming: Mutex<Incoming>,
    outgoing: Mutex<Outgoing>,
}

impl Connection {
    /// Errors: it is not a stream socket.
    pub(super) fn new(socket: Arc<OwnedFd>) -> io::Result<Self> {
        Ok(Self {
            carries_descriptors: socket::carries_descriptors(socket.as_fd())?,
            socket,
            limit: usize::MAX,
            incoming: Mutex::new(Incoming::default()),
            outgoing: Mutex::new(Outgoing::default()),
        })
    }

    /// Refuses messages of more bytes than that, before there is memory for them: for a program that one does not
    /// trust at the other end. They give [`RecvError::TooLong`], over and over: drop the connection. Without it
    /// nothing is refused, and memory is taken as the bytes come, not as they are announced. (MP024)
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Sends a value; waits without limit for the other end to take it. What fits into the system's buffer is taken
    /// at once, whether the other end receives or not. (MP021)
    ///
    /// Errors: [`SendError`]: the value cannot be encoded, the other end is closed.
    pub fn send<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), SendError> {
        self.send_until(value, Deadline::NEVER)
    }

    /// Sends a value if the other end takes it now.
    ///
    /// Errors: as [`send_until`](Self::send_until).
    pub fn try_send<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), SendError> {
        self.send_until(value, Deadline::PASSED)
    }

    /// Sends a value; waits until `deadline` for the other end to take it.
    ///
    /// Errors: as [`send`](Self::send), and [`SendError::TimedOut`] if nothing was sent;
    /// [`SendError::Unfinished`] if a part was, the rest of which goes with the next send or [`flush`](Self::flush).
    pub fn send_until<T: Serialize + ?Sized>(
        &self,
        value: &T,
        deadline: impl Into<Deadline>,
    ) -> Result<(), SendError> {
        let parcel = Parcel::pack(value)?;
        self.send_parcel(&parcel.bytes, &parcel.fds, deadline.into())
    }

    /// Sends a value; waits for at most `timeout`. See [`send_until`](Self::send_until).
    pub fn send_timeout<T: Serialize + ?Sized>(
        &self,
        value: &T,
        timeout: Duration,
    ) -> Result<(), SendError> {
        self.send_until(value, after(timeout))
    }

    /// Sends bytes as they are; waits without limit. (MP021)
    ///
    /// Errors: [`SendError::Closed`].
    ///
    /// ```
    /// use inkle::multiprocessing::{RecvError, pipe};
    ///
    /// let (here, there) = pipe()?;
    /// here.send_bytes(b"warp and weft")?;
    /// let mut short = [0; 4];
    /// // Unlike in Python nothing is lost.
    /// let error = there.recv_bytes_into(&mut short).unwrap_err();
    /// assert!(matches!(error, RecvError::TooLong { length: 13, limit: 4 }));
    /// assert_eq!(there.recv_bytes(100)?, b"warp and weft");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_bytes(&self, bytes: &[u8]) -> Result<(), SendError> {
        self.send_bytes_until(bytes, Deadline::NEVER)
    }

    /// Sends bytes as they are; waits until `deadline`.
    ///
    /// Errors: as [`send_until`](Self::send_until).
    pub fn send_bytes_until(
        &self,
        bytes: &[u8],
        deadline: impl Into<Deadline>,
    ) -> Result<(), SendError> {
        self.send_parcel(bytes, &[], deadline.into())
    }

    /// Sends bytes as they are; waits for at most `timeout`. See [`send_bytes_until`](Self::send_bytes_until).
    pub fn send_bytes_timeout(&self, bytes: &[u8], timeout: Duration) -> Result<(), SendError> {
        self.send_bytes_until(bytes, after(timeout))
    }

    /// Sends what is left of a message whose send was [unfinished](SendError::Unfinished); waits without limit.
    ///
    /// Errors: [`SendError::Closed`].
    pub fn flush(&self) -> Result<(), SendError> {
        self.flush_until(Deadline::NEVER)
    }

    /// As [`flush`](Self::flush), until `deadline`.
    ///
    /// Errors: [`SendError::Closed`]; [`SendError::TimedOut`] if there is still something left.
    pub fn flush_until(&self, deadline: impl Into<Deadline>) -> Result<(), SendError> {
        let deadline = deadline.into();
        let mut outgoing = self.outgoing.lock_until(deadline).map_err(|_| SendError::TimedOut)?;
        outgoing.flush(self.socket.as_fd(), deadline)
    }

    /// As [`flush`](Self::flush), for at most `timeout`. See [`flush_until`](Self::flush_until).
    pub fn flush_timeout(&self, timeout: Duration) -> Result<(), SendError> {
        self.flush_until(after(timeout))
    }

    /// As [`send_bytes_until`](Self::send_bytes_until), with what goes beside the bytes.
    pub(super) fn send_parcel(
        &self,
        bytes: &[u8],
        fds: &[Arc<OwnedFd>],
        deadline: Deadline,
    ) -> Result<(), SendError> {
        if !fds.is_empty() && !self.carries_descriptors {
            return Err(SendError::Handles);
        }
        let mut outgoing = self.outgoing.lock_until(deadline).map_err(|_| SendError::TimedOut)?;
        outgoing.send(self.socket.as_fd(), bytes, fds, deadline)
    }

    /// Receives a value; waits for one without limit. (MP021)
    ///
    /// Errors: [`RecvError::Closed`] at the end, [`RecvError::Truncated`] if that is in the middle of a message: the
    /// other process was killed, say. [`RecvError::Decode`] if it is of another type.
    pub fn recv<T: DeserializeOwned>(&self) -> Result<T, RecvError> {
        self.recv_until(Deadline::NEVER)
    }

    /// Receives a value if all of it is there now.
    ///
    /// Errors: as [`recv_until`](Self::recv_until).
    pub fn try_recv<T: DeserializeOwned>(&self) -> Result<T, RecvError> {
        self.recv_until(Deadline::PASSED)
    }

    /// Receives a value; waits until `deadline` for all of it.
    ///
    /// Errors: as [`recv`](Self::recv), and [`RecvError::TimedOut`]: a part that has come is kept for the next
    /// receive.
    pub fn recv_until<T: DeserializeOwned>(
        &self,
        deadline: impl Into<Deadline>,
    ) -> Result<T, RecvError> {
        Ok(self.recv_within_limit(deadline.into())?.unpack()?)
    }

    /// Receives a value; waits for at most `timeout`. See [`recv_until`](Self::recv_until).
    pub fn recv_timeout<T: DeserializeOwned>(&self, timeout: Duration) -> Result<T, RecvError> {
        self.recv_until(after(timeout))
    }

    /// Receives the bytes of a message, no more than `limit`; waits without limit. (MP021)
    ///
    /// Errors: as [`recv`](Self::recv), and [`RecvError::TooLong`]: the message stays, for a higher limit. (MP024)
    pub fn recv_bytes(&self, limit: usize) -> Result<Vec<u8>, RecvError> {
        self.recv_bytes_until(limit, Deadline::NEVER)
    }

    /// As [`recv_bytes`](Self::recv_bytes), until `deadline`.
    ///
    /// Errors: and [`RecvError::TimedOut`].
    pub fn recv_bytes_until(
        &self,
        limit: usize,
        deadline: impl Into<Deadline>,
    ) -> Result<Vec<u8>, RecvError> {
        Ok(self.recv_parcel(limit, deadline.into())?.bytes)
    }

    /// As [`recv_bytes`](Self::recv_bytes), for at most `timeout`. See
    /// [`recv_bytes_until`](Self::recv_bytes_until).
    pub fn recv_bytes_timeout(
        &self,
        limit: usize,
        timeout: Duration,
    ) -> Result<Vec<u8>, RecvError> {
        self.recv_bytes_until(limit, after(timeout))
    }

    /// Receives the bytes of a message to the start of `buffer`, and gives their number; waits without limit. (MP021)
    ///
    /// Errors: as [`recv`](Self::recv), and [`RecvError::TooLong`] if the buffer is too short: the message stays, for
    /// a longer one. (MP019, MP024)
    pub fn recv_bytes_into(&self, buffer: &mut [u8]) -> Result<usize, RecvError> {
        self.recv_bytes_into_until(buffer, Deadline::NEVER)
    }

    /// As [`recv_bytes_into`](Self::recv_bytes_into), until `deadline`.
    ///
    /// Errors: and [`RecvError::TimedOut`].
    pub fn recv_bytes_into_until(
        &self,
        buffer: &mut [u8],
        deadline: impl Into<Deadline>,
    ) -> Result<usize, RecvError> {
        // Not to the buffer at once: a part that has come is to be kept when the time is over.
        let bytes = self.recv_parcel(buffer.len(), deadline.into())?.bytes;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    /// As [`recv_bytes_into`](Self::recv_bytes_into), for at most `timeout`. See
    /// [`recv_bytes_into_until`](Self::recv_bytes_into_until).
    pub fn recv_bytes_into_timeout(
        &self,
        buffer: &mut [u8],
        timeout: Duration,
    ) -> Result<usize, RecvError> {
        self.recv_bytes_into_until(buffer, after(timeout))
    }

    /// Drops the message that has begun to come, and was [too long](RecvError::TooLong), without memory for it; waits
    /// without limit for its end. The next one can be received then. If there is none, it does nothing.
    ///
    /// Errors: as [`recv`](Self::recv).
    ///
    /// ```
    /// use inkle::multiprocessing::{RecvError, pipe};
    ///
    /// let (here, there) = pipe()?;
    /// here.send_bytes(&[0; 1000])?;
    /// here.send_bytes(b"short")?;
    /// assert!(matches!(there.recv_bytes(10), Err(RecvError::TooLong { .. })));
    /// there.skip()?;
    /// assert_eq!(there.recv_bytes(10)?, b"short");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn skip(&self) -> Result<(), RecvError> {
        self.skip_until(Deadline::NEVER)
    }

    /// As [`skip`](Self::skip), until `deadline`; the next receive goes on with it.
    ///
    /// Errors: and [`RecvError::TimedOut`].
    pub fn skip_until(&self, deadline: impl Into<Deadline>) -> Result<(), RecvError> {
        let deadline = deadline.into();
        let mut incoming = self.incoming.lock_until(deadline).map_err(|_| RecvError::TimedOut)?;
        incoming.skip(self.socket.as_fd(), deadline)
    }

    /// As [`skip`](Self::skip), for at most `timeout`. See [`skip_until`](Self::skip_until).
    pub fn skip_timeout(&self, timeout: Duration) -> Result<(), RecvError> {
        self.skip_until(after(timeout))
    }

    /// What [`recv`](Self::recv) makes a value of.
    pub(super) fn recv_within_limit(&self, deadline: Deadline) -> Result<Parcel, RecvError> {
        self.recv_parcel(self.limit, deadline)
    }

    /// As [`recv_bytes_until`](Self::recv_bytes_until), with what came beside the bytes.
    pub(super) fn recv_parcel(
        &self,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Parcel, RecvError> {
        let mut incoming = self.incoming.lock_until(deadline).map_err(|_| RecvError::TimedOut)?;
        incoming.receive(self.socket.as_fd(), limit, deadline)
    }

    /// Whether something has come, or the other end is closed: a receive would not find nothing. It may still have
    /// to wait for the rest of a message. Does not block. (MP021)
    pub fn poll(&self) -> bool {
        self.poll_until(Deadline::PASSED)
    }

    /// As [`poll`](Self::poll), and waits until `deadline` for it.
    pub fn poll_until(&self, deadline: impl Into<Deadline>) -> bool {
        poll::until(&mut [PollFd::new(&*self.socket, PollFlags::IN)], deadline.into())
    }

    /// As [`poll_until`](Self::poll_until), for at most `timeout`.
    pub fn poll_timeout(&self, timeout: Duration) -> bool {
        self.poll_until(after(timeout))
    }

    /// Nothing of a message is half on its way, as far as can be seen now.
    fn is_between_messages(&self) -> bool {
        self.incoming.try_lock().is_some_and(|incoming| !incoming.has_begun())
            && self.outgoing.try_lock().is_some_and(|outgoing| !outgoing.is_unfinished())
    }
}

/// To [`wait`] for it among others, or by any other means: it is readable when [`poll`](Connection::poll) is true.
impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A stream socket: one that was inherited, or a [`UnixStream`](std::os::unix::net::UnixStream). What comes is to
/// be what a connection at its other end sends.
///
/// Errors: it is something else.
impl TryFrom<OwnedFd> for Connection {
    type Error = io::Error;

    fn try_from(socket: OwnedFd) -> io::Result<Self> {
        Self::new(Arc::new(socket))
    }
}

/// Into a message or the arguments of a function in another process, nowhere else, and not in the middle of a
/// message. (MP022)
impl Serialize for Connection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.is_between_messages() {
            return Err(S::Error::custom("a connection is in use"));
        }
        parcel::lend(&self.socket, serializer)
    }
}

impl<'de> Deserialize<'de> for Connection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(parcel::claim(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("socket", &self.socket).finish_non_exhaustive()
    }
}
