//! What can be said of a thread: names, daemons; and the raw layer's odds and ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use inkle::platform::Deadline;
use inkle::thread::{self, interrupt_main, main_interrupt, start_joinable_thread};
use inkle::threading::{
    Builder, CancelToken, Event, JoinError, NulInName, Reason, Thread, current, enumerate,
    get_ident, get_native_id, main_thread, set_name, spawn,
};
use inkle_tests::{Ledger, SETTLE, panics, watchdog};

/// Whether the system shows threads and their names.
const SHOWN: bool = cfg!(all(target_os = "linux", not(feature = "portable")));

/// The calling thread's name as the system shows it.
fn shown() -> Option<String> {
    let path = format!("/proc/self/task/{}/comm", get_native_id()?);
    Some(std::fs::read_to_string(path).ok()?.trim_end_matches('\n').to_owned())
}

fn weave() -> String {
    current().name()
}

#[test]
fn th020_default_names_name_the_function() {
    let name = spawn(weave).unwrap().join().unwrap();
    let number = name.strip_prefix("Thread-").and_then(|rest| rest.strip_suffix(" (weave)"));
    assert!(number.is_some_and(|number| number.parse::<u32>().is_ok()), "{name}");
    let name = spawn(|| weave() + "").unwrap().join().unwrap();
    assert!(name.strip_prefix("Thread-").unwrap().parse::<u32>().is_ok(), "{name}");
}

#[test]
fn th021_daemons_are_told_or_inherited() {
    let _watch = watchdog();
    assert!(!main_thread().is_daemon());
    // The test harness has started this thread.
    assert!(current().is_dummy() && current().is_daemon());
    let inherited = || spawn(|| current().is_daemon()).unwrap().join().unwrap();
    assert!(inherited());
    for daemon in [false, true] {
        let builder = Builder::new().daemon(daemon);
        let thread = builder.spawn(move || (current().is_daemon(), inherited())).unwrap();
        assert_eq!((thread.is_daemon(), thread.info().is_daemon()), (daemon, daemon));
        assert_eq!(thread.join().unwrap(), (daemon, daemon));
        let other = Builder::new().daemon(!daemon);
        let against = move || other.spawn(|| current().is_daemon()).unwrap().join().unwrap();
        assert_eq!(builder.spawn(against).unwrap().join().unwrap(), !daemon);
    }
}

#[test]
fn th021_inheriting_puts_nobody_on_the_list() {
    let _watch = watchdog();
    let before = std::thread::spawn(|| {
        spawn(|| ()).unwrap().join().unwrap();
        let me = get_ident();
        enumerate().iter().all(|info| info.ident() != me)
    });
    assert!(before.join().unwrap());
}

#[test]
fn th029_a_thread_may_rename_itself() {
    let _watch = watchdog();
    let (renamed, go) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let (its_renamed, its_go) = (Arc::clone(&renamed), Arc::clone(&go));
    let thread = Builder::new().name("weaver").spawn(move || {
        set_name("spinner").unwrap();
        its_renamed.set();
        its_go.wait();
        (current().name(), shown())
    });
    let thread = thread.unwrap();
    renamed.wait();
    assert_eq!((thread.name().as_str(), thread.info().name().as_str()), ("spinner", "spinner"));
    assert!(enumerate().iter().any(|info| info.name() == "spinner"));
    go.set();
    let (name, shown) = thread.join().unwrap();
    assert_eq!(name, "spinner");
    assert_eq!(shown.as_deref(), SHOWN.then_some("spinner"));
    assert_eq!(thread.name(), "spinner", "after its end too");
}

#[test]
fn th029_names_that_thread_cannot_have_or_show() {
    let _watch = watchdog();
    let rename = |name: String| move || (set_name(name), current().name(), shown());
    let named = |name: &str| {
        let thread = Builder::new().name("weaver").spawn(rename(name.to_owned())).unwrap();
        thread.join().unwrap()
    };
    let (result, name, old) = named("spin\0ner");
    assert_eq!((result, name.as_str()), (Err(NulInName { position: 4 }), "weaver"));
    assert_eq!(old.as_deref(), SHOWN.then_some("weaver"), "nothing is changed");

    let long = "x".repeat(300);
    let (_, name, cut) = named(&long);
    assert_eq!(name, long);
    assert_eq!(cut.as_deref(), SHOWN.then_some(&long[..15]));
    // Cut between characters: seven of two bytes, and no half one.
    let (_, name, cut) = named(&"ü".repeat(20));
    assert_eq!(name.chars().count(), 20);
    assert_eq!(cut, SHOWN.then(|| "ü".repeat(7)));
    assert_eq!(named("").1, "");
}

#[test]
fn th029_a_foreign_thread_may_rename_itself() {
    let _watch = watchdog();
    let renamed = std::thread::spawn(|| {
        set_name("stranger").unwrap();
        (current().name(), current().is_dummy(), shown())
    });
    let (name, is_dummy, shown) = renamed.join().unwrap();
    assert_eq!((name.as_str(), is_dummy), ("stranger", true));
    assert_eq!(shown.as_deref(), SHOWN.then_some("stranger"));
}

#[test]
fn th025_joins_in_a_circle_end_at_their_deadlines() {
    let _watch = watchdog();
    let handles: Arc<OnceLock<[Thread<bool>; 2]>> = Arc::default();
    let told = Arc::new(Event::new());
    let join = |number: usize| {
        let (its, its_told) = (Arc::clone(&handles), Arc::clone(&told));
        let thread = spawn(move || {
            its_told.wait();
            let result = its.get().unwrap()[number].join_timeout(SETTLE);
            matches!(result, Err(JoinError::TimedOut | JoinError::Taken) | Ok(true))
        });
        thread.unwrap()
    };
    assert!(handles.set([join(1), join(0)]).is_ok());
    told.set();
    for thread in handles.get().unwrap() {
        // The other one may have been given the result.
        assert!(matches!(thread.join(), Ok(true) | Err(JoinError::Taken)));
    }
}

#[test]
fn th077_a_join_can_be_called_off() {
    let _watch = watchdog();
    let go = Arc::new(Event::new());
    let its = Arc::clone(&go);
    let thread = spawn(move || its.wait()).unwrap();
    let stop = CancelToken::new();
    std::thread::scope(|scope| {
        let joiner = scope.spawn(|| thread.join_unless(&stop));
        stop.cancel(Reason::REQUESTED);
        let result = joiner.join().unwrap();
        assert!(matches!(result, Err(JoinError::Cancelled(Reason::REQUESTED))));
    });
    go.set();
    while thread.is_alive() {
        std::thread::yield_now();
    }
    assert!(thread.join_unless(&stop).is_ok(), "what is there is given all the same");
    let own = spawn(|| current().ident()).unwrap();
    assert_eq!(own.join_unless(&CancelToken::new()).unwrap(), own.ident());
}

#[test]
fn lt004_a_joinable_raw_thread() {
    let _watch = watchdog();
    let thread = start_joinable_thread(|| (get_ident(), current().is_daemon())).unwrap();
    assert_eq!(thread.join().unwrap(), (thread.ident(), true));
    assert!(matches!(thread.join_until(Deadline::PASSED), Err(JoinError::Taken)), "again");
}

#[test]
fn lt009_exit_unwinds_this_thread_only() {
    let _watch = watchdog();
    let ledger = Ledger::new(2);
    let (value, after) = (ledger.value(0), Arc::new(AtomicBool::new(false)));
    let (its, unreached) = (Arc::clone(&ledger), Arc::clone(&after));
    let thread = start_joinable_thread(move || {
        let _value = value;
        let _other = its.value(1);
        if get_ident() != 0 {
            thread::exit();
        }
        unreached.store(true, Ordering::Relaxed);
    });
    let thread = thread.unwrap();
    assert!(matches!(thread.join(), Err(JoinError::Exited)));
    assert!(matches!(thread.join(), Err(JoinError::Taken)));
    ledger.assert_each_once();
    assert!(!after.load(Ordering::Relaxed));
    let stopped = spawn(|| panics(|| thread::exit())).unwrap();
    assert!(stopped.join().unwrap(), "code that catches panics stops it, as documented");
}

#[test]
fn lt007_interrupt_main_is_heard_by_who_listens() {
    let _watch = watchdog();
    assert!(!main_interrupt().is_set());
    spawn(interrupt_main).unwrap();
    main_interrupt().wait();
    main_interrupt().clear();
    assert!(!main_interrupt().is_set());
}
