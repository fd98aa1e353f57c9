//! The words of a context.
//!
//! # Layout
//!
//! ```text
//! version   one more for each change, before it
//! live      two bits a slot: 0 no value, 1 the value is in cell 0, 2 it is in cell 1
//! cells     two a slot, W words each
//! ```
//!
//! # Invariants
//!
//! 1. One changes at a time ([`frame`](super::frame) sees to it). A change writes the cell that is not
//!    live, then the two bits.
//! 2. A cell that `live` names is whole, and nobody writes to it before `version` has gone on.
//!
//! So a reader that finds `version` as it was has read live cells only, all of them of one moment. It
//! need not wait for a change in progress: an interrupt handler may read what it interrupts.
//!
//! # Linearization points
//!
//! A change: the store to `live`. A read: the load of `live` of the turn that counts.
//!
//! # Progress and cost
//!
//! A change is wait-free: three stores and one for each word. A read is lock-free: it repeats only if a
//! change has begun since. `8 + N * 2 * W * size_of::<usize>()` bytes; no read-modify-write, interrupts
//! stay on. `version` has 32 bits: a reader that sleeps through exactly 2^32 changes would not notice.

use super::registry::Entry;
use super::value::{Value, Words, from_words, into_words, words_of};
use crate::atomic::{Ordering, PlainPtr, PlainU32, compiler_fence, fence};

/// Bits of `live` a slot.
const BITS: u32 = 2;
/// More slots than this do not go into one word.
const MOST: usize = (u32::BITS / BITS) as usize;

/// A cell: one value, word by word, as others may read while it is written and then throw it away.
type Cell<const W: usize> = [PlainPtr<()>; W];

/// The room of a [`Context`](super::Context): `N` variables, at most 16, of up to `W` words each.
///
/// `8 + N * 2 * W * size_of::<usize>()` bytes.
///
/// ```
/// use inkle_core::context::Slots;
///
/// // Eight variables of one word, on a very small part with one core and no tasks that preempt.
/// inkle_core::single_core_context!(unsafe App: Slots<8, 1>);
/// ```
#[derive(Debug)]
#[repr(C)]
pub struct Slots<const N: usize, const W: usize = 2> {
    version: PlainU32,
    live: PlainU32,
    cells: [[Cell<W>; 2]; N],
}

impl<const N: usize, const W: usize> Slots<N, W> {
    const_fn! {
        const fn empty() -> Self {
            const { assert!(N <= MOST, "a context has at most 16 variables") };
            Self {
                version: PlainU32::new(0),
                live: PlainU32::new(0),
                cells: array![array![array![PlainPtr::new(core::ptr::null_mut()); W]; 2]; N],
            }
        }
    }

    /// The words of a `T` in the slot's live cell, if it has one by `live`.
    #[inline(always)]
    fn words<T: Value>(&self, live: u32, slot: usize) -> Option<Words<W>> {
        let cell = live_cell(self.cells.get(slot)?, bits(live, slot))?;
        let mut words = [core::ptr::null_mut(); W];
        for (to, from) in words.iter_mut().zip(cell).take(words_of::<T>()) {
            // Relaxed: whether they are what `live` promised, the `version` decides. See `stable`.
            *to = from.load(Ordering::Relaxed);
        }
        Some(words)
    }

    /// What `read` makes of `live` and the cells it names, all of one moment.
    #[inline(always)]
    fn stable<R>(&self, reader: Reader, read: impl Fn(u32) -> R) -> R {
        loop {
            // The three barriers, with the loads before them, are an Acquire each.
            //
            // Pairs with the Release of `change`'s store to `version`, without which the load of `live`
            // might find it as it was changes ago, with a cell that is being written again.
            let version = self.version.load(Ordering::Relaxed);
            reader.barrier();
            // Pairs with the Release of `change`'s store to `live`: the cell is whole.
            let live = self.live.load(Ordering::Relaxed);
            reader.barrier();
            let result = read(live);
            // Pairs with the fence of `change`: who has read a word of a later change finds its version.
            reader.barrier();
            if self.version.load(Ordering::Relaxed) == version {
                return result;
            }
        }
    }

    /// Begins a change; `live` as it is.
    #[inline(always)]
    fn begin(&self) -> u32 {
        // Relaxed: both were last stored here, or before the context was handed over.
        let version = self.version.load(Ordering::Relaxed);
        // Release, pairs with the first barrier of `stable`: who finds this version finds `live` as the
        // changes before have left it.
        self.version.store(version.wrapping_add(1), Ordering::Release);
        // Release, pairs with the third barrier of `stable`: who finds a word of this change finds its
        // version too.
        fence(Ordering::Release);
        self.live.load(Ordering::Relaxed)
    }
}

/// Who reads: whether another may change the words meanwhile, and on which processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Only an interrupt handler in between: it has done all or nothing.
    Here,
    /// Anybody.
    Elsewhere,
}

impl Reader {
    #[inline(always)]
    fn barrier(self) {
        match self {
            Self::Here => compiler_fence(Ordering::Acquire),
            Self::Elsewhere => fence(Ordering::Acquire),
        }
    }
}

fn bits(live: u32, slot: usize) -> u32 {
    (live >> (slot as u32 * BITS)) & 3
}

#[inline(always)]
fn live_cell<const W: usize>([first, second]: &[Cell<W>; 2], bits: u32) -> Option<&Cell<W>> {
    match bits {
        1 => Some(first),
        2 => Some(second),
        _ => None,
    }
}

fn with_bits(live: u32, slot: usize, bits: u32) -> u32 {
    let at = slot as u32 * BITS;
    (live & !(3 << at)) | (bits << at)
}

/// The room of a context; [`Slots`] is the one there is.
pub trait SlotArray: hidden::SlotArray {}

impl<const N: usize, const W: usize> SlotArray for Slots<N, W> {}

/// What only this crate can name, and so only it implements and calls.
pub(super) mod hidden {
    use super::{Entry, Reader, Value};

    /// See [`super::SlotArray`].
    pub trait SlotArray: Sized + Send + Sync + 'static {
        /// A number for each slot.
        type Entries: AsRef<[Entry]> + Send + Sync;

        /// No value has more words.
        const WORDS: usize;

        /// Slots without values.
        #[cfg(not(inkle_loom))]
        #[allow(clippy::declare_interior_mutable_const)]
        const EMPTY: Self;
        /// Numbers that nobody has.
        #[cfg(not(inkle_loom))]
        #[allow(clippy::declare_interior_mutable_const)]
        const ENTRIES: Self::Entries;

        /// As the constant, which loom cannot have.
        #[cfg(inkle_loom)]
        fn empty() -> Self;
        /// As the constant, which loom cannot have.
        #[cfg(inkle_loom)]
        fn entries() -> Self::Entries;

        /// The value in a slot, if there is one.
        ///
        /// # Safety
        ///
        /// All values ever put there are of this type.
        unsafe fn read<T: Value>(&self, slot: usize, reader: Reader) -> Option<T>;

        /// Puts a value there or takes it away, and says what was there.
        ///
        /// # Safety
        ///
        /// As for [`read`](Self::read), and nobody else changes it meanwhile.
        unsafe fn write<T: Value>(&self, slot: usize, value: Option<T>) -> Option<T>;

        /// Whether there is a value in the slots, a bit for each.
        fn present(&self, reader: Reader) -> u32;

        /// The values as they are at one moment.
        fn copy(&self) -> Self;
    }
}

impl<const N: usize, const W: usize> hidden::SlotArray for Slots<N, W> {
    type Entries = [Entry; N];

    const WORDS: usize = W;

    #[cfg(not(inkle_loom))]
    const EMPTY: Self = Self::empty();
    #[cfg(not(inkle_loom))]
    const ENTRIES: [Entry; N] = [const { Entry::new() }; N];

    #[cfg(inkle_loom)]
    fn empty() -> Self {
        Self::empty()
    }
    #[cfg(inkle_loom)]
    fn entries() -> [Entry; N] {
        array![Entry::new(); N]
    }

    #[inline(always)]
    unsafe fn read<T: Value>(&self, slot: usize, reader: Reader) -> Option<T> {
        let words = self.stable(reader, |live| self.words::<T>(live, slot))?;
        // SAFETY: the words of a live cell are those of one value (invariant 2), of this type by the
        // caller's promise.
        Some(unsafe { from_words(words) })
    }

    #[inline(always)]
    unsafe fn write<T: Value>(&self, slot: usize, value: Option<T>) -> Option<T> {
        let live = self.begin();
        // SAFETY: as in `read`. Nobody else changes it, and this does not touch the live cell.
        let old = self.words::<T>(live, slot).map(|words| unsafe { from_words(words) });
        let mut now = 0;
        if let Some(value) = value {
            // The cell that is not live.
            now = 1 + u32::from(bits(live, slot) == 1);
            if let Some(cell) = self.cells.get(slot).and_then(|cells| live_cell(cells, now)) {
                for (to, word) in cell.iter().zip(&into_words::<T, W>(value)).take(words_of::<T>())
                {
                    // Relaxed: published by `live`.
                    to.store(*word, Ordering::Relaxed);
                }
            }
        }
        // Release, pairs with the second barrier of `stable`.
        self.live.store(with_bits(live, slot, now), Ordering::Release);
        old
    }

    fn present(&self, reader: Reader) -> u32 {
        let live = self.stable(reader, |live| live);
        (0..N).filter(|slot| bits(live, *slot) != 0).fold(0, |present, slot| present | 1 << slot)
    }

    fn copy(&self) -> Self {
        let copy = Self::empty();
        let live = self.stable(Reader::Elsewhere, |live| {
            for (slot, (to, from)) in copy.cells.iter().zip(&self.cells).enumerate() {
                let bits = bits(live, slot);
                let Some((to, from)) = live_cell(to, bits).zip(live_cell(from, bits)) else {
                    continue;
                };
                for (to, from) in to.iter().zip(from) {
                    // Relaxed: nobody else has the copy yet; for the load, see `stable`.
                    to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
                }
            }
            live
        });
        // Relaxed, as above.
        copy.live.store(live, Ordering::Relaxed);
        copy
    }
}
