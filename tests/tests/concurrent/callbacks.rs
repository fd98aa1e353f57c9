//! Callbacks: CF010 to CF013.

use std::sync::{Arc, Mutex};

use inkle::concurrent::{Future, FutureError, promise, task};
use inkle::threading::{self, get_ident};
use inkle_tests::{Ledger, watchdog};

use super::{gate, is_cancelled};

type Log<T> = Arc<Mutex<Vec<T>>>;

fn note<T: Send + 'static>(log: &Log<T>, entry: T) -> impl FnOnce() + Send + 'static + use<T> {
    let log = log.clone();
    move || log.lock().unwrap().push(entry)
}

#[test]
fn cf010_called_once_in_order_in_the_thread_that_ends_the_work() {
    let (task, future) = task(|| 7);
    let log = Log::default();
    for number in 0..5 {
        let log = log.clone();
        future.add_done_callback(move |result| {
            log.lock().unwrap().push((number, *result.unwrap(), get_ident()));
        });
    }
    let runner = threading::spawn(move || (task.run(), get_ident()).1).unwrap().join().unwrap();
    future.result().unwrap();
    while future.exception().is_ok() && log.lock().unwrap().len() < 5 {}
    let expected: Vec<_> = (0..5).map(|number| (number, 7, runner)).collect();
    assert_eq!(*log.lock().unwrap(), expected);
}

#[test]
fn cf010_who_cancels_calls_them() {
    let (_promise, future) = promise::<u32>();
    let log = Log::default();
    let own = log.clone();
    future.add_done_callback(move |result| {
        own.lock().unwrap().push((is_cancelled(result), get_ident()));
    });
    assert!(future.cancel() && future.cancel());
    assert_eq!(*log.lock().unwrap(), [(true, get_ident())]);
}

#[test]
fn cf011_called_at_once_if_it_is_over() {
    let (task, future) = task(|| 7);
    task.run();
    let log = Log::default();
    let called = note(&log, get_ident());
    future.add_done_callback(|_| called());
    assert_eq!(*log.lock().unwrap(), [get_ident()]);
}

#[test]
fn cf012_a_panic_harms_no_later_callback_and_the_hook_hears_of_it() {
    let (heard, here) = (Log::default(), get_ident());
    let own = heard.clone();
    // It is the whole process's: other tests run beside this one.
    threading::set_panic_hook(move |thread, panic| {
        if thread.ident() == here {
            own.lock().unwrap().push(panic.to_string());
        }
    });
    let log = Log::default();
    let (task, future) = task(|| ());
    let (first, last) = (note(&log, 1), note(&log, 3));
    future.add_done_callback(|_| first());
    future.add_done_callback(|_| panic!("in a callback"));
    future.add_done_callback(|_| inkle::thread::exit());
    future.add_done_callback(|_| last());
    assert!(task.run());
    future.add_done_callback(|_| panic!("too late"));
    threading::reset_panic_hook();
    assert_eq!(*log.lock().unwrap(), [1, 3]);
    assert_eq!(*heard.lock().unwrap(), ["in a callback", "too late"]);
    future.join().unwrap();
}

#[test]
fn cf013_who_waits_is_told_before_the_callbacks() {
    let _watchdog = watchdog();
    let (task, future) = task(|| 7);
    let (open, block) = gate();
    future.add_done_callback(|_| block());
    let runner = threading::spawn(move || task.run()).unwrap();
    // The callback is in the midst of it.
    assert_eq!(future.result().unwrap(), &7);
    assert!(future.is_done());
    open.count_down(1).unwrap();
    assert!(runner.join().unwrap());
}

#[test]
fn a_value_is_not_moved_while_a_callback_looks_at_it() {
    let _watchdog = watchdog();
    let (task, future) = task(|| String::from("woven"));
    let (open, block) = gate();
    let log = Log::default();
    let own = log.clone();
    future.add_done_callback(move |result| {
        let text = result.unwrap();
        block();
        own.lock().unwrap().push(text.clone());
    });
    let runner = threading::spawn(move || task.run()).unwrap();
    future.result().unwrap();
    let joins = threading::spawn(move || future.join().unwrap()).unwrap();
    open.count_down(1).unwrap();
    assert_eq!(joins.join().unwrap(), "woven");
    assert_eq!(*log.lock().unwrap(), ["woven"]);
    runner.join().unwrap();
}

#[test]
fn a_callback_cannot_move_what_it_is_shown() {
    let _watchdog = watchdog();
    let slot = Arc::new(Mutex::new(None::<Future<u32>>));
    let (task, future) = task(|| 7);
    let (own, log) = (slot.clone(), Log::default());
    let told = log.clone();
    future.add_done_callback(move |_| {
        let future = own.lock().unwrap().take().unwrap();
        assert_eq!(future.result().unwrap(), &7);
        told.lock().unwrap().push(matches!(future.join(), Err(FutureError::SelfWait)));
    });
    *slot.lock().unwrap() = Some(future);
    assert!(task.run());
    assert_eq!(*log.lock().unwrap(), [true]);
}

#[test]
fn a_callback_may_add_another() {
    let (task, future) = task(|| 7);
    let future = Arc::new(future);
    let (log, own) = (Log::default(), future.clone());
    let (inner, outer) = (note(&log, "inner"), note(&log, "outer"));
    future.add_done_callback(move |_| {
        own.add_done_callback(|_| inner());
        outer();
    });
    assert!(task.run());
    assert_eq!(*log.lock().unwrap(), ["outer", "inner"], "one after the other");
}

#[test]
fn callbacks_are_dropped_once_called_or_not() {
    let ledger = Ledger::new(3);
    let values: Vec<_> = (0..3).map(|id| ledger.value(id)).collect();
    let (task, future) = task(|| ());
    for value in values {
        future.add_done_callback(move |_| drop(value));
    }
    assert_eq!(ledger.total(), 0);
    drop((future, task));
    ledger.assert_each_once();
}

#[test]
fn many_threads_add_while_one_ends_the_work() {
    let _watchdog = watchdog();
    for _ in 0..200 {
        let (task, future) = task(|| 7);
        let (future, log) = (Arc::new(future), Log::default());
        let adders: Vec<_> = (0..3)
            .map(|adder| {
                let (future, log) = (future.clone(), log.clone());
                threading::spawn(move || {
                    for number in 0..5 {
                        let called = note(&log, (adder, number));
                        future.add_done_callback(|_| called());
                    }
                })
                .unwrap()
            })
            .collect();
        task.run();
        adders.into_iter().for_each(|adder| adder.join().unwrap());
        let future = Arc::into_inner(future).unwrap();
        future.join().unwrap();
        let log = log.lock().unwrap();
        assert_eq!(log.len(), 15);
        for adder in 0..3 {
            let of_it = log.iter().filter(|(who, _)| *who == adder).map(|(_, number)| *number);
            assert!(of_it.eq(0..5));
        }
    }
}
