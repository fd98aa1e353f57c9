//! Bytes that other processes may change at any moment.
//!
//! Every access is a relaxed one to a whole word, so that it is no data race whoever else is at it, a hostile process
//! included; the bytes at the edges of a range are put in by an exchange, so that neighbours are not touched. Relaxed
//! pairs with nothing: what makes the bytes of another process visible as a whole is a lock, a queue, or whatever else
//! the two meet at. What does not cross the end of a word is read and written in one piece.

use std::ptr::NonNull;

use inkle_core::atomic::{AtomicUsize, Ordering};

/// Bytes of a word.
pub(in crate::multiprocessing) const WORD: usize = size_of::<usize>();

/// See the module.
#[derive(Clone, Copy)]
pub(in crate::multiprocessing) struct Words<'a>(&'a [AtomicUsize]);

impl<'a> Words<'a> {
    /// `count` words from `start` on.
    ///
    /// # Safety
    ///
    /// `start` is aligned as a word is, and for `'a` the words are mapped and only reached as words, or through pointers
    /// by somebody who answers for it.
    pub(in crate::multiprocessing) unsafe fn new(start: NonNull<u8>, count: usize) -> Self {
        // SAFETY: the caller's promise. An atomic word may be of any bits.
        Self(unsafe { NonNull::slice_from_raw_parts(start.cast(), count).as_ref() })
    }

    /// Bytes.
    pub(in crate::multiprocessing) fn len(self) -> usize {
        self.0.len() * WORD
    }

    /// The word with that number. Whether there is one: the caller has looked.
    pub(in crate::multiprocessing) fn word(self, index: usize) -> &'a AtomicUsize {
        &self.0[index]
    }

    /// All of them.
    pub(in crate::multiprocessing) fn all(self) -> &'a [AtomicUsize] {
        self.0
    }

    /// Copies the bytes from `at` on to `into`. Whether there are as many: the caller has looked.
    #[inline]
    pub(in crate::multiprocessing) fn read(self, mut at: usize, mut into: &mut [u8]) {
        while !into.is_empty() {
            let offset = at % WORD;
            let count = (WORD - offset).min(into.len());
            let word = self.0[at / WORD].load(Ordering::Relaxed).to_ne_bytes();
            let (now, later) = into.split_at_mut(count);
            now.copy_from_slice(&word[offset..offset + count]);
            at += count;
            into = later;
        }
    }

    /// Copies `bytes` to `at` and on. Whether there is room: the caller has looked.
    #[inline]
    pub(in crate::multiprocessing) fn write(self, mut at: usize, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let offset = at % WORD;
            let count = (WORD - offset).min(bytes.len());
            let (now, later) = bytes.split_at(count);
            let word = &self.0[at / WORD];
            if let Ok(whole) = now.try_into() {
                word.store(usize::from_ne_bytes(whole), Ordering::Relaxed);
            } else {
                let put_in = |word: usize| {
                    let mut word = word.to_ne_bytes();
                    word[offset..offset + count].copy_from_slice(now);
                    Some(usize::from_ne_bytes(word))
                };
                // It never refuses.
                let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, put_in);
            }
            at += count;
            bytes = later;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_range_of_bytes_is_read_and_written_alone() {
        const BYTES: usize = 4 * WORD;
        for at in 0..BYTES {
            for end in at..=BYTES {
                let memory: [AtomicUsize; 4] = [const { AtomicUsize::new(0) }; 4];
                // SAFETY: they are words, and live long enough.
                let words = unsafe { Words::new(NonNull::from(&memory).cast(), 4) };
                let before: Vec<_> = (0..BYTES as u8).map(|byte| byte | 0x80).collect();
                words.write(0, &before);
                let bytes: Vec<_> = (at as u8..end as u8).collect();
                words.write(at, &bytes);
                let mut expected = before;
                expected[at..end].copy_from_slice(&bytes);
                let mut after = vec![0; BYTES];
                words.read(0, &mut after);
                assert_eq!(after, expected);
                let mut part = vec![0; end - at];
                words.read(at, &mut part);
                assert_eq!(part, bytes);
            }
        }
    }
}
