//! Several futures, in the order in which they are done.
//!
//! Each is polled once with a waker that puts its number into a queue, on which the caller waits. Whoever
//! gives up takes back his place in the futures' lists of waiters: nothing is left behind.

use std::borrow::Borrow;
use std::collections::HashSet;
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
    /// `None` where it was taken out.
    inside: Vec<Option<Entry<T, F>>>,
    known: HashSet<usize>,
    ready: SimpleQueue<usize>,
    left: usize,
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
        let (inside, known) = (Vec::new(), HashSet::new());
        Self { inside, known, ready: SimpleQueue::new(), left: 0 }
    }

    /// Adds one, unless it is the same as one before.
    pub(super) fn push(&mut self, item: F) {
        if !self.known.insert(item.borrow().address()) {
            return;
        }
        let number = self.inside.len();
        let waker = Waker::from(Arc::new(Bell { number, ready: self.ready.clone() }));
        let shared = item.borrow().shared.clone();
        let mut watch = Box::pin(Held::new(shared, |outcome| outcome.get_async()));
        if watch.as_mut().is_ready(&mut Context::from_waker(&waker)) {
            self.ready.put(number);
        }
        self.inside.push(Some(Entry { item, watch, waker }));
        self.left += 1;
    }

    /// How many have not been taken out.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Takes out the next one that is done, with its number; waits for it until `deadline`.
    pub(super) fn next(&mut self, deadline: Deadline) -> Option<(usize, F)> {
        while self.left > 0 {
            let number = self.ready.try_get().or_else(|| self.wait(deadline))?;
            let Some(entry) = self.inside.get_mut(number) else { continue };
            // Woken for no reason, it stays.
            let done = entry.as_mut().is_some_and(|entry| {
                entry.watch.as_mut().is_ready(&mut Context::from_waker(&entry.waker))
            });
            if let (true, Some(entry)) = (done, entry.take()) {
                self.left -= 1;
                return Some((number, entry.item));
            }
        }
        None
    }

    fn wait(&self, deadline: Deadline) -> Option<usize> {
        let try_here = |home| {
            deadline == Deadline::NEVER
                && self.inside.iter().flatten().any(|entry| {
                    let runnable = entry.watch.shared().runnable();
                    runnable.home() == home && runnable.run()
                })
        };
        here::wait(try_here, || self.ready.get_until(deadline))
    }

    /// Those that were not taken out, with their numbers.
    pub(super) fn into_rest(self) -> impl Iterator<Item = (usize, F)> {
        let numbered = self.inside.into_iter().enumerate();
        numbered.filter_map(|(number, entry)| Some((number, entry?.item)))
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
