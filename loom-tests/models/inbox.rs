//! [`Inbox`]: all at once or one by one, oldest first; exact but for `Full` and the length, which
//! look at cells. Tags of two bits, so that they wrap.

use std::sync::Arc;

use inkle_core::event_count::EventCount;
use inkle_core::platform::Deadline;
use inkle_core::queue::Narrow;
use inkle_core::queue::inbox::{Arrival, Inbox};
use loom::thread::spawn;

use crate::fast::Fair;
use crate::kit::{Loom, Model};
use crate::shapes::{
    Cells, Counted, Exact, Item, Ledger, Op, Plain, Ret, Subject, Token, Waiting, play,
    queue_models,
};

type Narrowed<const N: usize> = Inbox<Token, N, Fair, Narrow<2>>;

/// An inbox whose tag wraps after 4 pushes.
fn new<const N: usize>() -> Narrowed<N> {
    Inbox::new()
}

/// An inbox with its own operations.
struct Mail<const N: usize>(Plain<Narrowed<N>>);

impl<const N: usize> Subject for Mail<N> {
    const AT_END: &[Op] = <Plain<Narrowed<N>> as Subject>::AT_END;

    fn apply(&self, op: Op, ledger: &Ledger) -> Ret {
        if op != Op::TakeAll {
            return self.0.apply(op, ledger);
        }
        let batch = self.0.queue().take_all();
        let (mut items, is_last) = ([0; 4], batch.is_last());
        for (place, item) in items.iter_mut().zip(batch) {
            *place = item.number();
        }
        Ret::Batch(items, is_last)
    }
}

fn spec(capacity: usize) -> Cells<Exact> {
    Cells::counted(Exact::new(capacity))
}

/// Plays on an inbox of `N` cells that `turns` items have passed through and `inside` lie in.
fn inbox<const N: usize>(turns: usize, inside: u8, scripts: &'static [&'static [Op]]) {
    play(Mail(Plain::new(new::<N>(), turns)), spec(N), inside, scripts);
}

/// As [`inbox`], in a channel.
fn channel<const N: usize>(inside: u8, scripts: &'static [&'static [Op]]) {
    play(Waiting::new(new::<N>(), 3), Counted::new(spec(N), N), inside, scripts);
}

/// The producers wake the consumer only after an [`Arrival::First`]; it waits for what both push.
fn first_wakes<const EACH: u8>() {
    let ledger = Ledger::default();
    let shared = Arc::new((Inbox::<Token, 4, Fair, Narrow<3>>::new(), EventCount::<Loom>::new()));
    let producers = [1, 2].map(|producer| {
        let (shared, ledger) = (shared.clone(), ledger.clone());
        spawn(move || {
            let (inbox, events) = &*shared;
            for number in 0..EACH {
                match inbox.try_push(Token::make(producer * 10 + number, &ledger)) {
                    Ok(Arrival::First) => events.notify(1),
                    Ok(Arrival::Later) => {}
                    Err(_) => unreachable!("there is room"),
                }
            }
        })
    });
    let (inbox, events) = &*shared;
    let mut count = 0;
    while count < 2 * EACH {
        let batch = events.block(Deadline::NEVER, || {
            let batch: Vec<u8> = inbox.take_all().map(|item| item.number()).collect();
            (!batch.is_empty()).then_some(batch)
        });
        count += batch.expect("no deadline").len() as u8;
    }
    for producer in producers {
        producer.join().unwrap();
    }
    ledger.all_dropped();
}

/// A batch is dropped half used while another thread pushes: the cells come back, nothing is lost.
fn dropped_batch() {
    let ledger = Ledger::default();
    let inbox = Arc::new(new::<2>());
    for number in [1, 2] {
        assert!(inbox.try_push(Token::make(number, &ledger)).is_ok());
    }
    let thread = {
        let (inbox, ledger) = (inbox.clone(), ledger.clone());
        spawn(move || inbox.try_push(Token::make(3, &ledger)).is_ok())
    };
    let mut batch = inbox.take_all();
    let first = batch.next().map(|item| item.number());
    assert_eq!(first, Some(1));
    drop(batch);
    let pushed = thread.join().unwrap();
    let left: Vec<u8> = inbox.take_all().map(|item| item.number()).collect();
    assert_eq!(left, if pushed { vec![3] } else { vec![] });
    ledger.all_dropped();
}

const LARGE: &str = "unbounded: millions of executions in the exact tier";

/// A model that is too large without a bound: a pool, a head and the consumer's side.
const fn large(name: &'static str, body: fn()) -> Model {
    Model::bounded(name, 4, LARGE, body)
}

/// A model in which two consumers may spin.
const fn larger(name: &'static str, body: fn()) -> Model {
    Model::bounded(name, 2, LARGE, body)
}

/// All models of this module.
pub const MODELS: &[Model] = queue_models! {
    new, inbox, large, larger,
    // All at once, against each other operation and itself.
    Model::full("take_push", || inbox::<1>(3, 0, &[&[TakeAll, Push(2)], &[Push(1)]])),
    large("take_push_twice", || inbox::<2>(7, 1, &[&[TakeAll, TakeAll], &[Push(1), Push(2)]])),
    large("take_push_full", || inbox::<1>(3, 1, &[&[TakeAll], &[Push(1), Push(2)]])),
    large("take_push_push", || inbox::<2>(7, 0, &[&[TakeAll], &[Push(1)], &[Push(2)]])),
    large("take_take", || inbox::<2>(7, 2, &[&[TakeAll, Push(1)], &[TakeAll]])),
    large("take_pop", || inbox::<2>(7, 2, &[&[TakeAll, Push(1)], &[Pop, Pop]])),
    // What a pop has left on the consumer's side comes first.
    large("rest_take", || inbox::<3>(11, 2, &[&[Pop, TakeAll], &[Push(1)]])),
    larger("rest_take_pop", || inbox::<3>(11, 2, &[&[Pop, TakeAll], &[Push(1), Pop]])),
    larger("rest_take_take", || inbox::<3>(11, 2, &[&[Pop, TakeAll], &[Push(1), TakeAll]])),
    large("take_close", || inbox::<1>(3, 1, &[&[TakeAll, TakeAll], &[Push(1), Close]])),
    large("take_close_push", || inbox::<2>(7, 0, &[&[TakeAll], &[Push(1)], &[Close]])),
    Model::full("take_look", || inbox::<2>(7, 1, &[&[TakeAll, Len], &[Ticket, IsEmpty]])),
    // A stale `Full` and a batch that misses what has been pushed.
    large("stale_take", || inbox::<2>(7, 1, &[&[Push(1), Push(2)], &[TakeAll, TakeAll]])),
    large("given_back_take", || {
        inbox::<3>(3, 1, &[&[TakeAll, TakeAll], &[Push(1), Push(2), Push(3)]])
    }),
    // Who wakes, and what becomes of a batch.
    Model::bounded("first_wakes", 2, LARGE, first_wakes::<1>),
    Model::bounded("first_wakes_twice", 1, LARGE, first_wakes::<2>),
    Model::full("dropped_batch", dropped_batch),
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
