//! Waiting for the end of a child, or of several, without a thread that stands still.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::pin::Pin;
use std::slice;
use std::task::{Context, Poll};

use rustix::event::PollFlags;

use super::reaper::{Watch, watch};
use super::{Child, Stages, Status};

/// Ready when the program has ended: `(&child).await`; or all of a [pipeline's](Stages) have: `(&stages).await`.
/// Dropping it has no effect on a program. (SP031)
///
/// One thread of this crate waits for all that are awaited.
///
/// Errors: there is no descriptor or thread left to wait with.
#[must_use = "it does nothing unless it is awaited"]
pub struct Ended<'a, S = Status> {
    children: &'a [Child],
    /// How those have ended, when they have.
    tell: fn(&[Child]) -> S,
    watch: Option<Watch>,
}

impl<'a> IntoFuture for &'a Child {
    type Output = io::Result<Status>;
    type IntoFuture = Ended<'a>;

    fn into_future(self) -> Ended<'a> {
        let tell = |children: &[Child]| children[0].wait();
        Ended { children: slice::from_ref(self), tell, watch: None }
    }
}

impl<'a> IntoFuture for &'a Stages {
    type Output = io::Result<Vec<Status>>;
    type IntoFuture = Ended<'a, Vec<Status>>;

    fn into_future(self) -> Ended<'a, Vec<Status>> {
        let tell = |children: &[Child]| children.iter().map(Child::wait).collect();
        Ended { children: self.children(), tell, watch: None }
    }
}

impl<S> Future for Ended<'_, S> {
    type Output = io::Result<S>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // The one of the last poll: the task may have moved.
        self.watch = None;
        // One after the other: none is forgotten, for all have to end.
        let Some(child) = self.children.iter().find(|child| child.poll().is_none()) else {
            return Poll::Ready(Ok((self.tell)(self.children)));
        };
        let watched = child
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

impl<S> fmt::Debug for Ended<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ended").field("children", &self.children).finish_non_exhaustive()
    }
}
