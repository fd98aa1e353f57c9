//! Bytes in shared words: copied word by word with relaxed atomic accesses, because somebody hostile may
//! write at the same time. Then the bytes are wrong, and no more than that.

use crate::atomic::{AtomicUsize, Ordering};

const WORD: usize = size_of::<usize>();

/// How many words so many bytes take, with the word before them that holds their number.
pub(super) const fn words_for(bytes: usize) -> usize {
    1 + bytes / WORD + (bytes % WORD != 0) as usize
}

/// Goes through the words of a ring, from some position on.
struct Cursor<'a> {
    words: &'a [AtomicUsize],
    index: usize,
}

impl<'a> Cursor<'a> {
    /// At `position`, which is below twice the number of words.
    fn new(words: &'a [AtomicUsize], position: usize) -> Self {
        let around = words.len();
        Self { words, index: if position >= around { position - around } else { position } }
    }

    fn next(&mut self) -> Option<&'a AtomicUsize> {
        let word = self.words.get(self.index)?;
        self.index = self.index.wrapping_add(1);
        if self.index >= self.words.len() {
            self.index = 0;
        }
        Some(word)
    }

    // Relaxed, both: the commit of the record orders them (`Records`).

    fn load(&mut self) -> usize {
        self.next().map_or(0, |word| word.load(Ordering::Relaxed))
    }

    fn store(&mut self, value: usize) {
        if let Some(word) = self.next() {
            word.store(value, Ordering::Relaxed);
        }
    }
}

/// Writes a record of so many bytes, whole, at `position`. There is room.
pub(super) fn write(words: &[AtomicUsize], position: usize, bytes: usize, pieces: &[&[u8]]) {
    let mut cursor = Cursor::new(words, position);
    cursor.store(bytes);
    let (mut begun, mut filled) = ([0; WORD], 0);
    for piece in pieces {
        let mut piece = *piece;
        // A word that the last piece has begun.
        while let (1.., Some((byte, rest))) = (filled, piece.split_first()) {
            if let Some(place) = begun.get_mut(filled) {
                *place = *byte;
            }
            (piece, filled) = (rest, filled + 1);
            if filled >= WORD {
                cursor.store(usize::from_ne_bytes(begun));
                filled = 0;
            }
        }
        while let Some((chunk, rest)) = piece.split_first_chunk() {
            cursor.store(usize::from_ne_bytes(*chunk));
            piece = rest;
        }
        for byte in piece {
            if let Some(place) = begun.get_mut(filled) {
                *place = *byte;
                filled += 1;
            }
        }
    }
    if filled != 0 {
        cursor.store(usize::from_ne_bytes(begun));
    }
}

/// A record that is being taken: its length, and its bytes, in order.
///
/// See [`Records::get_with`](super::Records::get_with).
pub struct Record<'a> {
    cursor: Cursor<'a>,
    len: usize,
    /// Bytes that have not been copied yet.
    remaining: usize,
    /// The word whose bytes are being copied, and how many of them have been.
    begun: [u8; WORD],
    copied: usize,
}

impl<'a> Record<'a> {
    /// The record at `position`, and how many words it takes; `None` if it is longer than `filled` words.
    pub(super) fn at(
        words: &'a [AtomicUsize],
        position: usize,
        filled: usize,
    ) -> Option<(Self, usize)> {
        let mut cursor = Cursor::new(words, position);
        let len = cursor.load();
        // First without what could overflow.
        if len / WORD > filled || words_for(len) > filled {
            return None;
        }
        let record = Self { cursor, len, remaining: len, begun: [0; WORD], copied: WORD };
        Some((record, words_for(len)))
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes have not been copied yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.remaining
    }

    /// Copies the next bytes, as many as there are and fit; gives how many.
    pub fn copy_to(&mut self, buffer: &mut [u8]) -> usize {
        let count = self.remaining.min(buffer.len());
        self.remaining = self.remaining.wrapping_sub(count);
        let buffer = self.copy_begun(buffer.get_mut(..count).unwrap_or_default());
        let mut chunks = buffer.chunks_exact_mut(WORD);
        for chunk in &mut chunks {
            if let Ok(chunk) = <&mut [u8; WORD]>::try_from(chunk) {
                *chunk = self.cursor.load().to_ne_bytes();
            }
        }
        let rest = chunks.into_remainder();
        if !rest.is_empty() {
            (self.begun, self.copied) = (self.cursor.load().to_ne_bytes(), 0);
            self.copy_begun(rest);
        }
        count
    }

    /// Copies what is left of the word whose bytes are being copied; gives the rest of the buffer.
    fn copy_begun<'b>(&mut self, buffer: &'b mut [u8]) -> &'b mut [u8] {
        let left = self.begun.get(self.copied..).unwrap_or_default();
        let now = left.len().min(buffer.len());
        let (places, rest) = buffer.split_at_mut_checked(now).unwrap_or_default();
        for (place, byte) in places.iter_mut().zip(left) {
            *place = *byte;
        }
        self.copied = self.copied.wrapping_add(now);
        rest
    }
}

impl core::fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Record").field("len", &self.len).finish_non_exhaustive()
    }
}
