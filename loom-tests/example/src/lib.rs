//! The newest reading of a sensor, and a wait for the next one. Generic over its ground, as everything of the
//! kernel is: so its tests can stand on threads or on the model checker (`tests/models.rs`).

use inkle_core::Platform;
use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::event_count::EventCount;
use inkle_core::platform::Deadline;

/// What a sensor has said, and how often it had said something by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// 0 before the first.
    pub number: u16,
    /// In the sensor's units.
    pub value: u16,
}

/// See the crate's docs. Readings that nobody has waited for in time are lost, but for the newest.
#[derive(Debug)]
pub struct Gauge<P> {
    /// The number in the upper half, so that both change in one step.
    reading: AtomicU32,
    changed: EventCount<P>,
}

impl<P: Platform> Gauge<P> {
    /// A gauge that has shown nothing yet.
    pub fn new() -> Self {
        Self { reading: AtomicU32::new(0), changed: EventCount::new() }
    }

    /// Shows a value from now on. Lock-free; may be called in an interrupt handler.
    pub fn show(&self, value: u16) {
        // Relaxed: a number; the exchange checks it.
        let mut old = self.reading.load(Ordering::Relaxed);
        let new = |old: u32| (old & 0xffff_0000).wrapping_add(1 << 16) | u32::from(value);
        // Release, pairs with the Acquire of `newest`: what the sensor's owner did before.
        while let Err(now) =
            self.reading.compare_exchange_weak(old, new(old), Ordering::Release, Ordering::Relaxed)
        {
            old = now;
        }
        self.changed.notify(u32::MAX);
    }

    /// The newest reading.
    pub fn newest(&self) -> Reading {
        // Acquire, pairs with the Release of `show`.
        let word = self.reading.load(Ordering::Acquire);
        Reading { number: (word >> 16) as u16, value: word as u16 }
    }

    /// Waits for a reading other than the one with this number; nothing if the deadline passes first.
    pub fn next(&self, seen: u16, deadline: Deadline) -> Option<Reading> {
        self.changed.block(deadline, || Some(self.newest()).filter(|now| now.number != seen))
    }
}

impl<P: Platform> Default for Gauge<P> {
    fn default() -> Self {
        Self::new()
    }
}
