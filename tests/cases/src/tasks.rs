//! The awaitable ends of a channel, polled by hand with a waker that counts.

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use inkle_core::Platform;
use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::channel::{Channel, Shutdown};
use inkle_core::error::{GetError, PutError};
use inkle_core::queue::fifo::Fifo;
use inkle_core::queue::word::WordRing;

use crate::Effort;

/// How often a task was woken. A `static`, because a waker may outlive everybody.
#[derive(Debug)]
pub struct Woken(AtomicU32);

impl Woken {
    /// Never yet.
    #[allow(clippy::new_without_default, reason = "a static of the tests")]
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// How often until now.
    pub fn times(&self) -> u32 {
        // Acquire, pairs with the Release in `wake`: who was woken sees what for.
        self.0.load(Ordering::Acquire)
    }

    /// The waker that counts here.
    pub fn waker(&'static self) -> Waker {
        // SAFETY: the functions of the table take the pointer for a `&'static Woken`, which it is;
        // they keep nothing, so there is nothing to clone or drop, and `Woken` is `Sync`.
        unsafe { Waker::from_raw(RawWaker::new((&raw const *self).cast(), &TABLE)) }
    }
}

static TABLE: RawWakerVTable =
    RawWakerVTable::new(|data| RawWaker::new(data, &TABLE), wake, wake, |_| ());

fn wake(data: *const ()) {
    // SAFETY: by `waker`, the only maker, this is a `&'static Woken`.
    let woken = unsafe { &*data.cast::<Woken>() };
    woken.0.fetch_add(1, Ordering::Release);
}

fn poll<F: Future>(future: Pin<&mut F>, woken: &'static Woken) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&woken.waker()))
}

/// Each of the two ends waits for the other, is woken once and finds what it waits for.
pub fn awaited_put_and_get<P: Platform>(effort: Effort) {
    static WOKEN: Woken = Woken::new();
    let channel = Channel::<Fifo<u64, 1>, P>::new(Fifo::new());
    for number in 0..u64::from(effort.steps / 10) {
        let before = WOKEN.times();
        {
            let mut get = pin!(channel.get_async());
            assert_eq!(poll(get.as_mut(), &WOKEN), Poll::Pending);
            assert_eq!(WOKEN.times(), before);
            assert_eq!(channel.try_put(number), Ok(()));
            assert_eq!(WOKEN.times(), before + 1);
            assert_eq!(poll(get.as_mut(), &WOKEN), Poll::Ready(Ok(number)));
        }
        assert_eq!(channel.try_put(number), Ok(()));
        {
            let mut put = pin!(channel.put_async(number + 1));
            assert_eq!(poll(put.as_mut(), &WOKEN), Poll::Pending);
            assert_eq!(channel.try_get(), Ok(number));
            assert_eq!(WOKEN.times(), before + 2);
            assert_eq!(poll(put.as_mut(), &WOKEN), Poll::Ready(Ok(())));
        }
        assert_eq!(channel.try_get(), Ok(number + 1));
    }
    let mut get = pin!(channel.get_async());
    assert_eq!(poll(get.as_mut(), &WOKEN), Poll::Pending);
    channel.shutdown(Shutdown::Graceful);
    assert_eq!(poll(get, &WOKEN), Poll::Ready(Err(GetError::ShutDown)));
    let put = pin!(channel.put_async(1));
    assert_eq!(poll(put, &WOKEN), Poll::Ready(Err(PutError::ShutDown(1))));
}

/// A notification that a dropped future had got goes to the next.
pub fn a_dropped_future_takes_nothing<P: Platform>(_: Effort) {
    static FIRST: Woken = Woken::new();
    static SECOND: Woken = Woken::new();
    let channel = Channel::<WordRing<u8, 2>, P>::new(WordRing::new());
    let mut second = pin!(channel.get_async());
    let (first_before, second_before) = (FIRST.times(), SECOND.times());
    {
        let mut first = pin!(channel.get_async());
        assert_eq!(poll(first.as_mut(), &FIRST), Poll::Pending);
        assert_eq!(poll(second.as_mut(), &SECOND), Poll::Pending);
        assert_eq!(channel.try_put(7), Ok(()));
        assert_eq!((FIRST.times(), SECOND.times()), (first_before + 1, second_before));
    }
    assert_eq!(SECOND.times(), second_before + 1);
    assert_eq!(poll(second, &SECOND), Poll::Ready(Ok(7)));
}

/// Ready when all is done.
pub fn awaited_join<P: Platform>(_: Effort) {
    static WOKEN: Woken = Woken::new();
    let channel = Channel::<WordRing<u8, 2>, P>::new(WordRing::new());
    assert_eq!(poll(pin!(channel.join_async()), &WOKEN), Poll::Ready(()));
    assert_eq!((channel.try_put(1), channel.try_get()), (Ok(()), Ok(1)));
    let before = WOKEN.times();
    let mut join = pin!(channel.join_async());
    assert_eq!(poll(join.as_mut(), &WOKEN), Poll::Pending);
    assert_eq!(channel.task_done(), Ok(()));
    assert_eq!(WOKEN.times(), before + 1);
    assert_eq!(poll(join, &WOKEN), Poll::Ready(()));
}
