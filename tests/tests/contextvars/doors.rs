//! What starts in a copy of its starter's context: one test for each door.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{self, Poll, Waker};
use std::time::Duration;

use inkle::concurrent::{Inline, Spawn, Submit, ThreadPoolExecutor, task};
use inkle::contextvars::{
    Carried, Carrier, Context, ContextVar, FutureExt, add_carrier, copy_context,
};
use inkle::sched::{Every, Scheduler, VirtualClock};
use inkle::threading::{self, Barrier, Builder, Timer};

use crate::apart;

pub(crate) static FOLLOWS: ContextVar<u32> = ContextVar::with_default("follows", 0);
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

/// Wherever the variable's value lies, and whatever lies beside it already.
#[test]
fn what_is_not_inherited_is_not_in_any_place() {
    let all: Vec<_> = (0..80u32)
        .map(|n| {
            let variable = ContextVar::<u32>::named(n.to_string());
            if n % 2 == 1 { variable.not_inherited() } else { variable }
        })
        .collect();
    // Each gets its place now, so that the next ones find room there.
    apart(|| all.iter().for_each(|variable| drop(variable.set(0))));
    for pair in all.chunks(2) {
        apart(|| {
            drop((pair[0].set(1), pair[1].set(2)));
            let seen = threading::scope(|scope| {
                scope.spawn(|| (pair[0].get().ok(), pair[1].get().ok())).unwrap().join().unwrap()
            });
            assert_eq!(seen.unwrap(), (Some(1), None));
        });
    }
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
