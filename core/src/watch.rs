//! Floor 2: what locks tell the ground, for diagnosis. Without the feature `watch` all of this is
//! nothing: no call, no argument, no byte.

use crate::platform::{Platform, Step};

/// Tells the platform of a step of the caller's at a lock, and of the place in the source.
#[cfg(feature = "watch")]
#[track_caller]
pub(crate) fn tell<P: Platform, T>(lock: *const T, step: Step) {
    P::watch(lock.cast(), step, core::panic::Location::caller());
}

/// Nothing.
#[cfg(not(feature = "watch"))]
#[inline(always)]
pub(crate) fn tell<P: Platform, T>(_lock: *const T, _step: Step) {}
