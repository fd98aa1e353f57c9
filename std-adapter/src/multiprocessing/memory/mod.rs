//! Memory that processes share.

pub(super) mod graves;
mod region;
mod share;
mod words;

pub use share::Share;

pub(super) use region::Region;
pub(super) use words::{WORD, Words};
