//! Ours.

use std::hint::black_box;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{self, Poll, Waker};
use std::time::Duration;

use inkle::contextvars::{Context, ContextVar, FutureExt, copy_context};

use super::{MOST, timed};

static VARIABLES: [ContextVar<u64>; MOST] = [const { ContextVar::new("variable") }; MOST];

/// A context with the first `N` of the variables.
fn filled<const N: usize>() -> Context {
    // All get their numbers at their first use: in this order, whatever row comes first.
    static NUMBERED: LazyLock<()> = LazyLock::new(|| {
        set_all(MOST);
    });
    LazyLock::force(&NUMBERED);
    set_all(N)
}

fn set_all(count: usize) -> Context {
    let context = Context::new();
    let set = || VARIABLES.iter().take(count).for_each(|variable| drop(variable.set(7)));
    context.run(set).unwrap_or_else(|_| unreachable!("it is ours alone"));
    context
}

/// As threads, timers, jobs and tasks run.
fn in_task<const N: usize>(work: impl FnOnce() -> Duration) -> Duration {
    filled::<N>().bind(work)()
}

pub(super) fn get<const N: usize>(count: u64) -> Duration {
    in_task::<N>(|| {
        timed(count, |_| match VARIABLES[N - 1].get() {
            Ok(value) => value,
            Err(_) => unreachable!("it is set"),
        })
    })
}

fn set<const N: usize>(count: u64) -> Duration {
    timed(count, |turn| {
        let token = VARIABLES[N - 1].set(black_box(turn));
        assert!(VARIABLES[N - 1].reset(token).is_ok());
    })
}

pub(super) fn set_in_task<const N: usize>(count: u64) -> Duration {
    in_task::<N>(|| set::<N>(count))
}

pub(super) fn set_in_run<const N: usize>(count: u64) -> Duration {
    filled::<N>().run(|| set::<N>(count)).unwrap_or_else(|_| unreachable!("it is ours alone"))
}

pub(super) fn copy<const N: usize>(count: u64) -> Duration {
    in_task::<N>(|| timed(count, |_| copy_context()))
}

pub(super) fn run<const N: usize>(count: u64) -> Duration {
    let context = filled::<N>();
    timed(count, |turn| black_box(&context).run(|| black_box(turn)).is_ok())
}

pub(super) fn poll<const N: usize>(count: u64) -> Duration {
    let body = std::future::poll_fn(|_| {
        black_box(VARIABLES[N - 1].get().is_ok());
        Poll::<()>::Pending
    });
    let mut future = pin!(body.with_context(filled::<N>()));
    let mut context = task::Context::from_waker(Waker::noop());
    timed(count, |_| future.as_mut().poll(&mut context))
}
