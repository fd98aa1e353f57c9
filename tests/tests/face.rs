//! What a stranger expects of the types beside what they are for: guards in every form, errors that are errors,
//! something to print.

use std::error::Error;
use std::thread::scope;
use std::time::Duration;

use inkle::Deadline;
use inkle::kernel::PushError;
use inkle::kernel::queue::fifo::{Fifo, Refused};
use inkle::kernel::queue::{Queue, priority::InPlace};
use inkle::kernel::{event_count::EventCount, fork, roster};
use inkle::platform::Private;
use inkle::queue::{Cancelled, TimedOut};
use inkle::threading::{CancelToken, Event, Lock, Mutex, Reason, RwLock, Timer};
use inkle_tests::watchdog;

#[test]
fn a_lock_gives_a_guard_by_every_form() {
    let (lock, stop) = (Lock::new(), CancelToken::new());
    let forms: [&dyn Fn() -> bool; 4] = [
        &|| lock.try_guard().is_some_and(|_guard| lock.is_held()),
        &|| lock.guard_until(Deadline::PASSED).is_ok_and(|_guard| lock.is_held()),
        &|| lock.guard_timeout(Duration::ZERO).is_ok_and(|_guard| lock.is_held()),
        &|| lock.guard_unless(&stop).is_ok_and(|_guard| lock.is_held()),
    ];
    for form in forms {
        assert!(form());
        assert!(!lock.is_held(), "the guard has released it");
    }
}

#[test]
fn a_lock_that_is_held_gives_no_guard() {
    let _watch = watchdog();
    let (lock, stop) = (Lock::new(), CancelToken::new());
    let guard = lock.guard();
    scope(|scope| {
        scope.spawn(|| {
            assert!(lock.try_guard().is_none());
            assert_eq!(lock.guard_until(Deadline::PASSED).err(), Some(TimedOut));
            assert_eq!(lock.guard_timeout(Duration::from_millis(2)).err(), Some(TimedOut));
            let reason = Cancelled(Reason::REQUESTED);
            assert_eq!(lock.guard_unless(&stop).err(), Some(reason));
        });
        stop.cancel(Reason::REQUESTED);
    });
    assert!(lock.is_held(), "who was refused releases nothing");
    drop(guard);
    assert!(!lock.is_held());
}

#[test]
fn guards_print_what_they_guard() {
    let _watch = watchdog();
    let (mutex, values) = (Mutex::from(7), RwLock::from("weft"));
    for text in [&|| mutex.lock().to_string(), &|| format!("{:?}", mutex.lock())]
        as [&dyn Fn() -> String; 2]
    {
        assert_eq!(text(), "7");
    }
    for text in
        [&|| values.read().to_string(), &|| values.write().to_string()] as [&dyn Fn() -> String; 2]
    {
        assert_eq!(text(), "weft");
    }
    let lock = Lock::new();
    assert_eq!(format!("{:?}", lock.guard()), "LockGuard { lock: Lock { held: true } }");
}

#[test]
fn what_is_held_is_printed_without_waiting() {
    let _watch = watchdog();
    let (mutex, values) = (Mutex::new(7), RwLock::new(7));
    let (_one, _other) = (mutex.lock(), values.write());
    assert_eq!(format!("{mutex:?} {values:?}"), "Mutex { .. } RwLock { .. }");
    let count = EventCount::<Private>::new();
    let key = count.prepare();
    assert_eq!(format!("{count:?}"), "EventCount { waiters: 1, .. }");
    count.cancel(key);
    assert_eq!(format!("{count:?}"), "EventCount { waiters: 0, .. }");
}

#[test]
fn a_refused_item_is_an_error_that_says_why() {
    /// Nothing that could be printed.
    struct Mute;

    let queue = Fifo::<Mute, 1>::new();
    assert!(queue.force_push(Mute).is_ok_and(|displaced| displaced.is_none()));
    assert!(queue.force_push(Mute).is_ok_and(|displaced| displaced.is_some()));
    queue.close();
    let refused = queue.force_push(Mute).err().unwrap();
    assert!(matches!(refused, Refused { error: PushError::Closed(_), displaced: None }));
    assert_eq!(refused.to_string(), "the queue is closed");
    assert_eq!(format!("{refused:?}"), "Refused { error: Closed(..), displaced: false }");
}

#[test]
fn causes_are_errors() {
    fn is_error<E: Error + Send + Sync + 'static>() {}

    is_error::<Refused<Vec<u8>>>();
    is_error::<roster::Refused>();
    is_error::<fork::Unwound>();
    is_error::<inkle::threading::SpawnCause>();
    is_error::<inkle::sched::EnterCause>();
    #[cfg(target_os = "linux")]
    is_error::<inkle::subprocess::StartCause>();
    let refused =
        inkle::threading::Builder::new().stack_size(usize::MAX / 4).spawn(|| ()).unwrap_err();
    let cause: &dyn Error = refused.cause();
    assert!(cause.source().is_some(), "what the system said");
    assert_eq!(cause.to_string(), refused.to_string());
}

#[test]
fn a_list_in_place_is_bounded() {
    use inkle::kernel::queue::priority::Items;

    let mut list = InPlace::<u8, 2>::default();
    assert_eq!((list.push(1), list.push(2), list.push(3)), (Ok(()), Ok(()), Err(3)));
    assert_eq!((list.capacity(), list.as_slice()), (Some(2), &[1, 2][..]));
    assert_eq!((list.pop(), list.pop(), list.pop()), (Some(2), Some(1), None));
}

#[test]
fn what_has_not_ended_is_not_joined() {
    let _watch = watchdog();
    let go = std::sync::Arc::new(Event::new());
    let thread = inkle::threading::spawn({
        let go = go.clone();
        move || go.wait()
    })
    .unwrap();
    assert!(thread.try_join().is_err());
    go.set();
    assert!(thread.join().is_ok());
    assert!(thread.try_join().is_err(), "an earlier join was given the result");

    let timer = Timer::start(Duration::ZERO, || 7).unwrap();
    while !timer.is_done() {
        std::thread::yield_now();
    }
    assert_eq!(timer.try_join().unwrap(), 7);
}
