//! What is looked at. Each has done its work once before, so that what is only done once (asking
//! for the number of processors, say) is not counted.

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use inkle::contextvars::{Context as Values, ContextVar, copy_context};
use inkle::platform::Private;
use inkle::queue::{BlockingQueue, Queue};
use inkle::threading::CancelToken;
use inkle_core::channel::Channel;
use inkle_core::queue::Queue as CoreQueue;
use inkle_core::queue::fifo::{FastFifo, Fifo};
use inkle_core::queue::word::WordRing;
use inkle_core::sync::{Lock, Semaphore};

/// Calls the control subject makes.
const CONTROL: u64 = 10;

pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// System calls that it must make; `None` for a peer.
    pub(crate) expected: Option<u64>,
    /// Works so many times, with the given mark before and after it.
    pub(crate) work: fn(u64, &dyn Fn()),
}

pub(crate) const SUBJECTS: &[Subject] = &[
    Subject { name: "control", expected: Some(CONTROL), work: control },
    ours("Channel over WordRing", |times, mark| {
        channel(Channel::new(WordRing::<u32, 1024>::new()), 1, times, mark);
    }),
    ours("Channel over Fifo", |times, mark| {
        channel(Channel::new(Fifo::<u64, 1024>::new()), 1, times, mark);
    }),
    ours("Channel over FastFifo", |times, mark| {
        channel(Channel::new(FastFifo::<u64, 1024>::new()), 1, times, mark);
    }),
    ours("Queue::bounded", |times, mark| {
        queue(Queue::bounded(1024).expect("a small capacity"), 1, times, mark);
    }),
    ours("Queue::unbounded", |times, mark| queue(Queue::unbounded(), 1, times, mark)),
    peer("  crossbeam-channel", |times, mark| {
        let (sender, receiver) = crossbeam_channel::bounded(1024);
        repeat(times, mark, || {
            assert!(sender.send(black_box(1_u64)).is_ok());
            assert!(black_box(receiver.recv()).is_ok());
        });
    }),
    peer("  kanal", |times, mark| {
        let (sender, receiver) = kanal::bounded(1024);
        repeat(times, mark, || {
            assert!(sender.send(black_box(1_u64)).is_ok());
            assert!(black_box(receiver.recv()).is_ok());
        });
    }),
    ours("Queue::bounded, awaited", |times, mark| {
        let queue = Queue::bounded(1024).expect("a small capacity");
        repeat(times, mark, || {
            assert!(ready(queue.put_async(black_box(1_u64))).is_ok());
            assert!(black_box(ready(queue.get_async())).is_ok());
        });
    }),
    ours("Queue::bounded, with a token", |times, mark| {
        let queue = Queue::bounded(1024).expect("a small capacity");
        let token = CancelToken::new();
        repeat(times, mark, || {
            assert!(queue.put_unless(black_box(1_u64), &token).is_ok());
            assert!(black_box(queue.get_unless(&token)).is_ok());
        });
    }),
    peer("  async-channel", |times, mark| {
        let (sender, receiver) = async_channel::bounded(1024);
        repeat(times, mark, || {
            assert!(ready(sender.send(black_box(1_u64))).is_ok());
            assert!(black_box(ready(receiver.recv())).is_ok());
        });
    }),
    peer("  kanal", |times, mark| {
        let (sender, receiver) = kanal::bounded_async(1024);
        repeat(times, mark, || {
            assert!(ready(sender.send(black_box(1_u64))).is_ok());
            assert!(black_box(ready(receiver.recv())).is_ok());
        });
    }),
    ours("Lock", |times, mark| {
        let lock = Lock::<Private>::new();
        repeat(times, mark, || drop(black_box(&lock).guard()));
    }),
    peer("  parking_lot", |times, mark| {
        let lock = parking_lot::Mutex::new(());
        repeat(times, mark, || drop(black_box(&lock).lock()));
    }),
    ours("ContextVar, get", |times, mark| {
        in_task(|| repeat(times, mark, || _ = black_box(VARIABLE.get())));
    }),
    ours("ContextVar, set+reset", |times, mark| {
        in_task(|| repeat(times, mark, set));
    }),
    ours("set+reset in Context::run", |times, mark| {
        let run = Values::new().run(|| repeat(times, mark, set));
        assert!(run.is_ok());
    }),
    ours("copy_context", |times, mark| {
        in_task(|| repeat(times, mark, || drop(black_box(copy_context()))));
    }),
    ours("Context::run", |times, mark| {
        let context = Values::new();
        repeat(times, mark, || assert!(black_box(&context).run(|| black_box(7)).is_ok()));
    }),
    ours("Semaphore", |times, mark| {
        let permits = Semaphore::<Private>::new(0);
        repeat(times, mark, || {
            assert!(permits.release(1).is_ok());
            permits.acquire();
        });
    }),
];

static VARIABLE: ContextVar<u64> = ContextVar::new("variable");

fn set() {
    let token = VARIABLE.set(black_box(8));
    assert!(VARIABLE.reset(token).is_ok());
}

/// In a context as threads and tasks have it, with a value.
fn in_task(work: impl FnOnce()) {
    let body = || {
        let _value = VARIABLE.bind(7);
        work();
    };
    Values::new().bind(body)();
}

/// What a future gives that has no need to wait.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("there is room, and an item"),
    }
}

const fn ours(name: &'static str, work: fn(u64, &dyn Fn())) -> Subject {
    Subject { name, expected: Some(0), work }
}

const fn peer(name: &'static str, work: fn(u64, &dyn Fn())) -> Subject {
    Subject { name, expected: None, work }
}

fn control(_: u64, mark: &dyn Fn()) {
    mark();
    (0..CONTROL).for_each(|_| std::thread::yield_now());
    mark();
}

fn channel<Q: CoreQueue>(channel: Channel<Q, Private>, item: Q::Item, times: u64, mark: &dyn Fn())
where
    Q::Item: Copy,
{
    repeat(times, mark, || {
        assert!(channel.put(black_box(item)).is_ok());
        assert!(black_box(channel.get()).is_ok());
    });
}

fn queue<S: CoreQueue<Item = u64>>(
    queue: BlockingQueue<S>,
    item: u64,
    times: u64,
    mark: &dyn Fn(),
) {
    repeat(times, mark, || {
        assert!(queue.put(black_box(item)).is_ok());
        assert!(black_box(queue.get()).is_ok());
    });
}

fn repeat(times: u64, mark: &dyn Fn(), operation: impl Fn()) {
    operation();
    mark();
    (0..times).for_each(|_| operation());
    mark();
}
