//! Padding against false sharing: a profile, not a law.

use core::ops::Deref;

/// Keeps its contents on cache lines of their own: 128 bytes on 64-bit targets (their prefetchers
/// fetch lines in pairs), nothing elsewhere or with the feature `compact`.
#[derive(Debug, Default)]
#[cfg_attr(all(target_pointer_width = "64", not(feature = "compact")), repr(align(128)))]
#[cfg_attr(not(all(target_pointer_width = "64", not(feature = "compact"))), repr(transparent))]
pub(crate) struct Pad<T>(pub(crate) T);

impl<T> Deref for Pad<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}
