//! Bytes that several processes map, under a name or without.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process;
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::words::{WORD, Words};
use crate::multiprocessing::parcel::{self, Lent};
use crate::os::memory::{self, Mapping};
use crate::os::segment::{self, Identity};

/// A run of bytes that several processes map. (MP049)
///
/// Without a name ([`anonymous`](Self::anonymous)) it is freed when nobody has a handle any more. With a name
/// ([`create`](Self::create)) other programs find it, Python's `SharedMemory` too, and then somebody has to take the name
/// away again. That is the *owner*: who created it. When the last handle of the owner is dropped the name goes; whoever
/// only attached ([`open`](Self::open)) never takes it away, however it ends (MP051). The memory stays as long as anybody
/// has it mapped.
///
/// An owner that is killed leaves its name behind. Others see that ([`is_orphan`](Self::is_orphan)) and may
/// [take it over](Self::take_over). A static is not dropped when its process ends, so what lies in one is left behind as
/// well.
///
/// Handles go to other processes as arguments and in messages, and do not own what they arrive for.
///
/// Memory with a name can be made shorter by any program of the same user. Whoever then looks at what is gone is killed
/// by the system (`SIGBUS`). Memory without a name cannot.
///
/// ```
/// use inkle::multiprocessing::memory::SharedMemory;
///
/// let memory = SharedMemory::create_unique(1000)?;
/// memory.write_at(10, b"yarn")?;
///
/// let name = memory.name().unwrap();
/// let same = SharedMemory::open(name)?;
/// let mut bytes = [0; 4];
/// same.read_at(10, &mut bytes)?;
/// assert_eq!(&bytes, b"yarn");
/// assert!(same.write_at(998, b"yarn").is_err(), "there are 1000 bytes");
///
/// drop(memory);
/// assert!(!same.has_name(), "its owner is gone");
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct SharedMemory {
    segment: Arc<Segment>,
    deed: Option<Arc<Deed>>,
}

struct Segment {
    fd: Arc<OwnedFd>,
    mapping: Mapping,
    name: Option<String>,
}

/// What an owner has: a descriptor with the lock.
struct Deed {
    fd: OwnedFd,
    name: String,
    /// A child that was forked has a copy, and is no owner.
    process: u32,
}

impl Deed {
    fn new(fd: OwnedFd, name: &str) -> Self {
        Self { fd, name: name.to_owned(), process: process::id() }
    }
}

impl Drop for Deed {
    fn drop(&mut self) {
        if self.process == process::id() && is_named(self.fd.as_fd(), &self.name) {
            // An error would mean that somebody was quicker.
            let _ = segment::remove(&self.name);
        }
    }
}

/// Whether the file has that name now.
fn is_named(fd: BorrowedFd<'_>, name: &str) -> bool {
    let same = |file: Identity| segment::identity_of(name).is_ok_and(|named| named == file);
    segment::identity(fd).is_ok_and(same)
}

impl SharedMemory {
    /// `size` zeros without a name.
    ///
    /// Errors: of the kind `InvalidInput` for no bytes (MP050); the system's.
    pub fn anonymous(size: usize) -> io::Result<Self> {
        let fd = memory::create("inkle", checked(size)?)?;
        Self::mapped(fd, None)
    }

    /// `size` zeros under `name`, owned by the caller. A name is the same for all programs of this machine. The system
    /// sets the memory aside at once.
    ///
    /// Errors: of the kind `AlreadyExists` if the name is taken; `InvalidInput` for no bytes, and for a name that is empty,
    /// longer than 255 bytes or has a slash in it; `StorageFull` if there is no room; the system's. (MP050)
    pub fn create(name: &str, size: usize) -> io::Result<Self> {
        Self::create_filled(name, size, |_| {})
    }

    /// As [`create`](Self::create); nobody finds the name before it is filled.
    pub(in crate::multiprocessing) fn create_filled(
        name: &str,
        size: usize,
        fill: impl FnOnce(Words<'_>),
    ) -> io::Result<Self> {
        let (owner, fd) = segment::create(checked(size)?)?;
        let mut memory = Self::mapped(fd, Some(name))?;
        fill(memory.words());
        segment::publish(owner.as_fd(), name)?;
        memory.deed = Some(Arc::new(Deed::new(owner, name)));
        Ok(memory)
    }

    /// As [`create`](Self::create), under a name that nobody has.
    pub fn create_unique(size: usize) -> io::Result<Self> {
        loop {
            // Its keys are random.
            let number = RandomState::new().hash_one(process::id());
            match Self::create(&format!("inkle-{number:016x}"), size) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                result => return result,
            }
        }
    }

    /// Attaches to the memory of that name, and does not own it.
    ///
    /// Errors: of the kind `NotFound` if nobody has created it; `InvalidInput` as [`create`](Self::create);
    /// `PermissionDenied` if it is another user's; `InvalidData` if it has no bytes.
    pub fn open(name: &str) -> io::Result<Self> {
        Self::mapped(segment::attach(name)?, Some(name))
    }

    /// Takes a name away, whoever owns it. Whoever has the memory mapped keeps it. (MP050)
    ///
    /// Errors: of the kind `NotFound` if there is none.
    pub fn unlink(name: &str) -> io::Result<()> {
        segment::remove(name)
    }

    fn mapped(fd: OwnedFd, name: Option<&str>) -> io::Result<Self> {
        Self::shared(Arc::new(fd), name.map(str::to_owned))
    }

    fn shared(fd: Arc<OwnedFd>, name: Option<String>) -> io::Result<Self> {
        let mapping = match name {
            Some(_) => Mapping::whole(fd.as_fd())?,
            None => Mapping::sealed(fd.as_fd())?,
        };
        Ok(Self { segment: Arc::new(Segment { fd, mapping, name }), deed: None })
    }

    /// Bytes.
    #[allow(clippy::len_without_is_empty, reason = "it is never empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.segment.mapping.len()
    }

    /// The name that it was created or opened with.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.segment.name.as_deref()
    }

    /// Whether it can still be opened by its name now: nobody has taken that away, or given it to other memory.
    #[must_use]
    pub fn has_name(&self) -> bool {
        self.name().is_some_and(|name| is_named(self.segment.fd.as_fd(), name))
    }

    /// Whether the name goes when this handle and its clones are dropped.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.deed.is_some()
    }

    /// Whether it has its name, and nobody who would take it away: its owner was killed, or has
    /// [given it up](Self::keep), or is a program that does not use this crate.
    ///
    /// Errors: the system's.
    pub fn is_orphan(&self) -> io::Result<bool> {
        Ok(!self.is_owner() && self.has_name() && !segment::is_owned(self.segment.fd.as_fd())?)
    }

    /// Makes the caller the owner of what has none.
    ///
    /// Errors: of the kind `WouldBlock` if somebody is the owner; `NotFound` if it has no name any more, or never had.
    pub fn take_over(&mut self) -> io::Result<()> {
        if self.is_owner() {
            return Ok(());
        }
        let name = self.name().ok_or(io::ErrorKind::NotFound)?;
        let fd = segment::again(self.segment.fd.as_fd())?;
        if !segment::try_own(fd.as_fd())? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        // Not before it is ours: its owner may have taken the name away meanwhile.
        if !is_named(fd.as_fd(), name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.deed = Some(Arc::new(Deed::new(fd, name)));
        Ok(())
    }

    /// Gives up owning it: the name stays until somebody takes it away. Says whether the caller was the owner, with no
    /// other handle that still is.
    pub fn keep(&mut self) -> bool {
        match self.deed.take().map(Arc::try_unwrap) {
            Some(Ok(mut deed)) => {
                // Then it is nobody's to take away.
                deed.process = 0;
                true
            }
            Some(Err(shared)) => {
                self.deed = Some(shared);
                false
            }
            None => false,
        }
    }

    /// The same memory, by a handle that does not own it.
    pub(super) fn borrowed(&self) -> Self {
        Self { segment: Arc::clone(&self.segment), deed: None }
    }

    /// Copies the bytes from `offset` on to `into`. What other processes write meanwhile may arrive in part: meet at a
    /// lock or a queue.
    ///
    /// Errors: [`OutOfBounds`], and nothing is copied. Progress: wait-free. Ordering: relaxed.
    pub fn read_at(&self, offset: usize, into: &mut [u8]) -> Result<(), OutOfBounds> {
        self.check(offset, into.len())?;
        self.words().read(offset, into);
        Ok(())
    }

    /// Copies `bytes` to `offset` and on.
    ///
    /// Errors: [`OutOfBounds`], and nothing is copied. Progress: lock-free. Ordering: relaxed.
    pub fn write_at(&self, offset: usize, bytes: &[u8]) -> Result<(), OutOfBounds> {
        self.check(offset, bytes.len())?;
        self.words().write(offset, bytes);
        Ok(())
    }

    fn check(&self, offset: usize, count: usize) -> Result<(), OutOfBounds> {
        let len = self.len();
        match offset.checked_add(count) {
            Some(end) if end <= len => Ok(()),
            _ => Err(OutOfBounds { offset, count, len }),
        }
    }

    /// All of it, and zeros to the end of the last word.
    pub(in crate::multiprocessing) fn words(&self) -> Words<'_> {
        let count = self.len().div_ceil(WORD);
        // SAFETY: mapped for as long as `self` lives, to the end of the last page, and aligned as a page is. Whoever uses
        // `as_ptr` answers for that.
        unsafe { Words::new(self.as_ptr(), count) }
    }

    /// Where it begins in this process: at the start of a page.
    #[must_use]
    pub fn as_ptr(&self) -> NonNull<u8> {
        self.segment.mapping.start()
    }

    /// The bytes.
    ///
    /// # Safety
    ///
    /// As long as the slice lives nobody writes to the memory, in this process or another.
    #[must_use]
    pub unsafe fn as_slice(&self) -> &[u8] {
        // SAFETY: mapped for as long as `self` lives; the caller's promise.
        unsafe { slice::from_raw_parts(self.as_ptr().as_ptr(), self.len()) }
    }

    /// The bytes, to be changed.
    ///
    /// # Safety
    ///
    /// As long as the slice lives nobody else reads or writes the memory, in this process or another, nor through another
    /// handle.
    #[allow(clippy::mut_from_ref, reason = "that nobody else uses it is the caller's promise")]
    #[must_use]
    pub unsafe fn as_mut_slice(&self) -> &mut [u8] {
        // SAFETY: mapped for as long as `self` lives; the caller's promise.
        unsafe { slice::from_raw_parts_mut(self.as_ptr().as_ptr(), self.len()) }
    }
}

fn checked(size: usize) -> io::Result<usize> {
    if size == 0 || isize::try_from(size).is_err() {
        let text = format!("shared memory of {size} bytes cannot be");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(size)
}

impl AsFd for SharedMemory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.segment.fd.as_fd()
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMemory")
            .field("name", &self.name())
            .field("len", &self.len())
            .field("is_owner", &self.is_owner())
            .finish()
    }
}

impl Serialize for SharedMemory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (Lent(&self.segment.fd), self.name()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SharedMemory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (parcel::Claimed(fd), name) = Deserialize::deserialize(deserializer)?;
        Self::shared(fd, name).map_err(D::Error::custom)
    }
}

/// There are not so many, bytes or items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBounds {
    /// Where they would begin.
    pub offset: usize,
    /// How many.
    pub count: usize,
    /// How many there are.
    pub len: usize,
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {} on are not all within {}", self.count, self.offset, self.len)
    }
}

impl std::error::Error for OutOfBounds {}

impl From<OutOfBounds> for io::Error {
    fn from(error: OutOfBounds) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}
