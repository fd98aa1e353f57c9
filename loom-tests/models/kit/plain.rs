//! Data that is not atomic.

use inkle_core::atomic::UnsafeCell;

/// A plain number. Two threads that touch it at the same time, at least one to write, fail the
/// model: so it shows that something excludes, or publishes, as it should.
#[derive(Debug)]
pub struct Plain(UnsafeCell<u32>);

// SAFETY: loom runs all its threads on one, and its cell fails the model before a pointer is handed
// out that two of them may follow at the same time.
unsafe impl Send for Plain {}
// SAFETY: as above.
unsafe impl Sync for Plain {}

impl Plain {
    /// A plain number with this value.
    #[track_caller]
    pub fn new(value: u32) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Reads it.
    #[track_caller]
    pub fn get(&self) -> u32 {
        // SAFETY: loom's cell has just checked that nobody writes.
        self.0.with(|value| unsafe { *value })
    }

    /// Writes it.
    #[track_caller]
    pub fn set(&self, value: u32) {
        // SAFETY: loom's cell has just checked that nobody else reads or writes.
        self.0.with_mut(|place| unsafe { *place = value });
    }

    /// Reads it, then writes `step` more; gives what it was.
    #[track_caller]
    pub fn add(&self, step: u32) -> u32 {
        let value = self.get();
        self.set(value + step);
        value
    }
}
