//! Iterators over what is got from a channel.

use core::fmt;

use super::Channel;
use crate::platform::Platform;
use crate::queue::Queue;

/// Gets items until the channel is shut down and drained; see [`Channel::iter`].
#[must_use = "an iterator that nobody asks gets nothing"]
pub struct Iter<'a, Q: Queue, P: Platform> {
    pub(super) channel: &'a Channel<Q, P>,
}

impl<Q: Queue, P: Platform> fmt::Debug for Iter<'_, Q, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("channel", self.channel).finish()
    }
}

impl<Q: Queue, P: Platform> Iterator for Iter<'_, Q, P> {
    type Item = Q::Item;

    fn next(&mut self) -> Option<Q::Item> {
        self.channel.get().ok()
    }
}

/// Gets the items that are there now; see [`Channel::drain`].
#[must_use = "an iterator that nobody asks gets nothing"]
pub struct Drain<'a, Q: Queue, P: Platform> {
    pub(super) channel: &'a Channel<Q, P>,
}

impl<Q: Queue, P: Platform> fmt::Debug for Drain<'_, Q, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").field("channel", self.channel).finish()
    }
}

impl<Q: Queue, P: Platform> Iterator for Drain<'_, Q, P> {
    type Item = Q::Item;

    fn next(&mut self) -> Option<Q::Item> {
        self.channel.try_get().ok()
    }
}

impl<'a, Q: Queue, P: Platform> IntoIterator for &'a Channel<Q, P> {
    type Item = Q::Item;
    type IntoIter = Iter<'a, Q, P>;

    fn into_iter(self) -> Iter<'a, Q, P> {
        self.iter()
    }
}
