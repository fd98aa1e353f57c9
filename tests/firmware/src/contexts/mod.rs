//! Context variables: values that must be whole and those of the context, and handlers that read and change
//! them.
//!
//! | file | what comes in between |
//! |---|---|
//! | `interrupts.rs` | interrupts at random, and tasks that are switched |
//! | `steps.rs` | an interrupt before every instruction |
//! | `harts.rs` | other harts |

#[cfg(feature = "harts")]
pub mod harts;
pub mod interrupts;
pub mod steps;

use core::ptr;

use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::context::{Context, ContextVar, Current, Ground, Registry, Slots, Token};
use inkle_core::error::SetError;

use crate::board;

/// Each hart has its own current context.
struct Harts;

static REGISTRY: Registry<Harts> = Registry::new();
static CURRENT: [Current<Harts>; board::HARTS] = [const { Current::new() }; board::HARTS];

// SAFETY: each hart has its own, and so its interrupts.
unsafe impl Ground for Harts {
    type Slots = Slots<4>;

    fn registry() -> &'static Registry<Self> {
        &REGISTRY
    }

    fn current<R>(f: impl FnOnce(&Current<Self>) -> R) -> R {
        f(&CURRENT[board::hart()])
    }
}

/// A number and what it must be beside it: a torn value shows.
type Pair = [u32; 2];

static PAIR: ContextVar<Pair, Harts> = ContextVar::new("pair");
static OTHER: ContextVar<Pair, Harts> = ContextVar::with_default("other", pair(0));

const fn pair(number: u32) -> Pair {
    [number, !number]
}

fn whole(value: Option<Pair>) -> Option<u32> {
    value.map(|[number, beside]| {
        assert_eq!(number, !beside, "a torn value");
        number
    })
}

/// Both, as the caller has them.
fn seen() -> (Option<u32>, Option<u32>) {
    (whole(PAIR.get()), whole(OTHER.get()))
}

/// For who is not in the midst of a change.
fn set(variable: &'static ContextVar<Pair, Harts>, number: u32) -> Token<Pair, Harts> {
    let Ok(token) = variable.set(pair(number)) else { panic!("not set") };
    token
}

/// What anybody does in a context that has `before`; ends with `number` in both.
fn work(before: u32, number: u32) {
    assert_eq!(seen(), (Some(before), Some(before)));
    let token = set(&PAIR, number);
    let Ok(guard) = OTHER.bind(pair(number + 1)) else { panic!("not bound") };
    let copy = Context::<Harts>::copy_current();
    assert_eq!((whole(copy.get(&PAIR)), copy.len()), (Some(number), 2));
    assert_eq!(copy.run(seen).ok(), Some((Some(number), Some(number + 1))));
    drop(guard);
    assert_eq!(seen(), (Some(number), Some(before)));
    assert!(PAIR.reset(token).is_ok());
    assert_eq!(seen(), (Some(before), Some(before)));
    drop((set(&PAIR, number), set(&OTHER, number)));
}

/// How many interrupts there were, and how many of them found the main loop in a change.
static COUNT: AtomicU32 = AtomicU32::new(0);
static BUSY: AtomicU32 = AtomicU32::new(0);

/// Adds one and says how many there were; for the handler alone, which does not interrupt itself.
fn count(of: &AtomicU32) -> u32 {
    let before = of.load(Ordering::Relaxed);
    of.store(before + 1, Ordering::Relaxed);
    before
}

/// A handler with contexts of its own, which it enters and makes current in turn. The main loop's values
/// are as they were.
fn apart() {
    static ENTERED: Context<Harts> = Context::new();
    static SWITCHED: Context<Harts> = Context::new();
    static TURN: AtomicU32 = AtomicU32::new(0);
    count(&COUNT);
    let before = count(&TURN);
    let turn = || {
        let turn = before / 2 * 10;
        if turn == 0 {
            assert_eq!(seen(), (None, Some(0)));
            drop((set(&PAIR, 0), set(&OTHER, 0)));
        }
        work(turn, turn + 10);
    };
    let outside = seen();
    if before % 2 == 0 {
        assert!(ENTERED.run(turn).is_ok());
    } else {
        // SAFETY: it is this handler's alone, which does not interrupt itself, and lives for ever.
        let outer = Harts::current(|current| unsafe { current.switch(&SWITCHED) });
        turn();
        // SAFETY: what `switch` has returned.
        let inner = Harts::current(|current| unsafe { current.switch(outer) });
        assert!(ptr::eq(inner, &SWITCHED));
    }
    assert_eq!(seen(), outside);
}

/// A handler in the context that it interrupts: reads, changes and puts it back.
fn within() {
    count(&COUNT);
    let before = seen();
    let copy = Context::<Harts>::copy_current();
    assert_eq!(whole(copy.get(&PAIR)), before.0);
    match PAIR.set(pair(1)) {
        Ok(token) => {
            assert_eq!((whole(token.old_value()), whole(PAIR.get())), (before.0, Some(1)));
            assert!(PAIR.reset(token).is_ok());
        }
        Err(SetError::Busy) => {
            count(&BUSY);
        }
        Err(_) => panic!("it has a slot"),
    }
    assert_eq!(seen(), before);
}
