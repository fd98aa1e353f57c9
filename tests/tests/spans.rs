//! A span of the crate `tracing` around each task. In a process of its own, as its subscriber is for all.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, Once};

use inkle::concurrent::{Inline, Spawn, ThreadPoolExecutor};
use inkle_tests::{eventually, watchdog};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, info_span};

/// What became of a span.
#[derive(Clone, Debug, Default)]
struct Seen {
    name: &'static str,
    parent: Option<u64>,
    fields: BTreeMap<&'static str, String>,
    entered: u32,
    closed: bool,
}

static SEEN: Mutex<BTreeMap<u64, Seen>> = Mutex::new(BTreeMap::new());

thread_local! {
    static CURRENT: std::cell::RefCell<Vec<u64>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Keeps what it hears.
struct Ear {
    last: AtomicU64,
    shares: Mutex<BTreeMap<u64, u32>>,
}

fn seen() -> MutexGuard<'static, BTreeMap<u64, Seen>> {
    SEEN.lock().unwrap()
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl Subscriber for Ear {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let id = self.last.fetch_add(1, SeqCst) + 1;
        let parent = match attributes.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if attributes.is_contextual() => {
                CURRENT.with_borrow(|stack| stack.last().copied())
            }
            None => None,
        };
        let mut span = Seen { name: attributes.metadata().name(), parent, ..Seen::default() };
        attributes.record(&mut Fields(&mut span.fields));
        seen().insert(id, span);
        self.shares.lock().unwrap().insert(id, 1);
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        values.record(&mut Fields(&mut seen().get_mut(&id.into_u64()).unwrap().fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, id: &Id) {
        CURRENT.with_borrow_mut(|stack| stack.push(id.into_u64()));
        seen().get_mut(&id.into_u64()).unwrap().entered += 1;
    }

    fn exit(&self, id: &Id) {
        assert_eq!(CURRENT.with_borrow_mut(Vec::pop), Some(id.into_u64()));
    }

    fn clone_span(&self, id: &Id) -> Id {
        *self.shares.lock().unwrap().get_mut(&id.into_u64()).unwrap() += 1;
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut shares = self.shares.lock().unwrap();
        let left = shares.get_mut(&id.into_u64()).unwrap();
        *left -= 1;
        let closed = *left == 0;
        seen().get_mut(&id.into_u64()).unwrap().closed = closed;
        closed
    }
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let ear = Ear { last: AtomicU64::new(0), shares: Mutex::new(BTreeMap::new()) };
        tracing::subscriber::set_global_default(ear).unwrap();
    });
}

/// The spans of tasks of this name, as soon as they are closed.
fn tasks(name: &str) -> Vec<(u64, Seen)> {
    let of = || {
        let quoted = format!("{name:?}");
        let all = seen().clone().into_iter();
        let of = all.filter(|(_, span)| span.name == "task" && span.fields["name"] == quoted);
        of.collect::<Vec<_>>()
    };
    eventually(|| !of().is_empty() && of().iter().all(|(_, span)| span.closed));
    of()
}

#[test]
fn a_task_runs_in_a_span_that_is_a_child_of_its_submitters() {
    let _watch = watchdog();
    listen();
    let executor = ThreadPoolExecutor::builder().workers(1).name("loom").build().unwrap();
    let request = info_span!("request");
    let future = request.in_scope(|| executor.named("weave").submit(|| info_span!("inside").id()));
    let inside = future.unwrap().join().unwrap().unwrap().into_u64();
    let (id, span) = tasks("weave").remove(0);
    assert_eq!(span.parent, request.id().map(|id| id.into_u64()));
    assert_eq!(span.entered, 1);
    assert_eq!(span.fields["pool"], "\"loom\"");
    assert!(span.fields["waited_us"].parse::<u64>().is_ok());
    assert!(!span.fields.contains_key("panicked"));
    assert_eq!(seen()[&inside].parent, Some(id), "what the task does lies in its span");
    // Not within anything.
    executor.named("alone").submit(|| ()).unwrap().join().unwrap();
    assert_eq!(tasks("alone")[0].1.parent, None);
}

#[test]
fn panics_cancelled_work_and_work_without_a_future_have_spans_that_end() {
    let _watch = watchdog();
    listen();
    let executor = ThreadPoolExecutor::new(2).unwrap();
    assert!(executor.named("bad").submit(|| panic!("no yarn")).unwrap().join().is_err());
    assert_eq!(tasks("bad")[0].1.fields["panicked"], "true");
    executor.named("lost").start(|| panic!("no yarn")).unwrap();
    assert_eq!(tasks("lost")[0].1.fields["panicked"], "true");
    let (never, future) = inkle::concurrent::task(never_called);
    assert!(future.cancel());
    drop(never);
    let (_, span) = tasks("never_called").remove(0);
    assert!(span.entered == 0 && !span.fields.contains_key("waited_us"));
    let all = Inline::new().map(|n: u32| n + 1, 0..3).into_iter().flatten().sum::<u32>();
    assert_eq!(all, 6);
    let own = "panics_cancelled_work_and_work_without_a_future_have_spans_that_end";
    assert_eq!(tasks(own).len(), 3);
    assert!(tasks(own).iter().all(|(_, span)| !span.fields.contains_key("pool")));
}

fn never_called() {}
