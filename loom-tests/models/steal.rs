//! [`Deque`]: one owner and thieves. Its answers are exact but for `Retry`, which only says that somebody
//! else was quicker. What the pointers point to is written to by who pushes and by who takes, so that two
//! who take one item, or one who takes it before it is there, are a race.

use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::Arc;

use inkle_core::atomic::{AtomicUsize, Ordering, UnsafeCell};
use inkle_core::queue::steal::{Deque, Steal as Stolen};
use loom::thread::spawn;

use crate::kit::{History, Model};

/// What a thread does.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// The owner's `push`.
    Push(u8),
    /// The owner's `pop`.
    Pop,
    /// Anybody's `steal`.
    Steal,
    /// `len`, while nobody else is there.
    Len,
}

use Act::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Ok,
    Full,
    Item(u8),
    Empty,
    Retry,
    Count(usize),
}

/// What a pointer points to.
struct Item {
    number: u8,
    /// Whether it is inside.
    inside: UnsafeCell<bool>,
}

impl Item {
    /// Before it is pushed or when it has been taken.
    fn set(&self, inside: bool) {
        // SAFETY: loom sees a race.
        let before =
            self.inside.with_mut(|place| unsafe { std::mem::replace(&mut *place, inside) });
        assert_ne!(before, inside, "item {} went the same way twice", self.number);
    }
}

/// The number of the first item that is inside before the threads start.
const FIRST_INSIDE: u8 = 10;

/// A deque and its items.
struct Stage<const N: usize> {
    // Before the items, to which it points.
    deque: Deque<Item, N>,
    items: Vec<Item>,
}

impl<const N: usize> Stage<N> {
    /// Its positions reach the end of `usize` after so many items.
    fn new(before_end: usize) -> Arc<Self> {
        let item = |number| Item { number, inside: UnsafeCell::new(false) };
        let items = (0..FIRST_INSIDE + 4).map(item).collect();
        #[expect(clippy::arc_with_non_send_sync, reason = "loom's threads are one real thread")]
        Arc::new(Self { deque: Deque::starting_at(0_usize.wrapping_sub(before_end)), items })
    }

    fn item(&self, number: u8) -> NonNull<Item> {
        let item = &self.items[usize::from(number)];
        item.set(true);
        NonNull::from(item)
    }

    fn taken(&self, item: NonNull<Item>) -> Answer {
        // SAFETY: the items live as long as the deque.
        let item = unsafe { item.as_ref() };
        item.set(false);
        Answer::Item(item.number)
    }

    fn act(&self, act: Act) -> Answer {
        match act {
            Push(number) => {
                // SAFETY: only the first script pushes and pops.
                match unsafe { self.deque.push(self.item(number)) } {
                    Ok(()) => Answer::Ok,
                    Err(item) => {
                        self.taken(item);
                        Answer::Full
                    }
                }
            }
            // SAFETY: only the first script pushes and pops.
            Pop => unsafe { self.deque.pop() }.map_or(Answer::Empty, |item| self.taken(item)),
            Steal => match self.deque.steal() {
                Stolen::Taken(item) => self.taken(item),
                Stolen::Empty => Answer::Empty,
                Stolen::Retry => Answer::Retry,
            },
            Len => Answer::Count(self.deque.len()),
        }
    }
}

/// What a deque is, one act at a time.
fn step<const N: usize>(items: &mut VecDeque<u8>, act: &Act, answer: &Answer) -> bool {
    let right = match act {
        Push(_) if items.len() == N => Answer::Full,
        Push(number) => {
            items.push_back(*number);
            Answer::Ok
        }
        Pop => items.pop_back().map_or(Answer::Empty, Answer::Item),
        Steal if *answer == Answer::Retry => Answer::Retry,
        Steal => items.pop_front().map_or(Answer::Empty, Answer::Item),
        Len => Answer::Count(items.len()),
    };
    right == *answer
}

/// One execution: puts `inside` items in; the owner plays its script here and each thief on a thread of
/// its own; then empties the deque. Some order of all the acts must explain every answer, and each
/// `Retry` an item that somebody else has taken.
fn deque<const N: usize>(before_end: usize, inside: u8, scripts: &'static [&'static [Act]]) {
    let stage = Stage::<N>::new(before_end);
    let history = Arc::new(History::new());
    let perform = {
        let (stage, history) = (stage.clone(), history.clone());
        move |thread, act| history.call(thread, act, || stage.act(act))
    };
    for number in 0..inside {
        perform(0, Push(FIRST_INSIDE + number));
    }
    history.phase();
    let play = |thread: usize| {
        let perform = perform.clone();
        move || scripts[thread].iter().map(|&act| perform(thread, act)).collect::<Vec<_>>()
    };
    let thieves: Vec<_> = (1..scripts.len()).map(|thread| spawn(play(thread))).collect();
    let mut answers = vec![play(0)()];
    answers.extend(thieves.into_iter().map(|thief| thief.join().unwrap()));
    history.phase();
    let Answer::Count(left) = perform(0, Len) else { unreachable!("a length is a number") };
    for at in 0..=left {
        perform(0, if at % 2 == 0 { Pop } else { Steal });
    }
    perform(0, Steal);

    history.check(VecDeque::new(), step::<N>);
    let taken =
        |answers: &Vec<_>| answers.iter().filter(|one| matches!(one, Answer::Item(_))).count();
    let all: usize = answers.iter().map(taken).sum();
    for answers in &answers {
        let retries = answers.iter().filter(|answer| **answer == Answer::Retry).count();
        assert!(retries <= all - taken(answers), "`Retry` although nobody else took anything");
    }
    for item in &stage.items {
        // SAFETY: all have joined.
        item.inside.with(|inside| assert!(!unsafe { *inside }, "item {} is lost", item.number));
    }
}

/// Two want the owner's end. Who gets it pushes and pops beside nobody, and after the other.
fn owners(thieves: usize) {
    let stage = Stage::<2>::new(1);
    let own = |stage: &Stage<2>, number| {
        let Some(mut owner) = stage.deque.owner() else { return 0 };
        owner.push(stage.item(number)).expect("there is room");
        owner.pop().map_or(0, |item| {
            stage.taken(item);
            1
        })
    };
    let mut others = vec![{
        let stage = stage.clone();
        spawn(move || own(&stage, 1))
    }];
    others.extend((0..thieves).map(|_| {
        let stage = stage.clone();
        spawn(move || i32::from(matches!(stage.act(Steal), Answer::Item(_))))
    }));
    own(&stage, 2);
    for other in others {
        other.join().unwrap();
    }
    let mut owner = stage.deque.owner().expect("both have given it back");
    while let Some(item) = owner.pop() {
        stage.taken(item);
    }
}

/// An item lies inside. The owner adds one and then takes the oldest away: there is always one.
fn never_seems_empty() {
    let stage = Stage::<2>::new(1);
    assert_eq!(stage.act(Push(1)), Answer::Ok);
    let turn = Arc::new(AtomicUsize::new(0));
    let owner = {
        let (stage, turn) = (stage.clone(), turn.clone());
        spawn(move || {
            assert_eq!(stage.act(Push(2)), Answer::Ok);
            assert_eq!(stage.act(Steal), Answer::Item(1));
            turn.fetch_add(1, Ordering::Relaxed);
        })
    };
    // Orders nothing, but makes the stock loom, too, look at both who comes first.
    turn.fetch_add(1, Ordering::Relaxed);
    let len = stage.deque.len();
    assert!(matches!(len, 1 | 2), "{len} inside");
    owner.join().unwrap();
}

/// A model that is too large without a bound.
const fn large(name: &'static str, body: fn()) -> Model {
    Model::bounded(name, 4, "unbounded: half a minute and more in the exact tier", body)
}

/// All models of this module.
pub const MODELS: &[Model] = &[
    // One operation each.
    Model::full("push_steal", || deque::<1>(0, 0, &[&[Push(1)], &[Steal]])),
    Model::full("push_steal_2", || deque::<2>(1, 1, &[&[Push(1)], &[Steal]])),
    Model::full("push_steal_full", || deque::<1>(1, 1, &[&[Push(1), Pop], &[Steal]])),
    Model::full("pop_steal_1", || deque::<1>(1, 1, &[&[Pop], &[Steal]])),
    Model::full("pop_steal_2", || deque::<2>(1, 2, &[&[Pop], &[Steal]])),
    Model::full("steal_steal_1", || deque::<1>(1, 1, &[&[Steal], &[Steal]])),
    Model::full("steal_steal_2", || deque::<2>(1, 2, &[&[Steal], &[Steal]])),
    Model::full("empty", || deque::<1>(1, 0, &[&[Pop, Push(1), Pop], &[Steal]])),
    // The last item, and the slot and the positions after it.
    Model::full("last_pop_push", || deque::<1>(1, 1, &[&[Pop, Push(1)], &[Steal]])),
    Model::full("last_pop_push_steal", || deque::<1>(1, 1, &[&[Pop, Push(1)], &[Steal, Steal]])),
    Model::full("last_pop_push_2", || deque::<2>(1, 1, &[&[Pop, Push(1)], &[Steal, Steal]])),
    Model::full("last_push_pop", || deque::<1>(1, 0, &[&[Push(1), Pop], &[Steal]])),
    Model::bounded("last_push_pop_again", 4, "unbounded: more than a minute with --fences", || {
        deque::<1>(2, 0, &[&[Push(1), Pop, Push(2), Pop], &[Steal, Steal]])
    }),
    Model::full("last_pop_pop", || deque::<2>(1, 2, &[&[Pop, Pop], &[Steal]])),
    Model::full("last_pop_pop_steal", || deque::<2>(1, 2, &[&[Pop, Pop], &[Steal, Steal]])),
    // Published by an older push than the one whose store of `bottom` is seen.
    Model::full("push_push_pop", || deque::<2>(1, 0, &[&[Push(1), Push(2), Pop], &[Steal]])),
    Model::full("push_push_pop_steal", || {
        deque::<2>(1, 0, &[&[Push(1), Push(2), Pop], &[Steal, Steal]])
    }),
    // A slot that is used again.
    Model::full("reused_1", || deque::<1>(1, 1, &[&[Push(1), Pop], &[Steal, Steal]])),
    Model::full("reused_2", || deque::<2>(2, 2, &[&[Push(1), Push(2), Pop], &[Steal, Steal]])),
    Model::full("reused_pop", || deque::<2>(2, 2, &[&[Push(1), Pop, Pop], &[Steal, Steal]])),
    // A stale `Full` and a stale `Empty` together would have no order.
    Model::full("stale_1", || deque::<1>(1, 0, &[&[Push(1), Push(2)], &[Steal, Steal]])),
    Model::full("stale_2", || deque::<2>(1, 1, &[&[Push(1), Push(2)], &[Steal, Steal]])),
    Model::full("stale_2_three", || {
        deque::<2>(2, 1, &[&[Push(1), Push(2)], &[Steal, Steal, Steal]])
    }),
    // The owner as a thief.
    Model::full("owner_steals", || deque::<2>(1, 2, &[&[Steal, Pop], &[Steal]])),
    Model::full("owner_steals_push", || deque::<1>(1, 1, &[&[Steal, Push(1)], &[Steal]])),
    // Two thieves.
    Model::full("pop_two_thieves", || deque::<1>(1, 1, &[&[Pop], &[Steal], &[Steal]])),
    Model::full("push_two_thieves", || deque::<1>(1, 0, &[&[Push(1)], &[Steal], &[Steal]])),
    Model::full("pop_two_thieves_2", || deque::<2>(1, 2, &[&[Pop], &[Steal], &[Steal]])),
    large("pop_pop_two_thieves", || deque::<2>(1, 2, &[&[Pop, Pop], &[Steal], &[Steal]])),
    large("pop_push_two_thieves", || deque::<1>(1, 1, &[&[Pop, Push(1)], &[Steal], &[Steal]])),
    Model::full("push_push_two_thieves", || {
        deque::<2>(1, 0, &[&[Push(1), Push(2)], &[Steal], &[Steal]])
    }),
    large("push_push_pop_two_thieves", || {
        deque::<2>(1, 0, &[&[Push(1), Push(2), Pop], &[Steal], &[Steal]])
    }),
    large("reused_two_thieves", || deque::<1>(1, 1, &[&[Push(1), Push(2)], &[Steal], &[Steal]])),
    large("reused_two_thieves_2", || deque::<2>(2, 2, &[&[Push(1), Pop], &[Steal], &[Steal]])),
    large("three_items_two_thieves", || deque::<4>(2, 3, &[&[Pop, Pop], &[Steal], &[Steal]])),
    // The owner's end.
    Model::full("owners", || owners(0)),
    Model::full("owners_thief", || owners(1)),
    Model::full("never_seems_empty", never_seems_empty),
];
