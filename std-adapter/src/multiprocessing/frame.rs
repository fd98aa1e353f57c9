//! How messages go over a stream.
//!
//! # Format
//!
//! Sixteen bytes: a mark, the number of descriptors (both of 32 bits), the number of bytes (64), little-endian. Then
//! the bytes. The descriptors go with the first byte of the sixteen.
//!
//! # Invariants
//!
//! - A message of which a byte was sent is sent to its end before the next one begins, and one of which a byte was
//!   received is received to its end, however often the time is over meanwhile: the stream never loses its step.
//! - No more memory is asked for than twice what has come, but for the first mebibyte: a length is only a claim.
//! - Of the descriptors that come no more are kept than were announced, but for those of one call of the system.

use std::io::{self, IoSlice};
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use super::error::{RecvError, SendError};
use super::parcel::Parcel;
use crate::os::socket::{self, MOST_DESCRIPTORS, Received};
use crate::platform::Deadline;

const MARK: u32 = u32::from_le_bytes(*b"ikf1");
const HEADER: usize = 16;
/// Asked of the allocator before the bytes are there.
const AT_ONCE: usize = 1 << 20;

/// The sending side of a stream.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// What is left of a message that was begun.
    rest: Vec<u8>,
}

impl Outgoing {
    /// Whether the other side has not the whole of a message that was begun.
    pub(super) fn is_unfinished(&self) -> bool {
        !self.rest.is_empty()
    }

    /// Sends what is left of a message that was begun.
    pub(super) fn flush(
        &mut self,
        stream: BorrowedFd<'_>,
        deadline: Deadline,
    ) -> Result<(), SendError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let mut sent = 0;
        let parts = &mut [IoSlice::new(&self.rest)];
        let result = socket::send_all(stream, parts, &[], deadline, &mut sent);
        self.rest.drain(..sent);
        result.map_err(SendError::of)
    }

    /// Sends a message; waits until `deadline` for the other side to take it.
    pub(super) fn send(
        &mut self,
        stream: BorrowedFd<'_>,
        bytes: &[u8],
        fds: &[Arc<OwnedFd>],
        deadline: Deadline,
    ) -> Result<(), SendError> {
        if fds.len() > MOST_DESCRIPTORS {
            return Err(SendError::TooManyDescriptors(fds.len()));
        }
        self.flush(stream, deadline)?;
        let mut header = [0; HEADER];
        header[..4].copy_from_slice(&MARK.to_le_bytes());
        header[4..8].copy_from_slice(&(fds.len() as u32).to_le_bytes());
        header[8..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        let fds: Vec<_> = fds.iter().map(|fd| fd.as_fd()).collect();
        let parts = &mut [IoSlice::new(&header), IoSlice::new(bytes)];
        let mut sent = 0;
        let error = match socket::send_all(stream, parts, &fds, deadline, &mut sent) {
            Ok(()) => return Ok(()),
            Err(error) => SendError::of(error),
        };
        if sent == 0 || matches!(error, SendError::Closed) {
            return Err(error);
        }
        self.rest.extend(&header[sent.min(HEADER)..]);
        self.rest.extend(&bytes[sent.saturating_sub(HEADER)..]);
        Err(SendError::Unfinished)
    }
}

/// The receiving side of a stream, with what has come of the next message.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    header: [u8; HEADER],
    bytes: Vec<u8>,
    /// Of the header and the bytes together.
    got: usize,
    fds: Vec<OwnedFd>,
    lost_descriptors: bool,
    /// What is left of the message is not wanted.
    is_skipping: bool,
    is_corrupt: bool,
}

/// Read at a time of what is not wanted.
const SKIP: usize = 64 * 1024;

impl Incoming {
    /// Whether a part of a message has come, and not all of it.
    pub(super) fn has_begun(&self) -> bool {
        self.got > 0
    }

    /// Receives a message of at most `limit` bytes; waits until `deadline` for all of it.
    pub(super) fn receive(
        &mut self,
        stream: BorrowedFd<'_>,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Parcel, RecvError> {
        if self.is_corrupt {
            return Err(RecvError::Corrupt);
        }
        if self.is_skipping {
            self.skip(stream, deadline)?;
        }
        while self.got < HEADER {
            self.receive_some(stream, deadline)?;
        }
        let (announced, length) = (self.announced(), self.length());
        if u32::from_le_bytes(part(&self.header, 0)) != MARK
            || (announced != self.fds.len() && !self.lost_descriptors)
        {
            return Err(self.corrupt());
        }
        let Some(length) = usize::try_from(length).ok().filter(|length| *length <= limit) else {
            return Err(RecvError::TooLong { length, limit });
        };
        while self.got - HEADER < length {
            if self.got - HEADER == self.bytes.len() {
                let more = AT_ONCE.max(self.bytes.len());
                self.bytes.resize(length.min(self.bytes.len().saturating_add(more)), 0);
            }
            self.receive_some(stream, deadline)?;
            if self.fds.len() > announced {
                return Err(self.corrupt());
            }
        }
        let whole = mem::take(self);
        if whole.lost_descriptors {
            return Err(RecvError::Os(rustix::io::Errno::MFILE.into()));
        }
        Ok(Parcel { bytes: whole.bytes, fds: whole.fds.into_iter().map(Arc::new).collect() })
    }

    /// Drops the message that has begun to come; waits until `deadline` for its end.
    pub(super) fn skip(
        &mut self,
        stream: BorrowedFd<'_>,
        deadline: Deadline,
    ) -> Result<(), RecvError> {
        if self.got < HEADER {
            return Ok(());
        }
        self.is_skipping = true;
        while ((self.got - HEADER) as u64) < self.length() {
            let left = self.length() - (self.got - HEADER) as u64;
            self.bytes.resize(SKIP.min(usize::try_from(left).unwrap_or(SKIP)), 0);
            let received = take(stream, &mut self.bytes, &mut self.fds, deadline)?;
            if received.bytes == 0 {
                return Err(RecvError::Truncated);
            }
            self.got += received.bytes;
            self.fds.clear();
        }
        *self = Self::default();
        Ok(())
    }

    fn receive_some(
        &mut self,
        stream: BorrowedFd<'_>,
        deadline: Deadline,
    ) -> Result<(), RecvError> {
        let into = match self.got.checked_sub(HEADER) {
            None => &mut self.header[self.got..],
            Some(begin) => &mut self.bytes[begin..],
        };
        let received = take(stream, into, &mut self.fds, deadline)?;
        self.lost_descriptors |= received.lost_descriptors;
        match received.bytes {
            0 if self.got == 0 => Err(RecvError::Closed),
            0 => Err(RecvError::Truncated),
            bytes => {
                self.got += bytes;
                // More than one call of the system brings, while the number is not known yet.
                if self.fds.len() > MOST_DESCRIPTORS { Err(self.corrupt()) } else { Ok(()) }
            }
        }
    }

    fn announced(&self) -> usize {
        u32::from_le_bytes(part(&self.header, 4)) as usize
    }

    fn length(&self) -> u64 {
        u64::from_le_bytes(part(&self.header, 8))
    }

    fn corrupt(&mut self) -> RecvError {
        *self = Self { is_corrupt: true, ..Self::default() };
        RecvError::Corrupt
    }
}

fn take(
    stream: BorrowedFd<'_>,
    into: &mut [u8],
    fds: &mut Vec<OwnedFd>,
    deadline: Deadline,
) -> Result<Received, RecvError> {
    socket::receive(stream, into, fds, deadline).map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => RecvError::TimedOut,
        _ => RecvError::Os(error),
    })
}

fn part<const N: usize>(header: &[u8; HEADER], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&header[at..at + N]);
    bytes
}

/// Sends the parcel over a stream that carries nothing else; waits until `deadline` for the other side to take it.
/// After an error the stream is of no more use.
pub(super) fn send(
    stream: BorrowedFd<'_>,
    parcel: &Parcel,
    deadline: Deadline,
) -> Result<(), SendError> {
    Outgoing::default().send(stream, &parcel.bytes, &parcel.fds, deadline)
}

/// Receives a parcel of at most `limit` bytes; waits until `deadline` for all of it. After an error, but for a time
/// that is over before the first byte, the stream is of no more use.
///
/// Errors: [`RecvError::Closed`] if the stream ended before it began; [`RecvError::Truncated`] if it ended, or the
/// time was over, in the middle.
pub(super) fn receive(
    stream: BorrowedFd<'_>,
    limit: usize,
    deadline: Deadline,
) -> Result<Parcel, RecvError> {
    let mut incoming = Incoming::default();
    match incoming.receive(stream, limit, deadline) {
        Err(RecvError::TimedOut) if incoming.has_begun() => Err(RecvError::Truncated),
        result => result,
    }
}
