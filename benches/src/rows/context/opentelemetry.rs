//! OpenTelemetry's context: a value for each type.

use std::hint::black_box;
use std::pin::pin;
use std::task::{self, Poll, Waker};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::context::FutureExt;

use super::{all, timed};

struct Value<const N: usize>(u64);

/// A further value.
type Add = fn(&Context) -> Context;

fn filled<const N: usize>() -> Context {
    macro_rules! add {
        ($row:literal $column:literal) => {
            |context| context.with_value(Value::<{ $row * 10 + $column }>(7))
        };
    }
    const ADD: [[Add; 10]; 20] = all!(add);
    ADD.as_flattened().iter().take(N).fold(Context::new(), |context, add| add(&context))
}

/// A hash table finds all of them alike.
fn first() -> Option<u64> {
    Context::map_current(|context| context.get::<Value<0>>().map(|value| value.0))
}

pub(super) fn get<const N: usize>(count: u64) -> Duration {
    let _in = filled::<N>().attach();
    timed(count, |_| first())
}

pub(super) fn set<const N: usize>(count: u64) -> Duration {
    let _in = filled::<N>().attach();
    timed(count, |turn| drop(Context::current_with_value(Value::<0>(turn)).attach()))
}

pub(super) fn copy<const N: usize>(count: u64) -> Duration {
    let _in = filled::<N>().attach();
    timed(count, |_| Context::current())
}

pub(super) fn run<const N: usize>(count: u64) -> Duration {
    let context = filled::<N>();
    timed(count, |turn| {
        let _in = black_box(&context).clone().attach();
        black_box(turn)
    })
}

pub(super) fn poll<const N: usize>(count: u64) -> Duration {
    let body = std::future::poll_fn(|_| {
        black_box(first());
        Poll::<()>::Pending
    });
    let mut future = pin!(body.with_context(filled::<N>()));
    let mut context = task::Context::from_waker(Waker::noop());
    timed(count, |_| future.as_mut().poll(&mut context))
}
