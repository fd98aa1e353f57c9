//! An interrupt before every instruction of one operation in a context.

use core::cell::Cell;

use critical_section::Mutex;
use inkle_core::context::{Context, Token};
use inkle_core::error::SetError;
use semihosting::println;

use super::{Harts, PAIR, Pair, apart, pair, set, whole, within};
use crate::steps::{check, is_interrupted, on_interrupt_call, sweep};
use crate::{board, report};

/// What a handler has read, and the token of its change, if it has not been refused.
struct Left {
    seen: Option<u32>,
    token: Option<Token<Pair, Harts>>,
}

static LEFT: Mutex<Cell<Option<Left>>> = Mutex::new(Cell::new(None));

/// What the handler sets.
const HANDLER: u32 = 9;

/// A handler in the context that it interrupts: its change is left there.
fn leave() {
    let seen = whole(PAIR.get());
    assert_eq!(whole(Context::<Harts>::copy_current().get(&PAIR)), seen);
    let token = match PAIR.set(pair(HANDLER)) {
        Ok(token) => Some(token),
        Err(SetError::Busy) => None,
        Err(_) => panic!("it has a slot"),
    };
    critical_section::with(|section| LEFT.borrow(section).set(Some(Left { seen, token })));
}

fn now() -> Option<u32> {
    whole(PAIR.get())
}

/// Undoes the handler's change.
fn undo(token: Token<Pair, Harts>) {
    let old = whole(token.old_value());
    assert!(PAIR.reset(token).is_ok(), "a token of this context");
    assert_eq!(now(), old);
}

/// How far the main loop's change from `before` to `after` was when the handler came: 0 not begun, 1 and 2
/// in it, with the old and the new value, 3 done. `None`: no handler has left anything.
fn place(left: Option<Left>, before: Option<u32>, after: Option<u32>) -> Option<u32> {
    let Some(Left { seen, token }) = left else {
        assert_eq!(now(), after);
        return None;
    };
    assert!([before, after].contains(&seen));
    // Refused exactly if it was in the midst of it; where it was not, it has not lost anything either.
    let Some(token) = token else {
        assert_eq!(now(), after);
        return Some(1 + u32::from(seen == after));
    };
    assert_eq!(whole(token.old_value()), seen);
    assert_eq!(now(), if seen == before { after } else { Some(HANDLER) });
    undo(token);
    Some(if seen == before { 0 } else { 3 })
}

/// For what changes nothing: the handler is never refused.
fn undisturbed(left: Option<Left>, value: Option<u32>) {
    assert!(value == Some(1) || (left.is_some() && value == Some(HANDLER)));
    if let Some(Left { seen, token }) = left {
        assert_eq!(seen, Some(1));
        let Some(token) = token else { panic!("refused") };
        undo(token);
    }
    assert_eq!(now(), Some(1));
}

/// An operation in a new context, with each handler before each of its instructions. `look` sees what it
/// has returned and what the handler has left, and says the [`place`] of a change.
fn each<T, R>(
    name: &'static str,
    prepare: fn() -> T,
    operation: fn(T) -> R,
    look: fn(R, Option<Left>) -> Option<u32>,
) {
    report::doing(name);
    for handler in [apart, within, leave] {
        on_interrupt_call(handler);
        let (mut places, mut latest) = ([0; 4], 0);
        let found = sweep(|ticks| {
            let turn = || {
                let prepared = prepare();
                let mut result = None;
                let hit = is_interrupted(ticks, || result = Some(operation(prepared)));
                let Some(result) = result else { panic!("it has run") };
                let left = critical_section::with(|section| LEFT.borrow(section).take());
                if let Some(place) = look(result, left) {
                    places[place as usize] += 1;
                    // One tick later each time.
                    assert!(latest <= place || !board::EXACT, "{place} behind {latest}");
                    latest = place;
                }
                hit
            };
            let hit = Context::<Harts>::new().run(turn);
            hit.unwrap_or_else(|_| panic!("it is new"))
        });
        check(name, found, cfg!(not(target_has_atomic = "32")));
        // The new value and not yet done: a few instructions.
        let [first, second, third, last] = places.map(|place| place > 0);
        assert!(first == last && first == second, "{places:?}");
        assert!(first == third || !board::EXACT, "{places:?}");
        println!("{name}: {} places, {places:?}", found.places);
    }
}

fn old(token: &Token<Pair, Harts>) -> Option<u32> {
    whole(token.old_value())
}

/// All operations.
pub fn all() {
    let one = || drop(set(&PAIR, 1));
    each(
        "get",
        one,
        |()| now(),
        |value, left| {
            undisturbed(left, value);
            None
        },
    );
    each(
        "copy",
        one,
        |()| Context::<Harts>::copy_current(),
        |copy, left| {
            undisturbed(left, whole(copy.get(&PAIR)));
            None
        },
    );
    each(
        "run",
        || {
            drop(set(&PAIR, 1));
            Context::<Harts>::new()
        },
        |inner| {
            let before = inner.run(now).unwrap_or_else(|_| panic!("it is new"));
            (before, inner)
        },
        |(before, inner), left| {
            let inside = whole(inner.get(&PAIR));
            assert!(before.is_none() || before == inside);
            match inside {
                None => undisturbed(left, Some(1)),
                Some(value) => {
                    let Some(Left { seen: None, token: Some(token) }) = left else {
                        panic!("it was in there")
                    };
                    assert_eq!((value, now()), (HANDLER, Some(1)));
                    assert!(inner.run(|| undo(token)).is_ok());
                }
            }
            None
        },
    );
    each(
        "the first set",
        || (),
        |()| set(&PAIR, 2),
        |token, left| {
            let place = place(left, None, Some(2));
            assert_eq!(old(&token), if place == Some(0) { Some(HANDLER) } else { None });
            place
        },
    );
    each(
        "set",
        one,
        |()| set(&PAIR, 2),
        |token, left| {
            let place = place(left, Some(1), Some(2));
            assert_eq!(old(&token), Some(if place == Some(0) { HANDLER } else { 1 }));
            place
        },
    );
    each(
        "reset",
        || {
            drop(set(&PAIR, 1));
            set(&PAIR, 2)
        },
        |token| assert!(PAIR.reset(token).is_ok()),
        |(), left| place(left, Some(2), Some(1)),
    );
}
