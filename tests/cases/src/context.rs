//! Context variables. Their statics are one thread's at a time: each case has its turn.

use core::future::{Future, poll_fn};
use core::num::NonZeroU8;
use core::pin::pin;
use core::ptr;
use core::task::{self, Poll, Waker};

use inkle_core::Platform;
use inkle_core::context::{Context, ContextVar, Ground, Slots, Token};
use inkle_core::context_value;
use inkle_core::error::{Entered, NoSlot, ResetError, SetError};
use inkle_core::platform::{NoBoard, Spin};
use inkle_core::sync::Mutex;

use crate::{Dice, Effort};

// SAFETY: who uses it holds `TURN`.
inkle_core::single_core_context!(unsafe pub(crate) Own: Slots<8>);

static TURN: Mutex<(), Spin<NoBoard>> = Mutex::new(());

/// Calls `f` when nobody else is in here, in a context without values.
fn turn(f: impl FnOnce()) {
    let _turn = TURN.lock();
    let own = Context::<Own>::new();
    assert!(own.run(f).is_ok());
}

type Var<T> = ContextVar<T, Own>;

static PLAIN: Var<u32> = ContextVar::new("plain");
static OTHER: Var<u32> = ContextVar::with_default("other", 70);
static PAIR: Var<Pair> = ContextVar::new("pair");
static TEXT: Var<&str> = ContextVar::with_default("text", "none");
static SMALL: Var<Option<NonZeroU8>> = ContextVar::new("small");
static NOTHING: Var<()> = ContextVar::new("nothing");
static BYTES: Var<[u8; 5]> = ContextVar::new("bytes");
static FLAG: Var<bool> = ContextVar::new("flag");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair {
    low: u32,
    high: u32,
}

context_value!(Pair { low: u32, high: u32 });

fn set<T: inkle_core::context::Value>(variable: &'static Var<T>, value: T) -> Token<T, Own> {
    variable.set(value).unwrap_or_else(|_| panic!("not set"))
}

/// CV003 to CV009: values, defaults, tokens in any order, guards.
pub fn values_and_tokens<P: Platform>(_: Effort) {
    turn(|| {
        assert_eq!((PLAIN.get(), OTHER.get()), (None, Some(70)));
        let first = set(&PLAIN, 1);
        let second = set(&PLAIN, 2);
        assert_eq!((first.old_value(), second.old_value()), (None, Some(1)));
        // CV006.
        assert!(PLAIN.reset(first).is_ok());
        assert_eq!(PLAIN.get(), None);
        assert!(PLAIN.reset(second).is_ok());
        assert_eq!(PLAIN.get(), Some(1));

        // CV005: another variable's token comes back and is good for its own.
        let token = set(&OTHER, 71);
        let Err(ResetError::OtherVariable(token)) = PLAIN.reset(token) else { panic!("mixed up") };
        assert!(OTHER.reset(token).is_ok());
        assert_eq!(OTHER.get(), Some(70));

        // CV009: what else is set meanwhile goes with the guard.
        let guard = PLAIN.bind(5);
        drop(set(&PLAIN, 6));
        assert_eq!(PLAIN.get(), Some(6));
        drop(guard);
        assert_eq!(PLAIN.get(), Some(1));
    });
}

/// Values of all kinds come back as they were.
pub fn values_of_all_kinds<P: Platform>(_: Effort) {
    turn(|| {
        let pair = Pair { low: u32::MAX, high: 7 };
        drop((set(&PAIR, pair), set(&TEXT, "some"), set(&SMALL, NonZeroU8::new(9))));
        drop((set(&NOTHING, ()), set(&BYTES, *b"inkle"), set(&FLAG, true)));
        assert_eq!((PAIR.get(), TEXT.get()), (Some(pair), Some("some")));
        assert_eq!((SMALL.get(), NOTHING.get()), (Some(NonZeroU8::new(9)), Some(())));
        assert_eq!((BYTES.get(), FLAG.get()), (Some(*b"inkle"), Some(true)));
        drop(set(&SMALL, None));
        assert_eq!(SMALL.get(), Some(None));
        assert_eq!(Context::<Own>::copy_current().len(), 6);
    });
}

/// CV010 to CV014: contexts are apart, copies are snapshots, nobody enters twice.
pub fn contexts<P: Platform>(_: Effort) {
    turn(|| {
        drop(set(&PLAIN, 1));
        let copy = Context::<Own>::copy_current();
        let token = set(&PLAIN, 2);
        assert_eq!(copy.get(&PLAIN), Some(1));
        let inside = copy.run(|| {
            assert_eq!(PLAIN.get(), Some(1));
            drop(set(&PLAIN, 10));
            // CV013.
            let Err(Entered(again)) = copy.run(|| 8) else { panic!("entered twice") };
            assert_eq!(again(), 8);
            // CV005.
            let Err(ResetError::OtherContext(token)) = PLAIN.reset(token) else {
                panic!("a token of another context")
            };
            // A context within a context.
            let empty = Context::<Own>::new();
            assert_eq!(empty.run(|| PLAIN.get()).ok(), Some(None));
            assert!(empty.is_empty());
            (PLAIN.get(), token)
        });
        let Ok((inside, token)) = inside else { panic!("not entered") };
        assert_eq!((inside, PLAIN.get(), copy.get(&PLAIN)), (Some(10), Some(2), Some(10)));
        assert!(PLAIN.reset(token).is_ok());
        assert_eq!(PLAIN.get(), Some(1));
        // CV013: with its changes kept.
        assert_eq!(copy.run(|| PLAIN.get()).ok(), Some(Some(10)));
        // CV014, CV003: a default is no value.
        assert_eq!((copy.get(&OTHER), copy.len()), (None, 1));
        assert!(copy.iter().map(|variable| variable.name()).eq(["plain"]));
    });
}

mod crowd {
    use super::{ContextVar, Slots};

    // SAFETY: who uses it holds `TURN`.
    inkle_core::single_core_context!(unsafe pub(super) Crowd: Slots<2, 1>);

    pub(super) static FIRST: ContextVar<u32, Crowd> = ContextVar::new("first");
    pub(super) static SECOND: ContextVar<u32, Crowd> = ContextVar::new("second");
    pub(super) static THIRD: ContextVar<u32, Crowd> = ContextVar::with_default("third", 3);
}

/// A third variable where there is room for two.
pub fn no_slot_left<P: Platform>(_: Effort) {
    use crowd::{Crowd, FIRST, SECOND, THIRD};
    turn(|| {
        assert_eq!((FIRST.register(), SECOND.register()), (Ok(()), Ok(())));
        assert_eq!(THIRD.register(), Err(NoSlot));
        assert_eq!(THIRD.set(4).err(), Some(SetError::NoSlot));
        // It can still be read, here and in any context.
        assert_eq!((THIRD.get(), Context::<Crowd>::new().get(&THIRD)), (Some(3), None));
        assert!(FIRST.bind(1).is_ok() && SECOND.bind(2).is_ok());
    });
}

/// Two tasks in contexts of their own take turns.
pub fn futures_in_contexts<P: Platform>(_: Effort) {
    fn task(own: u32) -> impl Future<Output = bool> {
        let mut turns = 0;
        poll_fn(move |context| {
            let kept = PLAIN.get() == (turns > 0).then_some(own + turns);
            turns += 1;
            drop(set(&PLAIN, own + turns));
            context.waker().wake_by_ref();
            if kept && turns < 4 { Poll::Pending } else { Poll::Ready(kept) }
        })
    }
    turn(|| {
        drop(set(&OTHER, 1));
        let mut first = pin!(Context::<Own>::new().wrap(task(100)));
        let mut second = pin!(Context::<Own>::new().wrap(task(200)));
        let mut context = task::Context::from_waker(Waker::noop());
        for _ in 0..3 {
            assert!(first.as_mut().poll(&mut context).is_pending());
            assert!(second.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(first.poll(&mut context), Poll::Ready(true));
        assert_eq!(second.poll(&mut context), Poll::Ready(true));
        assert_eq!(PLAIN.get(), None);
    });
}

/// A switcher's tasks: a store makes a context the current one, and nobody has to have entered it. It can
/// be entered before and after.
pub fn switched_tasks<P: Platform>(_: Effort) {
    fn within(task: &Context<Own>, f: impl FnOnce()) {
        // SAFETY: nobody else runs in it until the other switch, and it stays where it is.
        let before = Own::current(|current| unsafe { current.switch(task) });
        f();
        // SAFETY: what `switch` has returned.
        let task_again = Own::current(|current| unsafe { current.switch(before) });
        assert!(ptr::eq(task_again, task));
    }
    turn(|| {
        let tasks = [Context::<Own>::new(), Context::<Own>::new()];
        drop(set(&PLAIN, 1));
        within(&tasks[0], || drop(set(&PLAIN, 10)));
        let mut token = None;
        within(&tasks[1], || {
            assert_eq!(PLAIN.get(), None);
            token = Some(set(&PLAIN, 20));
        });
        within(&tasks[0], || assert_eq!(PLAIN.get(), Some(10)));
        within(&tasks[1], || assert!(token.is_some_and(|token| PLAIN.reset(token).is_ok())));
        assert_eq!(PLAIN.get(), Some(1));
        let found = tasks.each_ref().map(|task| task.run(|| PLAIN.get()).ok());
        assert_eq!(found, [Some(Some(10)), Some(None)]);
    });
}

/// Random changes, copies and turns of contexts, beside plain arrays.
pub fn against_arrays<P: Platform>(effort: Effort) {
    const CONTEXTS: usize = 3;

    fn values() -> [Option<u32>; 2] {
        [PLAIN.get(), OTHER.get()]
    }

    fn change(dice: &mut Dice, plain: &mut [Option<u32>; 2]) {
        let (at, value) = (dice.roll(2), dice.roll(1000) as u32);
        let variable = [&PLAIN, &OTHER][at];
        match dice.roll(3) {
            0 => {
                let guard = variable.bind(value);
                assert_eq!(variable.get(), Some(value));
                drop(guard);
            }
            _ => {
                drop(set(variable, value));
                plain[at] = Some(value);
            }
        }
        assert_eq!(values(), [plain[0], plain[1].or(Some(70))]);
    }

    turn(|| {
        for seed in effort.seeds() {
            let mut dice = Dice::new(seed);
            let mut contexts = [const { Context::<Own>::new() }; CONTEXTS];
            let mut plain = [[None; 2]; CONTEXTS];
            for _ in 0..effort.steps {
                let (at, other) = (dice.roll(CONTEXTS), dice.roll(CONTEXTS));
                match dice.roll(4) {
                    0 => {
                        contexts[other] = contexts[at].copy();
                        plain[other] = plain[at];
                    }
                    1 if at != other => {
                        let nested = contexts[at].run(|| {
                            let inner =
                                contexts[other].run(|| change(&mut dice, &mut plain[other]));
                            assert!(inner.is_ok());
                            change(&mut dice, &mut plain[at]);
                        });
                        assert!(nested.is_ok());
                    }
                    _ => assert!(contexts[at].run(|| change(&mut dice, &mut plain[at])).is_ok()),
                }
                let found = [contexts[at].get(&PLAIN), contexts[at].get(&OTHER)];
                assert_eq!(found, plain[at]);
            }
        }
    });
}
