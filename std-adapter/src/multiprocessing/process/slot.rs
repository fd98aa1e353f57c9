//! The last words of a process: the panic that comes before an abort.
//!
//! A page that parent and child map. The child's panic hook writes to it before anything unwinds or aborts, so the
//! record is there although nothing of the child's runs any more; the parent reads it when the child has ended.
//!
//! # Layout
//!
//! A word that says how far it is, the line and the column, the lengths of three texts, and the texts, cut to what
//! there is room for. What the parent reads it takes for bytes of anybody's.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::PanicHookInfo;
use std::ptr;

use inkle_core::atomic::{AtomicU32, Ordering};

use super::error::PanicReport;
use crate::os::memory::{self, Mapping};
use crate::threading::PanicPlace;

const SIZE: usize = 4096;
const WORDS: usize = 6;
const TEXT: usize = WORDS * size_of::<u32>();

/// What the standard library says of a panic, of which it has said before what it was, when it gives up.
const CONSEQUENCES: [&str; 2] =
    ["panic in a function that cannot unwind", "panic in a destructor during cleanup"];

const WRITING: u32 = 1;
const WRITTEN: u32 = 2;

/// See the module.
pub(in super::super) struct Slot(Mapping);

impl Slot {
    /// An empty one, in memory of its own.
    pub(in super::super) fn create() -> io::Result<(Self, OwnedFd)> {
        let memory = memory::create("inkle-panic", SIZE)?;
        Ok((Self::map(memory.as_fd())?, memory))
    }

    /// One that was created, perhaps by another process.
    pub(in super::super) fn map(memory: BorrowedFd<'_>) -> io::Result<Self> {
        let mapping = Mapping::sealed(memory)?;
        if mapping.len() < SIZE {
            Err(io::ErrorKind::InvalidData.into())
        } else {
            Ok(Self(mapping))
        }
    }

    fn state(&self) -> &AtomicU32 {
        // SAFETY: the first word of a page that is mapped as long as `self`, and which all touch atomically.
        unsafe { self.0.start().cast::<AtomicU32>().as_ref() }
    }

    /// Writes down a panic of the calling thread's. If another thread does so at the same time, its panic it is.
    pub(in super::super) fn note(&self, info: &PanicHookInfo<'_>) {
        let message = match info.payload().downcast_ref::<&'static str>() {
            Some(text) => text,
            None => info.payload().downcast_ref::<String>().map_or("", String::as_str),
        };
        // Relaxed: only the word counts. The one before was this thread's own.
        if CONSEQUENCES.contains(&message) && self.state().load(Ordering::Relaxed) == WRITTEN {
            return;
        }
        // Acquire: after what the one before has written, which this replaces. Pairs with the release below.
        if self.state().swap(WRITING, Ordering::Acquire) == WRITING {
            return;
        }
        let thread = std::thread::current();
        let file = info.location().map_or("", |place| place.file());
        let (line, column) = info.location().map_or((0, 0), |place| (place.line(), place.column()));
        let mut words = [WRITING, line, column, 0, 0, 0];
        let mut at = TEXT;
        for (text, length) in
            [thread.name().unwrap_or(""), file, message].iter().zip(&mut words[3..])
        {
            let cut = text.len().min(SIZE - at);
            // SAFETY: from a text to as many bytes of the page, which only this thread writes to.
            unsafe {
                ptr::copy_nonoverlapping(text.as_ptr(), self.0.start().as_ptr().add(at), cut)
            };
            at += cut;
            *length = cut as u32;
        }
        // SAFETY: as above; the page begins with the words, and the first is left alone.
        unsafe {
            let start = self.0.start().as_ptr().cast::<u32>();
            ptr::copy_nonoverlapping(words.as_ptr().add(1), start.add(1), WORDS - 1);
        }
        // Release: whoever sees it sees the record. Pairs with the acquire of `last` and of the next.
        self.state().store(WRITTEN, Ordering::Release);
    }

    /// The last panic that was written down to its end. To be called when the child has ended.
    pub(in super::super) fn last(&self) -> Option<PanicReport> {
        // Acquire: pairs with the release of `note`; without it the record could be the one before, or a part.
        if self.state().load(Ordering::Acquire) != WRITTEN {
            return None;
        }
        let mut page = [0_u8; SIZE];
        // SAFETY: from the page to as many bytes of ours. Nobody writes to it: the child has ended.
        unsafe { ptr::copy_nonoverlapping(self.0.start().as_ptr(), page.as_mut_ptr(), SIZE) };
        let word = |index: usize| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(&page[4 * index..4 * index + 4]);
            u32::from_ne_bytes(bytes)
        };
        let mut rest = &page[TEXT..];
        let mut text = |length: u32| {
            let (text, others) = rest.split_at(rest.len().min(length as usize));
            rest = others;
            String::from_utf8_lossy(text).into_owned()
        };
        let (thread, file, message) = (text(word(3)), text(word(4)), text(word(5)));
        let place = PanicPlace { file, line: word(1), column: word(2) };
        let message = (!message.is_empty()).then_some(message);
        Some(PanicReport { message, place: Some(place).filter(|place| place.line > 0), thread })
    }
}
