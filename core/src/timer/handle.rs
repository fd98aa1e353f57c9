//! What a schedule answers.

#[cfg(doc)]
use super::WheelOver;

/// Which timer of a wheel: to [cancel](WheelOver::cancel) or [reschedule](WheelOver::reschedule) it. May be
/// copied and sent about freely.
///
/// It stays void after its timer is over, until 2^30 other timers have passed through the same slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// A timer has been scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// The timer.
    pub handle: Handle,
    /// Nothing is due before it: who sleeps until [`next_deadline`](WheelOver::next_deadline) has to look
    /// again.
    pub is_first: bool,
}
