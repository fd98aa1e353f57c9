//! The fork server: this program, started once more, which stops before `main` and makes copies of itself when it
//! is asked to. A copy becomes a child process as [`entry`] has it.
//!
//! # Invariants
//!
//! - It has one thread: a copy of it has all that it needs, and no lock is held in it for ever.
//! - A copy is its parent's child, not its own ([`fork`]), and is killed when the parent ends, as the server is.
//! - It holds nothing of the parent's: its standard streams lead nowhere, its folder is the root; what a copy is to
//!   have of these, and its variables, comes with the request ([`Outset`]).
//! - The server says that a copy is there ([`Birth`]), for the copy may be killed at once; and a copy that is asked
//!   ([`ask`]) says it too, for the server may be killed before. So whichever of the two is killed, and whenever, the
//!   parent learns of its child.

use std::ffi::c_char;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::ptr;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_getfd};
use rustix::process::fchdir;

use super::entry;
use super::error::{DecodeError, EncodeError, RecvError};
use super::frame;
use super::parcel::{Claimed, Lent, Parcel};
use crate::os::fork::{self, Side};
use crate::os::life;
use crate::platform::Deadline;

/// What a child is to begin with.
pub(super) struct Outset {
    /// Its end of the way to its parent.
    pub(super) socket: Arc<OwnedFd>,
    folder: Arc<OwnedFd>,
    /// The standard output and that for errors; `None` is closed.
    output: Option<Arc<OwnedFd>>,
    errors: Option<Arc<OwnedFd>>,
    umask: u32,
    /// Lines that end with NUL.
    variables: Vec<u8>,
}

type OutsetWire<Fd> = (Fd, Fd, Option<Fd>, Option<Fd>, u32, Vec<u8>);

impl Outset {
    /// As this process is.
    pub(super) fn from_here(
        socket: OwnedFd,
        umask: u32,
        variables: Vec<u8>,
    ) -> rustix::io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(Path::new("."), flags, Mode::empty())?;
        Ok(Self {
            socket: Arc::new(socket),
            folder: Arc::new(folder),
            output: copy(&rustix::stdio::stdout())?,
            errors: copy(&rustix::stdio::stderr())?,
            umask,
            variables,
        })
    }

    pub(super) fn pack(self) -> Result<Parcel, EncodeError> {
        let (output, errors) = (self.output.as_ref().map(Lent), self.errors.as_ref().map(Lent));
        let wire: OutsetWire<Lent<'_>> =
            (Lent(&self.socket), Lent(&self.folder), output, errors, self.umask, self.variables);
        Parcel::pack(&wire)
    }

    fn unpack(parcel: Parcel) -> Result<Self, DecodeError> {
        let (socket, folder, output, errors, umask, variables): OutsetWire<Claimed> =
            parcel.unpack()?;
        let (output, errors) = (output.map(|fd| fd.0), errors.map(|fd| fd.0));
        Ok(Self { socket: socket.0, folder: folder.0, output, errors, umask, variables })
    }

    /// Has this process begin with it.
    fn take_over(self) -> rustix::io::Result<()> {
        fchdir(&self.folder)?;
        match &self.output {
            Some(output) => rustix::stdio::dup2_stdout(output)?,
            None => close(libc::STDOUT_FILENO),
        }
        match &self.errors {
            Some(errors) => rustix::stdio::dup2_stderr(errors)?,
            None => close(libc::STDERR_FILENO),
        }
        // SAFETY: sets a number.
        unsafe { libc::umask(self.umask as libc::mode_t) };
        set_variables(self.variables);
        Ok(())
    }
}

/// Another descriptor of the same. `None` if it is closed, or if it is something else that has got the number, and that
/// no program has that is started.
fn copy(stream: &impl AsFd) -> rustix::io::Result<Option<Arc<OwnedFd>>> {
    match fcntl_getfd(stream) {
        Ok(flags) if !flags.contains(FdFlags::CLOEXEC) => {
            Ok(Some(Arc::new(fcntl_dupfd_cloexec(stream, 3)?)))
        }
        Ok(_) | Err(rustix::io::Errno::BADF) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A standard stream.
fn close(stream: i32) {
    // SAFETY: nobody owns one, and the only thread uses none now.
    unsafe { libc::close(stream) };
}

/// Has these be all the variables of the environment: of a process with one thread.
fn set_variables(lines: Vec<u8>) {
    unsafe extern "C" {
        static mut environ: *const *const c_char;
    }
    // They are there as long as the process.
    let lines: &'static [u8] = lines.leak();
    let line = |line: &'static [u8]| line.as_ptr().cast::<c_char>();
    let addresses: Vec<_> =
        lines.split_inclusive(|byte| *byte == 0).map(line).chain([ptr::null()]).collect();
    // SAFETY: as the C library has it: lines that end with NUL, and null. A program may replace it, and nobody else
    // looks: there is one thread.
    unsafe { environ = addresses.leak().as_ptr() };
}

/// What becomes of a request. Comes to the parent on the child's socket, before all else: a child is silent until it
/// is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Birth {
    /// The child is there, by this number.
    Born(i32),
    /// The system refused a copy, for this reason.
    Refused(i32),
    /// The server has threads: whose these are could hold locks, so it makes no copies.
    Threads,
}

/// For `multiprocessing::fuzzed`: what a fork server, and the one who asks it, are told.
#[cfg(inkle_fuzz)]
pub(super) fn fuzzed(parcel: Parcel) {
    let Ok((ours, theirs)) = crate::os::socket::pair() else { return };
    if frame::send(theirs.as_fd(), &parcel, Deadline::PASSED).is_ok() {
        match Birth::hear(&ours, Deadline::PASSED) {
            Ok(_) => assert!(parcel.bytes.len() <= MOST),
            Err(error) => assert!(!matches!(error, RecvError::Closed | RecvError::Truncated)),
        }
    }
    let Ok(outset) = Outset::unpack(parcel) else { return };
    // All but the begin, which would be this process's.
    assert!(outset.pack().is_ok_and(|parcel| Outset::unpack(parcel).is_ok()));
}

/// Bytes of one, at most.
const MOST: usize = 16;

impl Birth {
    fn tell(self, socket: &OwnedFd) {
        let (kind, number) = match self {
            Self::Born(pid) => (0_u8, pid),
            Self::Refused(errno) => (1, errno),
            Self::Threads => (2, 0),
        };
        // If nobody hears it, a copy is about to hear of its parent's loss of interest.
        if let Ok(parcel) = Parcel::pack(&(kind, number)) {
            let _ = frame::send(socket.as_fd(), &parcel, Deadline::NEVER);
        }
    }

    /// Waits until `deadline` for it.
    pub(super) fn hear(socket: &OwnedFd, deadline: Deadline) -> Result<Self, RecvError> {
        let parcel = frame::receive(socket.as_fd(), MOST, deadline)?;
        match parcel.unpack() {
            Ok((0_u8, pid)) => Ok(Self::Born(pid)),
            Ok((1, errno)) => Ok(Self::Refused(errno)),
            Ok((2, _)) => Ok(Self::Threads),
            _ => Err(RecvError::Corrupt),
        }
    }
}

/// Has the child say that it is there, of which the server has said nothing: it is dead.
pub(super) fn ask(socket: &OwnedFd) {
    // An error is that there is no child.
    let _ = frame::send(socket.as_fd(), &Parcel::default(), Deadline::PASSED);
}

/// Whether that is what has come; then it is said.
pub(super) fn answer(parcel: &Parcel, socket: &OwnedFd) -> bool {
    let is_asked = parcel.bytes.is_empty();
    if is_asked {
        Birth::Born(own_number()).tell(socket);
    }
    is_asked
}

fn own_number() -> i32 {
    // SAFETY: asks.
    unsafe { libc::getpid() }
}

/// The server's life: to the end of the stream, or of the process `parent`.
pub(super) fn serve(stream: OwnedFd, parent: libc::pid_t) -> ! {
    // This thread starts none; a constructor that was called before may have.
    let is_alone = fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1);
    loop {
        let Ok(parcel) = frame::receive(stream.as_fd(), usize::MAX, Deadline::NEVER) else { break };
        let Ok(outset) = Outset::unpack(parcel) else { break };
        if !is_alone {
            Birth::Threads.tell(&outset.socket);
            continue;
        }
        // SAFETY: this is the only thread, as was just seen to.
        match unsafe { fork::sibling() } {
            Ok(Side::Original(pid)) => Birth::Born(pid).tell(&outset.socket),
            Ok(Side::Copy) => {
                drop(stream);
                begin(outset, parent)
            }
            Err(error) => {
                Birth::Refused(error.raw_os_error().unwrap_or(libc::EAGAIN)).tell(&outset.socket);
            }
        }
    }
    end()
}

/// Of a copy.
fn begin(outset: Outset, parent: libc::pid_t) -> ! {
    // SAFETY: system calls with numbers.
    let is_bound = unsafe {
        let bound = libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        // Asked afterwards: if it ends from now on, this process is killed.
        bound == 0 && libc::getppid() == parent
    };
    if !is_bound {
        end();
    }
    // In case a constructor has asked for it.
    life::forget();
    let socket = Arc::clone(&outset.socket);
    let begun = outset.take_over().map_err(io::Error::from);
    entry::become_child(socket, begun)
}

/// Without what a program does at its end: none has begun here.
fn end() -> ! {
    // SAFETY: ends the process; nothing has been done that would have to be undone.
    unsafe { libc::_exit(1) }
}
