//! One value of one variable, of any type.
//!
//! # Layout
//!
//! The variable's key, what can be done with the value, and two words: the value itself if it needs no
//! drop and has room there, else an `Arc` of it.
//!
//! # Invariants
//!
//! 1. `kind` is that of the value's type, and says which of the two forms `words` has.
//! 2. A key is one variable's for ever, and a variable's values are of one type. So who knows the variable
//!    and finds its key knows the type.

use std::any::{Any, TypeId};
use std::mem::{MaybeUninit, needs_drop};
use std::sync::Arc;
use std::thread::ThreadId;
use std::time::{Duration, Instant, SystemTime};

/// Pointers, so that references among them stay what they are.
type Words = [MaybeUninit<*mut ()>; 2];

/// What tells variables apart: a number that is never used again, the place of the variable's values, and
/// a bit that says whether they stay behind when a context is inherited. 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(u64);

const SLOT_BITS: u32 = 20;
const PRIVATE: u64 = 1 << SLOT_BITS;

impl Key {
    pub(super) const NONE: Self = Self(0);
    /// No variable has a slot from here on.
    pub(super) const SLOTS: usize = 1 << SLOT_BITS;

    /// `number` is not 0.
    pub(super) fn new(number: u64, slot: usize, is_private: bool) -> Self {
        debug_assert!(number != 0 && slot < Self::SLOTS);
        let private = if is_private { PRIVATE } else { 0 };
        Self(number << (SLOT_BITS + 1) | private | slot as u64)
    }

    #[inline(always)]
    pub(super) fn slot(self) -> usize {
        self.0 as usize & (Self::SLOTS - 1)
    }

    pub(super) fn is_private(self) -> bool {
        self.0 & PRIVATE != 0
    }
}

/// A type, as entries know it.
struct Kind {
    /// Whether `drop` does anything.
    drops: bool,
    clone: unsafe fn(&Words) -> Words,
    drop: unsafe fn(&mut Words),
    any: unsafe fn(&Words) -> &(dyn Any + Send + Sync),
}

/// A value that a context can keep: whatever can be cloned and sent and shared between threads.
pub trait Value: Any + Clone + Send + Sync {}

impl<T: Any + Clone + Send + Sync> Value for T {}

/// Whether cloning a `T` is known to be reading it: then no code of the user's runs.
#[inline(always)]
pub(super) fn is_plain<T: Any>() -> bool {
    macro_rules! one_of {
        ($($known:ty),* $(,)?) => {
            $(TypeId::of::<T>() == TypeId::of::<$known>())||*
        };
    }
    one_of!(
        (),
        bool,
        char,
        u8,
        u16,
        u32,
        u64,
        u128,
        usize,
        i8,
        i16,
        i32,
        i64,
        i128,
        isize,
        f32,
        f64,
        &'static str,
        Duration,
        Instant,
        SystemTime,
        ThreadId,
    )
}

/// A type's kind.
struct Of<T>(T);

impl<T: Value> Of<T> {
    /// Whether the value itself lies in the words.
    const INSIDE: bool = !needs_drop::<T>()
        && size_of::<T>() <= size_of::<Words>()
        && align_of::<T>() <= align_of::<Words>();

    const KIND: Kind =
        Kind { drops: !Self::INSIDE, clone: clone::<T>, drop: drop_value::<T>, any: any::<T> };
}

#[inline]
fn words_of<T: Value>(value: T) -> Words {
    let mut words = [MaybeUninit::uninit(); 2];
    if Of::<T>::INSIDE {
        // SAFETY: there is room, and it is aligned, as `INSIDE` says.
        unsafe { words.as_mut_ptr().cast::<T>().write(value) };
    } else {
        words[0].write(Arc::into_raw(Arc::new(value)).cast_mut().cast());
    }
    words
}

/// Where the value is.
///
/// # Safety
///
/// The words are those of a `T`.
#[inline(always)]
unsafe fn value_of<T: Value>(words: &Words) -> *const T {
    if Of::<T>::INSIDE {
        words.as_ptr().cast()
    } else {
        // SAFETY: in this form the first word is that of an `Arc`.
        unsafe { words[0].assume_init() }.cast_const().cast()
    }
}

/// # Safety
///
/// As for [`value_of`].
unsafe fn clone<T: Value>(words: &Words) -> Words {
    // SAFETY: the caller's promise.
    let value = unsafe { value_of::<T>(words) };
    if Of::<T>::INSIDE {
        // SAFETY: it is in the words, which are borrowed.
        return words_of(unsafe { &*value }.clone());
    }
    // SAFETY: it came from `Arc::into_raw`, and the words have a share in it.
    unsafe { Arc::increment_strong_count(value) };
    *words
}

/// # Safety
///
/// As for [`value_of`], and the words are not used again.
unsafe fn drop_value<T: Value>(words: &mut Words) {
    if !Of::<T>::INSIDE {
        // SAFETY: as in `clone`; the share ends here.
        drop(unsafe { Arc::from_raw(value_of::<T>(words)) });
    }
}

/// # Safety
///
/// As for [`value_of`].
unsafe fn any<T: Value>(words: &Words) -> &(dyn Any + Send + Sync) {
    // SAFETY: the caller's promise; the words keep the value while they are borrowed.
    unsafe { &*value_of::<T>(words) }
}

/// A variable's value, or the place for one.
pub(super) struct Entry {
    key: Key,
    kind: &'static Kind,
    words: Words,
}

// SAFETY: the value is `Send` and `Sync`, as `Value` asks; an `Arc` of such is too.
unsafe impl Send for Entry {}
// SAFETY: as above.
unsafe impl Sync for Entry {}

impl Entry {
    pub(super) const EMPTY: Self =
        Self { key: Key::NONE, kind: &Of::<()>::KIND, words: [MaybeUninit::uninit(); 2] };

    /// All values with one key are of one type.
    #[inline]
    pub(super) fn new<T: Value>(key: Key, value: T) -> Self {
        Self { key, kind: &Of::<T>::KIND, words: words_of(value) }
    }

    #[inline(always)]
    pub(super) fn key(&self) -> Key {
        self.key
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.key == Key::NONE
    }

    /// The value.
    ///
    /// # Safety
    ///
    /// The key is that of a variable of `T`.
    #[inline(always)]
    pub(super) unsafe fn value<T: Value>(&self) -> &T {
        // SAFETY: it is a `T` (invariant 2); we keep it while we are borrowed.
        unsafe { &*value_of::<T>(&self.words) }
    }

    /// The value, of whatever type.
    pub(super) fn any(&self) -> &(dyn Any + Send + Sync) {
        // SAFETY: `kind` is that of the value (invariant 1).
        unsafe { (self.kind.any)(&self.words) }
    }
}

impl Clone for Entry {
    /// A small value is cloned, others are shared.
    fn clone(&self) -> Self {
        // SAFETY: `kind` is that of the value (invariant 1).
        let words = unsafe { (self.kind.clone)(&self.words) };
        Self { key: self.key, kind: self.kind, words }
    }
}

impl Drop for Entry {
    #[inline]
    fn drop(&mut self) {
        if self.kind.drops {
            // SAFETY: as in `clone`; nobody uses it again.
            unsafe { (self.kind.drop)(&mut self.words) };
        }
    }
}
