//! Scopes: what they borrow is safe, what they cancel hears of it, what fails is not lost.

use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use inkle::platform::{Deadline, after};
use inkle::thread;
use inkle::threading::{
    self, Builder, CancelToken, Event, JoinError, Reason, ScopeBuilder, SpawnCause, current,
    enumerate, scope, scope_until,
};
use inkle_tests::{Ledger, SETTLE, panics, watchdog};

#[test]
fn th078_results_and_borrows() {
    let _watch = watchdog();
    let words = vec![String::from("warp"), String::from("weft")];
    let mut length = 0;
    let result = scope(|scope| {
        let threads: Vec<_> = words.iter().map(|word| scope.spawn(|| word.as_str())).collect();
        scope.spawn(|| length = words.len()).unwrap();
        threads.into_iter().map(|thread| thread.unwrap().join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(result.unwrap(), words);
    assert_eq!(length, 2);
}

#[test]
fn nothing_of_a_thread_outlives_its_scope() {
    let _watch = watchdog();
    for _ in 0..50 {
        // Freed right after: a thread that came too late would write to it.
        let mut cells: Box<[AtomicU32; 8]> = Box::default();
        scope(|scope| {
            for cell in cells.iter() {
                // Handles are forgotten, dropped and kept.
                forget(scope.spawn(|| cell.fetch_add(1, Ordering::Relaxed)).unwrap());
                drop(scope.spawn(|| cell.fetch_add(1, Ordering::Relaxed)).unwrap());
                let thread = scope.spawn(|| cell.fetch_add(1, Ordering::Relaxed)).unwrap();
                thread.join().unwrap();
            }
        })
        .unwrap();
        assert!(cells.iter_mut().all(|cell| *cell.get_mut() == 3));
    }
}

#[test]
fn threads_start_threads_to_any_depth() {
    let _watch = watchdog();
    let count = AtomicU32::new(0);
    fn branch<'scope>(
        scope: &'scope threading::Scope<'scope, '_>,
        count: &'scope AtomicU32,
        depth: u32,
    ) {
        count.fetch_add(1, Ordering::Relaxed);
        if depth > 0 {
            for _ in 0..2 {
                // Nobody joins them: the scope has to find them.
                scope.spawn(move || branch(scope, count, depth - 1)).unwrap();
            }
        }
    }
    scope(|scope| branch(scope, &count, 5)).unwrap();
    assert_eq!(count.into_inner(), 63);
}

#[test]
fn many_threads_in_a_long_scope() {
    let _watch = watchdog();
    let count = AtomicU32::new(0);
    scope(|scope| {
        for _ in 0..300 {
            scope.spawn(|| count.fetch_add(1, Ordering::Relaxed)).unwrap();
        }
    })
    .unwrap();
    assert_eq!(count.into_inner(), 300);
}

/// Has a destructor, as a thread-local value.
struct Flags(&'static AtomicBool);

impl Drop for Flags {
    fn drop(&mut self) {
        std::thread::sleep(SETTLE);
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn th027_the_scope_waits_for_thread_locals() {
    static OVER: AtomicBool = AtomicBool::new(false);
    thread_local!(static FLAG: Flags = const { Flags(&OVER) });
    let _watch = watchdog();
    scope(|scope| drop(scope.spawn(|| FLAG.with(|_| ())).unwrap())).unwrap();
    assert!(OVER.load(Ordering::Relaxed));
}

#[test]
fn a_panic_of_the_function_waits_for_the_threads() {
    let _watch = watchdog();
    let ended = AtomicBool::new(false);
    let go = Event::new();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        scope(|scope| {
            scope
                .spawn(|| {
                    go.wait();
                    ended.store(true, Ordering::Relaxed);
                })
                .unwrap();
            scope.spawn(|| panic!("of a thread")).unwrap();
            go.set();
            panic!("of the function");
        })
    }));
    let payload = caught.map(drop).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"of the function"));
    assert!(ended.into_inner());
}

#[test]
fn th076_the_first_panic_nobody_joined_is_the_scopes() {
    let _watch = watchdog();
    let error = scope(|scope| {
        let joined = scope.spawn(|| panic!("told")).unwrap();
        assert!(matches!(joined.join(), Err(JoinError::Panicked(_))));
        let names = ["first", "second"].map(|name| Builder::new().name(name));
        for name in &names {
            let thread = scope.spawn_with(name, || panic!("of {}", current().name())).unwrap();
            // It has ended, and its panic was asked for by nobody.
            while thread.is_alive() {
                std::thread::yield_now();
            }
        }
    });
    let error = error.unwrap_err();
    assert_eq!(error.thread().name(), "first");
    assert_eq!(error.to_string(), "the thread first panicked: of first");
    assert_eq!(error.into_panic().message(), Some("of first"));

    let all_told = scope(|scope| {
        matches!(scope.spawn(|| panic!("told")).unwrap().join(), Err(JoinError::Panicked(_)))
    });
    assert!(all_told.unwrap());
}

#[test]
fn a_handle_may_leave_and_what_the_scope_has_taken_is_taken() {
    let _watch = watchdog();
    let mut kept = None;
    scope(|scope| kept = Some(scope.spawn(|| 7).unwrap())).unwrap();
    assert_eq!(kept.unwrap().join().unwrap(), 7);

    let mut kept = None;
    let failed = scope(|scope| kept = Some(scope.spawn(|| panic!("out of yarn")).unwrap()));
    assert_eq!(failed.unwrap_err().panic().message(), Some("out of yarn"));
    assert!(matches!(kept.unwrap().join(), Err(JoinError::Taken)));
}

#[test]
fn payloads_and_results_are_dropped_once() {
    let _watch = watchdog();
    let ledger = Ledger::new(6);
    let [result, unjoined, payload, late, bomb, value] = [0, 1, 2, 3, 4, 5];
    let failed = scope(|scope| {
        drop(scope.spawn(|| ledger.value(result)).unwrap().join().unwrap());
        drop(scope.spawn(|| ledger.value(unjoined)).unwrap());
        let first = scope.spawn(|| panic_any(ledger.value(payload))).unwrap();
        while first.is_alive() {
            std::thread::yield_now();
        }
        scope.spawn(|| panic_any(ledger.value(late))).unwrap();
        // Dropped by its thread, reported and nobody's failure; or, if that has ended, here.
        let thread = scope.spawn(|| ledger.bomb(bomb)).unwrap();
        panics(|| drop(thread));
        ledger.value(value)
    });
    assert_eq!(ledger.drops(value), 1, "the function's result, for there is an error instead");
    assert_eq!(ledger.drops(payload), 0);
    drop(failed.unwrap_err());
    ledger.assert_each_once();
}

#[test]
fn lt009_exit_is_no_failure() {
    let _watch = watchdog();
    let result = ScopeBuilder::new().cancel_on_failure(true).run(|scope| {
        let thread = scope.spawn(|| thread::exit()).unwrap();
        let result: Result<(), _> = thread.join();
        assert!(matches!(result, Err(JoinError::Exited)));
        scope.token().is_cancelled()
    });
    assert!(!result.unwrap());
}

#[test]
fn th003_threads_of_a_scope_are_on_the_list() {
    let _watch = watchdog();
    let go = Event::new();
    scope(|scope| {
        let thread = scope.spawn_with(&Builder::new().name("weaver"), || go.wait()).unwrap();
        assert!(enumerate().contains(thread.info()));
        assert_eq!(thread.name(), "weaver");
        go.set();
    })
    .unwrap();
    assert!(enumerate().iter().all(|info| info.name() != "weaver"));
}

#[test]
fn th023_a_refusal_hands_the_function_back() {
    let mut word = String::from("lo");
    scope(|scope| {
        let error = scope.spawn_with(&Builder::new().name("a\0"), || word.push_str("om"));
        let error = error.unwrap_err();
        assert!(matches!(error.cause(), SpawnCause::NulInName { position: 1 }));
        error.into_inner()();
    })
    .unwrap();
    assert_eq!(word, "loom");
}

#[test]
fn th078_the_first_failure_cancels_the_siblings() {
    let _watch = watchdog();
    let never = Event::new();
    let cancelling = ScopeBuilder::new().cancel_on_failure(true);
    let error = cancelling.run(|scope| {
        let siblings: Vec<_> =
            (0..4).map(|_| scope.spawn(|| never.wait_unless(scope.token())).unwrap()).collect();
        scope.spawn(|| panic!("out of yarn")).unwrap();
        for sibling in siblings {
            assert_eq!(sibling.join().unwrap().unwrap_err().0, Reason::FAILED);
        }
    });
    assert_eq!(error.unwrap_err().panic().message(), Some("out of yarn"));

    // An error that is returned.
    let joined = cancelling.run(|scope| {
        let failing = scope.try_spawn(|| "yarn".parse::<u8>()).unwrap();
        assert_eq!(scope.token().wait(), Reason::FAILED);
        failing.join().unwrap().is_err()
    });
    assert!(joined.unwrap());

    // The function itself.
    let seen = Mutex::new(None);
    assert!(panics(|| {
        let _ = cancelling.run(|scope| {
            scope.spawn(|| *seen.lock().unwrap() = Some(scope.token().wait())).unwrap();
            panic!("out of yarn");
        });
    }));
    assert_eq!(seen.into_inner().unwrap(), Some(Reason::FAILED));
}

#[test]
fn success_and_plain_scopes_cancel_nothing() {
    let _watch = watchdog();
    let result = ScopeBuilder::new().cancel_on_failure(true).run(|scope| {
        scope.try_spawn(|| "7".parse::<u8>()).unwrap().join().unwrap().unwrap();
        scope.spawn(|| Err::<(), ()>(())).unwrap().join().unwrap().unwrap_err();
        scope.token().is_cancelled()
    });
    assert!(!result.unwrap());
    let result = scope(|scope| {
        drop(scope.spawn(|| panic!("told")).unwrap().join());
        drop(scope.try_spawn(|| "yarn".parse::<u8>()).unwrap().join());
        scope.token().is_cancelled()
    });
    assert!(!result.unwrap());
}

#[test]
fn a_deadline_cancels_and_the_scope_still_joins() {
    let _watch = watchdog();
    let over = AtomicBool::new(false);
    let result = scope_until(after(Duration::from_millis(5)), |scope| {
        scope
            .spawn(|| {
                assert_eq!(scope.token().wait(), Reason::DEADLINE);
                // It takes its time to stop.
                std::thread::sleep(SETTLE);
                over.store(true, Ordering::Relaxed);
            })
            .unwrap();
    });
    result.unwrap();
    assert!(over.into_inner());
    scope_until(Deadline::PASSED, |scope| {
        assert_eq!(scope.token().reason(), Some(Reason::DEADLINE));
    })
    .unwrap();
    scope_until(Deadline::NEVER, |scope| assert!(!scope.token().is_cancelled())).unwrap();
}

#[test]
fn a_parent_token_cancels_the_scope_and_not_the_other_way_round() {
    let _watch = watchdog();
    let parent = CancelToken::new();
    let child = ScopeBuilder::new().child_of(&parent);
    child.run(|scope| scope.token().cancel(Reason::REQUESTED)).unwrap();
    assert!(!parent.is_cancelled());
    let reason = child.run(|scope| {
        let thread = scope.spawn(|| scope.token().wait()).unwrap();
        parent.cancel(Reason::SHUTDOWN);
        thread.join().unwrap()
    });
    assert_eq!(reason.unwrap(), Reason::SHUTDOWN);
}

#[test]
fn scopes_nest() {
    let _watch = watchdog();
    let numbers = [1, 2, 3, 4];
    let sum = scope(|outer| {
        let halves = numbers.chunks(2).map(|half| {
            outer
                .spawn(move || {
                    scope(|inner| {
                        let threads =
                            half.iter().map(|number| inner.spawn(move || *number).unwrap());
                        threads.map(|thread| thread.join().unwrap()).sum::<i32>()
                    })
                })
                .unwrap()
        });
        halves
            .collect::<Vec<_>>()
            .into_iter()
            .map(|half| half.join().unwrap().unwrap())
            .sum::<i32>()
    });
    assert_eq!(sum.unwrap(), 10);
}
