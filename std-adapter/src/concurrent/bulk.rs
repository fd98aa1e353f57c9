//! Many small items at once: halved, and halved again, until there are some pieces for each worker.
//!
//! Results are written where they are to be. A panic drops those that there are.

use std::marker::PhantomData;
use std::mem::{MaybeUninit, forget};
use std::ops::Range;
use std::ptr::drop_in_place;

use super::ThreadPoolExecutor;

/// Pieces for each worker: so many that those who are done early find something to take, and so few that
/// making them costs nothing.
const PIECES: usize = 32;

/// What can be cut in two: slices, and ranges of numbers. For [`ThreadPoolExecutor::for_each`] and
/// [`ThreadPoolExecutor::map_vec`].
///
/// ```
/// use inkle::concurrent::Split;
///
/// fn halves<S: Split>(all: S) -> (S, S) {
///     let half = all.size() / 2;
///     all.cut(half)
/// }
///
/// assert_eq!(halves(0..10_u32), (0..5, 5..10));
/// assert_eq!(halves(&["warp", "weft", "loom"][..]), (&["warp"][..], &["weft", "loom"][..]));
/// ```
pub trait Split: IntoIterator + Send + Sized + sealed::Sealed {
    /// How many items there are.
    fn size(&self) -> usize;

    /// The first items, so many or all, and the others.
    fn cut(self, first: usize) -> (Self, Self);
}

mod sealed {
    /// `size` is relied upon.
    pub trait Sealed {}
}

impl<T> sealed::Sealed for &[T] {}

impl<T: Sync> Split for &[T] {
    fn size(&self) -> usize {
        self.len()
    }

    fn cut(self, first: usize) -> (Self, Self) {
        self.split_at(first.min(self.len()))
    }
}

impl<T> sealed::Sealed for &mut [T] {}

impl<T: Send> Split for &mut [T] {
    fn size(&self) -> usize {
        self.len()
    }

    fn cut(self, first: usize) -> (Self, Self) {
        let first = first.min(self.len());
        self.split_at_mut(first)
    }
}

macro_rules! ranges {
    ($($number:ty: $unsigned:ty),*) => {$(
        impl sealed::Sealed for Range<$number> {}

        impl Split for Range<$number> {
            /// As many as an address space can count, at most.
            fn size(&self) -> usize {
                if self.start >= self.end {
                    return 0;
                }
                // Also where that is more than a signed number can tell.
                let size = self.end.wrapping_sub(self.start) as $unsigned;
                usize::try_from(size).unwrap_or(usize::MAX)
            }

            fn cut(self, first: usize) -> (Self, Self) {
                // No more than the distance, so the number is reached from the start.
                let first = first.min(self.size());
                let middle = self.start.wrapping_add(first as $number);
                (self.start..middle, middle..self.end)
            }
        }
    )*};
}

ranges!(u8: u8, u16: u16, u32: u32, u64: u64, usize: usize, i8: u8, i16: u16, i32: u32, i64: u64, isize: usize);

impl ThreadPoolExecutor {
    /// Calls `function` with each item, in parallel, in any order. The items and the function may borrow.
    ///
    /// For many items that cost little: the executor halves them by [`join`](Self::join), which costs each of
    /// them next to nothing. What `join` says of contexts, tokens, panics and where it is called holds here too.
    /// Items that a panic has kept from being begun are not.
    ///
    /// ```
    /// use inkle::concurrent::ThreadPoolExecutor;
    ///
    /// let mut pixels = vec![100_u8; 1_000_000];
    /// ThreadPoolExecutor::new(2)?.for_each(&mut pixels[..], |pixel| *pixel /= 2);
    /// assert!(pixels.iter().all(|pixel| *pixel == 50));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn for_each<S: Split>(&self, items: S, function: impl Fn(S::Item) + Sync) {
        fn pieces<S: Split>(
            executor: &ThreadPoolExecutor,
            items: S,
            piece: usize,
            function: &(impl Fn(S::Item) + Sync),
        ) {
            let size = items.size();
            if size <= piece {
                return items.into_iter().for_each(function);
            }
            let (one, other) = items.cut(size / 2);
            executor.join(
                || pieces(executor, one, piece, function),
                || pieces(executor, other, piece, function),
            );
        }

        let piece = self.piece(items.size());
        pieces(self, items, piece, &function);
    }

    /// The results of `function` for each item, in their order, computed in parallel; otherwise as
    /// [`for_each`](Self::for_each).
    ///
    /// [`map`](super::Spawn::map) is for items that cost more, that come by and by, or whose errors and
    /// panics are to be told one by one.
    ///
    /// ```
    /// use inkle::concurrent::ThreadPoolExecutor;
    ///
    /// let executor = ThreadPoolExecutor::new(2)?;
    /// let words = ["warp", "weft", "heddle"];
    /// assert_eq!(executor.map_vec(&words[..], |word| word.len()), [4, 4, 6]);
    /// let squares = executor.map_vec(0..1_000_000_u64, |n| n * n);
    /// assert_eq!(squares[999], 998_001);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map_vec<S: Split, R: Send>(
        &self,
        items: S,
        function: impl Fn(S::Item) -> R + Sync,
    ) -> Vec<R> {
        fn pieces<'r, S: Split, R: Send>(
            executor: &ThreadPoolExecutor,
            items: S,
            room: &'r mut [MaybeUninit<R>],
            piece: usize,
            function: &(impl Fn(S::Item) -> R + Sync),
        ) -> Filled<'r, R> {
            let size = items.size().min(room.len());
            if size <= piece {
                return Filled::with(room, items.into_iter().map(function));
            }
            let half = size / 2;
            let ((one, other), (here, there)) = (items.cut(half), room.split_at_mut(half));
            let (one, other) = executor.join(
                || pieces(executor, one, here, piece, function),
                || pieces(executor, other, there, piece, function),
            );
            one.and(other)
        }

        let size = items.size();
        let mut results = Vec::with_capacity(size);
        let room = &mut results.spare_capacity_mut()[..size];
        let filled = pieces(self, items, room, self.piece(size), &function).keep();
        // SAFETY: so many from the beginning are filled, and nobody else drops them.
        unsafe { results.set_len(filled) };
        results
    }

    /// The most items of a piece.
    fn piece(&self, items: usize) -> usize {
        (items / self.workers().saturating_mul(PIECES)).max(1)
    }
}

/// Results in a row, from its beginning; drops them.
struct Filled<'r, R> {
    first: *mut R,
    count: usize,
    room: PhantomData<&'r mut [R]>,
}

// SAFETY: it owns the results.
unsafe impl<R: Send> Send for Filled<'_, R> {}

impl<'r, R> Filled<'r, R> {
    /// As many of the results as there is room for.
    fn with(room: &'r mut [MaybeUninit<R>], results: impl Iterator<Item = R>) -> Self {
        let first = room.as_mut_ptr().cast();
        let mut filled = Self { first, count: 0, room: PhantomData };
        for (place, result) in room.iter_mut().zip(results) {
            place.write(result);
            filled.count += 1;
        }
        filled
    }

    /// With those behind them, if it is full up to there; else those are dropped.
    fn and(mut self, next: Self) -> Self {
        // SAFETY: one behind the last of a row is still of it.
        if unsafe { self.first.add(self.count) } == next.first {
            self.count += next.keep();
        }
        self
    }

    /// How many there are. From now on they are the caller's to drop.
    fn keep(self) -> usize {
        let count = self.count;
        forget(self);
        count
    }
}

impl<R> Drop for Filled<'_, R> {
    fn drop(&mut self) {
        // SAFETY: these are filled, and ours.
        unsafe { drop_in_place(std::ptr::slice_from_raw_parts_mut(self.first, self.count)) };
    }
}
