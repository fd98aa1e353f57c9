//! From one thread or interrupt handler to one other: the cheapest queues there are.
//!
//! | when it is full | take |
//! |---|---|
//! | the producer has to wait or to give up | [`Ring`] |
//! | the oldest item gives way | [`Overwriting`] |
//!
//! Both lie in a `static` or anywhere else and are [`split`](Ring::split) into a producer and a
//! consumer. Either handle may go to another thread; each has its own end alone, which the compiler
//! checks (`&mut self`). Dropping both makes it possible to split again.

pub mod overwriting;
mod reader;
mod ring;
mod writer;

use core::error::Error;
use core::fmt;

pub use overwriting::Overwriting;
pub use reader::{Consumer, ReadChunk, ReadChunkIntoIter};
pub use ring::{IntoIter, Ring};
pub use writer::{Producer, WriteChunk};

/// A chunk was asked for that is larger than what is there: this many slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFewSlots(pub usize);

impl fmt::Display for TooFewSlots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "only {} slots are available", self.0)
    }
}

impl Error for TooFewSlots {}
