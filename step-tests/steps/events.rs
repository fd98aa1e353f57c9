//! What is waited for and comes once, or again.

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use inkle_core::sync::{
    Barrier, CancelToken, Claim, Event, Hook, Latch, Once, Outcome, Promise, Reason,
};

use crate::beside::{Beside, Task, once, tasks};
use crate::ground::{SOON, Steps};
use crate::items::Lender;
use crate::models;
use crate::subject::{Answer, Operation, States, Subject, one_lock, op, say};

/// The operations, those of a task, and what of all that takes the lock around the list of tasks.
fn with_tasks<T: 'static, G: 'static>(
    mut operations: Vec<Operation<Beside<T, G>>>,
    polled: Operation<Beside<T, G>>,
    listed: &'static [&'static str],
) -> Vec<Operation<Beside<T, G>>> {
    operations.push(polled);
    operations.extend(tasks(&[]));
    one_lock(operations, listed)
}

type OneEvent = Beside<Event<Steps>>;

fn event_at(set: bool) -> OneEvent {
    let event = Event::new();
    if set {
        event.set();
    }
    Beside::alone(event)
}

fn event_operations() -> Vec<Operation<OneEvent>> {
    vec![
        op("set", |e: &OneEvent, _| say(e.value().set())),
        op("clear", |e: &OneEvent, _| say(e.value().clear())).wait_free(2),
        op("is_set", |e: &OneEvent, _| say(e.value().is_set())).wait_free(1),
    ]
}

fn event_waits(event: &'static Event<Steps>) -> Task {
    Box::pin(async { say(event.wait_async().await) })
}

pub fn event() -> Subject<OneEvent> {
    let mut operations = event_operations();
    operations.push(op("wait_until", |e: &OneEvent, _| say(e.value().wait_until(SOON))));
    Subject::new(
        "Event",
        &["sync/event.rs"],
        vec![("unset", || event_at(false)), ("set", || event_at(true))],
        operations,
        |event| say(event.end().is_set()),
    )
    .model(|state| models::event(state == 1))
    .blocking(vec![op("wait", |e: &OneEvent, _| say(e.value().wait()))])
}

/// Nobody waits, and nobody comes to.
pub fn event_alone() -> Subject<OneEvent> {
    let mut operations = event_operations();
    let set = operations.remove(0).wait_free(4);
    operations.push(set);
    Subject::new(
        "Event, nobody waits",
        &["sync/event.rs"],
        vec![("unset", || event_at(false)), ("set", || event_at(true))],
        operations,
        |event| say(event.end().is_set()),
    )
    .model(|state| models::event(state == 1))
}

pub fn event_tasks() -> Subject<OneEvent> {
    Subject::new(
        "Event, a task waits",
        &["sync/event.rs"],
        vec![("unset", || event_at(false).with_task(event_waits))],
        with_tasks(
            event_operations(),
            op("wait_async", |e: &OneEvent, _| once(event_waits(e.value()))),
            &["set", "wait_async", "poll the task", "drop the task"],
        ),
        |event| say(event.end().is_set()),
    )
    .masks()
}

type OneLatch = Beside<Latch<Steps>>;

fn latch_operations() -> Vec<Operation<OneLatch>> {
    vec![
        op("count_down", |l: &OneLatch, _| say(l.value().count_down(1))),
        op("remaining", |l: &OneLatch, _| say(l.value().remaining())).wait_free(1),
        op("try_wait", |l: &OneLatch, _| say(l.value().try_wait())).wait_free(1),
    ]
}

fn latch_waits(latch: &'static Latch<Steps>) -> Task {
    Box::pin(async { say(latch.wait_async().await) })
}

pub fn latch() -> Subject<OneLatch> {
    let mut operations = latch_operations();
    operations.push(op("wait_until", |l: &OneLatch, _| say(l.value().wait_until(SOON))));
    Subject::new(
        "Latch",
        &["sync/latch.rs"],
        vec![
            ("one step", || Beside::alone(Latch::new(1))),
            ("two", || Beside::alone(Latch::new(2))),
        ],
        operations,
        |latch| say(latch.end().remaining()),
    )
    .model(|state| models::latch(state as u32 + 1))
    .blocking(vec![op("wait", |l: &OneLatch, _| say(l.value().wait()))])
}

pub fn latch_tasks() -> Subject<OneLatch> {
    Subject::new(
        "Latch, a task waits",
        &["sync/latch.rs"],
        vec![("one step", || Beside::alone(Latch::new(1)).with_task(latch_waits))],
        with_tasks(
            latch_operations(),
            op("wait_async", |l: &OneLatch, _| once(latch_waits(l.value()))),
            &["count_down", "wait_async", "poll the task", "drop the task"],
        ),
        |latch| say(latch.end().remaining()),
    )
    .masks()
}

type OneOnce = Beside<Once<u8, Steps>>;

fn once_operations() -> Vec<Operation<OneOnce>> {
    vec![
        op("get", |o: &OneOnce, _| say(o.value().get())).wait_free(1),
        // Another is making the value.
        op("set", |o: &OneOnce, n| say(o.value().set(n).is_ok())).weak("false"),
    ]
}

fn once_waits(cell: &'static Once<u8, Steps>) -> Task {
    Box::pin(async { say(cell.wait_async().await) })
}

fn once_end(cell: OneOnce) -> Answer {
    say(cell.end().into_inner())
}

/// Nobody waits, and nobody comes to.
pub fn once_alone() -> Subject<OneOnce> {
    let mut operations = once_operations();
    let set = operations.remove(1).wait_free(4);
    operations.push(set);
    Subject::new(
        "Once, nobody waits",
        &["sync/once.rs"],
        vec![("empty", || Beside::alone(Once::new()))],
        operations,
        once_end,
    )
    .model(|_| models::once(false))
}

/// Whoever makes the value holds up others who would.
pub fn once_made() -> Subject<OneOnce> {
    let mut operations = once_operations();
    operations.push(op("wait_until", |o: &OneOnce, _| say(o.value().wait_until(SOON))));
    operations.push(
        op("get_or_init", |o: &OneOnce, n| say(o.value().get_or_init(|| n)))
            .waits_for(&["get_or_init", "set"]),
    );
    Subject::new(
        "Once",
        &["sync/once.rs"],
        vec![("empty", || Beside::alone(Once::new()))],
        operations,
        once_end,
    )
    .then(1)
    .model(|_| models::once(false))
    .blocking(vec![op("wait", |o: &OneOnce, _| say(o.value().wait()))])
}

/// There is a value.
pub fn once_full() -> Subject<OneOnce> {
    let mut operations = once_operations();
    operations
        .push(op("get_or_init", |o: &OneOnce, n| say(o.value().get_or_init(|| n))).wait_free(1));
    Subject::new(
        "Once, full",
        &["sync/once.rs"],
        vec![("full", || {
            let cell = Once::new();
            assert!(cell.set(100).is_ok());
            Beside::alone(cell)
        })],
        operations,
        once_end,
    )
    .model(|_| models::once(true))
}

pub fn once_tasks() -> Subject<OneOnce> {
    Subject::new(
        "Once, a task waits",
        &["sync/once.rs"],
        vec![("empty", || Beside::alone(Once::new()).with_task(once_waits))],
        with_tasks(
            once_operations(),
            op("wait_async", |o: &OneOnce, _| once(once_waits(o.value()))),
            &["set", "wait_async", "poll the task", "drop the task"],
        ),
        once_end,
    )
    .masks()
}

type OnePromise = Beside<Promise<u8, Steps>>;

fn promise_operations() -> Vec<Operation<OnePromise>> {
    vec![
        op("is_set", |p: &OnePromise, _| say(p.value().is_set())).wait_free(1),
        op("try_take", |p: &OnePromise, _| say(p.value().try_take())).wait_free(1),
        // Another is setting it.
        op("set", |p: &OnePromise, n| say(p.value().set(n).is_ok())).weak("false"),
        op("abandon", |p: &OnePromise, _| say(p.value().abandon())).weak("false"),
    ]
}

fn promise_waits(promise: &'static Promise<u8, Steps>) -> Task {
    Box::pin(async { say(promise.take_async().await) })
}

fn promise_states() -> States<OnePromise> {
    vec![
        ("empty", || Beside::alone(Promise::new())),
        ("full", || {
            let promise = Promise::new();
            assert!(promise.set(100).is_ok());
            Beside::alone(promise)
        }),
    ]
}

fn promise_end(promise: OnePromise) -> Answer {
    let promise = promise.end();
    format!("{}, {:?}", promise.abandon(), promise.into_inner())
}

pub fn promise() -> Subject<OnePromise> {
    let mut operations = promise_operations();
    operations.push(op("take_until", |p: &OnePromise, _| say(p.value().take_until(SOON))));
    Subject::new("Promise", &["sync/promise.rs"], promise_states(), operations, promise_end)
        .model(|state| models::promise(state == 1))
        .blocking(vec![op("take", |p: &OnePromise, _| say(p.value().take()))])
}

/// Nobody waits, and nobody comes to.
pub fn promise_alone() -> Subject<OnePromise> {
    let operations = promise_operations().into_iter().map(|operation| operation.wait_free(4));
    let operations = operations.collect();
    let name = "Promise, nobody waits";
    Subject::new(name, &["sync/promise.rs"], promise_states(), operations, promise_end)
        .model(|state| models::promise(state == 1))
}

pub fn promise_tasks() -> Subject<OnePromise> {
    Subject::new(
        "Promise, a task waits",
        &["sync/promise.rs"],
        vec![("empty", || Beside::alone(Promise::new()).with_task(promise_waits))],
        with_tasks(
            promise_operations(),
            op("take_async", |p: &OnePromise, _| once(promise_waits(p.value()))),
            &["set", "abandon", "take_async", "poll the task", "drop the task"],
        ),
        promise_end,
    )
    .masks()
}

type OneBarrier = Beside<Barrier<Steps>>;

fn barrier_of_two() -> OneBarrier {
    Beside::alone(Barrier::new(2).expect("not too many"))
}

fn barrier_operations() -> Vec<Operation<OneBarrier>> {
    vec![
        op("abort", |b: &OneBarrier, _| say(b.value().abort())),
        op("reset", |b: &OneBarrier, _| say(b.value().reset())),
        op("is_broken", |b: &OneBarrier, _| say(b.value().is_broken())),
    ]
}

fn barrier_waits(barrier: &'static Barrier<Steps>) -> Task {
    Box::pin(async { say(barrier.wait_async().await) })
}

fn barrier_end(barrier: OneBarrier) -> Answer {
    let barrier = barrier.end();
    assert_eq!(barrier.waiting(), 0);
    say(barrier.is_broken())
}

pub fn barrier() -> Subject<OneBarrier> {
    let mut operations = barrier_operations();
    // One party that waits in vain breaks it; whether the other comes in time is not for an order to say.
    operations.push(op("wait_until", |b: &OneBarrier, _| say(b.value().wait_until(SOON))).loose());
    Subject::new(
        "Barrier",
        &["sync/barrier.rs"],
        vec![("of two", barrier_of_two)],
        operations,
        barrier_end,
    )
    .blocking(vec![op("wait", |b: &OneBarrier, _| say(b.value().wait())).loose()])
}

pub fn barrier_tasks() -> Subject<OneBarrier> {
    Subject::new(
        "Barrier, a task waits",
        &["sync/barrier.rs"],
        vec![("of two", || barrier_of_two().with_task(barrier_waits))],
        with_tasks(
            barrier_operations(),
            op("wait_async", |b: &OneBarrier, _| once(barrier_waits(b.value()))).loose(),
            &["abort", "reset", "wait_async", "poll the task", "drop the task"],
        ),
        barrier_end,
    )
    .masks()
}

type OneToken = Beside<CancelToken<'static, Steps>>;

fn token_operations() -> Vec<Operation<OneToken>> {
    vec![
        op("cancel", |t: &OneToken, n| say(t.value().cancel(Reason::custom(n.into())))),
        op("is_cancelled", |t: &OneToken, _| say(t.value().is_cancelled())).wait_free(1),
        op("is_cancelled by its parent", |t: &OneToken, _| say(t.value().child().is_cancelled()))
            .wait_free(2),
    ]
}

fn token_waits(token: &'static CancelToken<'static, Steps>) -> Task {
    Box::pin(async { say(token.wait_async().await) })
}

fn token_end(token: OneToken) -> Answer {
    say(token.end().reason())
}

pub fn cancel_token() -> Subject<OneToken> {
    Subject::new(
        "CancelToken",
        &["sync/cancel.rs"],
        vec![("not cancelled", || Beside::alone(CancelToken::new()))],
        token_operations(),
        token_end,
    )
    .model(|_| models::cancel_token())
}

pub fn cancel_token_tasks() -> Subject<OneToken> {
    Subject::new(
        "CancelToken, a task waits",
        &["sync/cancel.rs"],
        vec![("not cancelled", || Beside::alone(CancelToken::new()).with_task(token_waits))],
        with_tasks(
            token_operations(),
            op("wait_async", |t: &OneToken, _| once(token_waits(t.value()))),
            &["cancel", "wait_async", "poll the task", "drop the task"],
        ),
        token_end,
    )
    .masks()
}

/// Work, who does it, and who is to be told.
type Work = Beside<Told, Claim<'static, u8, Steps>>;

/// An outcome and its hooks.
pub struct Told {
    outcome: Outcome<u8, Steps>,
    hooks: RefCell<Vec<Lender<Hook>>>,
}

thread_local! {
    /// How many hooks have been told in this run.
    static TELLS: Cell<usize> = const { Cell::new(0) };
}

fn claimed() -> Work {
    let work = work();
    assert!(work.keep(work.value().outcome.claim()));
    work
}

fn work() -> Work {
    TELLS.set(0);
    Beside::alone(Told { outcome: Outcome::new(), hooks: RefCell::default() })
}

fn outcome_operations() -> Vec<Operation<Work>> {
    vec![
        op("phase", |w: &Work, _| say(w.value().outcome.phase())).wait_free(1),
        op("try_get", |w: &Work, _| say(w.value().outcome.try_get())).wait_free(1),
        op("is_settled", |w: &Work, _| {
            let _ = w.value().outcome.is_settled();
            // The hooks are told between two steps.
            "either".into()
        })
        .wait_free(1),
        op("claim", |w: &Work, _| say(w.keep(w.value().outcome.claim()))),
        op("cancel", |w: &Work, _| say(w.value().outcome.cancel())),
        op("finish", |w: &Work, n| match w.kept() {
            Some(claim) => {
                claim.finish(n);
                "Ok".into()
            }
            None => "no claim".into(),
        })
        .weak("no claim"),
        op("hook", |w: &Work, _| {
            let hook = Lender::new(Hook::new(|_| TELLS.set(TELLS.get() + 1)));
            let told = w.value();
            // SAFETY: it is new, and lives until the run is over.
            let entered = unsafe { told.outcome.hook(NonNull::from(hook.get())) };
            if entered {
                told.hooks.borrow_mut().push(hook);
            } else {
                // SAFETY: nobody else knows of it.
                let _ = unsafe { hook.take() };
            }
            // It is refused once the others have been told, which lies between two steps.
            "either".into()
        }),
    ]
}

fn work_waits(told: &'static Told) -> Task {
    Box::pin(async { say(told.outcome.get_async().await) })
}

fn work_end(work: Work) -> Answer {
    if let Some(claim) = work.kept() {
        drop(claim);
    }
    let told = work.end();
    let phase = told.outcome.phase();
    told.outcome.cancel();
    assert!(told.outcome.is_settled());
    let hooks = told.hooks.take();
    assert_eq!(TELLS.get(), hooks.len(), "each hook is told once");
    for hook in hooks {
        // SAFETY: it has been told, so nobody knows of it any more.
        let _ = unsafe { hook.take() };
    }
    format!("{phase:?}, {:?}", told.outcome.into_inner())
}

pub fn outcome() -> Subject<Work> {
    let mut operations = outcome_operations();
    operations.push(op("get_until", |w: &Work, _| say(w.value().outcome.get_until(SOON))));
    Subject::new(
        "Outcome",
        &["sync/outcome.rs"],
        vec![("pending", work), ("claimed", claimed)],
        operations,
        work_end,
    )
    .blocking(vec![op("get", |w: &Work, _| say(w.value().outcome.get()))])
}

pub fn outcome_tasks() -> Subject<Work> {
    Subject::new(
        "Outcome, a task waits",
        &["sync/outcome.rs"],
        vec![
            ("pending", || work().with_task(work_waits)),
            ("claimed", || claimed().with_task(work_waits)),
        ],
        with_tasks(
            outcome_operations(),
            op("get_async", |w: &Work, _| once(work_waits(w.value()))),
            &["cancel", "finish", "get_async", "poll the task", "drop the task"],
        ),
        work_end,
    )
    .masks()
}
