//! Linux: memory that several processes map.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::slice;

use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, fstat,
    ftruncate, memfd_create,
};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A file in memory of `length` zeros, without a name in any folder: the kernel frees it when the last process has
/// closed and unmapped it. Pages take memory once they are written. Nobody can make it shorter, so that nobody who
/// maps it can be killed by a look at what is gone.
pub(crate) fn create(name: &str, length: usize) -> io::Result<OwnedFd> {
    let fd = memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&fd, length as u64)?;
    fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(fd)
}

/// Makes zeros of a part of the file; whole pages of it take no memory any more.
pub(crate) fn discard(fd: BorrowedFd<'_>, offset: usize, length: usize) -> io::Result<()> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    Ok(fallocate(fd, flags, offset as u64, length as u64)?)
}

/// Seals of a file that nobody can change any more.
const FIXED: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::WRITE);

/// A file in memory that holds these bytes for ever.
pub(crate) fn holding(name: &str, bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    file.write_all(bytes)?;
    fcntl_add_seals(&file, FIXED | SealFlags::SEAL)?;
    Ok(file.into())
}

/// The bytes of a file that nobody can change any more, read in place.
pub(crate) struct Fixed(Mapping);

impl Fixed {
    /// Errors: of the kind `InvalidData` if somebody could change it, or it is empty.
    pub(crate) fn map(fd: BorrowedFd<'_>) -> io::Result<Self> {
        if !fcntl_get_seals(fd).is_ok_and(|seals| seals.contains(FIXED)) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Mapping::with(fd, ProtFlags::READ).map(Self)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: so many bytes are mapped for as long as `self` lives; the seals say that nobody changes them or makes
        // the file shorter, and seals cannot be taken off.
        unsafe { slice::from_raw_parts(self.0.start.as_ptr(), self.0.length) }
    }
}

/// A part of a file's memory, mapped to read and to write, as all see it who map it.
pub(crate) struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: an address and a length. Who may use the bytes how is the business of those who ask for the address.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps all of the file.
    ///
    /// Errors: of the kind `InvalidData` if it could be made shorter by somebody, or is empty.
    pub(crate) fn sealed(fd: BorrowedFd<'_>) -> io::Result<Self> {
        if !fcntl_get_seals(fd).is_ok_and(|seals| seals.contains(SealFlags::SHRINK)) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Self::whole(fd)
    }

    /// Maps all of the file. If somebody makes the file shorter, whoever looks at what is gone is killed.
    pub(crate) fn whole(fd: BorrowedFd<'_>) -> io::Result<Self> {
        Self::with(fd, ProtFlags::READ | ProtFlags::WRITE)
    }

    fn with(fd: BorrowedFd<'_>, access: ProtFlags) -> io::Result<Self> {
        let length = usize::try_from(fstat(fd)?.st_size).unwrap_or(0);
        if length == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
        let start =
            unsafe { mmap(ptr::null_mut(), length, access, MapFlags::SHARED, fd.as_fd(), 0)? };
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, length })
    }

    /// Where it begins: at the start of a page.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Bytes.
    pub(crate) fn len(&self) -> usize {
        self.length
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // An error would mean that it is not mapped.
        //
        // SAFETY: it is ours, and whoever has asked for its address borrows from it.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.length) };
    }
}
