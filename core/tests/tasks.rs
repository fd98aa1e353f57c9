//! Tasks that change their minds: another waker at the second poll, futures dropped half-way, and wakers and hooks
//! that panic. One thread plays all parts.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use inkle_core::Deadline;
use inkle_core::error::Cancelled;
use inkle_core::platform::{Board, NoBoard, Spin};
use inkle_core::select::Select;
use inkle_core::sync::*;
use inkle_core::timer::{Then, Timers};

type P = Spin<NoBoard>;

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicU32);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// Panics when it is woken.
struct Fuse;

impl Wake for Fuse {
    fn wake(self: Arc<Self>) {
        panic!("a waker panics");
    }
}

fn task() -> (Arc<Woken>, Waker) {
    let woken = Arc::new(Woken::default());
    (woken.clone(), Waker::from(woken))
}

/// Polls once.
fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

#[test]
fn the_waker_of_the_last_poll_is_called() {
    let event = Event::<P>::new();
    let ((first, first_waker), (last, last_waker)) = (task(), task());
    let mut wait = pin!(event.wait_async());
    assert_eq!(poll(wait.as_mut(), &first_waker), Poll::Pending);
    assert_eq!(poll(wait.as_mut(), &first_waker), Poll::Pending);
    assert_eq!(poll(wait.as_mut(), &last_waker), Poll::Pending);
    assert_eq!(Arc::strong_count(&first), 2, "it lets go of the waker before");
    event.set();
    assert_eq!((first.0.load(Relaxed), last.0.load(Relaxed)), (0, 1));
    assert_eq!(poll(wait.as_mut(), &last_waker), Poll::Ready(()));
}

/// The others are woken all the same.
#[test]
fn a_waker_that_panics_stops_no_other() {
    let event = Event::<P>::new();
    let (woken, waker) = task();
    let fuse = Waker::from(Arc::new(Fuse));
    let (mut first, mut second) = (pin!(event.wait_async()), pin!(event.wait_async()));
    assert_eq!(poll(first.as_mut(), &fuse), Poll::Pending);
    assert_eq!(poll(second.as_mut(), &waker), Poll::Pending);
    assert!(catch_unwind(AssertUnwindSafe(|| event.set())).is_err());
    assert_eq!(woken.0.load(Relaxed), 1);
    assert_eq!(poll(first.as_mut(), &fuse), Poll::Ready(()));
}

#[test]
fn a_hook_that_panics_stops_no_other() {
    static TOLD: AtomicU32 = AtomicU32::new(0);
    let hooks = [Hook::new(|_| panic!("a hook panics")), Hook::new(|_| TOLD.store(1, Relaxed))];
    let outcome = Outcome::<u32, P>::new();
    for hook in &hooks {
        // SAFETY: it is entered once, and lives until all are told.
        assert!(unsafe { outcome.hook(NonNull::from(hook)) });
    }
    assert!(catch_unwind(AssertUnwindSafe(|| outcome.cancel())).is_err());
    assert_eq!(TOLD.load(Relaxed), 1);
    assert!(outcome.is_settled());
}

/// Notified and dropped before it has the lock again: the notification is somebody else's.
#[test]
fn a_dropped_wait_passes_its_notification_on() {
    let (mutex, condition) = (Mutex::<u32, P>::new(0), Condition::<P>::new());
    let ((first, first_waker), (second, second_waker)) = (task(), task());
    let mut wait = Box::pin(condition.wait_async(mutex.lock()));
    assert!(poll(wait.as_mut(), &first_waker).is_pending());
    assert!(
        poll(wait.as_mut(), &first_waker).is_pending(),
        "the guard was given back, and nobody notified"
    );
    assert_eq!(format!("{wait:?}"), "WaitCondition");
    let mut other = pin!(condition.wait_async(mutex.lock()));
    assert!(poll(other.as_mut(), &second_waker).is_pending());
    let guard = mutex.lock();
    condition.notify(1);
    assert_eq!((first.0.load(Relaxed), second.0.load(Relaxed)), (1, 0));
    assert!(poll(wait.as_mut(), &first_waker).is_pending(), "the lock is held");
    assert!(poll(wait.as_mut(), &first_waker).is_pending());
    drop(wait);
    assert_eq!(second.0.load(Relaxed), 1);
    drop(guard);
    assert!(poll(other.as_mut(), &second_waker).is_ready());
}

/// After a token was cancelled there is no waiting, whatever it waits for.
#[test]
fn operations_with_a_token_that_is_cancelled() {
    let token = CancelToken::<P>::new();
    token.cancel(Reason::SHUTDOWN);
    let event = Event::<P>::new();
    assert_eq!(event.wait_async().unless(&token), Err(Cancelled(Reason::SHUTDOWN)));
    assert_eq!(Cancelled(Reason::SHUTDOWN).to_string(), "cancelled: shutting down");
    event.set();
    let mut done = event.wait_async();
    assert_eq!(Select::new().wait(&mut [&mut done], Deadline::PASSED), Ok(0));
    // What a select has done is there for who awaits it.
    assert_eq!(poll(pin!(done), Waker::noop()), Poll::Ready(()));
}

/// QU034: each arm gets its turn: the search begins behind the one that was done the last time.
#[test]
fn a_select_goes_round() {
    let (one, two) = (Event::<P>::new(), Event::<P>::new());
    let mut select = Select::new();
    let mut turn = || {
        let (mut first, mut second) = (one.wait_async(), two.wait_async());
        select.wait(&mut [&mut first, &mut second], Deadline::PASSED)
    };
    two.set();
    assert_eq!((turn(), turn()), (Ok(1), Ok(1)));
    one.set();
    assert_eq!((turn(), turn(), turn()), (Ok(0), Ok(1), Ok(0)));
    two.clear();
    assert_eq!((turn(), turn()), (Ok(0), Ok(0)));
}

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(1) };
}

/// A clock that stands still.
struct Still;

impl Board for Still {
    fn now() -> u64 {
        NOW.get()
    }
}

#[test]
fn a_sleep_that_is_polled_again() {
    let timers = Timers::<Waker, 64, Spin<Still>>::new(Duration::ZERO);
    let ((first, first_waker), (last, last_waker)) = (task(), task());
    let mut sleep = pin!(timers.sleep(Deadline::at(100)));
    assert_eq!(poll(sleep.as_mut(), &first_waker), Poll::Pending);
    // The task's own, the timer's and the sleep's: no other timer was made.
    assert_eq!((Arc::strong_count(&first), poll(sleep.as_mut(), &first_waker)), (4, Poll::Pending));
    assert_eq!(Arc::strong_count(&first), 4);
    assert_eq!(poll(sleep.as_mut(), &last_waker), Poll::Pending);
    assert_eq!(Arc::strong_count(&first), 2);
    // What is cancelled is tidied up on the way, and nobody has to drive for it.
    for _ in 0..1000 {
        assert!(poll(pin!(timers.sleep(Deadline::at(200))), &first_waker).is_pending());
    }
    NOW.set(150);
    let turn = timers.turn(u32::MAX, |waker| {
        waker.wake();
        Then::Done
    });
    assert_eq!(turn.map(|turn| turn.fired), Some(1));
    assert_eq!((first.0.load(Relaxed), last.0.load(Relaxed)), (0, 1));
    assert_eq!(poll(sleep.as_mut(), &last_waker), Poll::Ready(Ok(())));
}
