//! The pools, each as its own documentation would have it used.

use std::sync::Arc;

use crossbeam_channel::{Receiver, bounded};
use inkle::concurrent::{Future, Spawn, ThreadPoolExecutor};

use crate::rows::awaited::block_on;

/// So many threads everybody has.
pub(super) const WORKERS: usize = 2;

/// Threads that do what they are given.
pub(super) trait Crew: Clone + Send + Sync + 'static {
    /// A result to come.
    type Ticket: Send;

    fn new() -> Self;
    /// Has it done, and does not ask for a result.
    fn fire(&self, work: impl FnOnce() + Send + 'static);
    /// Has it done.
    fn submit(&self, work: impl FnOnce() -> u64 + Send + 'static) -> Self::Ticket;
    /// Waits for the result.
    fn redeem(&self, ticket: Self::Ticket) -> u64;
}

impl Crew for ThreadPoolExecutor {
    type Ticket = Future<u64>;

    fn new() -> Self {
        Self::new(WORKERS as u32).expect("a good number")
    }

    fn fire(&self, work: impl FnOnce() + Send + 'static) {
        assert!(self.start(work).is_ok(), "it is not shut down");
    }

    fn submit(&self, work: impl FnOnce() -> u64 + Send + 'static) -> Future<u64> {
        Spawn::submit(self, work).expect("it is not shut down")
    }

    fn redeem(&self, ticket: Future<u64>) -> u64 {
        ticket.join().expect("nobody panics")
    }
}

/// A result through a channel, where a pool has none itself.
fn ticket(
    fire: impl FnOnce(Box<dyn FnOnce() + Send>),
    work: impl FnOnce() -> u64 + Send + 'static,
) -> Receiver<u64> {
    let (give, get) = bounded(1);
    fire(Box::new(move || give.send(work()).expect("somebody waits")));
    get
}

#[derive(Clone)]
pub(super) struct Rayon(pub(super) Arc<rayon::ThreadPool>);

impl Crew for Rayon {
    type Ticket = Receiver<u64>;

    fn new() -> Self {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(WORKERS).build();
        Self(Arc::new(pool.expect("threads")))
    }

    fn fire(&self, work: impl FnOnce() + Send + 'static) {
        self.0.spawn(work);
    }

    fn submit(&self, work: impl FnOnce() -> u64 + Send + 'static) -> Receiver<u64> {
        let (give, get) = bounded(1);
        self.0.spawn(move || give.send(work()).expect("somebody waits"));
        get
    }

    fn redeem(&self, ticket: Receiver<u64>) -> u64 {
        ticket.recv().expect("nobody panics")
    }
}

impl Crew for threadpool::ThreadPool {
    type Ticket = Receiver<u64>;

    fn new() -> Self {
        Self::new(WORKERS)
    }

    fn fire(&self, work: impl FnOnce() + Send + 'static) {
        self.execute(work);
    }

    fn submit(&self, work: impl FnOnce() -> u64 + Send + 'static) -> Receiver<u64> {
        ticket(|work| self.execute(work), work)
    }

    fn redeem(&self, ticket: Receiver<u64>) -> u64 {
        ticket.recv().expect("nobody panics")
    }
}

impl Crew for rusty_pool::ThreadPool {
    type Ticket = rusty_pool::JoinHandle<u64>;

    fn new() -> Self {
        rusty_pool::Builder::new().core_size(WORKERS).max_size(WORKERS).build()
    }

    fn fire(&self, work: impl FnOnce() + Send + 'static) {
        self.execute(work);
    }

    fn submit(&self, work: impl FnOnce() -> u64 + Send + 'static) -> Self::Ticket {
        self.evaluate(work)
    }

    fn redeem(&self, ticket: Self::Ticket) -> u64 {
        ticket.await_complete()
    }
}

#[derive(Clone)]
pub(super) struct Tokio(Arc<tokio::runtime::Runtime>);

impl Crew for Tokio {
    type Ticket = tokio::task::JoinHandle<u64>;

    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(WORKERS)
            .build()
            .expect("a runtime");
        Self(Arc::new(runtime))
    }

    fn fire(&self, work: impl FnOnce() + Send + 'static) {
        drop(self.0.spawn_blocking(work));
    }

    fn submit(&self, work: impl FnOnce() -> u64 + Send + 'static) -> Self::Ticket {
        self.0.spawn_blocking(work)
    }

    fn redeem(&self, ticket: Self::Ticket) -> u64 {
        block_on(ticket).expect("nobody panics")
    }
}

/// There is one for the whole process, which takes as many threads as it likes.
#[derive(Clone)]
pub(super) struct Blocking;

impl Crew for Blocking {
    type Ticket = blocking::Task<u64>;

    fn new() -> Self {
        Self
    }

    fn fire(&self, work: impl FnOnce() + Send + 'static) {
        blocking::unblock(work).detach();
    }

    fn submit(&self, work: impl FnOnce() -> u64 + Send + 'static) -> Self::Ticket {
        blocking::unblock(work)
    }

    fn redeem(&self, ticket: Self::Ticket) -> u64 {
        block_on(ticket)
    }
}
