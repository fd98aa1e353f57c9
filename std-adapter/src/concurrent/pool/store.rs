//! Where jobs wait: first in, first out, and by rank if any has one.
//!
//! Jobs of rank 0 go through the queue; the others through a heap behind a lock. While no job has
//! another rank, that costs a take one load of a word that nobody writes.

use std::cmp::Ordering as Order;
use std::collections::BinaryHeap;
use std::sync::Mutex;

use inkle_core::atomic::{AtomicUsize, Ordering};
use inkle_core::queue::Queue;

use crate::platform::Deadline;
use crate::queue::{Fifo, growing};
use crate::threading::{EventCount, locked};

pub(super) struct Store<J> {
    plain: Fifo<J>,
    ranked: Mutex<Ranked<J>>,
    /// How many are in `ranked`.
    count: AtomicUsize,
    /// For who has a claim on a job that is still being pushed.
    pushed: EventCount,
}

struct Ranked<J> {
    heap: BinaryHeap<Entry<J>>,
    /// How many were ever pushed: their order among equals.
    pushed: u64,
}

struct Entry<J> {
    rank: i32,
    number: u64,
    job: J,
}

impl<J> Store<J> {
    pub(super) fn new() -> Self {
        let ranked = Mutex::new(Ranked { heap: BinaryHeap::new(), pushed: 0 });
        Self { plain: growing(), ranked, count: AtomicUsize::new(0), pushed: EventCount::new() }
    }

    #[inline]
    pub(super) fn push(&self, job: J, rank: i32) {
        if rank == 0 {
            // It grows, and nobody closes it.
            let pushed = self.plain.try_push(job);
            debug_assert!(pushed.is_ok());
        } else {
            self.push_ranked(job, rank);
        }
        self.pushed.notify(1);
    }

    #[cold]
    fn push_ranked(&self, job: J, rank: i32) {
        let mut ranked = locked(&self.ranked);
        let number = ranked.pushed;
        ranked.pushed += 1;
        ranked.heap.push(Entry { rank, number, job });
        // Relaxed: whoever finds a job missing looks again, and the heap has a lock.
        self.count.store(ranked.heap.len(), Ordering::Relaxed);
    }

    /// A job for a claim: there is one, or it is being pushed.
    #[inline]
    pub(super) fn take(&self) -> J {
        match self.try_take() {
            Some(job) => job,
            None => self.take_pushed(),
        }
    }

    /// Whoever has counted the job is about to push it.
    #[cold]
    fn take_pushed(&self) -> J {
        loop {
            if let Some(job) = self.pushed.block(Deadline::NEVER, || self.try_take()) {
                return job;
            }
        }
    }

    #[inline]
    fn try_take(&self) -> Option<J> {
        // Relaxed: see `push`.
        let ranked = self.count.load(Ordering::Relaxed) > 0;
        if ranked {
            if let Some(job) = self.take_ranked(1) {
                return Some(job);
            }
        }
        if let Ok(job) = self.plain.try_pop() {
            return Some(job);
        }
        if ranked { self.take_ranked(i32::MIN) } else { None }
    }

    /// The first of the highest rank, if that is `least` or more.
    #[cold]
    fn take_ranked(&self, least: i32) -> Option<J> {
        let mut ranked = locked(&self.ranked);
        if ranked.heap.peek()?.rank < least {
            return None;
        }
        let entry = ranked.heap.pop();
        self.count.store(ranked.heap.len(), Ordering::Relaxed);
        entry.map(|entry| entry.job)
    }
}

impl<J> Entry<J> {
    /// The greatest comes first.
    fn key(&self) -> (i32, std::cmp::Reverse<u64>) {
        (self.rank, std::cmp::Reverse(self.number))
    }
}

impl<J> PartialEq for Entry<J> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<J> Eq for Entry<J> {}

impl<J> PartialOrd for Entry<J> {
    fn partial_cmp(&self, other: &Self) -> Option<Order> {
        Some(self.cmp(other))
    }
}

impl<J> Ord for Entry<J> {
    fn cmp(&self, other: &Self) -> Order {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use super::Store;

    #[test]
    fn cf065_higher_ranks_first_and_equals_in_order() {
        let store = Store::new();
        for (name, rank) in [("a", 0), ("b", -1), ("c", 2), ("d", 0), ("e", 2), ("f", 1), ("g", -1)]
        {
            store.push(name, rank);
        }
        let order: Vec<_> = (0..7).map(|_| store.take()).collect();
        assert_eq!(order, ["c", "e", "f", "a", "d", "b", "g"]);
    }
}
