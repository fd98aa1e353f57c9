//! What may be a value of a context variable: plain bytes, a few words of them.

use core::mem::size_of;
use core::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroIsize, NonZeroU8, NonZeroU16, NonZeroU32,
    NonZeroU64, NonZeroUsize,
};
use core::ptr;

/// A value of a [`ContextVar`](super::ContextVar): copied in and out as plain bytes.
///
/// Implemented for numbers, `bool`, `char`, `()`, `&'static T`, what of these may be an `Option` without
/// more room, and arrays of all of them. For a `Copy` struct of your own, [`context_value!`] checks what
/// must be so and implements it.
///
/// [`context_value!`]: crate::context_value
///
/// # Safety
///
/// Each byte of a value always has a value: no padding, no `MaybeUninit`, no `union`.
pub unsafe trait Value: Copy + Send + 'static {}

macro_rules! plain {
    ($($ty:ty),* $(,)?) => {$(
        // SAFETY: it has no padding.
        unsafe impl Value for $ty {}
    )*};
}

plain!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, bool, char, ());

macro_rules! non_zero {
    ($($ty:ty),* $(,)?) => {$(
        // SAFETY: it is an integer that is never 0, and has no padding.
        unsafe impl Value for $ty {}
        // SAFETY: of the same size, and `None` is 0.
        unsafe impl Value for Option<$ty> {}
    )*};
}

non_zero!(
    NonZeroU8,
    NonZeroU16,
    NonZeroU32,
    NonZeroU64,
    NonZeroUsize,
    NonZeroI8,
    NonZeroI16,
    NonZeroI32,
    NonZeroI64,
    NonZeroIsize,
);

// SAFETY: an address, and the length or the table of methods beside it; neither has padding.
unsafe impl<T: Sync + ?Sized> Value for &'static T {}
// SAFETY: one address, and `None` is null.
unsafe impl<T: Sync> Value for Option<&'static T> {}
// SAFETY: an array has no padding between its items.
unsafe impl<T: Value, const N: usize> Value for [T; N] {}

/// Implements [`Value`](crate::context::Value) for a `Copy` struct of values. One with padding does not
/// compile.
///
/// ```
/// #[derive(Clone, Copy)]
/// struct Peer {
///     address: u16,
///     port: u16,
/// }
///
/// inkle_core::context_value!(Peer { address: u16, port: u16 });
/// ```
///
/// ```compile_fail
/// #[derive(Clone, Copy)]
/// struct Peer {
///     address: u32,
///     port: u16,
/// }
///
/// inkle_core::context_value!(Peer { address: u32, port: u16 });
/// ```
#[macro_export]
macro_rules! context_value {
    ($name:ident { $($field:ident: $ty:ty),* $(,)? }) => {
        const _: () = {
            fn is_value<T: $crate::context::Value>() {}
            // All its fields, and their types.
            #[allow(dead_code)]
            fn fields(value: $name) {
                let $name { $($field),* } = value;
                $(
                    is_value::<$ty>();
                    let _: $ty = $field;
                )*
            }
            assert!(
                ::core::mem::size_of::<$name>() == 0 $(+ ::core::mem::size_of::<$ty>())*,
                "the struct has padding"
            );
        };
        // SAFETY: its fields are values, and together as large as it is.
        unsafe impl $crate::context::Value for $name {}
    };
}

/// A value as words. Pointers, because a word may be part of a reference and has to stay what it is.
pub(super) type Words<const W: usize> = [*mut (); W];

/// How many words a value has.
pub(super) const fn words_of<T>() -> usize {
    size_of::<T>().div_ceil(size_of::<usize>())
}

/// `value` as words; those that it does not reach are null.
#[inline(always)]
pub(super) fn into_words<T: Value, const W: usize>(value: T) -> Words<W> {
    const { assert!(size_of::<T>() <= size_of::<Words<W>>(), "the value has more words than a slot") };
    let mut words: Words<W> = [ptr::null_mut(); W];
    // SAFETY: there is room, as just checked, of any alignment. All bytes have a value afterwards, those
    // of `T` by the promise of `Value`, as a pointer's must.
    unsafe { words.as_mut_ptr().cast::<T>().write_unaligned(value) };
    words
}

/// The value again.
///
/// # Safety
///
/// The words are those of one value, of this very type.
#[inline(always)]
pub(super) unsafe fn from_words<T: Value, const W: usize>(words: Words<W>) -> T {
    // SAFETY: by the caller's promise a `T` begins there; it is `Copy` and `Send`.
    unsafe { words.as_ptr().cast::<T>().read_unaligned() }
}
