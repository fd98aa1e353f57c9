//! The timers of runtimes: a future that is made, polled once and dropped, outside of any task, with a
//! waker that does nothing. Deadlines are moments that have been worked out before, so nobody reads a clock.

use std::cell::RefCell;
use std::future::poll_fn;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::time::Sleep;

use super::{Random, Service, Turns};

fn millis(count: u32) -> Duration {
    Duration::from_millis(count.into())
}

#[inline(always)]
fn poll_once(timer: Pin<&mut impl Future>) {
    assert!(timer.poll(&mut Context::from_waker(Waker::noop())).is_pending(), "nothing fires");
}

/// A runtime of one thread, without input and output.
pub(super) struct Tokio {
    runtime: Runtime,
    start: tokio::time::Instant,
}

impl Service for Tokio {
    type Timer = Pin<Box<Sleep>>;

    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        Self { runtime, start: tokio::time::Instant::now() }
    }

    fn schedule(&self, deadline: u32) -> Self::Timer {
        let mut timer = Box::pin(tokio::time::sleep_until(self.start + millis(deadline)));
        poll_once(timer.as_mut());
        timer
    }

    fn cancel(&self, timer: Self::Timer) {
        drop(timer);
    }

    /// Without a box.
    #[inline(always)]
    fn pair(&self, deadline: u32) {
        let timer = pin!(tokio::time::sleep_until(self.start + millis(deadline)));
        poll_once(black_box(timer));
    }

    /// In the box of the old one.
    #[inline(always)]
    fn replace(&self, timer: &mut Self::Timer, deadline: u32) {
        timer.as_mut().set(tokio::time::sleep_until(self.start + millis(deadline)));
        poll_once(timer.as_mut());
    }

    /// The driver notes when it has to wake next, so that not each schedule wakes it.
    fn settle(&self) {
        self.runtime.block_on(async { tokio::time::sleep(millis(1)).await });
    }

    fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        let _guard = self.runtime.enter();
        work()
    }
}

thread_local! {
    /// What has fired and was not scheduled again, and whom to tell about it.
    static FIRED: RefCell<(Vec<usize>, Waker)> =
        RefCell::new((Vec::new(), Waker::noop().clone()));
}

struct Fired(usize);

impl Wake for Fired {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        FIRED.with_borrow_mut(|(fired, main)| {
            fired.push(self.0);
            main.wake_by_ref();
        });
    }
}

/// A runtime whose clock stands still and goes on to the next deadline when nothing else is to be done.
pub(super) struct TokioTurning {
    timers: Vec<(Pin<Box<Sleep>>, Waker)>,
    runtime: Runtime,
    random: Random,
}

impl Turns for TokioTurning {
    fn new(pending: usize) -> Self {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let (runtime, mut random) = (runtime.expect("a runtime"), Random::new(0));
        let guard = runtime.enter();
        let timer = |number| {
            let waker = Waker::from(Arc::new(Fired(number)));
            let mut timer = Box::pin(tokio::time::sleep(millis(random.delay())));
            assert!(timer.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            (timer, waker)
        };
        let timers = (0..pending).map(timer).collect();
        drop(guard);
        Self { timers, runtime, random }
    }

    fn turn(&mut self, count: u64) {
        let Self { timers, runtime, random } = self;
        let (mut fired, mut due) = (0, Vec::new());
        let work = poll_fn(|context| {
            FIRED.with_borrow_mut(|(fired, main)| {
                due.append(fired);
                main.clone_from(context.waker());
            });
            let now = tokio::time::Instant::now();
            for number in due.drain(..) {
                let (timer, waker) = &mut timers[number];
                timer.as_mut().reset(now + millis(random.delay()));
                assert!(timer.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
                fired += 1;
            }
            if fired < count { Poll::Pending } else { Poll::Ready(()) }
        });
        // Its budget is for tasks that share a thread with others.
        runtime.block_on(tokio::task::unconstrained(work));
    }
}

/// There is one in a process, with a thread of its own.
pub(super) struct AsyncIo {
    start: Instant,
}

impl Service for AsyncIo {
    type Timer = async_io::Timer;

    fn new() -> Self {
        Self { start: Instant::now() }
    }

    #[inline(always)]
    fn schedule(&self, deadline: u32) -> Self::Timer {
        let mut timer = async_io::Timer::at(self.start + millis(deadline));
        poll_once(Pin::new(&mut timer));
        timer
    }

    #[inline(always)]
    fn cancel(&self, timer: Self::Timer) {
        drop(timer);
    }
}
