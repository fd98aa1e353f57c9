//! Linux: stream sockets that carry descriptors beside the bytes.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair,
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

/// Sends all of `bytes`, with `fds` beside the first of them. Waits until `deadline` for room.
///
/// Errors: of the kind `TimedOut`, and then a part may have been sent; `BrokenPipe` if the other end is closed.
pub(crate) fn send_all(
    socket: BorrowedFd<'_>,
    mut parts: &mut [IoSlice<'_>],
    fds: &[BorrowedFd<'_>],
    deadline: Deadline,
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    while !parts.is_empty() {
        match sendmsg(socket, parts, &mut control, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(sent) => {
                // They go with the first byte.
                control.clear();
                IoSlice::advance_slices(&mut parts, sent);
            }
            Err(Errno::AGAIN) => await_ready(socket, PollFlags::OUT, deadline)?,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Fills `bytes`, and puts the descriptors that came with them to `fds`. Gives how many bytes came before the
/// other end was closed. Waits until `deadline` for each part.
///
/// Errors: of the kind `TimedOut`; `OutOfMemory` if there was no room for a descriptor in this process.
pub(crate) fn receive_all(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
    fds: &mut Vec<OwnedFd>,
    deadline: Deadline,
    got: &mut usize,
) -> io::Result<()> {
    while *got < bytes.len() {
        let mut space = [MaybeUninit::uninit(); SPACE];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let into = &mut [IoSliceMut::new(&mut bytes[*got..])];
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        match recvmsg(socket, into, &mut control, flags) {
            Ok(message) => {
                for ancillary in control.drain() {
                    if let RecvAncillaryMessage::ScmRights(arrived) = ancillary {
                        fds.extend(arrived);
                    }
                }
                if message.flags.contains(ReturnFlags::CTRUNC) {
                    return Err(Errno::MFILE.into());
                }
                if message.bytes == 0 {
                    return Ok(());
                }
                *got += message.bytes;
            }
            Err(Errno::AGAIN) => await_ready(socket, PollFlags::IN, deadline)?,
            Err(Errno::INTR) => {}
            Err(Errno::CONNRESET) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn await_ready(socket: BorrowedFd<'_>, flags: PollFlags, deadline: Deadline) -> io::Result<()> {
    let fd = socket.as_fd();
    if poll::until(&mut [PollFd::new(&fd, flags)], deadline) {
        Ok(())
    } else {
        Err(io::ErrorKind::TimedOut.into())
    }
}
