//! Linux: memory files with names, and who owns one.
//!
//! An owner holds a lock on the open file, which the kernel takes away when the last descriptor of it is closed: by the
//! owner, or because it is dead. So a name that nobody owns is a leftover. The file gets its name when it has its size
//! and its owner, so nobody ever finds half of one.

use std::ffi::CString;
use std::io;
use std::mem::zeroed;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libc::c_int;
use rustix::fs::{
    AtFlags, CWD, FallocateFlags, Mode, OFlags, fallocate, fstat, linkat, open, stat, unlink,
};

/// Where the C library's `shm_open` puts them, and Python.
const FOLDER: &str = "/dev/shm";
/// The longest name of a file.
const LONGEST: usize = 255;

/// Which file: its device and its number there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity(u64, u64);

fn path(name: &str) -> io::Result<CString> {
    let fits = !name.is_empty() && name.len() <= LONGEST && !name.contains('/');
    if !fits || name == "." || name == ".." {
        let text = "a name is of 1 to 255 bytes, without a slash";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    CString::new(format!("{FOLDER}/{name}"))
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a name has no zero byte"))
}

fn itself(fd: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// A file of `length` zeros, all of which the system has room for, without a name. Gives the owner's descriptor, which
/// has the lock, and another one to map and to give away.
pub(crate) fn create(length: usize) -> io::Result<(OwnedFd, OwnedFd)> {
    let mode = Mode::RUSR | Mode::WUSR;
    let owner = open(FOLDER, OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC, mode)?;
    fallocate(&owner, FallocateFlags::empty(), 0, length as u64)?;
    let other = again(owner.as_fd())?;
    // Nobody else has it.
    try_own(owner.as_fd())?;
    Ok((owner, other))
}

/// Gives the file a name that no other has.
pub(crate) fn publish(fd: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    Ok(linkat(CWD, itself(fd), CWD, &path(name)?, AtFlags::SYMLINK_FOLLOW)?)
}

/// The file of that name.
pub(crate) fn attach(name: &str) -> io::Result<OwnedFd> {
    Ok(open(&path(name)?, OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())?)
}

/// Another descriptor of the file, which is closed and locked on its own.
pub(crate) fn again(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(open(itself(fd), OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)
}

/// Takes the name away from the file.
pub(crate) fn remove(name: &str) -> io::Result<()> {
    Ok(unlink(&path(name)?)?)
}

/// Which file it is.
pub(crate) fn identity(fd: BorrowedFd<'_>) -> io::Result<Identity> {
    let stat = fstat(fd)?;
    Ok(Identity(stat.st_dev as u64, stat.st_ino as u64))
}

/// Which file has that name.
pub(crate) fn identity_of(name: &str) -> io::Result<Identity> {
    let stat = stat(&path(name)?)?;
    Ok(Identity(stat.st_dev as u64, stat.st_ino as u64))
}

/// Locks the open file, all of it, if nobody has it locked through another one.
pub(crate) fn try_own(fd: BorrowedFd<'_>) -> io::Result<bool> {
    match lock(fd, libc::F_OFD_SETLK) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether somebody has it locked through another open file.
pub(crate) fn is_owned(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(lock(fd, libc::F_OFD_GETLK)? != libc::F_UNLCK as c_int)
}

/// Gives the kind of lock that stands in the way, for the command that asks for it.
fn lock(fd: BorrowedFd<'_>, command: c_int) -> io::Result<c_int> {
    // SAFETY: numbers, all of which may be 0.
    let mut lock: libc::flock = unsafe { zeroed() };
    lock.l_type = libc::F_WRLCK as _;
    lock.l_whence = libc::SEEK_SET as _;
    // SAFETY: the descriptor is open, and both commands take such a lock and write to it at most.
    match unsafe { libc::fcntl(fd.as_raw_fd(), command, &raw mut lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(c_int::from(lock.l_type)),
    }
}
