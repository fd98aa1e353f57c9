//! How a parcel goes over a stream.
//!
//! # Format
//!
//! Sixteen bytes: a mark, the number of descriptors (both of 32 bits), the number of bytes (64), in this machine's
//! order: the stream does not leave it. Then the bytes. The descriptors go with the first byte of the sixteen.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use super::error::{RecvError, SendError};
use super::parcel::Parcel;
use crate::os::socket::{self, MOST_DESCRIPTORS};
use crate::platform::Deadline;

const MARK: u32 = u32::from_ne_bytes(*b"ikf1");
const HEADER: usize = 16;
/// Asked of the allocator before the bytes are there: a length is only a claim.
const AT_ONCE: usize = 1 << 20;

/// Sends the parcel; waits until `deadline` for the other side to take it.
pub(super) fn send(
    stream: BorrowedFd<'_>,
    parcel: &Parcel,
    deadline: Deadline,
) -> Result<(), SendError> {
    if parcel.fds.len() > MOST_DESCRIPTORS {
        return Err(SendError::TooManyDescriptors(parcel.fds.len()));
    }
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&MARK.to_ne_bytes());
    header[4..8].copy_from_slice(&(parcel.fds.len() as u32).to_ne_bytes());
    header[8..].copy_from_slice(&(parcel.bytes.len() as u64).to_ne_bytes());
    let fds: Vec<_> = parcel.fds.iter().map(|fd| fd.as_fd()).collect();
    let mut parts = [IoSlice::new(&header), IoSlice::new(&parcel.bytes)];
    socket::send_all(stream, &mut parts, &fds, deadline).map_err(SendError::of)
}

/// Receives a parcel of at most `limit` bytes; waits until `deadline` for all of it.
///
/// Errors: [`RecvError::Closed`] if the stream ended before it began. After any other error, but a time that is over
/// before the first byte, the stream is of no more use.
pub(super) fn receive(
    stream: BorrowedFd<'_>,
    limit: usize,
    deadline: Deadline,
) -> Result<Parcel, RecvError> {
    let mut fds = Vec::new();
    let mut header = [0; HEADER];
    let mut got = 0;
    match socket::receive_all(stream, &mut header, &mut fds, deadline, &mut got) {
        Ok(()) if got == HEADER => {}
        Ok(()) if got == 0 => return Err(RecvError::Closed),
        Ok(()) => return Err(RecvError::Truncated),
        Err(error) if got == 0 && error.kind() == io::ErrorKind::TimedOut => {
            return Err(RecvError::TimedOut);
        }
        Err(error) => return Err(RecvError::broken(error)),
    }
    let (mark, count) =
        (u32::from_ne_bytes(part(&header, 0)), u32::from_ne_bytes(part(&header, 4)));
    let length = u64::from_ne_bytes(part(&header, 8));
    if mark != MARK || count as usize != fds.len() {
        return Err(RecvError::Corrupt);
    }
    let length = usize::try_from(length).ok().filter(|length| *length <= limit);
    let Some(length) = length else { return Err(RecvError::TooLong { limit }) };
    let mut bytes = Vec::new();
    let mut got = 0;
    while got < length {
        bytes.resize(length.min(got.saturating_add(AT_ONCE.max(got))), 0);
        let before = bytes.len();
        socket::receive_all(stream, &mut bytes, &mut fds, deadline, &mut got)
            .map_err(RecvError::broken)?;
        if got < before {
            return Err(RecvError::Truncated);
        }
    }
    if count as usize != fds.len() {
        return Err(RecvError::Corrupt);
    }
    Ok(Parcel { bytes, fds: fds.into_iter().map(Arc::new).collect() })
}

fn part<const N: usize>(header: &[u8; HEADER], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&header[at..at + N]);
    bytes
}
