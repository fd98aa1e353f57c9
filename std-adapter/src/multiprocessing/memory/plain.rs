//! Values that are all in their bytes, in and out of [`Words`].

use std::mem::MaybeUninit;
use std::slice;

use super::words::Words;

/// A value that is all in its bytes: numbers, `bool`, and arrays of them.
///
/// # Safety
///
/// There is no padding in it, none of its bytes is uninitialized, and nothing in it is an address. Any bytes are a value
/// once [`mend`](Self::mend) has seen them.
pub unsafe trait Plain: Copy + Send + Sync + 'static {
    /// Makes a value of whatever bytes another process has left there. For most types any bytes are one.
    fn mend(_bytes: &mut MaybeUninit<Self>) {}
}

macro_rules! plain_numbers {
    ($($type:ident)+) => {
        $(
            // SAFETY: any bits are one.
            unsafe impl Plain for $type {}
        )+
    };
}

plain_numbers! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 }

// SAFETY: one byte, 0 or 1 behind `mend`.
unsafe impl Plain for bool {
    /// Any byte but 0 is true.
    fn mend(bytes: &mut MaybeUninit<Self>) {
        // SAFETY: bytes that another process wrote are initialized, and any is a `u8`.
        let byte = unsafe { bytes.as_ptr().cast::<u8>().read() };
        bytes.write(byte != 0);
    }
}

// SAFETY: as each of them; an array has no padding of its own.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {
    fn mend(bytes: &mut MaybeUninit<Self>) {
        // SAFETY: as many, one after the other; uninitialized or not, as before.
        let each =
            unsafe { slice::from_raw_parts_mut(bytes.as_mut_ptr().cast::<MaybeUninit<T>>(), N) };
        each.iter_mut().for_each(T::mend);
    }
}

/// Reads a value at a byte of `words`. Whether it lies within: the caller has looked.
#[inline]
pub(in crate::multiprocessing) fn load<T: Plain>(words: Words<'_>, at: usize) -> T {
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: its bytes, initialized to 0.
    let bytes = unsafe { slice::from_raw_parts_mut(value.as_mut_ptr().cast(), size_of::<T>()) };
    words.read(at, bytes);
    T::mend(&mut value);
    // SAFETY: the promise of `Plain`.
    unsafe { value.assume_init() }
}

/// Reads as many values as `into` takes.
pub(in crate::multiprocessing) fn load_all<T: Plain>(words: Words<'_>, at: usize, into: &mut [T]) {
    let start = into.as_mut_ptr().cast::<MaybeUninit<T>>();
    // SAFETY: initialized bytes stay initialized, and `mend` makes values of them before anybody looks.
    let each = unsafe { slice::from_raw_parts_mut(start, into.len()) };
    // SAFETY: the bytes of all, which are initialized: a `Plain` has no padding.
    let bytes = unsafe { slice::from_raw_parts_mut(start.cast(), size_of_val(each)) };
    words.read(at, bytes);
    each.iter_mut().for_each(T::mend);
}

/// Writes values one after the other.
#[inline]
pub(in crate::multiprocessing) fn store_all<T: Plain>(words: Words<'_>, at: usize, values: &[T]) {
    // SAFETY: the bytes of all, which are initialized: a `Plain` has no padding.
    let bytes = unsafe { slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) };
    words.write(at, bytes);
}
