//! What survives the death of a process that uses it.

use super::{Life, Mortal};
use crate::sync::{BoundedSemaphore, Condition, Event, Semaphore};

/// Something in shared memory that can be told of the death of a process.
///
/// # Safety
///
/// It may lie in memory that processes map that do not trust each other: it holds no address that is
/// followed there, every bit pattern is one of its values, and it is touched by atomic accesses only.
pub unsafe trait Survivor: Sync {
    /// Hands on what a dead process held, and repeats every wake-up that it may not have got to make.
    ///
    /// Call it when the process has ended, best before it is reaped (`waitid` with `WNOWAIT`): until then
    /// its number cannot be another's. Any number of processes may call it for the same death, again and
    /// again, at the same time as everything else; for a process that has touched nothing it does no harm.
    ///
    /// Progress: lock-free. Interrupt-safe: no.
    fn bury(&self, dead: Life);
}

// SAFETY: of what it is made of, only the list of guests holds addresses, and on a shared ground nobody
// enters it or looks into it. Its own words are atomic.
unsafe impl<P: Mortal> Survivor for Event<P> {
    /// Whoever waits looks again.
    fn bury(&self, _dead: Life) {
        self.rouse();
    }
}

// SAFETY: as `Event`.
unsafe impl<P: Mortal> Survivor for Semaphore<P> {
    /// Whoever waits looks again. Permits that the dead process had taken stay taken: a semaphore does not
    /// know who has them.
    fn bury(&self, _dead: Life) {
        self.rouse();
    }
}

// SAFETY: as `Event`.
unsafe impl<P: Mortal> Survivor for BoundedSemaphore<P> {
    /// As that of [`Semaphore`].
    fn bury(&self, _dead: Life) {
        self.rouse();
    }
}

// SAFETY: as `Event`.
unsafe impl<P: Mortal> Survivor for Condition<P> {
    /// Whoever waits returns from its wait for no reason, and looks at the state.
    fn bury(&self, _dead: Life) {
        self.rouse();
    }
}
