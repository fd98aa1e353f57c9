//! Fork and join in a pool of threads: `ThreadPoolExecutor::join`, `for_each`, `map_vec`. (CF043, CF065)

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use inkle::concurrent::{Halt, Spawn, Split, ThreadPoolExecutor, WhenFull, with_token};
use inkle::contextvars::{Context, ContextVar};
use inkle::platform::Private;
use inkle::threading::{Event, Reason};
use inkle_core::fork::{Host, Nest, Unwound};
use inkle_tests::{PATIENCE, SCALE, eventually, watchdog};

fn pool(workers: u32) -> ThreadPoolExecutor {
    ThreadPoolExecutor::new(workers).unwrap()
}

/// The sum of the numbers below `count`, by halves down to single ones, with something done at each.
fn sum(
    executor: &ThreadPoolExecutor,
    from: u64,
    count: u64,
    at_each: &(impl Fn(u64) + Sync),
) -> u64 {
    if count == 1 {
        at_each(from);
        return from;
    }
    let half = count / 2;
    let (a, b) = executor.join(
        || sum(executor, from, half, at_each),
        || sum(executor, from + half, count - half, at_each),
    );
    a + b
}

#[test]
fn trees_of_any_shape_come_to_their_sum() {
    let _watchdog = watchdog();
    for workers in [1, 2, 3, 8] {
        let executor = pool(workers);
        for count in [1, 2, 3, 1000, 5000 * u64::from(SCALE)] {
            assert_eq!(sum(&executor, 0, count, &|_| ()), count * (count - 1) / 2);
        }
        // Uneven ones, and threads that stop here and there.
        let pause = |n: u64| {
            if n.is_multiple_of(97) {
                thread::yield_now();
            } else if n.is_multiple_of(1009) {
                thread::sleep(Duration::from_micros(n % 50));
            }
        };
        assert_eq!(sum(&executor, 0, 20_000, &pause), 199_990_000);
        let counters = executor.counters();
        assert!(counters.threads <= workers as usize + 1, "{counters:?}");
    }
}

#[test]
fn forks_deeper_than_a_nest_are_done() {
    fn deep(executor: &ThreadPoolExecutor, left: u32) -> u32 {
        if left == 0 {
            return 0;
        }
        // All second halves wait while the first ones go down.
        let (a, b) = executor.join(|| deep(executor, left - 1), || 1);
        a + b
    }
    assert_eq!(deep(&pool(2), 1000), 1000);
}

#[test]
fn both_halves_borrow() {
    let executor = pool(2);
    let words = ["warp".to_owned(), "weft".to_owned()];
    let mut lengths = [0; 2];
    let [one, other] = &mut lengths;
    executor.join(|| *one = words[0].len(), || *other = words[1].len());
    assert_eq!(lengths, [4, 4]);
}

/// Runs the two functions, the second one surely in another thread.
fn apart<A: Send, B: Send>(
    executor: &ThreadPoolExecutor,
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    let taken = Event::new();
    executor.join(
        || {
            taken.wait_timeout(PATIENCE).expect("somebody comes for the second half");
            a()
        },
        || {
            taken.set();
            b()
        },
    )
}

#[test]
fn halves_run_at_the_same_time_when_somebody_is_idle_or_can_be_started() {
    let executor = pool(2);
    for round in 0..100 {
        let (a, b) = apart(&executor, || thread::current().id(), || thread::current().id());
        assert_ne!(a, b);
        if round % 10 == 0 {
            // Long enough for the idle worker to fall asleep.
            thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn in_a_pool_of_one_the_second_half_comes_after_the_first() {
    let executor = pool(1);
    let order = Mutex::new(vec![]);
    let note = |what| order.lock().unwrap().push((what, thread::current().id()));
    executor.join(|| note("a"), || note("b"));
    let order = order.into_inner().unwrap();
    assert_eq!(order.iter().map(|(what, _)| *what).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(order[0].1, order[1].1);
    assert_ne!(order[0].1, thread::current().id(), "both in the worker");
}

fn message(result: thread::Result<()>) -> &'static str {
    result.unwrap_err().downcast_ref::<&str>().copied().unwrap()
}

#[test]
fn a_panic_goes_through_when_the_other_half_has_ended() {
    let executor = pool(2);
    let run = |f: &(dyn Fn() + Sync)| catch_unwind(AssertUnwindSafe(f));
    // The first one, when the second one runs.
    let ended = AtomicBool::new(false);
    let result = run(&|| {
        let late = || {
            thread::sleep(Duration::from_millis(20));
            ended.store(true, Ordering::Relaxed);
        };
        apart(&executor, || panic!("first"), late);
    });
    assert_eq!(message(result), "first");
    assert!(ended.load(Ordering::Relaxed), "it borrows: it must have ended");
    // The first one, before the second one was begun: that is dropped.
    let begun = AtomicBool::new(false);
    let alone = pool(1);
    let result = run(&|| {
        alone.join(|| panic!("early"), || begun.store(true, Ordering::Relaxed));
    });
    assert_eq!(message(result), "early");
    assert!(!begun.load(Ordering::Relaxed));
    // The second one, elsewhere and here.
    assert_eq!(message(run(&|| _ = apart(&executor, || (), || panic!("second")))), "second");
    assert_eq!(message(run(&|| _ = alone.join(|| (), || panic!("here")))), "here");
    // Both: the first one's.
    let both = run(&|| _ = apart(&executor, || panic!("one"), || panic!("other")));
    assert_eq!(message(both), "one");
    // And the pools work on.
    assert_eq!(executor.join(|| 1, || 2), (1, 2));
    assert_eq!(alone.submit(|| 3).unwrap().join().unwrap(), 3);
}

#[test]
fn what_was_not_begun_or_not_fetched_is_dropped_once() {
    struct Counted<'c>(&'c AtomicUsize);
    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let (drops, executor) = (AtomicUsize::new(0), pool(2));
    let new = || Counted(&drops);
    let catch = |f: &(dyn Fn() + Sync)| catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    let (captured, other) = (new(), new());
    drop(executor.join(move || captured, move || other));
    assert_eq!(drops.swap(0, Ordering::Relaxed), 2);
    catch(&|| {
        let captured = new();
        pool(1).join(|| panic!(), move || drop(captured));
    });
    assert_eq!(drops.swap(0, Ordering::Relaxed), 1);
    catch(&|| _ = apart(&executor, || panic!(), new));
    catch(&|| _ = apart(&executor, new, || panic!()));
    assert_eq!(drops.swap(0, Ordering::Relaxed), 2);
}

static DEPTH: ContextVar<u32> = ContextVar::new("depth");

#[test]
fn cv_each_half_has_a_copy_of_the_context_wherever_it_runs() {
    let (executor, alone) = (pool(2), pool(1));
    let both = |expected: Option<u32>| {
        let half = |own: u32| {
            assert_eq!(DEPTH.get().ok(), expected);
            let _ = DEPTH.set(own);
            // Deeper ones see what is set here.
            let (one, other) = alone.join(|| DEPTH.get().ok(), || DEPTH.get().ok());
            assert_eq!((one, other), (Some(own), Some(own)));
            own
        };
        assert_eq!(apart(&executor, || half(1), || half(2)), (1, 2));
        assert_eq!(alone.join(|| half(3), || half(4)), (3, 4));
        let task = alone.clone();
        let inside = alone.submit(move || {
            assert_eq!(DEPTH.get().ok(), expected);
            let set = |own| _ = DEPTH.set(own);
            task.join(|| set(5), || assert_eq!(DEPTH.get().ok(), expected));
            assert_eq!(DEPTH.get().ok(), expected);
            task.join(|| (), || set(6));
            assert_eq!(DEPTH.get().ok(), expected);
        });
        inside.unwrap().join().unwrap();
        assert_eq!(DEPTH.get().ok(), expected);
    };
    both(None);
    let seven = Context::new();
    seven
        .run(|| {
            let _ = DEPTH.set(7);
            both(Some(7));
        })
        .unwrap();
}

#[test]
fn cf065_a_half_finds_the_token_of_its_task_wherever_it_runs() {
    let executor = pool(2);
    let (inner, waits) = (executor.clone(), std::sync::Arc::new(AtomicU32::new(0)));
    let counter = waits.clone();
    let task = executor.submit(move || {
        let wait = || {
            counter.fetch_add(1, Ordering::Relaxed);
            with_token(|token| token.unwrap().wait())
        };
        apart(&inner, wait, wait)
    });
    let task = task.unwrap();
    eventually(|| waits.load(Ordering::Relaxed) == 2);
    assert!(task.stop());
    assert_eq!(task.join().unwrap(), (Reason::REQUESTED, Reason::REQUESTED));
}

#[test]
fn cf043_who_waits_for_its_half_does_nothing_foreign() {
    let _watchdog = watchdog();
    // Each task waits for its halves with a lock held that the other tasks, and their halves, take too, if
    // they are another thread's. Were a task done by a thread that waits, it would find its own lock.
    thread_local! {
        static HOLDS: Cell<bool> = const { Cell::new(false) };
    }
    let executor = pool(3);
    let tasks: Vec<_> = (0..300 * SCALE)
        .map(|seed| {
            let executor = executor.clone();
            let task = executor.clone();
            executor.submit(move || {
                assert!(!HOLDS.replace(true), "another task is in the midst of something here");
                let pause = |n: u64| {
                    if (n + u64::from(seed)).is_multiple_of(13) {
                        thread::yield_now();
                    }
                };
                let all = sum(&task, 0, 64, &pause);
                HOLDS.set(false);
                all
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.unwrap().join().unwrap(), 2016);
    }
}

#[test]
fn cf043_other_tasks_go_on_while_one_waits_for_its_half() {
    let _watchdog = watchdog();
    let executor = pool(2);
    let (inner, go) = (executor.clone(), std::sync::Arc::new(Event::new()));
    let gate = go.clone();
    let waits = executor.submit(move || apart(&inner, || (), || gate.wait_timeout(PATIENCE)));
    // Both workers are busy with that: one waits for the other. A third one takes its place.
    let opens = executor.submit(move || go.set()).unwrap();
    opens.join().unwrap();
    waits.unwrap().join().unwrap().1.unwrap();
}

#[test]
fn from_anywhere() {
    let (executor, other) = (pool(2), pool(2));
    // Another pool's task.
    let inner = executor.clone();
    let task = other.submit(move || inner.join(|| 1, || 2)).unwrap();
    assert_eq!(task.join().unwrap(), (1, 2));
    // Several threads at once.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(sum(&executor, 0, 1000, &|_| ()), 499_500));
        }
    });
    // Two pools that use each other.
    let both = executor.join(|| other.join(|| 1, || executor.join(|| 2, || 3)), || 4);
    assert_eq!(both, ((1, (2, 3)), 4));
}

#[test]
fn where_no_task_is_taken_both_halves_are_called_by_the_caller() {
    let here = || thread::current().id();
    let closed = pool(2);
    closed.shutdown_with(Halt::WAIT);
    assert_eq!(closed.join(here, here), (here(), here()));
    let go = std::sync::Arc::new(Event::new());
    let full = ThreadPoolExecutor::builder()
        .workers(1)
        .queue(1)
        .when_full(WhenFull::FAIL)
        .build()
        .unwrap();
    let gate = go.clone();
    let busy = full.submit(move || gate.wait_timeout(PATIENCE)).unwrap();
    let waits = full.submit(|| ()).unwrap();
    assert_eq!(full.join(here, here), (here(), here()));
    go.set();
    waits.join().unwrap();
    busy.join().unwrap().unwrap();
}

#[test]
fn cf032_what_is_cancelled_before_it_is_begun_is_called_by_the_caller() {
    let executor = pool(1);
    let go = std::sync::Arc::new(Event::new());
    let gate = go.clone();
    let busy = executor.submit(move || gate.wait_timeout(PATIENCE)).unwrap();
    thread::scope(|scope| {
        let joins = scope.spawn(|| {
            let here = || thread::current().id();
            (executor.join(here, here), here())
        });
        eventually(|| executor.counters().queued == 1);
        let halt = Halt { cancel_pending: true, ..Halt::LEAVE };
        assert_eq!(executor.shutdown_with(halt).cancelled, 1);
        let (halves, caller) = joins.join().unwrap();
        assert_eq!(halves, (caller, caller));
    });
    go.set();
    busy.join().unwrap().unwrap();
}

#[test]
fn shut_down_in_the_midst_of_it_all_is_done() {
    for workers in [1, 2, 4] {
        let executor = pool(workers);
        let (inner, begun) = (executor.clone(), std::sync::Arc::new(Event::new()));
        let first = begun.clone();
        let task = executor.submit(move || sum(&inner, 0, 20_000, &|_| first.set())).unwrap();
        begun.wait_timeout(PATIENCE).unwrap();
        let halted = executor.shutdown_with(Halt::WAIT);
        assert!(halted.stragglers.is_empty());
        assert_eq!(task.join().unwrap(), 199_990_000);
        assert_eq!(executor.counters().threads, 0);
    }
}

/// Two who look into each other's nests when they please.
struct Pair;

impl Host for Pair {
    fn forked(&self, is_followed: bool) {
        if is_followed {
            PAIR.iter().for_each(|nest| {
                nest.unfollow();
                nest.ring();
            });
        }
    }

    fn block(&self, sleep: &mut dyn FnMut()) {
        sleep();
    }
}

static PAIR: [Nest<Private, 4>; 2] = [const { Nest::new() }; 2];

#[test]
fn a_part_that_panics_here_does_not_leave_behind_what_is_in_other_hands() {
    let _watchdog = watchdog();
    let (parted, ended) = (Event::new(), AtomicBool::new(false));
    let half = |_taken| {
        let wait = || {
            parted.wait();
            thread::sleep(Duration::from_millis(20));
        };
        // SAFETY: only the other thread comes here, and the nests are statics.
        let (_, part) = unsafe {
            PAIR[1].join(&Pair, wait, |taken| {
                assert!(taken, "the other one is still here");
                parted.set();
                panic!("part");
            })
        };
        assert_eq!(part, Err::<(), _>(Unwound), "what it was stays where it was");
        ended.store(true, Ordering::Relaxed);
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                if let Some(taken) = PAIR[0].steal() {
                    // SAFETY: this thread's, and empty; statics.
                    return unsafe { taken.run(&PAIR[1]) };
                }
                thread::yield_now();
            }
        });
        let join = || {
            let taken = || eventually(|| PAIR[0].is_empty());
            // SAFETY: only this thread forks here; statics.
            unsafe { PAIR[0].join(&Pair, taken, half) }
        };
        assert_eq!(message(catch_unwind(AssertUnwindSafe(|| _ = join()))), "part");
        assert!(ended.load(Ordering::Relaxed), "it has borrowed from here");
    });
}

#[test]
fn each_item_is_seen_once_and_results_are_in_order() {
    for workers in [1, 2, 5] {
        let executor = pool(workers);
        for count in [0_usize, 1, 2, 63, 64, 65, 1000, 12_345] {
            let mut items: Vec<usize> = (0..count).collect();
            executor.for_each(&mut items[..], |item| *item += 1);
            assert!(items.iter().enumerate().all(|(index, item)| *item == index + 1));
            let texts = executor.map_vec(&items[..], |item| item.to_string());
            assert!(texts.iter().enumerate().all(|(index, text)| *text == (index + 1).to_string()));
            assert_eq!(texts.len(), count);
            assert_eq!(executor.map_vec(0..count, |n| n), (0..count).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_panic_in_the_midst_drops_the_results_that_there_are() {
    static ALIVE: AtomicUsize = AtomicUsize::new(0);
    struct Alive;
    impl Alive {
        fn new() -> Self {
            ALIVE.fetch_add(1, Ordering::Relaxed);
            Self
        }
    }
    impl Drop for Alive {
        fn drop(&mut self) {
            ALIVE.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let executor = pool(3);
    for bad in [0, 1, 500, 998, 999] {
        let make = |n: i32| {
            assert_ne!(n, bad);
            Alive::new()
        };
        assert!(catch_unwind(AssertUnwindSafe(|| executor.map_vec(0..1000, make))).is_err());
        assert_eq!(ALIVE.load(Ordering::Relaxed), 0);
    }
    assert_eq!(executor.map_vec(0..1000, |_: u32| Alive::new()).len(), 1000);
    assert_eq!(ALIVE.load(Ordering::Relaxed), 0);
}

#[test]
fn what_can_be_cut_is_cut_where_it_is_told() {
    fn check<S: Split + Clone>(all: S)
    where
        S::Item: PartialEq + std::fmt::Debug,
    {
        let size = all.size();
        assert_eq!(all.clone().into_iter().count(), size);
        for first in 0..=size + 1 {
            let (one, other) = all.clone().cut(first);
            assert_eq!(one.size(), first.min(size));
            assert!(one.into_iter().chain(other).eq(all.clone()));
        }
    }
    check(3..11_u8);
    check(250..255_u8);
    check(7..7_u64);
    check(-100..27_i8);
    check(-128..127_i8);
    check(i64::MIN..i64::MIN + 3);
    #[expect(clippy::reversed_empty_ranges, reason = "that is the case")]
    check(9..7_usize);
    check(&[1, 2, 3][..]);
    assert_eq!(
        (u64::MAX - 3..u64::MAX).cut(2),
        (u64::MAX - 3..u64::MAX - 1, u64::MAX - 1..u64::MAX)
    );
    assert_eq!((0..u64::MAX).size(), usize::try_from(u64::MAX).unwrap_or(usize::MAX));
}
