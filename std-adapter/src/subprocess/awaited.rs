//! Waiting for a child, and talking to it, without a thread that stands still.

use std::future::{Future, IntoFuture};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::event::PollFlags;

use super::reaper::{Watch, watch};
use super::{Child, CommunicateError, Output, Status};
use crate::threading::locked;

/// Ready when the program has ended: `(&child).await`. Dropping it has no effect on the program. (SP031)
///
/// One thread of this crate waits for all that are awaited.
///
/// Errors: there is no descriptor or thread left to wait with.
#[derive(Debug)]
#[must_use = "it does nothing unless it is awaited"]
pub struct Ended<'a> {
    child: &'a Child,
    watch: Option<Watch>,
}

impl<'a> IntoFuture for &'a Child {
    type Output = io::Result<Status>;
    type IntoFuture = Ended<'a>;

    fn into_future(self) -> Ended<'a> {
        Ended { child: self, watch: None }
    }
}

impl Future for Ended<'_> {
    type Output = io::Result<Status>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // The one of the last poll: the task may have moved.
        self.watch = None;
        if let Some(status) = self.child.poll() {
            return Poll::Ready(Ok(status));
        }
        let watched = self
            .child
            .pidfd()
            .try_clone_to_owned()
            .and_then(|pidfd| watch(vec![(pidfd, PollFlags::IN)], cx.waker().clone()));
        match watched {
            Ok(watch) => {
                self.watch = Some(watch);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

/// A conversation with a program: [`Child::communicate_async`]. Dropped before it is ready nothing is lost: begin
/// another, without input, to go on.
#[derive(Debug)]
#[must_use = "it does nothing unless it is awaited"]
pub struct Conversation<'a> {
    child: &'a Child,
    input: Vec<u8>,
    watch: Option<Watch>,
}

impl Child {
    /// As [`communicate`](Self::communicate), to be awaited.
    ///
    /// Errors: as there, and [`CommunicateError::Io`] if there is no descriptor or thread left to wait with.
    pub fn communicate_async(&self, input: impl Into<Vec<u8>>) -> Conversation<'_> {
        Conversation { child: self, input: input.into(), watch: None }
    }
}

impl Future for Conversation<'_> {
    type Output = Result<Output, CommunicateError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.watch = None;
        let input = std::mem::take(&mut self.input);
        let mut talk = locked(&self.child.talk);
        // Once, before the rest: if it ends after this, what we wait for is ready.
        let ended = self.child.poll().is_some();
        let result = talk.step(ended, input);
        if let Some(heard) = result.transpose() {
            let one = heard.map(Output::of_one).map_err(|error| error.map(Output::of_one));
            return Poll::Ready(one);
        }
        let awaited = talk.awaits(self.child, ended);
        drop(talk);
        let watched = awaited.and_then(|fds| watch(fds, cx.waker().clone()));
        match watched {
            Ok(watch) => {
                self.watch = Some(watch);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(CommunicateError::Io(error))),
        }
    }
}
