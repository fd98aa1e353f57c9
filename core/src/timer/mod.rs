//! Floor 3, and with a clock floor 4: timers.
//!
//! | type | when |
//! |---|---|
//! | [`Wheel`] | ticks of your own, driven by your own loop or interrupt handler |
//! | [`Timers`] | a platform's clock: deadlines in nanoseconds, futures, a driver that sleeps |
//!
//! # Algorithm
//!
//! A hierarchical timer wheel (Varghese and Lauck, 1987) in two parts. At the *edge*, anybody schedules and
//! cancels without a lock: a timer is one word of state, an exchange of which decides between cancelled
//! and fired. In the *middle*, a single driver moves timers between buckets and fires them. Peers
//! with a lock around the whole wheel cannot be used from an interrupt handler; peers with sorted lists
//! pay for each timer that is pending.
//!
//! Slots lie in the wheel and are given by number, so it needs no allocator, no pins and no lifetimes, and
//! may lie in memory shared between processes. All words have 32 bits: ticks wrap around.

mod buckets;
mod driver;
mod geometry;
mod handle;
mod sleep;
mod slot;
mod tick;
mod timers;
mod wheel;

pub use driver::{Driver, Then, Turn};
pub use geometry::{Coarse, Exact, Geometry};
pub use handle::{Handle, Scheduled};
pub use sleep::{Sleep, Timeout};
pub use slot::{Slot, Slots};
pub use tick::Tick;
pub use timers::{Timers, TimersOver};
pub use wheel::{Wheel, WheelOver};
