//! A memory file with a head of a known type and a tail of words.
//!
//! # Layout
//!
//! | at | what |
//! |---|---|
//! | 0 | a mark and a version |
//! | 8 | the fingerprint of the head's type |
//! | 64, or the head's alignment | the head |
//! | the next multiple of 128 | the tail, whole words to the end of the file |
//!
//! # Why no process can harm another
//!
//! The file is sealed: nobody can make it shorter, so all that is mapped stays there. The first two words are looked at
//! once, when the file is mapped, and are there to tell a mistake: of a handle that arrives as another type than it was
//! sent as. Safety stands on the length, which the kernel keeps, and on [`Share`]: the head may be of any bits.

use std::any::type_name;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::{Arc, Weak};

use inkle_core::atomic::{AtomicU32, AtomicUsize, Ordering};
use inkle_core::robust::Life;

use super::graves::{self, Grave};
use super::share::Share;
use super::words::{WORD, Words};
use crate::os::memory::{self, Mapping};

const MARK: u32 = u32::from_ne_bytes(*b"ikm1");
/// Two words of 32 bits for the mark and for the fingerprint each.
type Start = [AtomicU32; 4];
const FIRST_HEAD: usize = 64;
const TAIL_ALIGN: usize = 128;

/// See the module.
pub(in crate::multiprocessing) struct Region<T> {
    fd: Arc<OwnedFd>,
    mapping: Mapping,
    head: PhantomData<fn() -> T>,
}

impl<T: Share> Region<T> {
    const HEAD: usize = {
        // A mapping begins at a page, and no page is smaller.
        assert!(align_of::<T>() <= 4096, "no mapping is aligned like this");
        if align_of::<T>() > FIRST_HEAD { align_of::<T>() } else { FIRST_HEAD }
    };
    const TAIL: usize = (Self::HEAD + size_of::<T>()).next_multiple_of(TAIL_ALIGN);

    /// Makes a file with `head` and a tail of at least `bytes` zeros.
    ///
    /// Errors: the system's; of the kind `InvalidInput` if no address space is that large.
    pub(in crate::multiprocessing) fn create(head: T, bytes: usize) -> io::Result<Arc<Self>> {
        let length = bytes
            .checked_next_multiple_of(WORD)
            .and_then(|bytes| bytes.checked_add(Self::TAIL))
            .filter(|length| isize::try_from(*length).is_ok())
            .ok_or(io::ErrorKind::InvalidInput)?;
        let region = Self::map(Arc::new(memory::create("inkle", length)?))?;
        // SAFETY: there is room, aligned by `HEAD`, and nobody else knows of it yet.
        unsafe { region.at(Self::HEAD).cast::<T>().write(head) };
        // Relaxed, here and below: whoever gets the file gets it by a message, which orders.
        for (word, value) in region.start().iter().zip(Self::expected()) {
            word.store(value, Ordering::Relaxed);
        }
        Ok(region.registered())
    }

    /// Maps a file that another process, or this one, has made.
    ///
    /// Errors: the system's; of the kind `InvalidData` if it is no such file, or has another head.
    pub(in crate::multiprocessing) fn attach(fd: Arc<OwnedFd>) -> io::Result<Arc<Self>> {
        let region = Self::map(fd)?;
        let start = region.start().iter().map(|word| word.load(Ordering::Relaxed));
        if !start.eq(Self::expected()) {
            return Err(other_type::<T>());
        }
        Ok(region.registered())
    }

    fn registered(self) -> Arc<Self> {
        let address = self.address();
        let region = Arc::new(self);
        let grave: Weak<dyn Grave> = Arc::downgrade(&region) as Weak<Self>;
        graves::register(address, grave);
        region
    }

    fn map(fd: Arc<OwnedFd>) -> io::Result<Self> {
        let mapping = Mapping::sealed(fd.as_fd())?;
        if mapping.len() < Self::TAIL {
            return Err(other_type::<T>());
        }
        Ok(Self { fd, mapping, head: PhantomData })
    }

    fn expected() -> [u32; 4] {
        let print = fingerprint::<T>();
        [MARK, 0, print as u32, (print >> 32) as u32]
    }

    /// # Safety
    ///
    /// At most the length of the mapping.
    unsafe fn at(&self, offset: usize) -> NonNull<u8> {
        // SAFETY: the caller's promise.
        unsafe { self.mapping.start().add(offset) }
    }

    fn start(&self) -> &Start {
        // SAFETY: longer than that, mapped for as long as `self` lives, aligned as a page is, and of any bits.
        unsafe { self.mapping.start().cast().as_ref() }
    }

    /// What lies at the beginning.
    #[inline]
    pub(in crate::multiprocessing) fn head(&self) -> &T {
        // SAFETY: `map` has looked at the length, which is sealed; it is mapped for as long as `self` lives, and aligned
        // by `HEAD`. Any bits are a `T`, whoever writes them: that is `Share`.
        unsafe { self.at(Self::HEAD).cast().as_ref() }
    }

    /// What lies behind it.
    #[inline]
    pub(in crate::multiprocessing) fn tail(&self) -> Words<'_> {
        let count = (self.mapping.len() - Self::TAIL) / WORD;
        // SAFETY: within the mapping, and nobody reaches it otherwise.
        unsafe { Words::new(self.at(Self::TAIL), count) }
    }

    /// Gives the memory under these words of the tail back to the system: they are 0 afterwards.
    ///
    /// Errors: the system's.
    pub(in crate::multiprocessing) fn discard(&self, words: &[AtomicUsize]) -> io::Result<()> {
        let offset = words.as_ptr().addr() - self.address();
        memory::discard(self.fd.as_fd(), offset, size_of_val(words))
    }

    /// The file.
    pub(in crate::multiprocessing) fn fd(&self) -> &Arc<OwnedFd> {
        &self.fd
    }
}

impl<T> Region<T> {
    fn address(&self) -> usize {
        self.mapping.start().addr().get()
    }
}

impl<T: Share> Grave for Region<T> {
    fn bury(&self, dead: Life) {
        self.head().bury(dead);
    }
}

impl<T> Drop for Region<T> {
    fn drop(&mut self) {
        // Before it is unmapped.
        graves::forget(self.address());
    }
}

/// Tells types apart that are not meant for each other; no safety rests on it.
fn fingerprint<T>() -> u64 {
    let name = type_name::<T>().bytes();
    let sizes = [size_of::<T>(), align_of::<T>()].map(|size| (size as u64).to_ne_bytes());
    // FNV-1a.
    name.chain(sizes.into_iter().flatten()).fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn other_type<T>() -> io::Error {
    let text = format!("what arrived is no shared memory for `{}`", type_name::<T>());
    io::Error::new(io::ErrorKind::InvalidData, text)
}
