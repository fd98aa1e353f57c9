//! Several futures, in the order in which they are done.
//!
//! Each is polled once with a waker that puts its number into a queue, on which the caller waits. Whoever
//! gives up takes back his place in the futures' lists of waiters: nothing is left behind.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use inkle_core::sync::GetOutcome;

use super::cell::Settled;
use super::held::Held;
use super::{Future, here};
use crate::platform::{Deadline, Private};
use crate::queue::SimpleQueue;

type Watch<T> = Pin<Box<Held<T, GetOutcome<'static, Settled<T>, Private>>>>;

/// Futures that are not done, or done and not taken out yet.
pub(super) struct Gather<T: 'static, F> {
    /// By number, in the order in which they were added.
    inside: BTreeMap<usize, Entry<T, F>>,
    /// The addresses of those inside.
    known: HashSet<usize>,
    ready: SimpleQueue<usize>,
    added: usize,
}

struct Entry<T: 'static, F> {
    item: F,
    watch: Watch<T>,
    waker: Waker,
}

/// Puts a number into a queue when woken.
struct Bell {
    number: usize,
    ready: SimpleQueue<usize>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ready.put(self.number);
    }
}

impl<T: Send + 'static, F: Borrow<Future<T>>> Gather<T, F> {
    pub(super) fn new() -> Self {
        let (inside, known) = (BTreeMap::new(), HashSet::new());
        Self { inside, known, ready: SimpleQueue::new(), added: 0 }
    }

    /// Adds one, unless it is inside already.
    pub(super) fn push(&mut self, item: F) {
        if !self.known.insert(item.borrow().address()) {
            return;
        }
        let number = self.added;
        self.added += 1;
        let waker = Waker::from(Arc::new(Bell { number, ready: self.ready.clone() }));
        let shared = item.borrow().shared.clone();
        let mut watch = Box::pin(Held::new(shared, |outcome| outcome.get_async()));
        if watch.as_mut().is_ready(&mut Context::from_waker(&waker)) {
            self.ready.put(number);
        }
        self.inside.insert(number, Entry { item, watch, waker });
    }

    /// How many have not been taken out.
    pub(super) fn left(&self) -> usize {
        self.inside.len()
    }

    /// Takes out the next one that is done, with its number; waits for it until `deadline`.
    pub(super) fn next(&mut self, deadline: Deadline) -> Option<(usize, F)> {
        while !self.inside.is_empty() {
            let number = self.ready.try_get().or_else(|| self.wait(deadline))?;
            let Some(entry) = self.inside.get_mut(&number) else { continue };
            let mut context = Context::from_waker(&entry.waker);
            // Woken for no reason, it stays.
            if entry.watch.as_mut().is_ready(&mut context) {
                let entry = self.inside.remove(&number)?;
                self.known.remove(&entry.item.borrow().address());
                return Some((number, entry.item));
            }
        }
        None
    }

    fn wait(&self, deadline: Deadline) -> Option<usize> {
        let here = deadline == Deadline::NEVER;
        let any = |home| self.inside.values().any(|entry| entry.item.borrow().run_here(home));
        here::wait(
            || !self.ready.is_empty(),
            |home| here && any(home),
            || self.ready.get_until(deadline),
        )
    }

    /// Those that were not taken out, with their numbers.
    pub(super) fn into_rest(self) -> impl Iterator<Item = (usize, F)> {
        self.inside.into_iter().map(|(number, entry)| (number, entry.item))
    }
}

#[cfg(test)]
mod tests {
    use super::super::promise;
    use super::Gather;
    use crate::platform::Deadline;

    #[test]
    fn who_gives_up_leaves_nothing_behind() {
        let (promise, future) = promise();
        let mut gather = Gather::new();
        gather.push(&future);
        assert!(gather.next(Deadline::PASSED).is_none());
        let ready = gather.ready.clone();
        drop(gather);
        assert_eq!(promise.set_result(1), Ok(()));
        assert!(ready.is_empty(), "nobody was told");
    }
}
