//! Context variables: in one context on one thread, and seen from elsewhere.

use std::cell::Cell;

use inkle_core::context::{Context, ContextVar, Current, Ground, Registry, Slots};

use crate::engine;
use crate::items::Lender;
use crate::subject::{Answer, Subject, op, say};

/// Two words that are always the same: a torn value shows.
type Twice = [usize; 2];

/// What would be statics, for one run.
pub struct Program {
    registry: Registry<Steps>,
    /// One for each thread.
    currents: [Current<Steps>; THREADS],
    first: ContextVar<Twice, Steps>,
    second: ContextVar<Twice, Steps>,
    shared: Context<Steps>,
}

const THREADS: usize = 8;

thread_local! {
    static PROGRAM: Cell<Option<&'static Program>> = const { Cell::new(None) };
}

fn program() -> &'static Program {
    PROGRAM.get().expect("a run")
}

/// The ground of one run.
pub struct Steps;

// SAFETY: each thread of a run has a `Current` of its own, and handlers have that of what they interrupt.
unsafe impl Ground for Steps {
    type Slots = Slots<2>;

    fn registry() -> &'static Registry<Self> {
        &program().registry
    }

    fn current<R>(f: impl FnOnce(&Current<Self>) -> R) -> R {
        f(&program().currents[engine::current() % THREADS])
    }
}

/// One run's statics.
pub struct Home(Lender<Program>);

fn home(set: bool) -> Home {
    let home = Lender::new(Program {
        registry: Registry::new(),
        currents: [const { Current::new() }; THREADS],
        first: ContextVar::new("first"),
        second: ContextVar::new("second"),
        shared: Context::new(),
    });
    PROGRAM.set(Some(home.get()));
    if set {
        drop(program().first.set([100; 2]).expect("nobody else changes it"));
        let changed = program().shared.run(|| program().first.set([101; 2]).is_ok());
        assert!(matches!(changed, Ok(true)));
    }
    Home(home)
}

fn whole(value: Option<Twice>) -> Answer {
    assert!(value.is_none_or(|[a, b]| a == b), "torn: {value:?}");
    say(value)
}

pub fn context() -> Subject<Home> {
    Subject::new(
        "Context",
        &["context/var.rs", "context/frame.rs", "context/current.rs"],
        vec![("unset", || home(false)), ("set", || home(true))],
        vec![
            op("register", |_: &Home, _| say(program().second.register().is_ok())).wait_free(5),
            op("get", |_: &Home, _| whole(program().first.get())),
            op("set", |_: &Home, n| match program().first.set([n.into(); 2]) {
                Ok(token) => whole(token.old_value()),
                Err(error) => say(error),
            })
            // A handler, in the middle of what it has interrupted.
            .weak("Busy")
            .wait_free(25),
            op("reset", |_: &Home, n| {
                let set = program().first.set([n.into(); 2]);
                say(set.is_ok_and(|token| program().first.reset(token).is_ok()))
            })
            .loose(),
            op("run", |_: &Home, n| {
                let ran = program().shared.run(|| {
                    let _ = program().first.set([n.into(); 2]);
                    whole(program().first.get())
                });
                ran.unwrap_or_else(|_| "entered".into())
            })
            .loose(),
            op("run nothing", |_: &Home, _| say(program().shared.run(|| ()).is_ok()))
                // A handler runs in what it interrupts.
                .loose()
                .wait_free(8),
            // Of a context that another may run in.
            op("copy", |_: &Home, _| whole(program().shared.copy().get(&program().first))),
            op("switch", |_: &Home, _| {
                Steps::current(|current| {
                    // SAFETY: back at once to what it was.
                    unsafe {
                        let before = current.switch(std::ptr::null());
                        current.switch(before);
                    }
                });
                String::new()
            })
            .wait_free(4),
        ],
        |Home(home)| {
            let left = [program().first.get(), program().shared.get(&program().first)].map(whole);
            let entered = program().shared.run(|| program().second.set([7; 2]).is_ok());
            assert!(matches!(entered, Ok(true)), "somebody is left in it");
            PROGRAM.set(None);
            // SAFETY: the run is over, and nothing of it is kept.
            let _ = unsafe { home.take() };
            say(left)
        },
    )
    .limit(60)
}
