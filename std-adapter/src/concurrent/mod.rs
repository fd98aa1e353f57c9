//! Python's `concurrent.futures`.

pub mod pool;
