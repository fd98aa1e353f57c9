//! Memory that a queue has used and uses no more goes back to the system.
//!
//! The queue is a ring: after a while every page of it has been written to, however few items it holds. So a getter that
//! finds nothing and has taken enough since it last did so gives all pages back that hold no item. While there is always
//! something to get nobody does: then the pages are in use.

use inkle_core::atomic::{AtomicUsize, Ordering};

use super::{Queue, Records};

/// Bytes that one process takes before it gives some back.
const ENOUGH: usize = 1 << 20;

/// How many bytes this process has taken since it last gave some back. Relaxed, all: it is only a hint.
#[derive(Default)]
pub(super) struct Reserve(AtomicUsize);

impl Reserve {
    pub(super) fn count(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn is_due(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= ENOUGH
    }

    fn is_taken(&self) -> bool {
        self.is_due() && self.0.swap(0, Ordering::Relaxed) >= ENOUGH
    }
}

impl<T: 'static> Queue<T> {
    /// To be called by who has found nothing.
    pub(super) fn give_back(&self, records: &Records<'_>) {
        if self.reserve.is_taken() {
            // An error would mean that the memory stays in use.
            records.with_unused(|words| drop(self.region.discard(words)));
        }
    }
}
