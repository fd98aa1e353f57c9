//! What may lie in memory that processes share.

use inkle_core::robust::Life;

/// A type whose values may lie in memory that several processes map.
///
/// Atomic integers do, [`Cell`](super::Cell)s of plain values, the locks and their kin of [`in_place`](super::super::in_place),
/// and arrays, tuples and [structs](crate::share) of them.
///
/// # Safety
///
/// The other processes may run other code, may be killed at any instruction, and may be hostile. So
///
/// - nothing in it is an address, a descriptor, or anything else that means something in one process alone;
/// - every pattern of bits is a value, and may turn into any other at any moment: no use of it is undefined behaviour
///   for what lies in it;
/// - so it is changed through shared references, atomically, and its `drop` is never run.
pub unsafe trait Share: Send + Sync + 'static {
    /// Passes the word on to each part: hand on what the dead process held, and wake whom it may have left asleep. See
    /// [`Survivor`](crate::kernel::robust::Survivor).
    fn bury(&self, dead: Life);
}

macro_rules! share_as_they_are {
    ($($(#[$why:meta])* $type:ty),+ $(,)?) => {
        $(
            $(#[$why])*
            // SAFETY: a number, of any bits, and atomic.
            unsafe impl Share for $type {
                fn bury(&self, _dead: Life) {}
            }
        )+
    };
}

share_as_they_are! {
    std::sync::atomic::AtomicU8,
    std::sync::atomic::AtomicU16,
    std::sync::atomic::AtomicU32,
    std::sync::atomic::AtomicUsize,
    std::sync::atomic::AtomicI8,
    std::sync::atomic::AtomicI16,
    std::sync::atomic::AtomicI32,
    std::sync::atomic::AtomicIsize,
    #[cfg(target_has_atomic = "64")]
    std::sync::atomic::AtomicI64,
    #[cfg(target_has_atomic = "64")]
    std::sync::atomic::AtomicU64,
}

// SAFETY: as each of them.
unsafe impl<T: Share, const N: usize> Share for [T; N] {
    fn bury(&self, dead: Life) {
        self.iter().for_each(|part| part.bury(dead));
    }
}

macro_rules! share_tuples {
    ($(($($part:ident)+))+) => {
        $(
            // SAFETY: as each of them.
            unsafe impl<$($part: Share),+> Share for ($($part,)+) {
                fn bury(&self, dead: Life) {
                    #[expect(non_snake_case, reason = "the names of the types name the values too")]
                    let ($($part,)+) = self;
                    $($part.bury(dead);)+
                }
            }
        )+
    };
}

share_tuples! { (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) }

/// A struct that may lie in memory that processes share, as each of its fields may.
///
/// It is laid out as C does it, so that two builds of a program agree.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
/// use inkle::multiprocessing::memory::Shared;
///
/// inkle::share! {
///     /// What all workers see.
///     pub struct Board {
///         /// Jobs that are done.
///         pub done: AtomicU64,
///         /// Jobs of each kind.
///         pub kinds: [AtomicU64; 4],
///     }
/// }
///
/// let board = Shared::new(Board::default())?;
/// board.done.fetch_add(1, Relaxed);
/// # impl Default for Board {
/// #     fn default() -> Self { Self { done: AtomicU64::new(0), kinds: Default::default() } }
/// # }
/// # std::io::Result::Ok(())
/// ```
///
/// What may not lie there is refused:
///
/// ```compile_fail
/// inkle::share! {
///     struct Names { first: String }
/// }
/// ```
#[macro_export]
macro_rules! share {
    ($(
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident {
            $($(#[$field_meta:meta])* $field_visibility:vis $field:ident: $type:ty),* $(,)?
        }
    )+) => {
        $(
            $(#[$meta])*
            #[repr(C)]
            $visibility struct $name {
                $($(#[$field_meta])* $field_visibility $field: $type,)*
            }

            // SAFETY: it is its fields, and each of them may: the bounds say so.
            unsafe impl $crate::multiprocessing::memory::Share for $name
            where
                $($type: $crate::multiprocessing::memory::Share,)*
            {
                fn bury(&self, dead: $crate::kernel::robust::Life) {
                    $($crate::multiprocessing::memory::Share::bury(&self.$field, dead);)*
                }
            }
        )+
    };
}
