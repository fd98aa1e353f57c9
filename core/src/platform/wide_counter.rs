//! A counter of 32 bits that wraps, made one of 64 bits that does not.
//!
//! # Layout and invariants
//!
//! One word: how many halves of its range the counter has gone through. Its lowest bit is the highest
//! bit that the counter had at the latest reading. So a reading whose highest bit differs is in the
//! next half, as long as no half goes by without a reading.
//!
//! Progress: wait-free. One load a reading, one read-modify-write a half. Interrupt-off window: none.

use crate::atomic::{AtomicU32, Ordering};

/// Widens a timer's counter of 32 bits, for [`Board::now`](super::Board::now).
///
/// Read it at least once in each half of the counter's range, from wherever you like (a timer interrupt
/// at each half does it), and let no reading take as long as that. A counter of fewer bits is shifted up
/// first (SysTick's 24 bits count down: `!count << 8`), and the result down again.
///
/// ```
/// use inkle_core::platform::WideCounter;
/// # use inkle_core::atomic::{AtomicU32, Ordering};
/// # static TIMER: AtomicU32 = AtomicU32::new(0x7FFF_FFF0);
/// # fn timer() -> u32 { TIMER.fetch_add(0x4000_0000, Ordering::Relaxed) }
///
/// static CLOCK: WideCounter = WideCounter::new();
///
/// assert_eq!(CLOCK.read(timer), 0x7FFF_FFF0);
/// assert_eq!(CLOCK.read(timer), 0xBFFF_FFF0);
/// assert_eq!(CLOCK.read(timer), 0xFFFF_FFF0);
/// assert_eq!(CLOCK.read(timer), 0x1_3FFF_FFF0);
/// ```
#[derive(Debug)]
pub struct WideCounter {
    halves: AtomicU32,
}

impl WideCounter {
    const_fn! {
        /// For a counter that has just been started.
        #[must_use]
        pub const fn new() -> Self {
            Self { halves: AtomicU32::new(0) }
        }
    }

    /// The counter, which `timer` reads, with all its wraps: never less than an earlier reading that
    /// this one follows. Wraps itself after 2^31 halves.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: none; who learns of another's reading by
    /// other means has the order from there.
    pub fn read(&self, timer: impl FnOnce() -> u32) -> u64 {
        // Before the timer is read: then the timer is in this half or the next, never the one before.
        // Acquire, so that the reading does not come first, and pairs with the Release below: who
        // sees a half begun reads the timer after that.
        let half = self.halves.load(Ordering::Acquire);
        let low = timer();
        let half = if low >> 31 == half & 1 {
            half
        } else {
            let next = half.wrapping_add(1);
            // If it fails, somebody else has taken the same step. Release: see above.
            let _ = self.halves.compare_exchange(half, next, Ordering::Release, Ordering::Relaxed);
            next
        };
        u64::from(half >> 1) << 32 | u64::from(low)
    }
}

impl Default for WideCounter {
    fn default() -> Self {
        Self::new()
    }
}
