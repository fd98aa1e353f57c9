//! Who works in a pool, and how much they have done.

use std::sync::{Arc, Mutex};

use inkle_core::atomic::{AtomicU32, AtomicUsize, Ordering};
use inkle_core::roster::Census;

use crate::platform::Deadline;
use crate::threading::{EventCount, ThreadInfo, current, get_ident, locked};

pub(super) struct Staff {
    prefix: String,
    list: Mutex<List>,
    /// The list, or the roster's count of workers, has changed.
    change: EventCount,
}

struct List {
    threads: Vec<ThreadInfo>,
    /// How many were ever named.
    named: usize,
    peak: usize,
    tallies: Vec<Arc<Tally>>,
    /// What those have done that are gone.
    gone: Done,
    cancelled: usize,
    refused: usize,
}

/// What one worker has done. Only it writes.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Tally {
    ran: AtomicUsize,
    skipped: AtomicUsize,
}

#[derive(Clone, Copy, Default)]
struct Done {
    ran: usize,
    skipped: usize,
}

impl Tally {
    /// One job more, run or not.
    #[inline]
    pub(super) fn count(&self, ran: bool) {
        let which = if ran { &self.ran } else { &self.skipped };
        // Relaxed, and no read-modify-write: a count that only this thread writes.
        which.store(which.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    fn done(&self) -> Done {
        // Relaxed: a snapshot.
        Done {
            ran: self.ran.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
        }
    }
}

impl Done {
    fn add(&mut self, other: Self) {
        self.ran = self.ran.wrapping_add(other.ran);
        self.skipped = self.skipped.wrapping_add(other.skipped);
    }
}

/// How an executor stands: see [`ThreadPoolExecutor::counters`](super::super::ThreadPoolExecutor::counters).
/// (CF065)
///
/// ```
/// use inkle::concurrent::ThreadPoolExecutor;
///
/// let executor = ThreadPoolExecutor::new(8).unwrap();
/// assert_eq!(executor.counters().threads, 0, "none is started before there is work");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Tasks that wait. Those that were cancelled, or run by whoever waited for them, count until a worker
    /// comes to them.
    pub queued: usize,
    /// Workers that do a task.
    pub running: usize,
    /// Workers without one.
    pub idle: usize,
    /// All workers.
    pub threads: usize,
    /// Tasks that workers have done, well or not.
    pub completed: usize,
    /// Tasks that no worker did: they were cancelled, given up, or done by whoever waited for them.
    pub cancelled: usize,
    /// The most threads at a time.
    pub peak: usize,
    /// How often the system has refused a thread. (CF044)
    pub refused: usize,
}

impl Staff {
    /// `name`, or `ThreadPoolExecutor-K`. (CF039)
    pub(super) fn new(name: Option<String>) -> Self {
        static POOLS: AtomicU32 = AtomicU32::new(0);
        let prefix = name.filter(|name| !name.is_empty()).unwrap_or_else(|| {
            // Relaxed: a number.
            format!("ThreadPoolExecutor-{}", POOLS.fetch_add(1, Ordering::Relaxed))
        });
        let list = List {
            threads: Vec::new(),
            named: 0,
            peak: 0,
            tallies: Vec::new(),
            gone: Done::default(),
            cancelled: 0,
            refused: 0,
        };
        Self { prefix, list: Mutex::new(list), change: EventCount::new() }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn next_name(&self) -> String {
        let mut list = locked(&self.list);
        list.named += 1;
        format!("{}_{}", self.prefix, list.named - 1)
    }

    /// The calling thread is one of them now.
    pub(super) fn enter(&self) -> Arc<Tally> {
        let tally = Arc::<Tally>::default();
        let mut list = locked(&self.list);
        list.threads.retain(ThreadInfo::is_alive);
        list.threads.push(current());
        list.tallies.push(Arc::clone(&tally));
        list.peak = list.peak.max(list.tallies.len());
        drop(list);
        self.changed();
        tally
    }

    /// The calling thread, which has done that, is counted no more. It stays on the list until it has
    /// really ended.
    pub(super) fn leave(&self, tally: &Arc<Tally>) {
        let mut list = locked(&self.list);
        list.tallies.retain(|other| !Arc::ptr_eq(other, tally));
        list.gone.add(tally.done());
        drop(list);
        self.changed();
    }

    /// Who waits for the staff looks again.
    pub(super) fn changed(&self) {
        self.change.notify(u32::MAX);
    }

    /// The system has refused a thread, which the roster counts no more.
    pub(super) fn refused(&self) {
        locked(&self.list).refused += 1;
        self.changed();
    }

    pub(super) fn cancelled(&self, count: usize) {
        locked(&self.list).cancelled += count;
    }

    /// Waits until all but the calling thread have ended, and says who has not. `census` tells the
    /// workers that are not on the list yet.
    pub(super) fn wait(&self, deadline: Deadline, census: impl Fn() -> Census) -> Vec<ThreadInfo> {
        let caller = get_ident();
        let others = || -> (Vec<ThreadInfo>, bool) {
            let mut list = locked(&self.list);
            list.threads.retain(ThreadInfo::is_alive);
            let (here, others): (Vec<_>, Vec<_>) =
                list.threads.iter().cloned().partition(|thread| thread.ident() == caller);
            let census = census();
            (others, (census.active + census.away) as usize > here.len())
        };
        loop {
            let next = self.change.block(deadline, || match others() {
                (others, false) if others.is_empty() => Some(None),
                (others, true) if others.is_empty() => None,
                (mut others, _) => Some(others.pop()),
            });
            match next {
                Some(None) => return Vec::new(),
                Some(Some(thread)) if thread.ended().wait_until(deadline).is_ok() => {}
                _ => return others().0,
            }
        }
    }

    pub(super) fn counters(&self, census: Census) -> Counters {
        let list = locked(&self.list);
        let mut done = list.gone;
        list.tallies.iter().for_each(|tally| done.add(tally.done()));
        Counters {
            queued: census.queued as usize,
            running: (census.active + census.away).saturating_sub(census.idle) as usize,
            idle: census.idle as usize,
            threads: (census.active + census.away) as usize,
            completed: done.ran,
            cancelled: done.skipped.wrapping_add(list.cancelled),
            peak: list.peak,
            refused: list.refused,
        }
    }
}
