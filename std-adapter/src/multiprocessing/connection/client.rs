//! Python's `Client`.

use std::io::{self, IoSlice};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::handshake::{Answer, HELLO, VERDICT};
use super::listener::PATIENCE;
use super::{Address, ConnectError, Connection};
use crate::multiprocessing::auth::{self, AuthKey};
use crate::os::socket;
use crate::platform::{Deadline, Platform, Private, after};

/// Connects to a [`Listener`](super::Listener). (MP027, MP028)
///
/// ```
/// use std::time::Duration;
/// use inkle::multiprocessing::{Address, Client, ConnectError};
///
/// let nobody = Client::new(Address::unique()?);
/// assert!(matches!(nobody.connect_timeout(Duration::from_secs(1)), Err(ConnectError::Os(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    address: Address,
    key: Option<AuthKey>,
}

impl Client {
    /// For the listener at this address, with [`authkey`](crate::multiprocessing::authkey).
    pub fn new(address: impl Into<Address>) -> Self {
        Self { address: address.into(), key: None }
    }

    /// With this key.
    #[must_use]
    pub fn key(mut self, key: AuthKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Connects; waits without limit until the listener has room, and 10 seconds for it to show that it has the
    /// key: which it does in [`accept`](super::Listener::accept).
    ///
    /// Errors: [`ConnectError`].
    pub fn connect(&self) -> Result<Connection, ConnectError> {
        self.connect_until(Deadline::NEVER)
    }

    /// As [`connect`](Self::connect), until `deadline`.
    pub fn connect_until(&self, deadline: impl Into<Deadline>) -> Result<Connection, ConnectError> {
        let deadline = deadline.into();
        let key = match &self.key {
            Some(key) => key.clone(),
            None => auth::authkey().map_err(ConnectError::Os)?,
        };
        let stream = match &self.address {
            Address::Unix(path) => unix(SocketAddrUnix::new(path.as_path()), deadline),
            Address::Abstract(name) => unix(SocketAddrUnix::new_abstract_name(name), deadline),
            Address::Tcp(address) => tcp(address, deadline),
        };
        let stream = stream.map_err(ConnectError::of)?;
        shake_hands(stream.as_fd(), &key, deadline.min(after(PATIENCE)))?;
        Connection::new(Arc::new(stream)).map_err(ConnectError::Os)
    }

    /// As [`connect`](Self::connect), for at most `timeout`.
    pub fn connect_timeout(&self, timeout: Duration) -> Result<Connection, ConnectError> {
        self.connect_until(after(timeout))
    }
}

/// What is left; `None` is without limit.
///
/// Errors: nothing is.
fn left(deadline: Deadline) -> io::Result<Option<Duration>> {
    let Some(nanos) = deadline.nanos() else { return Ok(None) };
    match nanos.saturating_sub(Private::now()) {
        0 => Err(io::ErrorKind::TimedOut.into()),
        // The system counts in microseconds, and takes none for no limit.
        left => Ok(Some(Duration::from_nanos(left.max(1000)))),
    }
}

fn unix(address: rustix::io::Result<SocketAddrUnix>, deadline: Deadline) -> io::Result<OwnedFd> {
    let address = address?;
    let stream = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    loop {
        set_socket_timeout(&stream, Timeout::Send, left(deadline)?)?;
        match connect(&stream, &address) {
            Ok(()) => {
                set_socket_timeout(&stream, Timeout::Send, None)?;
                return Ok(stream);
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn tcp(address: &SocketAddr, deadline: Deadline) -> io::Result<OwnedFd> {
    let stream = match left(deadline)? {
        Some(left) => TcpStream::connect_timeout(address, left)?,
        None => TcpStream::connect(address)?,
    };
    stream.set_nodelay(true)?;
    Ok(stream.into())
}

fn shake_hands(
    stream: BorrowedFd<'_>,
    key: &AuthKey,
    deadline: Deadline,
) -> Result<(), ConnectError> {
    let mut hello = [0; HELLO];
    hear(stream, &mut hello, deadline)?;
    let answer = Answer::new(&hello).map_err(ConnectError::Os)?;
    let answer = answer.ok_or(ConnectError::NoListener)?;
    let bytes = answer.bytes(key);
    let parts = &mut [IoSlice::new(&bytes)];
    socket::send_all(stream, parts, &[], deadline, &mut 0).map_err(ConnectError::of)?;
    let mut verdict = [0; VERDICT];
    hear(stream, &mut verdict, deadline)?;
    if answer.is_admitted(key, &verdict) { Ok(()) } else { Err(ConnectError::Authentication) }
}

/// Fills `bytes`.
fn hear(stream: BorrowedFd<'_>, bytes: &mut [u8], deadline: Deadline) -> Result<(), ConnectError> {
    let mut got = 0;
    while got < bytes.len() {
        // What a stranger sends beside his bytes is closed at once.
        let mut unasked = Vec::new();
        let received = socket::receive(stream, &mut bytes[got..], &mut unasked, deadline);
        match received.map_err(ConnectError::of)?.bytes {
            0 => return Err(ConnectError::Closed),
            more => got += more,
        }
    }
    Ok(())
}
