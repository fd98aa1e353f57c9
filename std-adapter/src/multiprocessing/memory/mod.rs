//! Memory that processes share.

pub(super) mod graves;
