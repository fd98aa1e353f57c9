//! Linux: stream sockets that carry descriptors beside the bytes.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair, sockopt,
};

use super::poll;
use crate::platform::Deadline;

/// The most descriptors that the kernel takes with one message.
pub(crate) const MOST_DESCRIPTORS: usize = 253;

/// Room for that many.
const SPACE: usize = rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS));

/// Two ends of a stream that no other program gets when it is started.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

/// Whether descriptors can travel through it.
///
/// Errors: it is not a stream socket, then of the kind `InvalidInput`; or no socket.
pub(crate) fn carries_descriptors(socket: BorrowedFd<'_>) -> io::Result<bool> {
    if sockopt::socket_type(socket)? != SocketType::STREAM {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(sockopt::socket_domain(socket)? == AddressFamily::UNIX)
}

/// Sends all of `parts`, with `fds` beside the first byte of them, and counts the bytes in `sent`. Waits until
/// `deadline` for room.
///
/// Errors: of the kind `TimedOut`; `BrokenPipe` if the other end is closed.
pub(crate) fn send_all(
    socket: BorrowedFd<'_>,
    mut parts: &mut [IoSlice<'_>],
    fds: &[BorrowedFd<'_>],
    deadline: Deadline,
    sent: &mut usize,
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // Without empty ones, of which there is nothing to send.
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        match sendmsg(socket, parts, &mut control, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(bytes) => {
                // They went with the first byte.
                control.clear();
                *sent += bytes;
                IoSlice::advance_slices(&mut parts, bytes);
            }
            Err(Errno::AGAIN) => await_ready(socket, PollFlags::OUT, deadline)?,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// What [`receive`] has got.
pub(crate) struct Received {
    /// None: the other end is closed.
    pub(crate) bytes: usize,
    /// There was no room in this process for some of the descriptors that came with them.
    pub(crate) lost_descriptors: bool,
}

/// Receives what is there, but no more than `bytes`, and puts the descriptors that came with it to `fds`. Waits
/// until `deadline` for the first byte.
///
/// Errors: of the kind `TimedOut`; then nothing was received.
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
    fds: &mut Vec<OwnedFd>,
    deadline: Deadline,
) -> io::Result<Received> {
    loop {
        let mut space = [MaybeUninit::uninit(); SPACE];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let into = &mut [IoSliceMut::new(bytes)];
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        match recvmsg(socket, into, &mut control, flags) {
            Ok(message) => {
                for ancillary in control.drain() {
                    if let RecvAncillaryMessage::ScmRights(arrived) = ancillary {
                        fds.extend(arrived);
                    }
                }
                let lost_descriptors = message.flags.contains(ReturnFlags::CTRUNC);
                return Ok(Received { bytes: message.bytes, lost_descriptors });
            }
            Err(Errno::AGAIN) => await_ready(socket, PollFlags::IN, deadline)?,
            Err(Errno::INTR) => {}
            // It was closed before it had read all that we sent.
            Err(Errno::CONNRESET) => return Ok(Received { bytes: 0, lost_descriptors: false }),
            Err(error) => return Err(error.into()),
        }
    }
}

fn await_ready(socket: BorrowedFd<'_>, flags: PollFlags, deadline: Deadline) -> io::Result<()> {
    let fd = socket.as_fd();
    if poll::until(&mut [PollFd::new(&fd, flags)], deadline) {
        Ok(())
    } else {
        Err(io::ErrorKind::TimedOut.into())
    }
}
