//! Items whose number is known.

use core::cell::Cell;

/// An item that is counted while it lives.
#[derive(Debug)]
pub(crate) struct Tally<'a>(&'a Cell<usize>);

impl<'a> Tally<'a> {
    pub(crate) fn new(alive: &'a Cell<usize>) -> Self {
        alive.set(alive.get() + 1);
        Self(alive)
    }
}

impl Drop for Tally<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
