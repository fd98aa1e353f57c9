//! The program that this code is a part of: what it is, and what may be called in it.
//!
//! A function is named by its place in the image, so both processes have to run the same one, and that is checked;
//! what lies at the place is looked at before anything is called.

use std::ffi::{c_int, c_void};
use std::fmt::{self, Write};
use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::slice;
use std::sync::OnceLock;

/// Where the program lies in memory.
#[derive(Debug, Default)]
pub(super) struct Image {
    base: usize,
    /// What can be executed.
    text: Vec<Range<usize>>,
    /// What can be read.
    data: Vec<Range<usize>>,
    build: Vec<u8>,
}

/// Which program it is: its build and its file. Not that of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity(pub(super) Wire);

/// Build, device, inode, bytes, changed at: seconds and nanoseconds.
pub(super) type Wire = (Vec<u8>, u64, u64, u64, i64, i64);

/// The one that this code is in; `None` if that is not the program but a library, which need not lie at the same
/// place in another process.
pub(super) fn own() -> Option<&'static Image> {
    static OWN: OnceLock<Option<Image>> = OnceLock::new();
    OWN.get_or_init(|| {
        let mut image = Image::default();
        // SAFETY: the function gets the address of the image, which lives until all calls are over.
        unsafe { libc::dl_iterate_phdr(Some(first), (&raw mut image).cast()) };
        let here: fn() -> Option<&'static Image> = own;
        image.is_text(here as usize).then_some(image)
    })
    .as_ref()
}

/// Of all images the program comes first.
unsafe extern "C" fn first(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    image: *mut c_void,
) -> c_int {
    // SAFETY: the system passes what it knows of an image; the other is what `own` has passed, and uses no more.
    let (info, image) = unsafe { (&*info, &mut *image.cast::<Image>()) };
    image.base = info.dlpi_addr as usize;
    if info.dlpi_phdr.is_null() {
        return 1;
    }
    // SAFETY: that many headers are there, as long as the image, which is the program's.
    let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    for header in headers {
        let start = image.base.wrapping_add(header.p_vaddr as usize);
        let range = start..start.saturating_add(header.p_memsz as usize);
        match header.p_type {
            libc::PT_LOAD => {
                if header.p_flags & libc::PF_X != 0 {
                    image.text.push(range.clone());
                }
                if header.p_flags & libc::PF_R != 0 {
                    image.data.push(range);
                }
            }
            libc::PT_NOTE => {
                // SAFETY: notes are a part of what is loaded to be read, and stay as they are.
                let notes = unsafe { slice::from_raw_parts(start as *const u8, range.len()) };
                if let Some(build) = build_id(notes, (header.p_align as usize).max(4)) {
                    image.build = build.to_vec();
                }
            }
            _ => {}
        }
    }
    1
}

/// What the linker has made of all the program's bytes, if it has.
fn build_id(mut notes: &[u8], align: usize) -> Option<&[u8]> {
    const BUILD_ID: u32 = 3;
    loop {
        let word = |at: usize| {
            let bytes = notes.get(at..at + 4)?;
            Some(u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        };
        let (name, text, kind) = (word(0)? as usize, word(4)? as usize, word(8)?);
        let begin = 12_usize.checked_add(name)?.checked_next_multiple_of(align)?;
        let end = begin.checked_add(text)?;
        if kind == BUILD_ID && notes.get(12..12 + name)? == b"GNU\0" {
            return notes.get(begin..end);
        }
        notes = notes.get(end.checked_next_multiple_of(align)?..)?;
    }
}

impl Image {
    /// The place of an address, counted from the program's start, which is elsewhere in each process.
    pub(super) fn offset(&self, address: usize) -> u64 {
        address.wrapping_sub(self.base) as u64
    }

    /// The address of a place, if `size` bytes there can be read.
    pub(super) fn readable(&self, offset: u64, size: usize) -> Option<usize> {
        let start = self.base.wrapping_add(usize::try_from(offset).ok()?);
        let end = start.checked_add(size)?;
        self.data.iter().any(|range| range.start <= start && end <= range.end).then_some(start)
    }

    /// Whether there can be a function at the address.
    pub(super) fn is_text(&self, address: usize) -> bool {
        self.text.iter().any(|range| range.contains(&address))
    }

    /// Where what can be read ends.
    #[cfg(test)]
    pub(super) fn ends(&self) -> impl Iterator<Item = usize> {
        self.data.iter().map(|range| range.end)
    }

    /// Which program it is; asked anew each time, because its file may be touched.
    pub(super) fn identity(&self) -> io::Result<Identity> {
        // What is executed, also if there is another file of that name by now.
        let file = fs::metadata("/proc/self/exe")?;
        Ok(Identity((
            self.build.clone(),
            file.dev(),
            file.ino(),
            file.size(),
            file.mtime(),
            file.mtime_nsec(),
        )))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (build, device, inode, size, seconds, nanos) = &self.0;
        f.write_str("build ")?;
        for byte in build {
            write!(f, "{byte:02x}")?;
        }
        if build.is_empty() {
            f.write_char('?')?;
        }
        write!(f, ", file {device}:{inode} of {size} bytes, changed at {seconds}.{nanos:09}")
    }
}
