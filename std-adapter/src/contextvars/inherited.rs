//! What a thread, a timer, a job or a task gets of the context of whoever started it.

use std::fmt;

use super::carrier::Load;
use super::here::{Frame, here};
use super::map::Map;
use crate::threading::drop_quietly;

/// A copy of somebody's context, less what is not inherited.
#[derive(Clone)]
pub(crate) struct Inherited {
    map: Map,
    load: Load,
}

impl Inherited {
    /// Of an empty one.
    pub(crate) const NONE: Self = Self { map: Map::EMPTY, load: Load::NONE };

    /// Of the caller's context.
    pub(crate) fn from_here() -> Self {
        Self { map: here(|here| here.map()).without_private(), load: Load::capture() }
    }

    pub(super) fn new(map: Map, load: Load) -> Self {
        Self { map, load }
    }

    /// The values of variables that travel. See [`Context::pack`](super::Context::pack).
    #[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
    pub(crate) fn pack(&self) -> Result<Vec<u8>, super::PackError> {
        super::travel::pack(&self.map)
    }

    /// Calls `f` in it. What `f` sets is dropped afterwards; a panic of that is reported and goes no
    /// further.
    pub(crate) fn run<R>(self, f: impl FnOnce() -> R) -> R {
        struct Quietly(Option<Frame>);
        impl Drop for Quietly {
            fn drop(&mut self) {
                drop_quietly(self.0.take());
            }
        }

        let frame = Quietly(Some(Frame::alone(self.map)));
        match &frame.0 {
            Some(frame) => here(|here| here.within(frame, || self.load.within(f))),
            None => unreachable!("it is there until it is dropped"),
        }
    }
}

/// Whether the caller's context has nothing to inherit.
#[inline]
pub(crate) fn is_empty_here() -> bool {
    here(|here| here.is_empty()) && Load::is_none_to_be()
}

/// The values of the caller's context, for pieces of work that are done in it one behind the other and are
/// not to see what the others set.
pub(crate) struct Afresh(Map);

impl Afresh {
    /// None.
    pub(crate) const NONE: Self = Self(Map::EMPTY);

    /// As they are now.
    pub(crate) fn from_here() -> Self {
        Self(here(|here| here.map()))
    }

    /// Makes them what they were. What was set since is dropped; a panic of that is reported and goes no
    /// further.
    #[inline]
    pub(crate) fn again(&self) {
        here(|here| here.restore(&self.0));
    }
}

impl fmt::Debug for Inherited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inherited").finish_non_exhaustive()
    }
}
