//! `inkle::contextvars`: every fact of its section that has a counterpart, by id; what follows the work
//! through every door; and input that means no good.

mod doors;
mod values;

use std::panic::{AssertUnwindSafe, catch_unwind};

use inkle::contextvars::{Context, ContextVar, ResetError, copy_context};
use inkle::threading::{self, Barrier};

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
