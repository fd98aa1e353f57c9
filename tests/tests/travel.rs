//! Context variables that travel: to a real process and back, and bytes that mean no good.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use inkle::contextvars::{Context, ContextVar, copy_context};
use inkle::threading;
use inkle_tests::watchdog;
use serde::{Deserialize, Serialize, Serializer};

static REQUEST: ContextVar<String> = ContextVar::new("request").travelling();
static STEPS: ContextVar<Vec<u32>> = ContextVar::new("steps").travelling();
static SECRET: ContextVar<u32> = ContextVar::new("secret");
static NUMBER: ContextVar<u64> = ContextVar::new("number").travelling();

fn child(bytes: &[u8], arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_travels"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    child.wait_with_output().unwrap()
}

fn filled() -> Context {
    let context = Context::new();
    let set = || {
        drop((REQUEST.set("7: böse".into()), STEPS.set(vec![1, 2])));
        drop((SECRET.set(9), NUMBER.set(u64::MAX)));
    };
    context.run(set).unwrap();
    context
}

#[test]
fn to_a_process_and_back() {
    let _watch = watchdog();
    let output = child(&filled().pack().unwrap(), &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let back = Context::unpack(&output.stdout).unwrap();
    assert_eq!(back.get(&REQUEST).as_deref(), Some("7: böse"));
    assert_eq!(back.get(&STEPS), Some(vec![1, 2, 3]));
    // The child could not read it, and has lost nothing.
    assert_eq!((back.get(&SECRET), back.get(&NUMBER)), (None, Some(u64::MAX)));
}

#[test]
fn a_value_of_another_type() {
    let _watch = watchdog();
    // Known in the child before anything arrives.
    let output = child(&filled().pack().unwrap(), &["known"]);
    assert!(!output.status.success());
    assert_eq!(
        String::from_utf8(output.stderr).unwrap().trim(),
        "the packed value of the context variable `number` is not of its type"
    );
}

#[test]
fn only_what_travels() {
    let context = Context::unpack(&filled().pack().unwrap()).unwrap();
    assert_eq!((context.len(), context.contains(&SECRET)), (3, false));
    let empty = Context::unpack(&Context::new().pack().unwrap()).unwrap();
    assert!(empty.is_empty());
    // A dropped variable's value stays behind.
    let gone = ContextVar::<u32>::named("gone").travelling();
    let context = Context::new();
    context.run(|| drop(gone.set(1))).unwrap();
    drop(gone);
    let later = ContextVar::<u32>::named("gone").travelling();
    let arrived = Context::unpack(&context.pack().unwrap()).unwrap();
    assert_eq!(arrived.get(&later), None);
}

/// Packed by a variable that is gone when the bytes arrive.
fn packed(name: &str, value: u32) -> Vec<u8> {
    let variable = ContextVar::<u32>::named(name).travelling();
    let context = Context::new();
    context.run(|| drop(variable.set(value))).unwrap();
    context.pack().unwrap()
}

#[test]
fn values_wait_for_their_variables() {
    let context = Context::unpack(&packed("late", 7)).unwrap();
    assert!(context.is_empty());
    // Through somebody who never gets to know it.
    let context = Context::unpack(&context.copy().pack().unwrap()).unwrap();
    static LATE: ContextVar<u32> = ContextVar::with_default("late", 0).travelling();
    assert!(context.contains(&LATE));
    assert_eq!(context.get(&LATE), Some(7));
    context
        .run(|| {
            assert_eq!(threading::spawn(|| LATE.get()).unwrap().join().unwrap(), Ok(7));
            assert_eq!((LATE.get_or(1), LATE.with(|late| *late), LATE.get()), (7, Ok(7), Ok(7)));
            {
                let _bound = LATE.bind(8);
                assert_eq!(
                    Context::unpack(&copy_context().pack().unwrap()).unwrap().get(&LATE),
                    Some(8)
                );
            }
            assert_eq!(LATE.get(), Ok(7));
        })
        .unwrap();
    assert_eq!(LATE.get(), Ok(0));
    // The first use is a change.
    let context = Context::unpack(&packed("later", 7)).unwrap();
    static LATER: ContextVar<u32> = ContextVar::new("later").travelling();
    context
        .run(|| {
            let token = LATER.set(8);
            assert_eq!((token.old_value(), LATER.get()), (Some(&7), Ok(8)));
            LATER.reset(token).unwrap();
            assert_eq!(LATER.get(), Ok(7));
        })
        .unwrap();
    // A variable that does not travel is not meant.
    let context = Context::unpack(&packed("stays", 7)).unwrap();
    static STAYS: ContextVar<u32> = ContextVar::new("stays");
    assert!(!context.contains(&STAYS) && context.run(|| STAYS.get().is_err()).unwrap());
}

#[test]
fn bytes_that_mean_no_good() {
    let good = filled().pack().unwrap();
    for cut in 0..good.len() {
        let error = Context::unpack(&good[..cut]).unwrap_err();
        let expected = if cut < 4 {
            "this is not a packed context"
        } else {
            "the packed context is incomplete or garbled"
        };
        assert_eq!(error.to_string(), expected, "{cut}");
    }
    let mut long = good.clone();
    long.push(0);
    assert!(Context::unpack(&long).is_err());
    // Whatever is changed: an error or a context, never a panic.
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut changed = good.clone();
            changed[at] ^= 1 << bit;
            if let Ok(context) = Context::unpack(&changed) {
                let _ = (context.get(&REQUEST), context.get(&NUMBER), context.get(&STEPS));
            }
        }
    }
}

#[test]
fn a_type_that_refuses() {
    #[derive(Clone)]
    struct Shy;
    impl Serialize for Shy {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
    impl<'de> Deserialize<'de> for Shy {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Ok(Self)
        }
    }
    static SHY: ContextVar<Shy> = ContextVar::new("shy").travelling();
    let context = Context::new();
    context.run(|| drop(SHY.set(Shy))).unwrap();
    let error = context.pack().unwrap_err();
    assert_eq!((error.name(), error.to_string().contains("`shy`")), ("shy", true));
}
