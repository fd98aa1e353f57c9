//! A thread-local value as the standard library has it: the floor of every read.

use std::cell::Cell;
use std::time::Duration;

use super::timed;

pub(super) const NAME: &str = "std thread_local!";

thread_local! {
    static VALUE: Cell<u64> = const { Cell::new(0) };
}

pub(super) fn get(count: u64) -> Duration {
    VALUE.set(count);
    timed(count, |_| VALUE.get())
}
