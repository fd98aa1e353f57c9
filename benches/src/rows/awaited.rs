//! The same channels from tasks: each thread runs one future at a time.

use std::cell::OnceCell;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use inkle::queue::Queue;

use super::{in_shapes, our_pipe, peer_pipe};
use crate::harness::{Bar, Row};
use crate::pipe::{CAPACITY, Get, Pipe, Put};

/// The smallest runtime, the same for all: parks the thread while nobody has woken its task.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
        fn wake_by_ref(self: &Arc<Self>) {
            self.0.unpark();
        }
    }
    thread_local! {
        static WAKER: OnceCell<Waker> = const { OnceCell::new() };
    }
    WAKER.with(|waker| {
        let waker = waker.get_or_init(|| Waker::from(Arc::new(Unpark(thread::current()))));
        let mut future = pin!(future);
        loop {
            match future.as_mut().poll(&mut Context::from_waker(waker)) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    })
}

/// An end of a channel that is awaited.
#[derive(Clone)]
struct Awaited<E>(E);

/// Implements the ends of a channel from two futures, and names the pipe.
macro_rules! pipes {
    ($($name:ident: $put:ty, |$p:ident, $item:ident| $do_put:expr, $get:ty, |$g:ident| $do_get:expr, $open:expr;)+) => {$(
        impl<T: Send + 'static> Put<T> for Awaited<$put> {
            #[inline(always)]
            fn put(&mut self, $item: T) {
                let $p = &self.0;
                assert!(block_on($do_put).is_ok(), "the other side is open");
            }
        }

        impl<T: Send + 'static> Get<T> for Awaited<$get> {
            #[inline(always)]
            fn get(&mut self) -> T {
                let $g = &self.0;
                block_on($do_get).unwrap_or_else(|_| unreachable!("the other side is open"))
            }
        }

        struct $name;

        impl<T: Send + 'static> Pipe<T> for $name {
            type Put = Awaited<$put>;
            type Get = Awaited<$get>;

            fn open(producers: usize, consumers: usize) -> (Vec<Self::Put>, Vec<Self::Get>) {
                let (put, get) = $open;
                (vec![Awaited(put); producers], vec![Awaited(get); consumers])
            }
        }
    )+};
}

pipes! {
    Ours: Queue<T>, |queue, item| queue.put_async(item), Queue<T>, |queue| queue.get_async(), {
        let queue = Queue::bounded(CAPACITY).expect("a small capacity");
        (queue.clone(), queue)
    };
    AsyncChannel: async_channel::Sender<T>, |sender, item| sender.send(item),
        async_channel::Receiver<T>, |receiver| receiver.recv(), async_channel::bounded(CAPACITY);
    Flume: flume::Sender<T>, |sender, item| sender.send_async(item),
        flume::Receiver<T>, |receiver| receiver.recv_async(), flume::bounded(CAPACITY);
    Kanal: kanal::AsyncSender<T>, |sender, item| sender.send(item),
        kanal::AsyncReceiver<T>, |receiver| receiver.recv(), kanal::bounded_async(CAPACITY);
}

pub(crate) fn rows() -> Vec<Row> {
    in_shapes(
        "awaited channel of u64",
        vec![
            our_pipe::<u64, Ours>("Queue", [Some(Bar::AS_FAST); 4]),
            peer_pipe::<u64, AsyncChannel>("async-channel"),
            peer_pipe::<u64, Flume>("flume"),
            peer_pipe::<u64, Kanal>("kanal"),
        ],
    )
}
