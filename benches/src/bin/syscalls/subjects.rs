//! What is looked at. Each has done its work once before, so that what is only done once (asking
//! for the number of processors, say) is not counted.

use std::hint::black_box;

use inkle::platform::Private;
use inkle::queue::Queue;
use inkle_core::channel::Channel;
use inkle_core::queue::Queue as CoreQueue;
use inkle_core::queue::fifo::{FastFifo, Fifo};
use inkle_core::sync::{Lock, Semaphore};

/// Operations of each subject.
pub(crate) const COUNT: u64 = 1_000_000;

/// Calls the control subject makes.
pub(crate) const CONTROL: u64 = 10;

pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// What one operation is.
    pub(crate) operation: &'static str,
    pub(crate) expected: u64,
    pub(crate) work: fn(&dyn Fn()),
}

/// Each calls the given mark before and after its work.
pub(crate) const SUBJECTS: [Subject; 7] = [
    Subject { name: "control", operation: "nothings", expected: CONTROL, work: control },
    none("Channel over Fifo", "puts and gets", |mark| {
        channel(&Channel::new(Fifo::<u64, 1024>::new()), mark);
    }),
    none("Channel over FastFifo", "puts and gets", |mark| {
        channel(&Channel::new(FastFifo::<u64, 1024>::new()), mark);
    }),
    none("Queue::bounded", "puts and gets", |mark| {
        queue(&Queue::bounded(1024).expect("a small capacity"), mark);
    }),
    none("Queue::unbounded", "puts and gets", |mark| queue(&Queue::unbounded(), mark)),
    none("Lock", "acquires and releases", |mark| {
        let lock = Lock::<Private>::new();
        repeat(mark, || drop(lock.guard()));
    }),
    none("Semaphore", "releases and acquires", |mark| {
        let permits = Semaphore::<Private>::new(0);
        repeat(mark, || {
            assert!(permits.release(1).is_ok());
            permits.acquire();
        });
    }),
];

const fn none(name: &'static str, operation: &'static str, work: fn(&dyn Fn())) -> Subject {
    Subject { name, operation, expected: 0, work }
}

fn control(mark: &dyn Fn()) {
    mark();
    (0..CONTROL).for_each(|_| std::thread::yield_now());
    mark();
}

fn channel<Q: CoreQueue<Item = u64>>(channel: &Channel<Q, Private>, mark: &dyn Fn()) {
    repeat(mark, || {
        assert!(channel.put(black_box(1)).is_ok());
        assert!(black_box(channel.get()).is_ok());
    });
}

fn queue(queue: &Queue<u64>, mark: &dyn Fn()) {
    repeat(mark, || {
        assert!(queue.put(black_box(1)).is_ok());
        assert!(black_box(queue.get()).is_ok());
    });
}

fn repeat(mark: &dyn Fn(), operation: impl Fn()) {
    operation();
    mark();
    (0..COUNT).for_each(|_| operation());
    mark();
}
