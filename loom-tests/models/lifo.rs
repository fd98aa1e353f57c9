//! [`Stack`]: lock-free, newest first; exact but for `Full` and the length, which look at cells. Tags of
//! two bits, so that they wrap.

use std::sync::Arc;

use inkle_core::queue::lifo::Stack;
use inkle_core::queue::{Narrow, Queue, Width};
use loom::thread::spawn;

use crate::kit::Model;
use crate::shapes::Op;
use crate::shapes::{
    Cells, Counted, Exact, Item, Ledger, Plain, Token, Waiting, play, queue_models,
};

/// A stack whose tag wraps after 4 pushes.
fn new<const N: usize>() -> Stack<Token, N, Narrow<2>> {
    Stack::new()
}

fn spec(capacity: usize) -> Cells<Exact> {
    Cells::counted(Exact::newest_first(capacity))
}

/// Plays on a stack of `N` cells that `turns` items have passed through and `inside` lie in.
fn stack<const N: usize>(turns: usize, inside: u8, scripts: &'static [&'static [Op]]) {
    play(Plain::new(new::<N>(), turns), spec(N), inside, scripts);
}

/// As [`stack`], in a channel.
fn channel<const N: usize>(inside: u8, scripts: &'static [&'static [Op]]) {
    play(Waiting::new(new::<N>(), 3), Counted::new(spec(N), N), inside, scripts);
}

/// A pop may stand still between its look at the top and its exchange while the other thread takes
/// both items and then pushes and pops until it has pushed one time less than the tag can count. The
/// first of these pushes puts the old top back, over a link that has changed.
fn asleep<W: Width + 'static>() {
    let ledger = Ledger::default();
    let push = |stack: &Stack<Token, 2, W>, number, ledger: &Ledger| {
        assert!(stack.try_push(Token::make(number, ledger)).is_ok());
    };
    let stack = Arc::new(Stack::<Token, 2, W>::new());
    push(&stack, 1, &ledger);
    push(&stack, 2, &ledger);
    let thread = {
        let (stack, ledger) = (stack.clone(), ledger.clone());
        spawn(move || {
            let mut taken = 0;
            taken += i32::from(stack.try_pop().is_ok()) + i32::from(stack.try_pop().is_ok());
            for number in 3..3 + (1 << W::LAP_BITS) - 1 {
                push(&stack, number, &ledger);
                taken += i32::from(stack.try_pop().is_ok());
            }
            taken
        })
    };
    let first = i32::from(stack.try_pop().is_ok());
    let taken = first + thread.join().unwrap();
    let left = 2 + (1 << W::LAP_BITS) - 1 - taken;
    assert_eq!(stack.len(), left as usize);
    for _ in 0..left {
        assert!(stack.try_pop().is_ok());
    }
    assert!(stack.try_pop().is_err());
    ledger.all_dropped();
}

const LARGE: &str = "unbounded: millions of executions in the exact tier";

/// A model that is too large without a bound: two heads, so many more interleavings than of a
/// ring.
const fn large(name: &'static str, body: fn()) -> Model {
    Model::bounded(name, 4, LARGE, body)
}

/// All models of this module.
pub const MODELS: &[Model] = queue_models! {
    new, stack, large, large,
    // An old top that is the top again, up to the bound of the tag.
    Model::bounded("asleep_2", 2, LARGE, asleep::<Narrow<2>>),
    Model::bounded("asleep_3", 1, LARGE, asleep::<Narrow<3>>),
    large("old_top", || stack::<2>(3, 2, &[&[Pop], &[Pop, Pop, Push(1)]])),
    large("old_top_twice", || stack::<2>(3, 2, &[&[Pop, Push(1)], &[Pop, Pop, Push(2)]])),
    Model::bounded("old_top_three", 2, LARGE, || stack::<2>(3, 2, &[&[Pop], &[Pop], &[Pop, Push(1)]])),
    // Who comes after a pop or a push on the head sees the cells that were given back before it.
    large("given_back_pop", || stack::<2>(3, 2, &[&[Pop, Pop], &[Pop, Push(1)]])),
    large("given_back_push", || stack::<3>(3, 2, &[&[Pop, Pop], &[Push(1), Push(2)]])),
    // Where the stale `Full` and the stale `Empty` meet: one cell in use, one free.
    large("stale_half", || stack::<2>(3, 1, &[&[Push(1), Push(2)], &[Pop, Pop, Pop]])),
    // In a channel.
    Model::full("channel_get_put", || channel::<1>(0, &[&[Get], &[Put(1)]])),
    Model::bounded("channel_get_put_twice", 2, LARGE, || {
        channel::<2>(0, &[&[Get, Get], &[Put(1), Put(2)]])
    }),
    Model::full("channel_put_get", || channel::<1>(1, &[&[Put(1)], &[Get]])),
    Model::full("channel_close_get", || channel::<1>(0, &[&[Close], &[Get]])),
    Model::full("channel_close_put", || channel::<1>(1, &[&[Close], &[Put(1)]])),
    Model::bounded("channel_stop_put", 3, LARGE, || channel::<1>(1, &[&[Stop], &[Put(1)]])),
    Model::bounded("channel_join", 3, LARGE, || {
        channel::<2>(1, &[&[Put(1), Join], &[Get, TaskDone, Get, TaskDone]])
    }),
};
