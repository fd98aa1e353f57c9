//! Context variables of several harts: each with its own current context, all with each other's.

use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::context::{Context, ContextVar, Slots};
use semihosting::println;

use super::{Harts, OTHER, PAIR, seen, set, whole};
use crate::harts::meet;
use crate::{board, report};

/// Turns of each hart.
const TURNS: u32 = 20_000;

/// All harts at once register three variables where there is room for two; called by all harts.
macro_rules! races {
    ($($ground:ident)*) => {
        fn races(hart: usize) {$({
            // SAFETY: nobody sets or reads.
            inkle_core::single_core_context!(unsafe $ground: Slots<2, 1>);
            static VARIABLES: [ContextVar<u8, $ground>; 3] = [
                ContextVar::new("a"),
                ContextVar::new("b"),
                ContextVar::new("c"),
            ];
            static HAVE_ONE: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];
            meet();
            // Each begins with another.
            for at in 0..3 {
                let at = (at + hart) % 3;
                if VARIABLES[at].register().is_ok() {
                    HAVE_ONE[at].fetch_add(1, Ordering::Relaxed);
                }
            }
            meet();
            if hart == 0 {
                let all = board::HARTS as u32;
                let have = HAVE_ONE.each_ref().map(|count| count.load(Ordering::Relaxed));
                assert!(have.iter().all(|count| [0, all].contains(count)), "{have:?}");
                assert_eq!(have.iter().sum::<u32>(), 2 * all);
            }
        })*}
    };
}

races! { A B C D E F G H }

static CONTEXTS: [Context<Harts>; board::HARTS] = [const { Context::new() }; board::HARTS];

/// Each changes both values in its context, one after the other, and looks at the others'.
fn beside_each_other(hart: usize) {
    let mut last = [0; board::HARTS];
    let looked = CONTEXTS[hart].run(|| {
        for turn in 1..=TURNS {
            drop((set(&PAIR, turn), set(&OTHER, turn)));
            assert_eq!(seen(), (Some(turn), Some(turn)));
            let other = (hart + 1 + turn as usize % (board::HARTS - 1)) % board::HARTS;
            let copy = CONTEXTS[other].copy();
            let [first, second] =
                [&PAIR, &OTHER].map(|variable| whole(copy.get(variable)).unwrap_or(0));
            // Of one moment, and none before that of the look before.
            assert!(first == second || first == second + 1, "{first} and {second}");
            assert!(last[other] <= first);
            last[other] = first;
            assert!(whole(CONTEXTS[other].get(&PAIR)).unwrap_or(0) >= first);
            // A copy is whoever's it is.
            assert!(copy.run(|| drop(set(&PAIR, 0))).is_ok());
        }
    });
    assert!(looked.is_ok());
}

/// All try to enter one context and add one; who is refused has done nothing.
fn one_for_all() -> u32 {
    static SHARED: Context<Harts> = Context::new();
    static ENTERED: AtomicU32 = AtomicU32::new(0);
    let mut entered = 0;
    for _ in 0..TURNS {
        let add = || {
            let number = whole(PAIR.get()).unwrap_or(0);
            assert_eq!(whole(OTHER.get()), Some(number));
            drop((set(&PAIR, number + 1), set(&OTHER, number + 1)));
        };
        entered += u32::from(SHARED.run(add).is_ok());
    }
    ENTERED.fetch_add(entered, Ordering::Relaxed);
    meet();
    let entered = ENTERED.load(Ordering::Relaxed);
    assert_eq!(whole(SHARED.get(&PAIR)), Some(entered));
    entered
}

/// All of it; called by all harts.
pub fn all() {
    let hart = board::hart();
    if hart == 0 {
        report::doing("contexts");
    }
    races(hart);
    beside_each_other(hart);
    meet();
    let entered = one_for_all();
    if hart == 0 {
        println!("{} turns in contexts, one entered {entered} times", board::HARTS as u32 * TURNS);
    }
    // Nobody has changed what runs outside.
    assert_eq!(seen(), (None, Some(0)));
    meet();
}
