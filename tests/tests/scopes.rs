//! Tasks that borrow, in a pool of threads: `ThreadPoolExecutor::scope`. (CF043, CF065)

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use inkle::concurrent::{Halt, Scope, Spawn, ThreadPoolExecutor, with_token};
use inkle::contextvars::{Context, ContextVar};
use inkle::threading::{Event, Reason};
use inkle_cases::dice::{Choices, Dice};
use inkle_tests::{PATIENCE, SCALE, eventually, watchdog};

fn pool(workers: u32) -> ThreadPoolExecutor {
    ThreadPoolExecutor::new(workers).unwrap()
}

/// The leaves of a tree of tasks, which was grown by chance.
fn grow(executor: &ThreadPoolExecutor, seed: u64, size: usize, pause: bool) -> usize {
    if size <= 1 {
        if pause && seed.is_multiple_of(53) {
            thread::sleep(Duration::from_micros(seed % 60));
        }
        return size;
    }
    let mut dice = Dice::new(seed);
    // Up to 5 tasks, some leaves here, and here and there a fork.
    let mut parts = vec![0; 1 + dice.roll(5)];
    let each = size / (parts.len() + 1);
    let rest = size - each * parts.len();
    let mut seeds = parts.iter().map(|_| dice.roll(1 << 30) as u64).collect::<Vec<_>>().into_iter();
    let forks = dice.roll(3) == 0;
    let here = executor.scope(|scope| {
        for part in &mut parts {
            let seed = seeds.next().unwrap();
            scope.spawn(move || *part = grow(executor, seed, each, pause));
        }
        if forks {
            let half = rest / 2;
            let (one, other) = executor.join(
                || grow(executor, seed + 1, half, pause),
                || grow(executor, seed + 2, rest - half, pause),
            );
            one + other
        } else {
            // Its turn comes first.
            grow(executor, seed + 3, rest.min(1), pause) + rest - rest.min(1)
        }
    });
    here + parts.iter().sum::<usize>()
}

#[test]
fn trees_of_any_shape_are_grown_whole() {
    let _watchdog = watchdog();
    for workers in [1, 2, 3, 8] {
        let executor = pool(workers);
        for seed in 0..20 * u64::from(SCALE) {
            let size = 1 + (seed as usize * 97) % 2000;
            assert_eq!(grow(&executor, seed, size, seed % 4 == 0), size, "seed {seed}");
        }
    }
}

#[test]
fn more_tasks_than_a_nest_has_room_for_are_done_once_each() {
    let executor = pool(2);
    let seen: Vec<_> = (0..10_000).map(|_| AtomicUsize::new(0)).collect();
    executor.scope(|scope| {
        for one in &seen {
            scope.spawn(|| _ = one.fetch_add(1, Ordering::Relaxed));
        }
    });
    assert!(seen.iter().all(|one| one.load(Ordering::Relaxed) == 1));
    executor.scope(|_| ());
    assert_eq!(executor.scope(|_| 5), 5);
}

#[test]
fn tasks_run_beside_the_body_when_somebody_is_idle_or_can_be_started() {
    let executor = pool(2);
    for _ in 0..100 {
        let (begun, mut other) = (Event::new(), None);
        let here = executor.scope(|scope| {
            scope.spawn(|| {
                begun.set();
                other = Some(thread::current().id());
            });
            begun.wait_timeout(PATIENCE).unwrap();
            thread::current().id()
        });
        assert_ne!(other, Some(here));
    }
}

#[test]
fn a_panic_goes_through_when_all_have_ended() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let executor = pool(workers);
        let ended = AtomicUsize::new(0);
        let result = catch_unwind(AssertUnwindSafe(|| {
            executor.scope(|scope| {
                for number in 0..10 {
                    let ended = &ended;
                    scope.spawn(move || {
                        ended.fetch_add(1, Ordering::Relaxed);
                        if number == 4 {
                            panic_any(number);
                        }
                    });
                }
            });
        }));
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&4));
        assert_eq!(ended.into_inner(), 10, "the others are done all the same");
        assert_eq!(executor.scope(|_| 1), 1, "it works on");
    }
}

/// Counts how often it is dropped.
struct Counted<'c>(&'c AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_body_that_panics_waits_for_what_has_begun_and_drops_the_rest() {
    let _watchdog = watchdog();
    // Nothing has begun.
    let (drops, calls) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let result = catch_unwind(AssertUnwindSafe(|| {
        pool(1).scope(|scope| {
            for _ in 0..5 {
                let (counted, calls) = (Counted(&drops), &calls);
                scope.spawn(move || {
                    calls.fetch_add(1, Ordering::Relaxed);
                    drop(counted);
                });
            }
            panic_any("early");
        })
    }));
    assert_eq!(result.unwrap_err().downcast_ref(), Some(&"early"));
    assert_eq!((calls.into_inner(), drops.into_inner()), (0, 5));
    // One has, and its own panic is not the one that is seen.
    let (begun, ended) = (Event::new(), AtomicBool::new(false));
    let result = catch_unwind(AssertUnwindSafe(|| {
        pool(2).scope(|scope| {
            scope.spawn(|| {
                begun.set();
                thread::sleep(Duration::from_millis(20));
                ended.store(true, Ordering::Relaxed);
                panic_any("late");
            });
            begun.wait_timeout(PATIENCE).unwrap();
            panic_any("body");
        })
    }));
    assert_eq!(result.unwrap_err().downcast_ref(), Some(&"body"));
    assert!(ended.into_inner(), "it borrows: it must have ended");
}

#[test]
fn results_and_captures_are_dropped_once() {
    let drops = AtomicUsize::new(0);
    for workers in [1, 2] {
        let executor = pool(workers);
        executor.scope(|scope| {
            // More than there is room for.
            for _ in 0..1000 {
                let counted = Counted(&drops);
                scope.spawn(move || drop(counted));
            }
        });
        assert_eq!(drops.swap(0, Ordering::Relaxed), 1000);
    }
}

static DEPTH: ContextVar<u32> = ContextVar::new("depth");

#[test]
fn cv_each_task_has_a_copy_of_the_context_wherever_it_runs() {
    for workers in [1, 2] {
        let executor = pool(workers);
        let all = |expected: Option<u32>| {
            for _ in 0..20 {
                executor.scope(|scope| {
                    let check = |expected| {
                        assert_eq!(DEPTH.get().ok(), expected);
                        let _ = DEPTH.set(100);
                    };
                    for _ in 0..3 {
                        scope.spawn(move || check(expected));
                    }
                    let _ = DEPTH.set(1);
                    for _ in 0..3 {
                        scope.spawn(move || check(Some(1)));
                    }
                    assert_eq!(DEPTH.get().ok(), Some(1));
                });
                assert_eq!(DEPTH.get().ok(), expected, "the body has a copy too");
            }
        };
        all(None);
        let inside = executor.clone();
        inside.submit(|| ()).unwrap().join().unwrap();
        Context::new()
            .run(|| {
                let _ = DEPTH.set(7);
                all(Some(7));
            })
            .unwrap();
    }
}

#[test]
fn cf065_a_task_finds_the_token_of_the_task_it_is_of() {
    let _watchdog = watchdog();
    let executor = pool(2);
    let (inner, waits) = (executor.clone(), std::sync::Arc::new(AtomicUsize::new(0)));
    let counter = waits.clone();
    let task = executor.submit(move || {
        let wait = || {
            counter.fetch_add(1, Ordering::Relaxed);
            with_token(|token| token.unwrap().wait())
        };
        let mut reasons = [None; 2];
        let [one, other] = &mut reasons;
        inner.scope(|scope| {
            scope.spawn(|| *one = Some(wait()));
            *other = Some(wait());
        });
        reasons
    });
    let task = task.unwrap();
    eventually(|| waits.load(Ordering::Relaxed) == 2);
    assert!(task.stop());
    assert_eq!(task.join().unwrap(), [Some(Reason::REQUESTED); 2]);
}

#[test]
fn from_anywhere_also_where_no_task_is_taken() {
    let _watchdog = watchdog();
    let (executor, other) = (pool(2), pool(2));
    let sum = AtomicUsize::new(0);
    // Two pools that use each other.
    executor.scope(|scope| {
        for n in 0..10 {
            let (other, sum) = (&other, &sum);
            scope.spawn(move || {
                other.scope(|scope| scope.spawn(move || _ = sum.fetch_add(n, Ordering::Relaxed)));
            });
        }
    });
    assert_eq!(sum.into_inner(), 45);
    // Several threads at once.
    thread::scope(|scope| {
        for seed in 0..4 {
            let executor = &executor;
            scope.spawn(move || assert_eq!(grow(executor, seed, 500, false), 500));
        }
    });
    // Everything is called by the caller, at once.
    executor.shutdown_with(Halt::WAIT);
    let here = thread::current().id();
    let order = Mutex::new(vec![]);
    let note = |what| {
        assert_eq!(thread::current().id(), here);
        order.lock().unwrap().push(what);
    };
    executor.scope(|scope| {
        scope.spawn(|| note("task"));
        note("body");
    });
    assert_eq!(order.into_inner().unwrap(), ["task", "body"]);
}

#[test]
fn cf043_who_waits_for_its_tasks_does_nothing_foreign() {
    let _watchdog = watchdog();
    thread_local! {
        static HOLDS: Cell<bool> = const { Cell::new(false) };
    }
    let executor = pool(3);
    let tasks: Vec<_> = (0..200 * u64::from(SCALE))
        .map(|seed| {
            let executor = executor.clone();
            let task = executor.clone();
            executor.submit(move || {
                assert!(!HOLDS.replace(true), "another task is in the midst of something here");
                let all = grow(&task, seed, 64, true);
                HOLDS.set(false);
                all
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.unwrap().join().unwrap(), 64);
    }
}

thread_local! {
    /// A scope that was brought, without any unsafe code of its user's, to where it does not belong: as crates for
    /// scoped thread locals do.
    static BROUGHT: Cell<*const ()> = const { Cell::new(ptr::null()) };
}

/// Spawns into the scope that was brought here, if there is one.
fn spawn_there(what: impl FnOnce() + Send + 'static) {
    let scope = BROUGHT.get().cast::<Scope<'static, 'static>>();
    // SAFETY: it is there as long as it is set, and what is spawned borrows nothing.
    if let Some(scope) = unsafe { scope.as_ref() } {
        scope.spawn(what);
    }
}

#[test]
fn tasks_spawned_above_another_fork_are_done_once_all_the_same() {
    let _watchdog = watchdog();
    for workers in [1, 2, 3] {
        let executor = pool(workers);
        for round in 0..200 * SCALE {
            let done = std::sync::Arc::new(AtomicUsize::new(0));
            let one_more = || {
                let done = done.clone();
                move || _ = done.fetch_add(1, Ordering::Relaxed)
            };
            executor.scope(|scope| {
                BROUGHT.set(ptr::from_ref(scope).cast());
                spawn_there(one_more());
                let mut inner = 0;
                let halves = executor.join(
                    || {
                        // Above the other half, and above the tasks of another scope.
                        spawn_there(one_more());
                        executor.scope(|scope| {
                            scope.spawn(|| inner = 1);
                            spawn_there(one_more());
                        });
                        if round % 3 == 0 {
                            thread::yield_now();
                        }
                        1
                    },
                    || 2,
                );
                spawn_there(one_more());
                BROUGHT.set(ptr::null());
                assert_eq!((halves, inner), ((1, 2), 1));
            });
            assert_eq!(done.load(Ordering::Relaxed), 4);
        }
    }
}
