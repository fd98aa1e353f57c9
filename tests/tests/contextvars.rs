//! `inkle::contextvars`: every fact of its section that has a counterpart, by id; what follows the work
//! through every door; and input that means no good.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{self, Poll, Waker};
use std::time::Duration;

use inkle::concurrent::{Inline, Spawn, Submit, ThreadPoolExecutor, task};
use inkle::contextvars::{
    Carried, Carrier, Context, ContextVar, FutureExt, ResetError, add_carrier, copy_context,
};
use inkle::platform::Deadline;
use inkle::sched::{Every, Scheduler, VirtualClock};
use inkle::threading::{self, Barrier, Builder, Timer};

/// A context of the test's own, so that nothing is left in a thread of the harness.
fn apart<R>(f: impl FnOnce() -> R) -> R {
    Context::new().run(f).unwrap()
}

#[test]
fn cv001_a_variable_has_a_name() {
    static VAR: ContextVar<u32> = ContextVar::new("a name");
    assert_eq!(VAR.name(), "a name");
    assert_eq!(ContextVar::<u32>::named(format!("{} {}", "made", "here")).name(), "made here");
    // Two of one name are two.
    let [one, other] = ["x", "x"].map(ContextVar::<u32>::new);
    apart(|| {
        let _one = one.bind(1);
        assert!(other.get().is_err());
    });
}

#[test]
fn cv003_value_argument_default_error() {
    static WITHOUT: ContextVar<u32> = ContextVar::new("without");
    static WITH: ContextVar<u32> = ContextVar::with_default("with", 5);
    static MADE: ContextVar<String> = ContextVar::with_default_fn("made", || "m".repeat(3));
    apart(|| {
        assert_eq!(WITHOUT.get().unwrap_err().name(), "without");
        assert_eq!((WITHOUT.get_or(1), WITH.get_or(1), WITH.get()), (1, 1, Ok(5)));
        assert_eq!((MADE.get().unwrap(), MADE.with(|made| made.len())), ("mmm".to_owned(), Ok(3)));
        // A default is not stored.
        assert!(copy_context().is_empty() && !copy_context().contains(&WITH));
        let _set = (WITHOUT.bind(2), WITH.bind(3));
        assert_eq!((WITHOUT.get(), WITH.get(), WITHOUT.get_or(9)), (Ok(2), Ok(3), 2));
    });
}

#[test]
fn cv004_a_set_is_for_the_current_context_only() {
    static VAR: ContextVar<u32> = ContextVar::with_default("v", 0);
    apart(|| {
        drop(VAR.set(1));
        let (before, after) = apart(|| (VAR.get(), VAR.set(2)));
        drop(after);
        assert_eq!((before, VAR.get()), (Ok(0), Ok(1)));
    });
}

#[test]
fn cv005_a_token_is_for_its_variable_and_its_context() {
    static ONE: ContextVar<u32> = ContextVar::new("one");
    static OTHER: ContextVar<u32> = ContextVar::new("other");
    static NEVER_SET: ContextVar<u32> = ContextVar::new("never set");
    apart(|| {
        let token = ONE.set(1);
        drop(OTHER.set(1));
        let Err(ResetError::OtherVariable(token)) = OTHER.reset(token) else { panic!() };
        let Err(ResetError::OtherVariable(token)) = NEVER_SET.reset(token) else { panic!() };
        let Err(ResetError::OtherContext(token)) = apart(|| ONE.reset(token)) else { panic!() };
        let inside = copy_context().run(|| ONE.reset(token)).unwrap();
        let Err(ResetError::OtherContext(token)) = inside else { panic!() };
        // The error says why, and the token is still good.
        assert_eq!(ONE.reset(token).map_err(|error| error.to_string()), Ok(()));
        assert!(ONE.get().is_err());
    });
}

#[test]
fn cv005_a_token_of_another_thread_is_one_of_another_context() {
    static VAR: ContextVar<u32> = ContextVar::new("v");
    apart(|| {
        let token = VAR.set(1);
        let refused = threading::spawn(move || VAR.reset(token).is_err()).unwrap();
        assert!(refused.join().unwrap());
    });
}

#[test]
fn cv006_tokens_in_any_order() {
    static VAR: ContextVar<u32> = ContextVar::with_default("v", 0);
    apart(|| {
        let first = VAR.set(1);
        let second = VAR.set(2);
        VAR.reset(first).unwrap();
        assert_eq!(VAR.get(), Ok(0));
        VAR.reset(second).unwrap();
        assert_eq!(VAR.get(), Ok(1));
    });
}

#[test]
fn cv007_a_token_knows_the_old_value() {
    static VAR: ContextVar<String> = ContextVar::new("v");
    apart(|| {
        let first = VAR.set("a".into());
        let second = VAR.set("b".into());
        assert_eq!((first.old_value(), second.old_value().map(|s| &s[..])), (None, Some("a")));
    });
}

#[test]
fn cv008_cv009_a_guard_restores_also_after_a_panic() {
    static VAR: ContextVar<u32> = ContextVar::with_default("v", 0);
    apart(|| {
        {
            let _bound = VAR.bind(1);
            drop((VAR.set(2), VAR.set(3)));
            assert_eq!(VAR.get(), Ok(3));
        }
        assert_eq!(VAR.get(), Ok(0));
        let panicked = catch_unwind(|| {
            let _bound = VAR.bind(1);
            panic!("on purpose");
        });
        assert!(panicked.is_err());
        assert_eq!(VAR.get(), Ok(0));
        // In another context it changes nothing.
        let bound = VAR.bind(7);
        apart(|| drop(bound));
        assert_eq!(VAR.get(), Ok(7));
    });
}

#[test]
fn cv010_cv011_a_copy_is_a_snapshot() {
    static VAR: ContextVar<u32> = ContextVar::new("v");
    apart(|| {
        drop(VAR.set(1));
        let copy = copy_context();
        let second = copy.copy();
        drop(VAR.set(2));
        second.run(|| drop(VAR.set(3))).unwrap();
        assert_eq!((VAR.get(), copy.get(&VAR), second.get(&VAR)), (Ok(2), Some(1), Some(3)));
        assert!(Context::new().is_empty() && Context::default().get(&VAR).is_none());
    });
}

#[test]
fn cv012_changes_stay_also_when_the_function_panicked() {
    static VAR: ContextVar<u32> = ContextVar::with_default("v", 0);
    apart(|| {
        let context = copy_context();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            context.run(|| {
                drop(VAR.set(1));
                panic!("on purpose");
            })
        }));
        assert!(panicked.is_err());
        assert_eq!((VAR.get(), context.get(&VAR)), (Ok(0), Some(1)));
        // It can be entered again, and nested contexts find their way back.
        context
            .run(|| {
                apart(|| assert_eq!(VAR.get(), Ok(0)));
                assert_eq!(VAR.get(), Ok(1));
            })
            .unwrap();
    });
}

#[test]
fn cv013_one_at_a_time() {
    static VAR: ContextVar<u32> = ContextVar::with_default("v", 0);
    let context = Context::new();
    let again = context.run(|| context.run(|| 7)).unwrap();
    assert_eq!(again.unwrap_err().into_inner()(), 7);

    // In another thread.
    let (inside, leave) = (Barrier::new(2).unwrap(), Barrier::new(2).unwrap());
    let body = || {
        drop(VAR.set(1));
        inside.wait().unwrap();
        leave.wait().unwrap();
    };
    threading::scope(|scope| {
        let runner = scope.spawn(|| assert!(context.run(&body).is_ok())).unwrap();
        inside.wait().unwrap();
        assert!(context.run(|| ()).is_err());
        // Its values can be seen all the same.
        assert_eq!((context.get(&VAR), context.copy().get(&VAR)), (Some(1), Some(1)));
        leave.wait().unwrap();
        runner.join().unwrap();
    })
    .unwrap();
    assert_eq!(context.run(|| VAR.get()).unwrap(), Ok(1));
}

#[test]
fn cv014_cv016_a_context_can_be_looked_through() {
    static NUMBER: ContextVar<u32> = ContextVar::new("number");
    static TEXT: ContextVar<String> = ContextVar::new("text");
    static UNSET: ContextVar<u32> = ContextVar::with_default("unset", 1);
    let context = Context::new();
    context.run(|| drop((NUMBER.set(7), TEXT.set("seven".into())))).unwrap();
    assert_eq!(
        (context.len(), context.contains(&TEXT), context.contains(&UNSET)),
        (2, true, false)
    );
    assert_eq!((context.get(&NUMBER), context.get(&UNSET)), (Some(7), None));
    let mut found = Vec::new();
    for item in &context {
        let value = match item.value().downcast_ref::<u32>() {
            Some(number) => number.to_string(),
            None => item.value().downcast_ref::<String>().unwrap().clone(),
        };
        found.push((item.name().to_owned(), value));
    }
    found.sort();
    assert_eq!(found, [("number".into(), "7".into()), ("text".into(), "seven".to_string())]);
    assert!(format!("{context:?}").contains("number"));
}

static FOLLOWS: ContextVar<u32> = ContextVar::with_default("follows", 0);
static STAYS: ContextVar<u32> = ContextVar::with_default("stays", 0).not_inherited();

/// What a door lets through: (1, 0) if it is a copy, less what stays.
fn seen() -> (u32, u32) {
    let seen = (FOLLOWS.get().unwrap(), STAYS.get().unwrap());
    // Never seen outside.
    drop((FOLLOWS.set(50), STAYS.set(50)));
    seen
}

fn with_values(f: impl FnOnce()) {
    apart(|| {
        drop((FOLLOWS.set(1), STAYS.set(2)));
        f();
        assert_eq!((FOLLOWS.get(), STAYS.get()), (Ok(1), Ok(2)));
        // A copy that was asked for has everything.
        assert_eq!(copy_context().run(|| STAYS.get()).unwrap(), Ok(2));
    });
}

#[test]
fn cv017_cv021_threads_inherit() {
    with_values(|| {
        assert_eq!(threading::spawn(seen).unwrap().join().unwrap(), (1, 0));
        // CV017: opt-out; CV020: a context of one's own.
        let alone = Builder::new().context(Context::new());
        assert_eq!(alone.spawn(seen).unwrap().join().unwrap(), (0, 0));
        let own = Context::new();
        own.run(|| drop(FOLLOWS.set(8))).unwrap();
        let builder = Builder::new().context(own.copy());
        for _ in 0..2 {
            assert_eq!(builder.spawn(seen).unwrap().join().unwrap(), (8, 0));
        }
        assert_eq!(own.get(&FOLLOWS), Some(8));
        // What is inherited is what there was at the start, not at the first look.
        let gate = Arc::new(Barrier::new(2).unwrap());
        let body = {
            let gate = gate.clone();
            move || {
                gate.wait().unwrap();
                seen()
            }
        };
        let thread = threading::spawn(body).unwrap();
        let token = FOLLOWS.set(9);
        gate.wait().unwrap();
        assert_eq!(thread.join().unwrap(), (1, 0));
        FOLLOWS.reset(token).unwrap();
    });
}

#[test]
fn scopes_inherit() {
    with_values(|| {
        let threads = threading::scope(|scope| {
            [(); 3].map(|()| scope.spawn(seen).unwrap()).map(|thread| thread.join().unwrap())
        });
        assert_eq!(threads.unwrap(), [(1, 0); 3]);
    });
}

#[test]
fn raw_threads_inherit() {
    with_values(|| {
        let (send, receive) = mpsc::channel();
        inkle::thread::start_new_thread(move || send.send(seen()).unwrap()).unwrap();
        assert_eq!(receive.recv(), Ok((1, 0)));
    });
}

#[test]
fn timers_inherit() {
    with_values(|| {
        let timer = Timer::start(Duration::ZERO, seen).unwrap();
        assert_eq!(timer.join().unwrap(), (1, 0));
        let alone = Timer::start(Duration::ZERO, Context::new().bind(seen)).unwrap();
        assert_eq!(alone.join().unwrap(), (0, 0));
    });
}

#[test]
fn scheduled_events_and_jobs_inherit() {
    with_values(|| {
        let scheduler = Scheduler::with_clock(VirtualClock::jumping());
        let all = Arc::new(Mutex::new(Vec::new()));
        let note = |what: &'static str| {
            let all = all.clone();
            move || all.lock().unwrap().push((what, seen()))
        };
        scheduler.enter(Duration::from_secs(1), 0, note("event")).unwrap();
        scheduler.enter(Duration::from_secs(2), 0, Context::new().bind(note("alone"))).unwrap();
        let job = note("job");
        let every: Every<_> = scheduler.every(Duration::from_secs(10)).times(2);
        every.start(move |_| job()).unwrap();
        // Run by somebody else: it does not matter who.
        apart(|| {
            drop(FOLLOWS.set(77));
            scheduler.run().unwrap();
        });
        let expected = [("event", (1, 0)), ("alone", (0, 0)), ("job", (1, 0)), ("job", (1, 0))];
        assert_eq!(all.lock().unwrap()[..], expected);
    });
}

fn copied(argument: u32) -> (u32, (u32, u32)) {
    (argument, seen())
}

#[test]
fn cv018_cv021_tasks_of_a_pool_inherit() {
    with_values(|| {
        let pool = ThreadPoolExecutor::new(2).unwrap();
        // Its workers were started by somebody else, and have nothing of his.
        apart(|| {
            drop(FOLLOWS.set(77));
            let warm = [(); 4].map(|()| pool.submit(seen).unwrap()).map(|f| f.join().unwrap());
            assert_eq!(warm, [(77, 0); 4]);
        });
        let all = [(); 8].map(|()| pool.submit(seen).unwrap()).map(|future| future.join().unwrap());
        assert_eq!(all, [(1, 0); 8]);
        assert_eq!(pool.submit_fn(copied, 5).unwrap().join().unwrap(), (5, (1, 0)));
        let mapped: Result<Vec<_>, _> =
            pool.map(copied, 0..3).chunk_size(3).unwrap().into_iter().collect();
        assert_eq!(mapped.unwrap(), [0, 1, 2].map(|n| (n, (1, 0))));
        let alone = pool.submit(Context::new().bind(seen)).unwrap();
        assert_eq!(alone.join().unwrap(), (0, 0));
        let (send, receive) = mpsc::channel();
        pool.start(move || send.send(seen()).unwrap()).unwrap();
        assert_eq!(receive.recv(), Ok((1, 0)));
        assert_eq!(Inline::new().submit(seen).unwrap().join().unwrap(), (1, 0));
        // A task that another worker waits for, which does it itself.
        let nested = pool.submit({
            let pool = pool.clone();
            move || {
                drop(FOLLOWS.set(3));
                let inner = pool.submit(seen).unwrap();
                (inner.join().unwrap(), FOLLOWS.get())
            }
        });
        assert_eq!(nested.unwrap().join().unwrap(), ((3, 0), Ok(3)));
    });
}

#[test]
fn done_callbacks_inherit() {
    with_values(|| {
        let (task, future) = task(|| 7);
        let (send, receive) = mpsc::channel();
        let late = send.clone();
        future.add_done_callback(move |_| send.send(seen()).unwrap());
        // Done in a context that has nothing to do with it.
        apart(|| assert!(task.run()));
        assert_eq!(receive.recv(), Ok((1, 0)));
        future.add_done_callback(move |_| late.send(seen()).unwrap());
        assert_eq!(receive.recv(), Ok((1, 0)));
        let chained = future.map(|number| (number, seen()));
        assert_eq!(chained.join().unwrap(), (7, (1, 0)));
    });
}

/// A future that is polled several times, sees its own number each time and changes it.
fn counting(polls: u32) -> impl Future<Output = u32> {
    static COUNT: ContextVar<u32> = ContextVar::with_default("count", 0);
    let mut left = polls;
    poll_fn(move |context| {
        drop(COUNT.set(COUNT.get().unwrap() + 1));
        left -= 1;
        context.waker().wake_by_ref();
        if left == 0 { Poll::Ready(COUNT.get().unwrap()) } else { Poll::Pending }
    })
}

#[test]
fn cv018_futures_keep_their_own_values() {
    let mut tasks: Vec<Pin<Box<dyn Future<Output = u32>>>> = Vec::new();
    for polls in 1..=4 {
        tasks.push(Box::pin(counting(polls).with_context(copy_context())));
    }
    let mut context = task::Context::from_waker(Waker::noop());
    let mut done = Vec::new();
    while !tasks.is_empty() {
        tasks.retain_mut(|task| match task.as_mut().poll(&mut context) {
            Poll::Ready(count) => {
                done.push(count);
                false
            }
            Poll::Pending => true,
        });
    }
    assert_eq!(done, [1, 2, 3, 4]);
}

#[test]
fn cv018_a_future_is_dropped_in_its_context() {
    struct Noting(Arc<AtomicUsize>);
    impl Drop for Noting {
        fn drop(&mut self) {
            self.0.store(FOLLOWS.get().unwrap() as usize, Relaxed);
        }
    }
    apart(|| {
        let seen = Arc::new(AtomicUsize::new(0));
        let noting = Noting(seen.clone());
        let context = Context::new();
        context.run(|| drop(FOLLOWS.set(5))).unwrap();
        let mut future = Box::pin(
            async move {
                let _noting = noting;
                std::future::pending::<()>().await;
            }
            .with_context(context),
        );
        let mut context = task::Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
        drop(future);
        assert_eq!(seen.load(Relaxed), 5);
    });
}

#[test]
fn cv022_a_value_set_in_a_future_does_not_leak_to_who_polls_it() {
    apart(|| {
        let mut future = pin!(async { drop(FOLLOWS.set(3)) }.with_context(copy_context()));
        let mut context = task::Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_ready());
        assert_eq!(FOLLOWS.get(), Ok(0));
    });
}

#[test]
fn what_else_follows_the_work() {
    thread_local! {
        static SPAN: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
    }
    struct Spans;
    struct Span(u32);
    impl Carrier for Spans {
        fn capture(&self) -> Option<Box<dyn Carried>> {
            let span = SPAN.get();
            (span != 0).then(|| Box::new(Span(span)) as _)
        }
    }
    impl Carried for Span {
        fn within(&self, f: &mut dyn FnMut()) {
            let before = SPAN.replace(self.0);
            f();
            SPAN.set(before);
        }
    }
    add_carrier(Spans);
    SPAN.set(7);
    assert_eq!(threading::spawn(|| SPAN.get()).unwrap().join().unwrap(), 7);
    assert_eq!(Timer::start(Duration::ZERO, || SPAN.get()).unwrap().join().unwrap(), 7);
    let copy = copy_context();
    SPAN.set(8);
    assert_eq!(copy.run(|| SPAN.get()).unwrap(), 7);
    let mut future = pin!(async { SPAN.get() }.with_context(copy));
    let mut context = task::Context::from_waker(Waker::noop());
    assert_eq!(future.as_mut().poll(&mut context), Poll::Ready(7));
    assert_eq!(SPAN.get(), 8);
}

#[test]
fn a_carrier_that_forgets_to_call() {
    thread_local! {
        static HAS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    struct Forgetful;
    impl Carrier for Forgetful {
        fn capture(&self) -> Option<Box<dyn Carried>> {
            HAS.get().then(|| Box::new(Self) as _)
        }
    }
    impl Carried for Forgetful {
        fn within(&self, _: &mut dyn FnMut()) {}
    }
    add_carrier(Forgetful);
    HAS.set(true);
    assert_eq!(threading::spawn(|| 7).unwrap().join().unwrap(), 7);
}

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
        assert!(catch_unwind(|| drop(OTHER.set(2))).is_err());
        assert_eq!(OTHER.get(), Ok(1));
        PANICS.store(0, Relaxed);
        drop(OTHER.set(3));
        assert_eq!((OTHER.get(), SHY.with(|shy| shy.0)), (Ok(3), Ok(1)));
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
