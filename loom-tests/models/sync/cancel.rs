//! The cancel token: against every kind of thing that waits with it. Whoever cancels writes plain data
//! first, which whoever is called off reads.

use std::sync::Arc;

use inkle_core::channel::Channel;
use inkle_core::error::{Cancelled, GetError, PutError};
use inkle_core::platform::Deadline;
use inkle_core::queue::Narrow;
use inkle_core::queue::word::WordRing;
use inkle_core::sync::{CancelToken, Event, Lock, Reason, Semaphore};
use loom::thread::spawn;

use super::{LONG, THREE};
use crate::kit::{Loom, Model, Plain, SOON, block_on, poll_once, timeouts};

pub const MODELS: &[Model] = &[
    // The token by itself.
    Model::bounded("cancel_wait", 5, LONG, || cancel_beside(|all| all.token.wait())),
    Model::full("cancel_await", || cancel_beside(|all| block_on(all.token.wait_async()))),
    Model::bounded("cancel_child", 5, LONG, || cancel_beside(|all| all.token.child().wait())),
    Model::full("cancel_grandchild", || {
        cancel_beside(|all| block_on(all.token.child().child().wait_async()));
    }),
    Model::full("cancel_once", || {
        cancel_beside(|all| poll_once(all.token.wait_async()).unwrap_or(Reason::REQUESTED));
    }),
    Model::bounded("early_cancel_wait", 4, LONG, || {
        timeouts(1);
        cancel_beside(|all| all.token.wait());
    }),
    Model::bounded("cancel_soon", 4, LONG, || {
        timeouts(1);
        cancel_beside(|all| all.token.wait_until(SOON).unwrap_or(Reason::DEADLINE));
    }),
    Model::full("cancel_cancel", cancel_cancel),
    Model::full("cancel_the_child_awaited", || {
        the_child(|child| block_on(child.wait_async()));
    }),
    Model::bounded("cancel_the_child_waited", 5, LONG, || the_child(|child| child.wait())),
    // Something that never comes.
    Model::bounded("cancel_acquire", 4, LONG, || {
        never(|all| all.permits.acquire_unless(&all.token))
    }),
    Model::bounded("cancel_event", 4, LONG, || {
        never(|all| all.event.wait_unless(&all.token.child()))
    }),
    Model::bounded("cancel_lock", 4, LONG, || {
        never(|all| {
            let guard = all.lock.guard();
            let result = all.lock.acquire_unless(&all.token);
            drop(guard);
            result
        });
    }),
    Model::bounded("cancel_get", 4, LONG, || {
        never(|all| match all.line.get_unless(&all.token) {
            Err(GetError::Cancelled(reason)) => Err(Cancelled(reason)),
            other => panic!("{other:?}"),
        });
    }),
    Model::bounded("cancel_put", 4, LONG, || {
        never(|all| {
            all.line.put(1).unwrap();
            match all.line.put_unless(2, &all.token) {
                Err(PutError::Cancelled(2, reason)) => Err(Cancelled(reason)),
                other => panic!("{other:?}"),
            }
        });
    }),
    // Something that comes at the same time.
    Model::bounded("cancel_or_acquire", 4, LONG, || {
        either(
            |all| all.permits.release(1).unwrap(),
            |all| all.permits.acquire_unless(&all.token).is_ok(),
            |all, taken| assert_eq!(all.permits.available(), u32::from(!taken)),
        );
    }),
    Model::bounded("cancel_or_event", 4, LONG, || {
        either(
            |all| all.event.set(),
            |all| all.event.wait_unless(&all.token).is_ok(),
            |all, _| assert!(all.event.is_set()),
        );
    }),
    Model::bounded("cancel_or_get", 4, LONG, || {
        either(
            |all| all.line.put(1).unwrap(),
            |all| all.line.get_unless(&all.token).is_ok(),
            |all, taken| assert_eq!(all.line.len(), usize::from(!taken)),
        );
    }),
    Model::bounded("cancel_or_lock", 4, LONG, || {
        either(
            |all| drop(all.lock.guard()),
            |all| all.lock.acquire_unless(&all.token).is_ok_and(|()| all.lock.release().is_ok()),
            |all, _| assert!(!all.lock.is_held()),
        );
    }),
    Model::bounded("deadline_or_acquire", 4, LONG, || {
        timeouts(1);
        either(
            |all| all.permits.release(1).unwrap(),
            |all| all.permits.acquire_unless(&all.token.child_until(SOON)).is_ok(),
            |all, taken| assert_eq!(all.permits.available(), u32::from(!taken)),
        );
    }),
    // Three threads.
    Model::bounded("siblings", 2, THREE, siblings),
    Model::bounded("two_tasks", 4, THREE, two_tasks),
    Model::bounded("passes_on_permit", 2, THREE, || {
        passes_on(
            |all| all.permits.release(1).unwrap(),
            |all| {
                if all.permits.acquire_unless(&all.token).is_ok() {
                    all.permits.release(1).unwrap();
                }
            },
            |all| block_on(all.permits.acquire_async()),
        );
    }),
    Model::bounded("passes_on_lock", 2, THREE, || {
        passes_on(
            |all| drop(all.lock.guard()),
            |all| {
                if all.lock.acquire_unless(&all.token).is_ok() {
                    all.lock.release().unwrap();
                }
            },
            |all| drop(block_on(all.lock.guard_async())),
        );
    }),
];

struct All {
    token: CancelToken<'static, Loom>,
    plain: Plain,
    permits: Semaphore<Loom>,
    event: Event<Loom>,
    lock: Lock<Loom>,
    line: Channel<WordRing<u8, 1, Narrow<2>>, Loom>,
}

fn all() -> Arc<All> {
    Arc::new(All {
        token: CancelToken::new(),
        plain: Plain::new(0),
        permits: Semaphore::new(0),
        event: Event::new(),
        lock: Lock::new(),
        line: Channel::new(WordRing::new()),
    })
}

fn cancel(all: &All) {
    all.plain.set(1);
    assert!(all.token.cancel(Reason::FAILED));
}

/// One cancels, the other waits and is told why.
fn cancel_beside(wait: fn(&All) -> Reason) {
    let all = all();
    let theirs = all.clone();
    let thread = spawn(move || cancel(&theirs));
    match wait(&all) {
        Reason::FAILED => assert_eq!(all.plain.get(), 1),
        reason => assert!(reason == Reason::DEADLINE || reason == Reason::REQUESTED),
    }
    thread.join().unwrap();
    assert_eq!(all.token.reason(), Some(Reason::FAILED));
}

/// One cancels, the other waits for what never comes.
fn never(wait: fn(&All) -> Result<(), Cancelled>) {
    let all = all();
    let theirs = all.clone();
    let thread = spawn(move || cancel(&theirs));
    assert_eq!(wait(&all), Err(Cancelled(Reason::FAILED)));
    assert_eq!(all.plain.get(), 1);
    thread.join().unwrap();
}

/// One makes something come true and cancels, the other waits: it gets it or it does not, and the
/// account is right.
fn either(come: fn(&All), wait: fn(&All) -> bool, check: fn(&All, bool)) {
    let all = all();
    let theirs = all.clone();
    let thread = spawn(move || {
        come(&theirs);
        cancel(&theirs);
    });
    let taken = wait(&all);
    thread.join().unwrap();
    check(&all, taken);
}

/// The first to cancel says why.
fn cancel_cancel() {
    let all = all();
    let theirs = all.clone();
    let thread = spawn(move || theirs.token.child().cancel(Reason::SHUTDOWN));
    let theirs = all.clone();
    let other = spawn(move || theirs.token.cancel(Reason::SHUTDOWN));
    let ours = all.token.cancel(Reason::REQUESTED);
    assert!(thread.join().unwrap(), "a child by itself");
    assert_ne!(other.join().unwrap(), ours);
    let reason = if ours { Reason::REQUESTED } else { Reason::SHUTDOWN };
    assert_eq!(all.token.reason(), Some(reason));
}

/// A child is cancelled: its waiter goes, its parent's stays until the parent is cancelled.
fn siblings() {
    let parent = Arc::new(CancelToken::<Loom>::new());
    let theirs = parent.clone();
    let waits = spawn(move || theirs.wait());
    let theirs = parent.clone();
    let cancels = spawn(move || {
        let child = theirs.child_until(Deadline::NEVER);
        assert!(child.cancel(Reason::FAILED));
        assert_eq!(child.wait(), Reason::FAILED);
        theirs.cancel(Reason::SHUTDOWN);
    });
    assert_eq!(parent.child().wait(), Reason::SHUTDOWN);
    assert_eq!(waits.join().unwrap(), Reason::SHUTDOWN);
    cancels.join().unwrap();
}

/// A child is cancelled by one, and the other waits with it: in the parent's list.
fn the_child(wait: fn(&CancelToken<'_, Loom>) -> Reason) {
    // A child borrows its parent, and both go to a thread: leaked, a few bytes an execution.
    let parent: &CancelToken<'_, Loom> = Box::leak(Box::new(CancelToken::new()));
    let child = Arc::new(parent.child());
    let theirs = child.clone();
    let cancels = spawn(move || theirs.cancel(Reason::FAILED));
    assert_eq!(wait(&child), Reason::FAILED);
    assert!(cancels.join().unwrap());
    assert_eq!(parent.reason(), None);
}

/// Each of two tasks is told, though tasks do not pass on what they were told.
fn two_tasks() {
    let all = all();
    let theirs = all.clone();
    let task = spawn(move || block_on(theirs.token.wait_async()));
    let theirs = all.clone();
    let child = spawn(move || block_on(theirs.token.child().wait_async()));
    cancel(&all);
    assert_eq!(task.join().unwrap(), Reason::FAILED);
    assert_eq!(child.join().unwrap(), Reason::FAILED);
}

/// Whoever is told of what came and is called off at that moment passes it on.
fn passes_on(come: fn(&All), called_off: fn(&All), waits: fn(&All)) {
    let all = all();
    let theirs = all.clone();
    let comes = spawn(move || {
        come(&theirs);
        cancel(&theirs);
    });
    let theirs = all.clone();
    let called_off = spawn(move || called_off(&theirs));
    waits(&all);
    comes.join().unwrap();
    called_off.join().unwrap();
}
