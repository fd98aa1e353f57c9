//! A place for one plain value.
//!
//! It is read and written in pieces, as large as divides the size of the value, a word at most: by relaxed atomic
//! accesses, always of the same size, so that it is no data race whoever else is at it.

use std::fmt;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU8, AtomicU16};

use inkle_core::atomic::{AtomicU32, AtomicUsize, Ordering, UnsafeCell};
use inkle_core::robust::Life;

use super::plain::Plain;
use super::share::Share;

/// A place for a plain value in shared memory, with no lock.
///
/// A number of up to a word (eight bytes, on most machines) is written and read in one piece, a larger one word by word,
/// and arrays by what divides their size: a reader may find some pieces of one value and some of another. Access orders
/// nothing else. For more take a [`Value`](crate::multiprocessing::Value), or for counting an atomic integer.
///
/// ```
/// use inkle::multiprocessing::memory::{Cell, Shared};
///
/// let progress = Shared::new(Cell::new(0.0))?;
/// progress.set(0.5);
/// assert_eq!(progress.get(), 0.5);
/// # std::io::Result::Ok(())
/// ```
#[repr(transparent)]
pub struct Cell<T: Plain> {
    value: UnsafeCell<Aligned<T>>,
}

/// At the start of a word, whatever pieces it is read in.
#[repr(C, align(8))]
struct Aligned<T>(MaybeUninit<T>);

/// A number that is read and written in one piece.
trait Piece: Sized {
    type Atomic;
    // Relaxed, both: whoever wants an order has a lock for it.
    fn load(from: &Self::Atomic) -> Self;
    fn store(self, to: &Self::Atomic);
}

macro_rules! pieces {
    ($($piece:ident: $atomic:ident)+) => {
        $(impl Piece for $piece {
            type Atomic = $atomic;

            #[inline(always)]
            fn load(from: &$atomic) -> Self {
                from.load(Ordering::Relaxed)
            }

            #[inline(always)]
            fn store(self, to: &$atomic) {
                to.store(self, Ordering::Relaxed);
            }
        })+
    };
}

pieces! { u8: AtomicU8 u16: AtomicU16 u32: AtomicU32 usize: AtomicUsize }

/// # Safety
///
/// `from` is the place of a plain value of the type, in a cell; `to` is one that nobody else knows of. Both are a multiple
/// of the piece long, and `from` is aligned for it.
unsafe fn load<T, P: Piece>(from: *mut T, to: *mut T) {
    let (from, to) = (from.cast::<P::Atomic>(), to.cast::<P>());
    for at in 0..size_of::<T>() / size_of::<P>() {
        // SAFETY: the caller's promise; `to` may be aligned less.
        unsafe { to.add(at).write_unaligned(P::load(&*from.add(at))) };
    }
}

/// # Safety
///
/// As [`load`], the other way.
unsafe fn store<T, P: Piece>(from: *const T, to: *mut T) {
    let (from, to) = (from.cast::<P>(), to.cast::<P::Atomic>());
    for at in 0..size_of::<T>() / size_of::<P>() {
        // SAFETY: the caller's promise. What is read is initialized: a plain value has no padding.
        unsafe { from.add(at).read_unaligned().store(&*to.add(at)) };
    }
}

impl<T: Plain> Cell<T> {
    /// A place that holds `value`.
    pub const fn new(value: T) -> Self {
        const { assert!(align_of::<T>() <= 16, "a plain value is made of numbers") };
        Self { value: UnsafeCell::new(Aligned(MaybeUninit::new(value))) }
    }

    /// The value. Progress: wait-free. Ordering: relaxed.
    #[inline]
    pub fn get(&self) -> T {
        let mut value = MaybeUninit::<T>::uninit();
        let to = value.as_mut_ptr();
        self.value.with_mut(|from| {
            let from = from.cast::<T>();
            // SAFETY: the value is first in `Aligned`, at the start of a word; the arms see to the length.
            unsafe {
                match Self::PIECE {
                    1 => load::<T, u8>(from, to),
                    2 => load::<T, u16>(from, to),
                    4 => load::<T, u32>(from, to),
                    _ => load::<T, usize>(from, to),
                }
            }
        });
        T::mend(&mut value);
        // SAFETY: all its bytes are written, and mended: the promise of `Plain`.
        unsafe { value.assume_init() }
    }

    /// Another value. Progress: wait-free. Ordering: relaxed.
    #[inline]
    pub fn set(&self, value: T) {
        let from = &raw const value;
        self.value.with_mut(|to| {
            let to = to.cast::<T>();
            // SAFETY: as in `get`.
            unsafe {
                match Self::PIECE {
                    1 => store::<T, u8>(from, to),
                    2 => store::<T, u16>(from, to),
                    4 => store::<T, u32>(from, to),
                    _ => store::<T, usize>(from, to),
                }
            }
        });
    }

    /// The largest power of two that divides the size, a word at most.
    const PIECE: usize = 1 << (size_of::<T>() | size_of::<usize>()).trailing_zeros();
}

// SAFETY: a plain value, reached atomically alone.
unsafe impl<T: Plain> Sync for Cell<T> {}

// SAFETY: any bytes are mended to a value, and it is reached atomically alone.
unsafe impl<T: Plain> Share for Cell<T> {
    fn bury(&self, _dead: Life) {}
}

impl<T: Plain + Default> Default for Cell<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Plain + fmt::Debug> fmt::Debug for Cell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cell").field(&self.get()).finish()
    }
}
