//! The most urgent item first.
//!
//! | | [`Levels`] | [`Heap`] |
//! |---|---|---|
//! | order | a few fixed levels; nearly always the most urgent first | any `Ord`; always the smallest first |
//! | among equals | first in, first out | first in, first out |
//! | progress | lock-free | blocking |
//! | interrupt handlers | yes | if the platform masks them |
//! | cost of an item | constant; memory grows with levels times items | grows with the logarithm of the items; memory with the items |

mod heap;
mod levels;

pub use heap::{Entry, Heap, InPlace, Items, MinHeap};
pub use levels::{Level, Levels};
