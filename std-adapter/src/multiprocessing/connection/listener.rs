//! Python's `Listener`.
//!
//! Whoever knocks is a guest until he has shown that he has the key. All guests are heard at once, and none for
//! longer than the listener's patience: one that is silent, or slow, keeps nobody waiting.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use super::handshake::{ANSWER, Challenge};
use super::{AcceptError, Address, Connection};
use crate::multiprocessing::auth::{self, AuthKey};
use crate::os::{poll, socket};
use crate::platform::{Deadline, Private, after};
use crate::threading::Mutex;

/// How long a handshake may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// If there is one more, the first goes.
const MOST_GUESTS: usize = 128;
/// Let in before those who are there are heard again.
const AT_ONCE: usize = 16;

/// Waits for programs that connect by a [`Client`](super::Client), and have the same key. Dropping it closes it and
/// removes its path. (MP027, MP028)
///
/// The key is [`authkey`](crate::multiprocessing::authkey) unless another is given: children have it already. There
/// is no listener without one. Nothing that comes from a stranger is decoded, and none of his descriptors is kept.
///
/// ```
/// use std::thread;
/// use inkle::multiprocessing::{Address, Client, Listener};
///
/// let listener = Listener::bind(Address::loopback())?;
/// let client = Client::new(listener.address());
/// let asking = thread::spawn(move || client.connect().unwrap().recv::<String>().unwrap());
/// listener.accept()?.send("welcome")?;
/// assert_eq!(asking.join().unwrap(), "welcome");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    address: Address,
    _path: Option<OwnPath>,
    key: AuthKey,
    patience: Duration,
    limit: usize,
    guests: Mutex<Vec<Guest>>,
    last_accepted: Mutex<Option<SocketAddr>>,
}

#[derive(Debug)]
enum Socket {
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// A path in the file system that goes with it, if it is still ours.
#[derive(Debug)]
struct OwnPath {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// Who has not shown yet that he has the key.
#[derive(Debug)]
struct Guest {
    stream: OwnedFd,
    peer: Option<SocketAddr>,
    challenge: Challenge,
    answer: [u8; ANSWER],
    got: usize,
    deadline: Deadline,
}

enum Heard {
    /// More is to come.
    Part,
    Admitted,
    /// He has not the key.
    Refused,
    /// He has left.
    Gone,
}

impl Listener {
    /// Listens at this address.
    ///
    /// Errors: the system's: the address is in use, or not ours, or too long.
    pub fn bind(address: impl Into<Address>) -> io::Result<Self> {
        Self::bind_with(address, auth::authkey()?)
    }

    /// Listens at this address for those who have this key.
    ///
    /// Errors: as [`bind`](Self::bind).
    ///
    /// ```
    /// use std::thread;
    /// use inkle::multiprocessing::{AcceptError, Address, AuthKey, Client, ConnectError, Listener};
    ///
    /// let listener = Listener::bind_with(Address::unique()?, AuthKey::new("ours")?)?;
    /// let stranger = Client::new(listener.address()).key(AuthKey::new("a guess")?);
    /// let refused = thread::spawn(move || stranger.connect().unwrap_err());
    /// assert!(matches!(listener.accept(), Err(AcceptError::Authentication)));
    /// assert!(matches!(refused.join().unwrap(), ConnectError::Authentication));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bind_with(address: impl Into<Address>, key: AuthKey) -> io::Result<Self> {
        let mut address = address.into();
        let mut path = None;
        let socket = match &mut address {
            Address::Unix(at) => {
                let listener = UnixListener::bind(&*at)?;
                path = Some(OwnPath::of(at.clone())?);
                Socket::Unix(listener)
            }
            Address::Abstract(name) => {
                Socket::Unix(UnixListener::bind_addr(&UnixAddr::from_abstract_name(&*name)?)?)
            }
            Address::Tcp(at) => {
                let listener = TcpListener::bind(*at)?;
                *at = listener.local_addr()?;
                Socket::Tcp(listener)
            }
        };
        socket.set_nonblocking()?;
        Ok(Self {
            socket,
            address,
            _path: path,
            key,
            patience: PATIENCE,
            limit: usize::MAX,
            guests: Mutex::new(Vec::new()),
            last_accepted: Mutex::new(None),
        })
    }

    /// How long somebody who connects has to show that he has the key; 10 seconds without it.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The [`limit`](Connection::limit) of its connections.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Where it can be found: with the port that it was given. (MP027)
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Who was accepted last, if he came by TCP. (MP027)
    pub fn last_accepted(&self) -> Option<SocketAddr> {
        *self.last_accepted.lock()
    }

    /// Waits without limit for somebody who has the key. Several threads may accept: they take turns. (MP027)
    ///
    /// Errors: [`AcceptError::Authentication`] if somebody had not the key, and the system's. The listener goes on:
    /// accept again. Who leaves, or says nothing, is no error.
    pub fn accept(&self) -> Result<Connection, AcceptError> {
        self.accept_until(Deadline::NEVER)
    }

    /// The connection of somebody who has shown already that he has the key.
    ///
    /// Errors: as [`accept_until`](Self::accept_until).
    pub fn try_accept(&self) -> Result<Connection, AcceptError> {
        self.accept_until(Deadline::PASSED)
    }

    /// As [`accept`](Self::accept), until `deadline`. Those who were about to show their key go on in the next call.
    ///
    /// Errors: and [`AcceptError::TimedOut`].
    pub fn accept_until(&self, deadline: impl Into<Deadline>) -> Result<Connection, AcceptError> {
        let deadline = deadline.into();
        let mut guests = self.guests.lock_until(deadline).map_err(|_| AcceptError::TimedOut)?;
        loop {
            guests.retain(|guest| !guest.deadline.has_passed::<Private>());
            let next = guests.iter().map(|guest| guest.deadline).fold(deadline, Deadline::min);
            let ready = ready(self.socket.as_fd(), &guests, next)?;
            for place in ready.guests.into_iter().rev() {
                match guests[place].hear(&self.key) {
                    Heard::Part => {}
                    Heard::Gone => drop(guests.remove(place)),
                    Heard::Refused => {
                        guests.remove(place);
                        return Err(AcceptError::Authentication);
                    }
                    Heard::Admitted => return self.admit(guests.remove(place)),
                }
            }
            if ready.knocks {
                self.greet(&mut guests)?;
            } else if ready.nobody && deadline.has_passed::<Private>() {
                return Err(AcceptError::TimedOut);
            }
        }
    }

    /// As [`accept_until`](Self::accept_until), for at most `timeout`.
    pub fn accept_timeout(&self, timeout: Duration) -> Result<Connection, AcceptError> {
        self.accept_until(after(timeout))
    }

    fn admit(&self, guest: Guest) -> Result<Connection, AcceptError> {
        *self.last_accepted.lock() = guest.peer;
        let connection = Connection::new(Arc::new(guest.stream)).map_err(AcceptError::Os)?;
        Ok(connection.limit(self.limit))
    }

    /// Lets in who knocks.
    fn greet(&self, guests: &mut Vec<Guest>) -> Result<(), AcceptError> {
        for _ in 0..AT_ONCE {
            let (stream, peer) = match self.socket.accept() {
                Ok(arrived) => arrived,
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(()),
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => continue,
                    _ => return Err(AcceptError::Os(error)),
                },
            };
            let challenge = Challenge::new().map_err(AcceptError::Os)?;
            // There is room in a new stream; otherwise he has left.
            if !say(stream.as_fd(), &challenge.hello()) {
                continue;
            }
            if guests.len() == MOST_GUESTS {
                guests.remove(0);
            }
            let deadline = after(self.patience);
            guests.push(Guest { stream, peer, challenge, answer: [0; ANSWER], got: 0, deadline });
        }
        Ok(())
    }
}

struct Ready {
    knocks: bool,
    guests: Vec<usize>,
    nobody: bool,
}

fn ready(
    listener: BorrowedFd<'_>,
    guests: &[Guest],
    deadline: Deadline,
) -> Result<Ready, AcceptError> {
    let streams = guests.iter().map(|guest| PollFd::new(&guest.stream, PollFlags::IN));
    let mut fds = vec![PollFd::new(&listener, PollFlags::IN)];
    fds.extend(streams);
    let any = poll::try_until(&mut fds, deadline).map_err(AcceptError::Os)?;
    let is_ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
    let guests = (0..guests.len()).filter(|place| is_ready(&fds[place + 1])).collect();
    Ok(Ready { knocks: is_ready(&fds[0]), guests, nobody: !any })
}

/// Whether it was sent, at once.
fn say(stream: BorrowedFd<'_>, bytes: &[u8]) -> bool {
    let parts = &mut [io::IoSlice::new(bytes)];
    socket::send_all(stream, parts, &[], Deadline::PASSED, &mut 0).is_ok()
}

impl Guest {
    fn hear(&mut self, key: &AuthKey) -> Heard {
        // What a stranger sends beside his bytes is closed at once.
        let mut unasked = Vec::new();
        let into = &mut self.answer[self.got..];
        match socket::receive(self.stream.as_fd(), into, &mut unasked, Deadline::PASSED) {
            Ok(received) if received.bytes == 0 => return Heard::Gone,
            Ok(received) => self.got += received.bytes,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            Err(_) => return Heard::Gone,
        }
        if self.got < ANSWER {
            return Heard::Part;
        }
        let (has_key, verdict) = self.challenge.judge(key, &self.answer);
        match (has_key, say(self.stream.as_fd(), &verdict)) {
            (true, true) => Heard::Admitted,
            (true, false) => Heard::Gone,
            (false, _) => Heard::Refused,
        }
    }
}

impl Socket {
    fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            Self::Unix(listener) => listener.set_nonblocking(true),
            Self::Tcp(listener) => listener.set_nonblocking(true),
        }
    }

    fn accept(&self) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
        match self {
            Self::Unix(listener) => Ok((listener.accept()?.0.into(), None)),
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                // A message is whole when it is sent: nothing is to wait for more.
                stream.set_nodelay(true)?;
                Ok((stream.into(), Some(peer)))
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(listener) => listener.as_fd(),
            Self::Tcp(listener) => listener.as_fd(),
        }
    }
}

/// To [`wait`](super::wait) for it among others: it is readable when somebody knocks. Then accept with a deadline:
/// he may not have the key.
impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl OwnPath {
    fn of(path: PathBuf) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(&path)?;
        Ok(Self { path, device: metadata.dev(), inode: metadata.ino() })
    }
}

impl Drop for OwnPath {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|now| (now.dev(), now.ino()) == (self.device, self.inode));
        if is_ours {
            // If it cannot be removed it stays: nobody listens there.
            let _ = fs::remove_file(&self.path);
        }
    }
}
