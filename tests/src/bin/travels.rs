//! A process that contexts travel to: `tests/travel.rs` starts it, and unpacks what it sends back.

use std::io::{Read, Write, stderr, stdin, stdout};
use std::process::ExitCode;

use inkle::contextvars::{Context, ContextVar};
use inkle::threading;

static REQUEST: ContextVar<String> = ContextVar::new("request").travelling();
static STEPS: ContextVar<Vec<u32>> = ContextVar::with_default_fn("steps", Vec::new).travelling();
/// The sender has one of this name too, and keeps its value.
static SECRET: ContextVar<u32> = ContextVar::with_default("secret", 0);
/// The sender's is of another type.
static WORD: ContextVar<String> = ContextVar::new("number").travelling();

fn main() -> ExitCode {
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes).unwrap();
    // A first argument has it known before anything arrives.
    if std::env::args().nth(1).is_some() {
        Context::new().run(|| drop(WORD.set(String::new()))).unwrap();
    }
    let context = match Context::unpack(&bytes) {
        Ok(context) => context,
        Err(error) => {
            let _ = writeln!(stderr(), "{error}");
            return ExitCode::FAILURE;
        }
    };
    let work = || {
        assert_eq!((REQUEST.get().unwrap().as_str(), SECRET.get()), ("7: böse", Ok(0)));
        assert!(WORD.get().is_err());
        // It follows the work here too.
        let seen = threading::spawn(|| (REQUEST.get(), STEPS.get())).unwrap().join().unwrap();
        assert_eq!(seen, (REQUEST.get(), Ok(vec![1, 2])));
        let mut steps = STEPS.get().unwrap();
        steps.push(3);
        let token = STEPS.set(steps);
        assert_eq!(token.old_value(), Some(&vec![1, 2]));
    };
    context.run(work).unwrap();
    stdout().write_all(&context.pack().unwrap()).unwrap();
    ExitCode::SUCCESS
}
