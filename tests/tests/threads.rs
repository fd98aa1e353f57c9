//! `threading` and `thread`: start, names, results, ends.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use inkle::platform::Deadline;
use inkle::thread::{allocate_lock, start_new_thread};
use inkle::threading::{
    self, Builder, Event, JoinError, Panic, SpawnCause, Thread, current, enumerate, get_ident,
    get_native_id, main_thread, spawn,
};
use inkle_tests::{Ledger, SETTLE, eventually, panics, watchdog};

/// Whether the kernel's own thread ids are known.
const KERNEL_IDS: bool = cfg!(all(target_os = "linux", not(feature = "portable")));

fn panic_of<T>(result: Result<T, JoinError>) -> Panic {
    match result {
        Err(JoinError::Panicked(panic)) => panic,
        _ => panic!("the thread should have panicked"),
    }
}

#[test]
fn th002_a_foreign_thread_gets_an_entry_until_it_ends() {
    let _watch = watchdog();
    let info = std::thread::spawn(|| {
        let me = current();
        assert!(me.is_dummy() && me.is_alive() && !me.is_main());
        assert!(me.name().starts_with("Dummy-"), "{}", me.name());
        assert_eq!(me, current(), "one entry, however often it asks");
        assert_eq!(me.ident(), get_ident());
        assert_eq!(me.native_id(), get_native_id());
        assert!(enumerate().contains(&me));
        me
    });
    let info = info.join().unwrap();
    assert!(!info.is_alive());
    assert!(!enumerate().contains(&info));
}

#[test]
fn th002_a_foreign_thread_keeps_its_own_name() {
    let named = std::thread::Builder::new().name("foreign".into()).spawn(current).unwrap();
    assert_eq!(named.join().unwrap().name(), "foreign");
}

#[test]
fn th004_a_thread_called_main_is_not_the_main_thread() {
    let named = std::thread::Builder::new().name("main".into()).spawn(current).unwrap();
    // Without the kernel's word for it the name is all there is to go by, as documented.
    assert_eq!(named.join().unwrap().is_main(), !KERNEL_IDS);
    let ours = Builder::new().name("main").spawn(current).unwrap();
    assert!(!ours.join().unwrap().is_main());
}

#[test]
fn th003_enumerate_lists_the_living() {
    let _watch = watchdog();
    let go = Arc::new(Event::new());
    let its = Arc::clone(&go);
    let thread = spawn(move || its.wait()).unwrap();
    assert!(enumerate().contains(thread.info()));
    assert!(enumerate().contains(&main_thread()), "always, and first");
    assert!(enumerate()[0].is_main());
    go.set();
    thread.join().unwrap();
    assert!(!enumerate().contains(thread.info()));
    assert!(threading::active_count() >= 1);
}

#[test]
fn th004_the_main_thread_is_known_from_everywhere() {
    let main = main_thread();
    assert!(main.is_main() && main.is_alive() && !main.is_dummy());
    assert_eq!(main.name(), "MainThread");
    assert_eq!(main.native_id(), KERNEL_IDS.then(|| u64::from(std::process::id())));
    let there = spawn(|| (main_thread(), current())).unwrap().join().unwrap();
    assert_eq!(there.0, main);
    assert_ne!(there.1, main);
}

#[test]
fn th020_default_names_count_up() {
    let number = |thread: &Thread<()>| {
        thread.name().strip_prefix("Thread-").and_then(|n| n.parse::<u64>().ok()).unwrap()
    };
    let first = spawn(|| ()).unwrap();
    let second = spawn(|| ()).unwrap();
    assert!(number(&second) > number(&first));
}

#[test]
fn th023_the_numbers_are_known_when_spawn_returns() {
    let _watch = watchdog();
    for _ in 0..100 {
        let thread = spawn(|| (get_ident(), get_native_id())).unwrap();
        let known = (thread.ident(), thread.native_id());
        assert_eq!(known.1.is_some(), KERNEL_IDS);
        assert_eq!(thread.join().unwrap(), known);
    }
}

#[test]
fn th023_a_refusal_hands_the_function_back() {
    let ledger = Ledger::new(1);
    let value = ledger.value(0);
    let builder = Builder::new().name("too large").stack_size(usize::MAX / 4);
    let error = builder.spawn(move || value.id()).unwrap_err();
    assert!(matches!(error.cause(), SpawnCause::Refused(_)));
    assert!(std::error::Error::source(&error).is_some());
    assert!(error.to_string().contains("refused"));
    assert_eq!(ledger.total(), 0);
    assert!(enumerate().iter().all(|info| info.name() != "too large"), "off the list again");

    // The same function, on a stack that exists.
    assert_eq!(spawn(error.into_inner()).unwrap().join().unwrap(), 0);
    ledger.assert_each_once();
}

#[test]
fn th024_what_the_function_owns_is_dropped_before_join_returns() {
    let ledger = Ledger::new(2);
    let (value, bystander) = (ledger.value(0), ledger.value(1));
    let thread = spawn(move || {
        let _bystander = bystander;
        assert_ne!(value.id(), 0, "it panics with both in its hands");
    });
    drop(panic_of(thread.unwrap().join()));
    ledger.assert_each_once();
}

#[test]
fn th025_the_result_is_handed_out_once() {
    let thread = spawn(|| String::from("cloth")).unwrap();
    assert_eq!(thread.join().unwrap(), "cloth");
    for _ in 0..3 {
        assert!(matches!(thread.join(), Err(JoinError::Taken)));
        assert!(matches!(thread.join_timeout(Duration::ZERO), Err(JoinError::Taken)));
    }
}

#[test]
fn th025_any_number_of_threads_may_join() {
    let _watch = watchdog();
    for _ in 0..20 {
        let go = Arc::new(Event::new());
        let its = Arc::clone(&go);
        let thread = Arc::new(spawn(move || its.wait()).unwrap());
        let joiners: Vec<_> = (0..6)
            .map(|_| {
                let thread = Arc::clone(&thread);
                spawn(move || {
                    let result = thread.join();
                    assert!(!thread.is_alive(), "each of them waits for the end");
                    result
                })
            })
            .collect();
        go.set();
        let results: Vec<_> =
            joiners.into_iter().map(|joiner| joiner.unwrap().join().unwrap()).collect();
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        let taken = |result: &&Result<(), JoinError>| matches!(result, Err(JoinError::Taken));
        assert_eq!(results.iter().filter(taken).count(), 5);
    }
}

#[test]
fn th025_a_join_that_timed_out_leaves_the_result() {
    let _watch = watchdog();
    let go = Arc::new(Event::new());
    let its = Arc::clone(&go);
    let thread = spawn(move || {
        its.wait();
        7
    })
    .unwrap();
    assert!(matches!(thread.join_timeout(Duration::ZERO), Err(JoinError::TimedOut)));
    assert!(matches!(thread.join_until(Deadline::PASSED), Err(JoinError::TimedOut)));
    assert!(matches!(thread.join_timeout(Duration::from_millis(5)), Err(JoinError::TimedOut)));
    go.set();
    assert_eq!(thread.join_timeout(Duration::MAX).unwrap(), 7);
}

#[test]
fn th026_join_of_itself_is_an_error() {
    let _watch = watchdog();
    let own: Arc<OnceLock<Thread<bool>>> = Arc::default();
    let told = Arc::new(Event::new());
    let (its, its_own) = (Arc::clone(&told), Arc::clone(&own));
    let thread = spawn(move || {
        its.wait();
        let own = its_own.get().unwrap();
        matches!(own.join(), Err(JoinError::SelfJoin))
            && matches!(own.join_timeout(Duration::ZERO), Err(JoinError::SelfJoin))
            && matches!(own.join_until(Deadline::NEVER), Err(JoinError::SelfJoin))
    });
    own.set(thread.unwrap()).unwrap();
    told.set();
    assert!(own.get().unwrap().join().unwrap(), "and it costs nobody the result");
}

/// Calls its closure when the thread that holds it ends.
struct AtEnd(Option<Box<dyn FnOnce()>>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        (self.0.take().unwrap())();
    }
}

thread_local! {
    static AT_END: RefCell<Vec<AtEnd>> = const { RefCell::new(Vec::new()) };
}

fn at_end(f: impl FnOnce() + 'static) {
    AT_END.with_borrow_mut(|list| list.push(AtEnd(Some(Box::new(f)))));
}

#[test]
fn th027_join_waits_for_the_end_of_thread_locals() {
    let _watch = watchdog();
    let (go, over) = (Arc::new(Event::new()), Arc::new(AtomicBool::new(false)));
    let (its_go, its_over) = (Arc::clone(&go), Arc::clone(&over));
    let thread = spawn(move || {
        at_end(move || {
            its_go.wait();
            its_over.store(true, Ordering::Relaxed);
        })
    })
    .unwrap();
    // The function has long returned, the thread has not ended.
    assert!(matches!(thread.join_timeout(SETTLE), Err(JoinError::TimedOut)));
    assert!(thread.is_alive());
    assert!(enumerate().contains(thread.info()));
    go.set();
    thread.join().unwrap();
    assert!(over.load(Ordering::Relaxed));
    assert!(!thread.is_alive());
}

#[test]
fn th027_a_thread_knows_itself_to_its_very_end() {
    let _watch = watchdog();
    let seen = Arc::new(Mutex::new(None));
    let its = Arc::clone(&seen);
    let thread =
        spawn(move || at_end(move || *its.lock().unwrap() = Some((current(), get_ident()))));
    let thread = thread.unwrap();
    thread.join().unwrap();
    let seen = seen.lock().unwrap().take().unwrap();
    assert_eq!(seen, (thread.info().clone(), thread.ident()));
    assert!(!seen.0.is_dummy());
}

#[test]
fn th027_a_thread_may_be_started_and_joined_while_thread_locals_end() {
    let _watch = watchdog();
    let seen = Arc::new(Mutex::new(None));
    let its = Arc::clone(&seen);
    let thread =
        spawn(|| at_end(move || *its.lock().unwrap() = Some(spawn(|| 7).unwrap().join().unwrap())));
    thread.unwrap().join().unwrap();
    assert_eq!(*seen.lock().unwrap(), Some(7));
}

#[test]
fn th028_alive_from_spawn_to_the_end() {
    let _watch = watchdog();
    let go = Arc::new(Event::new());
    let its = Arc::clone(&go);
    let thread = spawn(move || {
        its.wait();
        current().is_alive()
    });
    let thread = thread.unwrap();
    assert!(thread.is_alive() && thread.info().is_alive());
    go.set();
    assert!(thread.join().unwrap());
    assert!(!thread.is_alive() && !thread.info().is_alive());
}

#[test]
fn th029_the_system_shows_the_name() {
    let shown = |name: &str| {
        let name = name.to_owned();
        let thread = Builder::new().name(name).spawn(|| {
            let path = format!("/proc/self/task/{}/comm", get_native_id()?);
            std::fs::read_to_string(path).ok()
        });
        thread.unwrap().join().unwrap()
    };
    if KERNEL_IDS {
        assert_eq!(shown("weaver").as_deref(), Some("weaver\n"));
        assert_eq!(shown("the head weaver of us all").as_deref(), Some("the head weaver\n"));
    } else {
        assert_eq!(shown("weaver"), None);
    }
}

#[test]
fn th029_names_may_repeat_and_be_long() {
    let long = "x".repeat(300);
    let builder = Builder::new().name(long.clone());
    let (first, second) = (builder.spawn(current).unwrap(), builder.spawn(current).unwrap());
    for thread in [first, second] {
        assert_eq!(thread.name(), long);
        assert_eq!(thread.join().unwrap().name(), long);
    }
    let empty = Builder::new().name("").spawn(|| current().name().len()).unwrap();
    assert_eq!(empty.join().unwrap(), 0);
}

#[test]
fn th030_idents_are_never_used_again() {
    let mut seen = HashSet::from([0]);
    for _ in 0..200 {
        let thread = spawn(get_ident).unwrap();
        assert_eq!(thread.join().unwrap(), thread.ident(), "readable after the end");
        assert!(seen.insert(thread.ident()));
    }
}

#[test]
fn th076_a_panic_is_a_value() {
    let _watch = watchdog();
    let text = panic_of(spawn(|| panic!("out of yarn")).unwrap().join());
    assert_eq!(text.message(), Some("out of yarn"));
    assert_eq!(text.to_string(), "out of yarn");
    assert_eq!(text.into_inner().downcast_ref(), Some(&"out of yarn"));

    let left = 0;
    let formatted = panic_of(spawn(move || panic!("{left} yards left")).unwrap().join());
    assert_eq!(formatted.message(), Some("0 yards left"));

    let thread = spawn(|| -> u8 { std::panic::panic_any(7_i32) }).unwrap();
    let other = panic_of(thread.join());
    assert_eq!(other.message(), None);
    assert!(!other.to_string().is_empty());
    assert_eq!(other.into_inner().downcast_ref(), Some(&7));
    assert!(matches!(thread.join(), Err(JoinError::Taken)), "a panic is handed out once too");
}

#[test]
fn th076_a_panic_can_go_on_where_it_was_asked_for() {
    let error = spawn(|| panic!("out of yarn")).unwrap().join();
    let outcome: Result<(), Box<dyn Any + Send>> =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| panic_of(error).resume()));
    assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"out of yarn"));
}

#[test]
fn th076_errors_are_errors() {
    fn start() -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
        Ok(spawn(|| 7)?.join()?)
    }
    assert_eq!(start().unwrap(), 7);
    for error in [JoinError::TimedOut, JoinError::Taken, JoinError::SelfJoin] {
        assert!(!error.to_string().is_empty());
    }
    let panicked = spawn(|| panic!("out of yarn")).unwrap().join().unwrap_err();
    assert_eq!(panicked.to_string(), "the thread panicked: out of yarn");
}

#[test]
fn dropping_the_handle_detaches() {
    let _watch = watchdog();
    let ledger = Ledger::new(1);
    let (go, value) = (Arc::new(Event::new()), ledger.value(0));
    let its = Arc::clone(&go);
    let thread = spawn(move || {
        its.wait();
        value
    })
    .unwrap();
    let info = thread.info().clone();
    drop(thread);
    assert!(info.is_alive());
    assert_eq!(ledger.total(), 0);
    go.set();
    // The result nobody can ask for is dropped with the thread.
    eventually(|| !info.is_alive());
    ledger.assert_each_once();
}

#[test]
fn an_unclaimed_result_goes_with_the_handle() {
    let ledger = Ledger::new(1);
    let value = ledger.value(0);
    let thread = spawn(move || value).unwrap();
    eventually(|| !thread.is_alive());
    assert_eq!(ledger.total(), 0);
    drop(thread);
    ledger.assert_each_once();
}

#[test]
fn lt002_a_raw_thread_runs_under_its_own_number() {
    let _watch = watchdog();
    let (sender, receiver) = std::sync::mpsc::channel();
    let ident = start_new_thread(move || sender.send((get_ident(), current())).unwrap()).unwrap();
    let (inside, info) = receiver.recv().unwrap();
    assert_eq!((inside, info.ident()), (ident, ident));
    eventually(|| !info.is_alive());
}

#[test]
fn lt003_a_panic_in_a_raw_thread_is_reported_and_ends_only_it() {
    let _watch = watchdog();
    let reporters: Arc<Mutex<Vec<String>>> = Arc::default();
    let its = Arc::clone(&reporters);
    let previous = std::panic::take_hook();
    // Tests run side by side: each report is passed on, only ours is kept.
    std::panic::set_hook(Box::new(move |report| {
        let message: &str = report.payload().downcast_ref().copied().unwrap_or_default();
        if message == "the shuttle broke" {
            its.lock().unwrap().push(std::thread::current().name().unwrap_or_default().to_owned());
        } else {
            previous(report);
        }
    }));
    let ident = start_new_thread(|| panic!("the shuttle broke")).unwrap();
    eventually(|| enumerate().iter().all(|info| info.ident() != ident));
    let reporters = reporters.lock().unwrap();
    assert_eq!(reporters.len(), 1);
    assert!(reporters[0].starts_with("Thread-"), "{}", reporters[0]);
}

#[test]
fn lt006_a_plain_lock_is_a_handle() {
    let _watch = watchdog();
    let lock = allocate_lock();
    lock.acquire();
    assert!(lock.is_held() && !lock.try_acquire());
    let its = lock.clone();
    start_new_thread(move || its.release().unwrap()).unwrap();
    lock.acquire();
    lock.release().unwrap();
    assert!(lock.release().is_err());
    assert!(!panics(|| drop(lock.guard())));
}
