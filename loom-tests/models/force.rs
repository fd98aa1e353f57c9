//! `force_push` and `peek`: of a [`WordRing`] one step each; of a [`Fifo`] a forced push that displaces
//! is a pop and a push. Laps of two bits, so that they wrap.

use inkle_core::error::PushError;
use inkle_core::queue::Narrow;
use inkle_core::queue::fifo::{Fifo, Refused};
use inkle_core::queue::word::WordRing;

use crate::kit::Model;
use crate::shapes::Op::*;
use crate::shapes::{Cells, Exact, Item, Ledger, Op, Plain, Ret, Subject, Token, play};

type Ring<const N: usize> = WordRing<u8, N, Narrow<2>>;
type Queue<const N: usize> = Fifo<Token, N, Narrow<2>>;
type Scripts = &'static [&'static [Op]];

/// A ring with its own operations.
struct Words<const N: usize>(Plain<Ring<N>>);

impl<const N: usize> Subject for Words<N> {
    const AT_END: &[Op] = <Plain<Ring<N>> as Subject>::AT_END;

    fn apply(&self, op: Op, ledger: &Ledger) -> Ret {
        let ring = self.0.queue();
        match op {
            Op::Force(item) => match ring.force_push(item) {
                Ok(None) => Ret::Ok,
                Ok(Some(oldest)) => Ret::Displaced(oldest),
                Err(PushError::Closed(_)) => Ret::Closed,
                Err(PushError::Full(_)) => unreachable!("a ring of words always finds room"),
            },
            Op::Peek => ring.peek().map_or(Ret::Empty, Ret::Item),
            _ => self.0.apply(op, ledger),
        }
    }
}

/// A queue with its own operation.
struct Items<const N: usize>(Plain<Queue<N>>);

impl<const N: usize> Subject for Items<N> {
    const AT_END: &[Op] = <Plain<Queue<N>> as Subject>::AT_END;

    fn apply(&self, op: Op, ledger: &Ledger) -> Ret {
        let Op::Force(item) = op else {
            return self.0.apply(op, ledger);
        };
        match self.0.queue().force_push(Token::make(item, ledger)) {
            Ok(None) => Ret::Ok,
            Ok(Some(oldest)) => Ret::Displaced(oldest.number()),
            Err(Refused { error: PushError::Full(_), .. }) => Ret::Full,
            Err(Refused { displaced: Some(oldest), .. }) => Ret::ClosedAfter(oldest.number()),
            Err(_) => Ret::Closed,
        }
    }
}

/// Plays on a ring of `N` slots that `turns` items have passed through and `inside` lie in.
fn word<const N: usize>(turns: usize, inside: u8, scripts: Scripts) {
    play(Words(Plain::new(Ring::<N>::new(), turns)), Exact::new(N), inside, scripts);
}

/// As [`word`], on a `Fifo`.
fn fifo<const N: usize>(turns: usize, inside: u8, scripts: Scripts) {
    play(Items(Plain::new(Queue::<N>::new(), turns)), Cells::new(N), inside, scripts);
}

const LARGE: &str = "unbounded: millions of executions in the exact tier";

/// A model of two threads that goes on for long without a bound.
const fn two(name: &'static str, body: fn()) -> Model {
    Model::bounded(name, 5, "unbounded: up to half a minute in the exact tier", body)
}

/// A model that is too large without a bound.
const fn large(name: &'static str, body: fn()) -> Model {
    Model::bounded(name, 3, LARGE, body)
}

/// All models of this module.
pub const MODELS: &[Model] = &[
    // A ring: against each operation and itself, full and with room.
    Model::full("word_force_1", || word::<1>(3, 1, &[&[Force(1)], &[Force(2)]])),
    two("word_force_pop_1", || word::<1>(3, 1, &[&[Force(1), Pop], &[Force(2)]])),
    two("word_force_2", || word::<2>(7, 2, &[&[Force(1), Force(2)], &[Force(3)]])),
    two("word_force_empty", || word::<1>(3, 0, &[&[Force(1), Force(2)], &[Force(3)]])),
    Model::full("word_pop_1", || word::<1>(3, 1, &[&[Force(1), Force(2)], &[Pop, Pop]])),
    Model::full("word_pop_2", || word::<2>(7, 2, &[&[Force(1), Force(2)], &[Pop, Pop]])),
    Model::full("word_pop_3", || word::<3>(11, 2, &[&[Force(1), Force(2)], &[Pop, Pop, Pop]])),
    two("word_push_1", || word::<1>(3, 1, &[&[Force(1), Pop], &[Push(2), Pop]])),
    two("word_push_2", || word::<2>(7, 1, &[&[Force(1), Force(2)], &[Push(3), Pop]])),
    two("word_close_1", || word::<1>(3, 1, &[&[Force(1), Force(2)], &[Close, Pop]])),
    two("word_close_2", || word::<2>(7, 1, &[&[Force(1), Force(2)], &[Pop, Close]])),
    two("word_look", || word::<2>(7, 1, &[&[Force(1), Ticket, SomeLen], &[Force(2), SomeLen]])),
    Model::full("word_stale", || word::<2>(7, 1, &[&[Force(1), Push(2)], &[Pop, Pop]])),
    // One goes round while the other may stand between two steps of one operation.
    two("word_overtake_force", || word::<1>(3, 1, &[&[Force(1)], &[Force(2), Force(3), Pop]])),
    two("word_overtake_pop", || word::<1>(3, 1, &[&[Pop], &[Force(1), Force(2), Force(3)]])),
    Model::full("word_overtake_push", || {
        word::<1>(3, 0, &[&[Push(1)], &[Force(2), Force(3), Pop]])
    }),
    large("word_force_force_pop", || word::<2>(7, 2, &[&[Pop], &[Force(1)], &[Force(2)]])),
    large("word_force_push_pop", || word::<1>(3, 1, &[&[Pop], &[Force(1)], &[Push(2)]])),
    large("word_force_pop_pop", || word::<2>(7, 2, &[&[Force(1)], &[Pop], &[Pop]])),
    large("word_force_close_pop", || word::<1>(3, 1, &[&[Close], &[Force(1)], &[Pop]])),
    // A peek.
    Model::full("peek_push", || word::<1>(3, 0, &[&[Peek, Push(1)], &[Push(2), Peek]])),
    Model::full("peek_pop", || word::<2>(7, 2, &[&[Peek, Pop, Peek], &[Pop, Peek]])),
    Model::full("peek_push_pop", || word::<1>(3, 1, &[&[Pop, Peek], &[Pop, Push(1)]])),
    two("peek_force", || word::<2>(7, 2, &[&[Peek, Peek], &[Force(1), Force(2)]])),
    Model::full("peek_close", || word::<1>(3, 0, &[&[Peek, Push(1), Peek], &[Close, Peek]])),
    two("peek_stale_empty", || word::<2>(7, 1, &[&[Push(1), Peek], &[Pop, Pop]])),
    Model::full("peek_stale_full", || word::<2>(7, 1, &[&[Pop, Peek], &[Push(1), Push(2)]])),
    Model::full("peek_stale_peek", || word::<2>(7, 1, &[&[Push(1), Peek], &[Pop, Peek]])),
    large("peek_push_pop_3", || word::<2>(7, 1, &[&[Peek, Peek], &[Push(1)], &[Pop]])),
    // A `Fifo`.
    large("fifo_force_1", || fifo::<1>(3, 1, &[&[Force(1)], &[Force(2)]])),
    large("fifo_force_2", || fifo::<2>(7, 2, &[&[Force(1), Pop], &[Force(2)]])),
    large("fifo_force_room", || fifo::<2>(7, 1, &[&[Force(1)], &[Force(2)]])),
    large("fifo_pop_1", || fifo::<1>(3, 1, &[&[Force(1)], &[Pop, Pop]])),
    large("fifo_pop_2", || fifo::<2>(7, 2, &[&[Force(1), Force(2)], &[Pop, Pop]])),
    large("fifo_push_1", || fifo::<1>(3, 1, &[&[Force(1)], &[Push(2), Pop]])),
    large("fifo_push_2", || fifo::<2>(7, 2, &[&[Force(1)], &[Pop, Push(2)]])),
    large("fifo_close_1", || fifo::<1>(3, 1, &[&[Force(1), Pop], &[Close]])),
    large("fifo_close_2", || fifo::<2>(7, 2, &[&[Force(1)], &[Close, Pop]])),
    large("fifo_look", || fifo::<1>(3, 1, &[&[Force(1), Ticket], &[SomeLen, Ticket]])),
    Model::bounded("fifo_force_push_pop", 2, LARGE, || {
        fifo::<1>(3, 1, &[&[Pop], &[Force(1)], &[Push(2)]])
    }),
    Model::bounded("fifo_force_force_close", 2, LARGE, || {
        fifo::<1>(3, 1, &[&[Close], &[Force(1)], &[Force(2)]])
    }),
];
