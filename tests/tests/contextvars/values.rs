//! Values: how many there are, when they go, and what their `clone` and `drop` may do.

use std::collections::HashMap;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use inkle::concurrent::{Inline, Spawn};
use inkle::contextvars::{Context, ContextVar, copy_context};
use inkle::platform::Deadline;
use inkle::threading::{self, Timer};

use crate::apart;
use crate::doors::FOLLOWS;

/// A value that counts how many of it there are.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count.clone())
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[test]
fn cv002_values_go_with_the_last_context_that_has_them() {
    let count = Arc::new(AtomicUsize::new(0));
    let variable = ContextVar::named("counted");
    let outer = Context::new();
    outer.run(|| drop(variable.set(Counted::new(&count)))).unwrap();
    let copy = outer.copy();
    assert_eq!(count.load(Relaxed), 1, "a copy shares");
    drop(outer);
    assert_eq!(count.load(Relaxed), 1);
    // The variable goes before the value.
    drop(variable);
    assert_eq!((copy.len(), copy.iter().count(), count.load(Relaxed)), (0, 0, 1));
    drop(copy);
    assert_eq!(count.load(Relaxed), 0);
}

#[test]
fn a_dropped_variables_place_is_used_again_and_its_value_never_seen() {
    apart(|| {
        let mut kept = Vec::new();
        for round in 0..200u64 {
            let variable = ContextVar::<[u64; 3]>::named(format!("round {round}"));
            assert!(variable.get().is_err());
            drop(variable.set([round; 3]));
            assert_eq!(variable.get(), Ok([round; 3]));
            kept.push(copy_context());
        }
        assert!(kept.iter().all(Context::is_empty));
        // Of another type in the same place.
        let variable = ContextVar::<String>::new("text");
        assert!(kept[0].get(&variable).is_none());
        drop(variable.set("x".into()));
        assert_eq!(variable.get().unwrap(), "x");
    });
}

#[test]
fn a_threads_own_values_go_with_the_thread() {
    static VAR: ContextVar<Option<Counted>> = ContextVar::new("v");
    let count = Arc::new(AtomicUsize::new(0));
    for _ in 0..4 {
        let count = count.clone();
        // Not one of ours: nothing but its own thread-local values tells of its end.
        std::thread::spawn(move || drop(VAR.set(Some(Counted::new(&count))))).join().unwrap();
    }
    assert_eq!(count.load(Relaxed), 0);
}

#[test]
fn hundreds_of_variables() {
    let all: Vec<_> = (0..300).map(|n| ContextVar::<usize>::named(format!("{n}"))).collect();
    apart(|| {
        for (n, variable) in all.iter().enumerate() {
            drop(variable.set(n));
        }
        let copy = copy_context();
        for (n, variable) in all.iter().enumerate().step_by(3) {
            drop(variable.set(n + 1000));
        }
        for (n, variable) in all.iter().enumerate() {
            let now = if n % 3 == 0 { n + 1000 } else { n };
            assert_eq!((variable.get(), copy.get(variable)), (Ok(now), Some(n)));
        }
        assert_eq!((copy.len(), copy_context().len()), (300, 300));
    });
}

/// Random sets, resets, deletions and copies beside plain maps.
#[test]
fn against_a_plain_map() {
    const VARIABLES: usize = 60;
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut roll = move |sides: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 33) as usize % sides
    };
    // Inside the rows and outside of them, on both sides of the first row's end.
    let small: Vec<_> = (0..VARIABLES).map(|n| ContextVar::<u64>::named(format!("s{n}"))).collect();
    let large: Vec<_> =
        (0..VARIABLES).map(|n| ContextVar::<String>::named(format!("l{n}"))).collect();
    let mut contexts = vec![(Context::new(), HashMap::<usize, u64>::new())];
    for step in 0..20_000u64 {
        let at = roll(contexts.len());
        let variable = roll(VARIABLES);
        match roll(10) {
            0 if contexts.len() < 8 => {
                let (context, plain) = &contexts[at];
                let copy = (context.copy(), plain.clone());
                contexts.push(copy);
            }
            1 if contexts.len() > 4 => drop(contexts.swap_remove(at)),
            2 | 3 => {
                // Set and undone: as if nothing had been.
                let (context, _) = &contexts[at];
                context
                    .run(|| {
                        let _bound = (small[variable].bind(step), large[variable].bind("x".into()));
                        assert_eq!(small[variable].get(), Ok(step));
                    })
                    .unwrap();
            }
            _ => {
                let (context, plain) = &mut contexts[at];
                let set =
                    || drop((small[variable].set(step), large[variable].set(step.to_string())));
                context.run(set).unwrap();
                plain.insert(variable, step);
            }
        }
        let (context, plain) = &contexts[roll(contexts.len())];
        let variable = roll(VARIABLES);
        let expected = plain.get(&variable).copied();
        assert_eq!(context.get(&small[variable]), expected);
        assert_eq!(context.get(&large[variable]), expected.map(|value| value.to_string()));
        if step % 100 == 0 {
            assert_eq!(context.len(), 2 * plain.len());
        }
    }
}

/// Contexts are changed by their threads and read by all others.
#[test]
fn contexts_read_while_they_run() {
    static PAIR: ContextVar<(u64, u64)> = ContextVar::new("pair");
    static TEXT: ContextVar<Arc<str>> = ContextVar::new("text");
    let contexts = [Context::new(), Context::new()];
    threading::scope(|scope| {
        for (at, context) in contexts.iter().enumerate() {
            let other = &contexts[1 - at];
            scope
                .spawn(move || {
                    let work = || {
                        for n in 0..5_000 {
                            drop((PAIR.set((n, n)), TEXT.set(n.to_string().into())));
                            if let Some((first, second)) = other.get(&PAIR) {
                                assert_eq!(first, second);
                            }
                            if let Some(text) = other.copy().get(&TEXT) {
                                assert!(text.parse::<u64>().is_ok());
                            }
                        }
                    };
                    context.run(work).unwrap();
                })
                .unwrap();
        }
    })
    .unwrap();
    assert_eq!(contexts.map(|context| context.get(&PAIR)), [Some((4_999, 4_999)); 2]);
}

/// A value whose `clone` and `drop` use the very variable.
struct Meddler(u32);

static MEDDLED: ContextVar<Meddler> = ContextVar::new("meddled");
static DEPTH: AtomicUsize = AtomicUsize::new(0);

impl Clone for Meddler {
    fn clone(&self) -> Self {
        if DEPTH.fetch_add(1, Relaxed) < 3 {
            drop(MEDDLED.set(Meddler(self.0 + 100)));
        }
        // Still there, whatever was set.
        assert!(self.0 < 1_000);
        Self(self.0)
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        if DEPTH.fetch_add(1, Relaxed) < 6 {
            let _ = MEDDLED.with(|value| value.0);
            drop(MEDDLED.set(Meddler(7)));
        }
    }
}

#[test]
fn clone_and_drop_that_use_the_variable() {
    apart(|| {
        for n in 0..20 {
            DEPTH.store(0, Relaxed);
            drop(MEDDLED.set(Meddler(n)));
            let copy = copy_context();
            let _ = MEDDLED.get();
            let nested = MEDDLED.with(|outer| {
                drop(MEDDLED.set(Meddler(outer.0 + 1)));
                let inner = MEDDLED.with(|inner| inner.0);
                (outer.0, inner)
            });
            assert!(nested.is_ok());
            drop(copy);
        }
        DEPTH.store(100, Relaxed);
    });
}

/// A small value without a destructor is cloned when contexts part; a panic there changes nothing.
#[test]
fn a_clone_that_panics() {
    struct Shy(u32);
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    impl Clone for Shy {
        fn clone(&self) -> Self {
            assert_eq!(PANICS.load(Relaxed), 0, "on purpose");
            Self(self.0)
        }
    }
    static SHY: ContextVar<Shy> = ContextVar::new("shy");
    static OTHER: ContextVar<u32> = ContextVar::new("other");
    apart(|| {
        drop((SHY.set(Shy(1)), OTHER.set(1)));
        let _copy = copy_context();
        PANICS.store(1, Relaxed);
        assert!(catch_unwind(|| SHY.get().is_ok()).is_err());
        // Of itself: which others are copied with it depends on the places that other tests have taken.
        assert!(catch_unwind(|| drop(SHY.set(Shy(2)))).is_err());
        assert_eq!((OTHER.get(), SHY.with(|shy| shy.0)), (Ok(1), Ok(1)));
        PANICS.store(0, Relaxed);
        drop(SHY.set(Shy(3)));
        assert_eq!((OTHER.get(), SHY.with(|shy| shy.0)), (Ok(1), Ok(3)));
    });
}

#[test]
fn a_drop_that_panics_ends_no_thread_and_costs_no_other_value() {
    struct Bomb;
    impl Clone for Bomb {
        fn clone(&self) -> Self {
            Self
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "on purpose");
        }
    }
    static BOMB: ContextVar<Option<Arc<Bomb>>> = ContextVar::new("bomb");
    static COUNTED: ContextVar<Option<Counted>> = ContextVar::new("counted");
    let count = Arc::new(AtomicUsize::new(0));
    let body = {
        let count = count.clone();
        move || {
            drop((BOMB.set(Some(Arc::new(Bomb))), COUNTED.set(Some(Counted::new(&count)))));
            7
        }
    };
    assert_eq!(threading::spawn(body.clone()).unwrap().join().unwrap(), 7);
    // In a thread of the standard library's, outside of all contexts.
    assert_eq!(std::thread::spawn(body).join().unwrap(), 7);
    assert_eq!(count.load(Relaxed), 0);
}

#[test]
fn values_after_the_threads_own_are_gone() {
    struct Late(Arc<AtomicUsize>);
    impl Drop for Late {
        fn drop(&mut self) {
            // No panic, and still a context.
            drop(FOLLOWS.set(3));
            self.0.store(FOLLOWS.get().unwrap() as usize, Relaxed);
        }
    }
    thread_local! {
        static LATE: std::cell::RefCell<Option<Late>> = const { std::cell::RefCell::new(None) };
    }
    let seen = Arc::new(AtomicUsize::new(0));
    let late = Late(seen.clone());
    std::thread::spawn(move || {
        LATE.set(Some(late));
        drop(FOLLOWS.set(1));
    })
    .join()
    .unwrap();
    assert_eq!(seen.load(Relaxed), 3);
}

#[test]
fn a_timer_that_is_cancelled_gives_its_context_back() {
    static VAR: ContextVar<Option<Counted>> = ContextVar::new("v");
    let count = Arc::new(AtomicUsize::new(0));
    apart(|| {
        drop(VAR.set(Some(Counted::new(&count))));
        let timer = Timer::start_at(Deadline::NEVER, || ()).unwrap();
        assert!(timer.cancel());
    });
    assert_eq!(count.load(Relaxed), 0);
}

/// A map's items are done one behind the other in a context that is made fresh for each: what one has set is
/// dropped before the next, and if that panics the next is done all the same.
#[test]
fn a_drop_that_panics_costs_a_map_no_item() {
    #[derive(Clone)]
    struct Thorn;
    impl Drop for Thorn {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "on purpose");
        }
    }
    static THORN: ContextVar<Option<Arc<Thorn>>> = ContextVar::new("thorn");
    let executor = Inline::new();
    let items = executor.map(
        |n: u32| {
            drop(THORN.set(Some(Arc::new(Thorn))));
            n * 2
        },
        0..4,
    );
    let results: Result<Vec<_>, _> = items.chunk_size(4).unwrap().into_iter().collect();
    assert_eq!(results.unwrap(), [0, 2, 4, 6]);
}
