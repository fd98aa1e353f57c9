//! Cancel tokens under real threads, against everything that waits (TH077: what Python cannot do).

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Waker};
use std::thread::scope;
use std::time::{Duration, Instant};

use inkle::platform::Deadline;
use inkle::queue::{GetError, PutError, Queue, SimpleQueue};
use inkle::threading::{CancelToken, Cancelled, Event, Lock, Reason, Semaphore};
use inkle_core::error::TimedOut;
use inkle_core::select::Select;
use inkle_tests::{PATIENCE, SCALE, SETTLE, block_on, poll_once, watchdog};

/// Starts `wait` on a thread of its own, cancels after a while, and expects that this ended it.
fn called_off(wait: impl FnOnce(&CancelToken<'_>) -> Reason + Send) {
    let token = CancelToken::new();
    scope(|scope| {
        let waiter = scope.spawn(|| wait(&token));
        std::thread::sleep(SETTLE);
        assert!(token.cancel(Reason::FAILED));
        assert_eq!(waiter.join().unwrap(), Reason::FAILED);
    });
}

#[test]
fn th077_whatever_waits_can_be_called_off() {
    let _watch = watchdog();
    let (lock, event, permits) = (Lock::new(), Event::new(), Semaphore::new(0));
    let full = Queue::bounded(1).unwrap();
    full.put(0).unwrap();
    let empty = SimpleQueue::<u32>::new();
    called_off(|token| token.wait());
    called_off(|token| token.child().child().wait());
    called_off(|token| block_on(token.wait_async()));
    called_off(|token| event.wait_unless(token).unwrap_err().0);
    called_off(|token| permits.acquire_unless(token).unwrap_err().0);
    called_off(|token| match full.put_unless(7, token).unwrap_err() {
        PutError::Cancelled(7, reason) => reason,
        other => panic!("{other:?}"),
    });
    called_off(|token| full.join_unless(token).unwrap_err().0);
    called_off(|token| empty.get_unless(token).unwrap_err().0);
    let guard = lock.guard();
    called_off(|token| lock.acquire_unless(token).unwrap_err().0);
    drop(guard);
    // Nothing was taken, nothing given.
    assert!(!lock.is_held());
    assert_eq!((permits.available(), full.len(), full.unfinished()), (0, 1, 1));
}

#[test]
fn a_cancelled_token_wins_over_what_could_be_done() {
    let token = CancelToken::new();
    token.cancel(Reason::SHUTDOWN);
    let permits = Semaphore::new(1);
    assert_eq!(permits.acquire_unless(&token), Err(Cancelled(Reason::SHUTDOWN)));
    assert_eq!(permits.available(), 1);
    let queue = Queue::bounded(1).unwrap();
    queue.put(1).unwrap();
    assert_eq!(queue.get_unless(&token), Err(GetError::Cancelled(Reason::SHUTDOWN)));
    assert_eq!(queue.try_get(), Ok(1));
}

#[test]
fn a_token_that_is_not_cancelled_changes_nothing() {
    let token = CancelToken::new();
    let (lock, event, permits) = (Lock::new(), Event::new(), Semaphore::new(1));
    let queue = Queue::bounded(1).unwrap();
    assert_eq!(queue.put_unless(5, &token), Ok(()));
    assert_eq!(queue.get_unless(&token), Ok(5));
    queue.task_done().unwrap();
    assert_eq!(queue.join_unless(&token), Ok(()));
    assert_eq!(permits.acquire_unless(&token), Ok(()));
    event.set();
    assert_eq!(event.wait_unless(&token), Ok(()));
    assert_eq!(lock.acquire_unless(&token), Ok(()));
    assert!(lock.is_held());
    assert_eq!(token.check(), Ok(()));
    assert_eq!(token.deadline(), Deadline::NEVER);
}

#[test]
fn the_first_reason_counts_and_a_child_leaves_its_parent_alone() {
    let parent = CancelToken::new();
    let child = parent.child();
    let grandchild = child.child();
    assert!(child.cancel(Reason::FAILED));
    assert!(!child.cancel(Reason::REQUESTED));
    assert_eq!(grandchild.reason(), Some(Reason::FAILED));
    assert_eq!(parent.reason(), None);
    assert!(parent.cancel(Reason::SHUTDOWN));
    assert_eq!(child.reason(), Some(Reason::FAILED), "the nearest one says");
    assert_eq!(parent.child().reason(), Some(Reason::SHUTDOWN), "born cancelled");
}

#[test]
fn deadlines_of_tokens() {
    let _watch = watchdog();
    let never = Event::new();
    let token = CancelToken::new();
    // Past, near, far, and too far to count.
    assert_eq!(
        never.wait_unless(&token.child_until(Deadline::PASSED)).unwrap_err().0,
        Reason::DEADLINE
    );
    assert_eq!(
        never.wait_unless(&token.child_timeout(Duration::ZERO)).unwrap_err().0,
        Reason::DEADLINE
    );
    let start = Instant::now();
    let near = token.child_timeout(Duration::from_millis(5));
    let inner = near.child_timeout(Duration::MAX);
    assert_eq!(never.wait_unless(&inner).unwrap_err().0, Reason::DEADLINE);
    assert!(start.elapsed() >= Duration::from_millis(5));
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(inner.check(), Err(Cancelled(Reason::DEADLINE)));
    assert_eq!(inner.deadline(), near.deadline());
    assert_eq!(token.reason(), None);
    // A sleep that can be called off: by its time-out, or by the token.
    assert_eq!(token.wait_timeout(Duration::from_millis(1)), None);
    assert_eq!(near.wait_timeout(PATIENCE), Some(Reason::DEADLINE));
    assert_eq!(near.wait(), Reason::DEADLINE);
}

#[test]
fn numbers_of_reasons() {
    for number in [0, 1, 0xff, u16::MAX] {
        assert_eq!(Reason::custom(number).number(), Some(number));
    }
    for known in [Reason::REQUESTED, Reason::DEADLINE, Reason::FAILED, Reason::SHUTDOWN] {
        assert_eq!(known.number(), None);
        assert_ne!(known, Reason::custom(0));
    }
    assert_eq!(Cancelled(Reason::custom(7)).to_string(), "cancelled: reason 7");
}

#[test]
fn selected_beside_work_and_dropped_unused() {
    let token = CancelToken::new();
    let queue = Queue::bounded(1).unwrap();
    queue.put("cloth").unwrap();
    let (mut get, mut stop) = (queue.get_async(), token.wait_async());
    assert_eq!(Select::new().wait(&mut [&mut get, &mut stop], Deadline::NEVER), Ok(0));
    assert_eq!(get.take(), Some(Ok("cloth")));
    assert_eq!(Select::new().wait(&mut [&mut stop], Deadline::PASSED), Err(TimedOut));
    // In the list, and gone again before the token is cancelled.
    let mut waiting = pin!(token.wait_async());
    assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(poll_once(token.wait_async()), None);
    token.cancel(Reason::REQUESTED);
    assert_eq!(block_on(waiting), Reason::REQUESTED);
}

/// Permits come and go while waiters are called off at any moment: none is lost or doubled.
#[test]
fn calling_off_loses_no_permit() {
    let _watch = watchdog();
    let permits = Arc::new(Semaphore::new(1));
    let inside = AtomicU32::new(0);
    let rounds = 300 * SCALE;
    scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..rounds {
                    permits.acquire();
                    assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
                    inside.fetch_sub(1, Ordering::Relaxed);
                    permits.release(1).unwrap();
                }
            });
        }
        scope.spawn(|| {
            for round in 0..rounds {
                let token = CancelToken::new();
                std::thread::scope(|scope| {
                    let waiter = scope.spawn(|| match permits.acquire_unless(&token) {
                        Ok(()) => permits.release(1).unwrap(),
                        Err(Cancelled(reason)) => assert_eq!(reason, Reason::FAILED),
                    });
                    if round % 2 == 0 {
                        std::thread::yield_now();
                    }
                    token.cancel(Reason::FAILED);
                    waiter.join().unwrap();
                });
            }
        });
    });
    assert_eq!(permits.available(), 1);
}
