//! tokio's `task_local!`.

use std::hint::black_box;
use std::pin::pin;
use std::task::{self, Poll, Waker};
use std::time::Duration;

use super::timed;

tokio::task_local! {
    static VALUE: u64;
}

pub(super) fn get(count: u64) -> Duration {
    VALUE.sync_scope(7, || timed(count, |_| VALUE.get()))
}

pub(super) fn scope(count: u64) -> Duration {
    timed(count, |turn| VALUE.sync_scope(black_box(turn), || black_box(())))
}

pub(super) fn poll(count: u64) -> Duration {
    let body = std::future::poll_fn(|_| {
        black_box(VALUE.get());
        Poll::<()>::Pending
    });
    let mut future = pin!(VALUE.scope(7, body));
    let mut context = task::Context::from_waker(Waker::noop());
    timed(count, |_| future.as_mut().poll(&mut context))
}
