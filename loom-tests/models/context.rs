//! Context variables: two who register at once get different numbers and no number is lost; what another
//! reads of a context while it is changed is whole and of one moment; one at a time runs in a context.

use std::sync::Arc;

use inkle_core::context::{Context, ContextVar, Current, Ground, Registry, Slots};
use inkle_core::error::NoSlot;
use loom::thread::spawn;

use crate::kit::Model;

const LONG: &str = "a read may take any of the words that were stored: millions without a bound";
const THREE: &str = "three threads: each more costs about ten times";

pub const MODELS: &[Model] = &[
    Model::full("register_same", || register([0, 0])),
    Model::full("register_other", || register([0, 1])),
    Model::bounded("register_three", 3, THREE, register_three),
    Model::bounded("set_get", 4, LONG, || changes(1, read)),
    Model::bounded("set_get_get", 3, LONG, || changes(2, read)),
    Model::bounded("set_copy", 3, LONG, || changes(1, copy)),
    Model::bounded("set_copy_of_two", 3, LONG, two_variables),
    Model::bounded("set_iter", 3, LONG, set_iter),
    Model::bounded("set_copy_first_use", 3, LONG, first_use),
    Model::full("enter_enter", || enter(2)),
    Model::bounded("enter_three", 2, THREE, || enter(3)),
    Model::bounded("enter_copy", 3, LONG, enter_copy),
];

struct Threads;

loom::lazy_static! {
    static ref REGISTRY: Registry<Threads> = Registry::new();
}

loom::thread_local! {
    static CURRENT: Current<Threads> = Current::new();
}

// SAFETY: each thread has its own.
unsafe impl Ground for Threads {
    type Slots = Slots<2>;

    fn registry() -> &'static Registry<Self> {
        &REGISTRY
    }

    fn current<R>(f: impl FnOnce(&Current<Self>) -> R) -> R {
        CURRENT.with(f)
    }
}

/// Two words that are always the same: a torn value shows.
type Twice = [usize; 2];
type Var = ContextVar<Twice, Threads>;

/// A variable that lives for ever, as a `static` does.
fn variable(name: &'static str) -> &'static Var {
    Box::leak(Box::new(Var::new(name)))
}

fn set(variable: &'static Var, value: usize) {
    assert!(variable.set([value; 2]).is_ok());
}

fn whole(value: Option<Twice>) -> usize {
    let [first, second] = value.unwrap_or_default();
    assert_eq!(first, second, "a torn value");
    first
}

/// Two threads register one variable of two each. Then there is room for as many as there should be.
fn register(which: [usize; 2]) {
    let variables = ["x", "y"].map(variable);
    let [here, there] = which.map(|at| variables[at]);
    let other = spawn(move || assert_eq!(there.register(), Ok(())));
    assert_eq!(here.register(), Ok(()));
    other.join().unwrap();
    for variable in variables {
        assert_eq!(variable.register(), Ok(()));
    }
    assert_eq!(variable("z").register(), Err(NoSlot));
    // Each has a slot of its own.
    for (value, at) in variables.iter().zip(1..) {
        set(value, at);
    }
    assert_eq!(variables.map(|v| whole(v.get())), [1, 2]);
}

/// Three variables, two slots: one of them gets none, and later neither.
fn register_three() {
    let variables = ["x", "y", "z"].map(variable);
    let others = [1, 2].map(|at| spawn(move || variables[at].register().is_ok()));
    let mut got = vec![variables[0].register().is_ok()];
    got.extend(others.map(|other| other.join().unwrap()));
    assert_eq!(got.iter().filter(|got| **got).count(), 2);
    assert_eq!(variables.map(|v| v.register().is_ok()).to_vec(), got);
}

fn read(context: &Context<Threads>, x: &'static Var) -> usize {
    whole(context.get(x))
}

fn copy(context: &Context<Threads>, x: &'static Var) -> usize {
    whole(context.copy().get(x))
}

/// One runs in a context and changes a value, so often that the cell it was in is used again; another
/// reads it.
fn changes(times: usize, read: fn(&Context<Threads>, &'static Var) -> usize) {
    let x = variable("x");
    let context = Arc::new(Context::<Threads>::new());
    context.run(|| set(x, 1)).unwrap();
    let other = {
        let context = context.clone();
        spawn(move || {
            let mut last = 1;
            for _ in 0..times {
                let now = read(&context, x);
                assert!(last <= now, "back in time");
                last = now;
            }
        })
    };
    context.run(|| (2..=3).for_each(|value| set(x, value))).unwrap();
    other.join().unwrap();
    assert_eq!(read(&context, x), 3);
}

/// A copy shows both variables as they were at one moment.
fn two_variables() {
    let [x, y] = ["x", "y"].map(variable);
    x.register().unwrap();
    y.register().unwrap();
    let context = Arc::new(Context::<Threads>::new());
    let other = {
        let context = context.clone();
        spawn(move || {
            let copy = context.copy();
            let [x, y] = [x, y].map(|v| whole(copy.get(v)));
            assert!(x == y || x == y + 1, "{x} and {y}");
        })
    };
    context
        .run(|| {
            for value in 1..=2 {
                set(x, value);
                set(y, value);
            }
        })
        .unwrap();
    other.join().unwrap();
}

/// Variables with a value: there, gone, and their names.
fn set_iter() {
    let [x, y] = ["x", "y"].map(variable);
    y.register().unwrap();
    let context = Arc::new(Context::<Threads>::new());
    let other = {
        let context = context.clone();
        spawn(move || {
            let names: Vec<_> = context.iter().map(|variable| variable.name()).collect();
            assert!([&[][..], &["y"], &["x"], &["y", "x"]].contains(&&names[..]), "{names:?}");
        })
    };
    context
        .run(|| {
            let token = y.set([1; 2]).unwrap();
            set(x, 1);
            assert!(y.reset(token).is_ok());
        })
        .unwrap();
    other.join().unwrap();
    assert_eq!(context.len(), 1);
}

/// Somebody copies and reads while the variable is registered and set for the first time, and sets it in
/// his own context.
fn first_use() {
    let x = variable("x");
    let context = Arc::new(Context::<Threads>::new());
    let other = {
        let context = context.clone();
        spawn(move || {
            let copy = context.copy();
            set(x, 7);
            assert!([0, 1].contains(&whole(copy.get(x))));
            assert_eq!(whole(x.get()), 7);
        })
    };
    context.run(|| set(x, 1)).unwrap();
    other.join().unwrap();
    assert_eq!(whole(context.get(x)), 1);
}

/// Each adds one in the context, if he may. Who comes behind another sees what that one did.
fn enter(threads: usize) {
    let x = variable("x");
    let context = Arc::new(Context::<Threads>::new());
    let add = move |context: &Context<Threads>| {
        context.run(|| set(x, whole(x.get()) + 1)).is_ok() as usize
    };
    let others: Vec<_> = (1..threads)
        .map(|_| {
            let context = context.clone();
            spawn(move || add(&context))
        })
        .collect();
    let here = add(&context);
    let added = here + others.into_iter().map(|other| other.join().unwrap()).sum::<usize>();
    assert!(added >= 1);
    assert_eq!(whole(context.get(x)), added);
}

/// A copy of a context that others enter one behind the other.
fn enter_copy() {
    let x = variable("x");
    x.register().unwrap();
    let context = Arc::new(Context::<Threads>::new());
    let add = move |context: &Context<Threads>| {
        context.run(|| set(x, whole(x.get()) + 1)).is_ok() as usize
    };
    let other = {
        let context = context.clone();
        spawn(move || add(&context) + add(&context))
    };
    let seen = whole(context.copy().get(x));
    let here = add(&context);
    assert!(seen + here <= 3);
    let added = here + other.join().unwrap();
    assert_eq!(whole(context.get(x)), added);
}
