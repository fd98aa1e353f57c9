//! The hook for panics that end a thread. It is the whole process's, so the tests take turns.

use std::panic::panic_any;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use inkle::thread::{self, start_new_thread};
use inkle::threading::{
    self, Builder, JoinError, Timer, current, reset_panic_hook, set_panic_hook, spawn,
};
use inkle_tests::{Ledger, eventually, panics, watchdog};

static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets a hook that notes who panicked with what, and in which thread it ran.
fn note() -> Arc<Mutex<Vec<(String, String, u64)>>> {
    let seen: Arc<Mutex<Vec<_>>> = Arc::default();
    let its = Arc::clone(&seen);
    set_panic_hook(move |thread, panic| {
        assert!(thread.is_alive(), "it is still in it");
        its.lock().unwrap().push((thread.name(), panic.to_string(), current().ident()));
    });
    seen
}

#[test]
fn th006_the_hook_hears_who_and_what_and_join_has_it_too() {
    let (_turn, _watch) = (turn(), watchdog());
    let seen = note();
    let thread = Builder::new().name("weaver").spawn(|| panic!("out of yarn")).unwrap();
    let result: Result<(), _> = thread.join();
    let Err(JoinError::Panicked(panic)) = result else { panic!("it should be here") };
    assert_eq!(panic.message(), Some("out of yarn"));
    let expected = (String::from("weaver"), String::from("out of yarn"), thread.ident());
    assert_eq!(*seen.lock().unwrap(), [expected]);
    reset_panic_hook();
}

#[test]
fn th006_scopes_timers_and_raw_threads_have_it() {
    let (_turn, _watch) = (turn(), watchdog());
    let seen = note();
    assert!(threading::scope(|scope| drop(scope.spawn(|| panic!("scope")).unwrap())).is_err());
    assert!(Timer::start(Duration::ZERO, || panic!("timer")).unwrap().join().is_err());
    start_new_thread(|| panic!("raw")).unwrap();
    eventually(|| seen.lock().unwrap().len() == 3);
    let seen = seen.lock().unwrap();
    let whats: Vec<_> = seen.iter().map(|(_, what, _)| what.as_str()).collect();
    assert_eq!(whats, ["scope", "timer", "raw"]);
    assert_eq!(seen[1].0, "Timer");
    reset_panic_hook();
}

#[test]
fn th007_what_is_caught_or_no_panic_is_not_heard_of() {
    let (_turn, _watch) = (turn(), watchdog());
    let seen = note();
    assert!(spawn(|| panics(|| panic!("caught"))).unwrap().join().unwrap());
    assert!(spawn(|| thread::exit()).unwrap().join().is_err());
    assert!(spawn(|| panic_any(7)).unwrap().join().is_err());
    let seen: Vec<_> = seen.lock().unwrap().drain(..).map(|(_, what, _)| what).collect();
    assert_eq!(seen, ["a payload that is not text"], "the last one");
    reset_panic_hook();
}

#[test]
fn th008_a_hook_that_panics_harms_nobody() {
    let (_turn, _watch) = (turn(), watchdog());
    let calls = Arc::new(AtomicU32::new(0));
    let its = Arc::clone(&calls);
    let ledger = Ledger::new(2);
    let throw = Arc::clone(&ledger);
    set_panic_hook(move |_, _| {
        let call = its.fetch_add(1, Ordering::SeqCst);
        // With a payload that panics once more when it is dropped.
        panic_any(throw.bomb(call as usize))
    });
    for call in 1..=2 {
        let thread = spawn(|| panic!("out of yarn")).unwrap();
        let result: Result<(), _> = thread.join();
        assert!(matches!(&result, Err(JoinError::Panicked(panic)) if panic.message().is_some()));
        assert_eq!(calls.load(Ordering::SeqCst), call);
    }
    ledger.assert_each_once();
    reset_panic_hook();
    assert!(spawn(|| panic!("out of yarn")).unwrap().join().is_err());
    assert_eq!(calls.load(Ordering::SeqCst), 2, "it is gone");
}

#[test]
fn th008_a_hook_goes_when_it_is_replaced() {
    let _turn = turn();
    let ledger = Ledger::new(1);
    let value = ledger.value(0);
    set_panic_hook(move |_, _| assert_eq!(value.id(), 0));
    assert_eq!(ledger.total(), 0);
    set_panic_hook(|_, _| ());
    ledger.assert_each_once();
    reset_panic_hook();
}
