//! A conversation with a program, or with those of a pipeline: until when, and where the output goes. A thread
//! holds it, or a task awaits it.

use std::fmt;
use std::future::Future;
use std::io;
use std::mem;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::slice;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::Duration;

use inkle_core::sync::WaitCancelled;
use rustix::event::PollFlags;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use super::reaper::{Watch, watch};
use super::sink::Hear;
use super::talk::{Heard, Step, Talk};
use super::{Child, CommunicateError, Output, Sink, alarm};
use crate::platform::{Deadline, Private, after};
use crate::threading::{CancelToken, locked};

/// A conversation that is to be held: [`Child::communicate_async`], [`Stages::communicate_async`](super::Stages::communicate_async). Say until when,
/// and what becomes of the output; then await it, or [`run`](Self::run) it on this thread. (SP033, SP052)
///
/// Dropped before it is ready nothing is lost: begin another, without input, to go on.
///
/// ```
/// use std::time::Duration;
/// use inkle::subprocess::{Command, Sink};
///
/// let mut seen = 0;
/// let child = Command::shell("echo warp; echo weft; echo loom").capture_output().spawn().unwrap();
/// let mut lines = Sink::new().lines(|_| seen += 1).limit(5);
/// let talk = child.communicate_async([]).timeout(Duration::from_secs(60));
/// let output = talk.to(&mut lines, &mut Sink::new()).run().unwrap();
/// drop(lines);
/// assert_eq!((seen, &output.stdout[..]), (3, &b"warp\n"[..]));
/// ```
#[must_use = "nothing is said unless it is awaited or run"]
pub struct Conversation<'a, O = Output> {
    children: &'a [Child],
    talk: &'a Mutex<Talk>,
    input: Vec<u8>,
    deadline: Deadline,
    token: Option<&'a CancelToken<'a>>,
    sinks: Vec<&'a mut (dyn Hear + 'a)>,
    give: fn(Heard) -> O,
    /// While it is awaited: what wakes the task.
    watch: Option<Watch>,
    timer: Option<OwnedFd>,
    cancelled: Option<Pin<Box<WaitCancelled<'a, Private>>>>,
}

impl Child {
    /// As [`communicate`](Self::communicate), to be awaited; [`Conversation`] has more to say about it.
    ///
    /// Errors: as there, and [`CommunicateError::Io`] if there is no descriptor or thread left to wait with.
    pub fn communicate_async(&self, input: impl Into<Vec<u8>>) -> Conversation<'_> {
        Conversation::new(slice::from_ref(self), &self.talk, input.into(), Output::of_one)
    }
}

impl<'a> Conversation<'a> {
    /// What becomes of the program's outputs while it runs; see
    /// [`communicate_to`](Child::communicate_to).
    pub fn to(mut self, stdout: &'a mut Sink<'_>, stderr: &'a mut Sink<'_>) -> Self {
        self.sinks = vec![stdout, stderr];
        self
    }
}

impl<'a> Conversation<'a, Vec<Output>> {
    /// What becomes of the last program's output while they run, and of each one's error: the first sink is the
    /// first one's. If there are fewer sinks than programs, all is kept of the others.
    pub fn to(mut self, stdout: &'a mut Sink<'_>, errors: &'a mut [Sink<'_>]) -> Self {
        self.sinks = vec![stdout];
        self.sinks.extend(errors.iter_mut().map(|sink| sink as &mut (dyn Hear + 'a)));
        self
    }
}

impl<'a, O> Conversation<'a, O> {
    pub(super) fn new(
        children: &'a [Child],
        talk: &'a Mutex<Talk>,
        input: Vec<u8>,
        give: fn(Heard) -> O,
    ) -> Self {
        let (deadline, token, sinks) = (Deadline::NEVER, None, Vec::new());
        let (watch, timer, cancelled) = (None, None, None);
        Self { children, talk, input, deadline, token, sinks, give, watch, timer, cancelled }
    }

    /// Until this moment; see [`communicate_until`](Child::communicate_until).
    pub fn until(mut self, deadline: impl Into<Deadline>) -> Self {
        self.deadline = deadline.into();
        self
    }

    /// For at most so long from now.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.until(after(timeout))
    }

    /// Until `token` is cancelled; see [`communicate_unless`](Child::communicate_unless).
    pub fn unless(mut self, token: &'a CancelToken<'a>) -> Self {
        self.token = Some(token);
        self
    }

    /// Holds the conversation on this thread.
    ///
    /// Errors: [`CommunicateError`].
    pub fn run(mut self) -> Result<O, CommunicateError<O>> {
        let mut talk = locked(self.talk);
        let input = mem::take(&mut self.input);
        let heard = match self.token {
            None => talk.run(self.children, input, self.deadline, None, &mut self.sinks),
            Some(token) => alarm::with(token, |alarm| {
                let deadline = self.deadline.min(alarm.deadline());
                talk.run(self.children, input, deadline, Some(alarm), &mut self.sinks)
            })
            .unwrap_or_else(|error| Err(CommunicateError::Io(error))),
        };
        drop(talk);
        self.told(heard)
    }

    /// For the caller. A deadline may have been the token's.
    fn told(
        &self,
        heard: Result<Heard, CommunicateError<Heard>>,
    ) -> Result<O, CommunicateError<O>> {
        let reason = self.token.and_then(CancelToken::reason);
        match (heard, reason) {
            (Err(CommunicateError::TimedOut(heard)), Some(reason)) => {
                Err(CommunicateError::Cancelled((self.give)(heard), reason))
            }
            (heard, _) => heard.map(self.give).map_err(|error| error.map(self.give)),
        }
    }

    /// One step, and who wakes the task for the next.
    fn advance(&mut self, cx: &mut Context<'_>) -> Result<Option<Heard>, CommunicateError<Heard>> {
        if let (Some(token), None) = (self.token, &self.cancelled) {
            self.cancelled = Some(Box::pin(token.wait_async()));
        }
        // Before the step, so that a token which is cancelled after this look wakes the task.
        let is_cancelled =
            self.cancelled.as_mut().is_some_and(|token| token.as_mut().poll(cx).is_ready());
        let deadline = self.token.map_or(Deadline::NEVER, CancelToken::deadline).min(self.deadline);
        let is_late = is_cancelled || deadline.has_passed::<Private>();

        let mut talk = locked(self.talk);
        talk.begin(mem::take(&mut self.input))?;
        let running = match talk.step(self.children, is_late, &mut self.sinks)? {
            Step::Ends(heard) => return Ok(Some(heard)),
            Step::Waits(running) => running,
        };
        let mut fds = talk.awaits(&running).map_err(CommunicateError::Io)?;
        drop(talk);
        if let Some(timer) = self.timer(deadline).map_err(CommunicateError::Io)? {
            fds.push((timer, PollFlags::IN));
        }
        self.watch = Some(watch(fds, cx.waker().clone()).map_err(CommunicateError::Io)?);
        Ok(None)
    }

    /// A descriptor that is readable when the deadline has passed.
    fn timer(&mut self, deadline: Deadline) -> io::Result<Option<OwnedFd>> {
        let Some(nanos) = deadline.nanos() else { return Ok(None) };
        if self.timer.is_none() {
            let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
            let value = Timespec {
                tv_sec: (nanos / 1_000_000_000) as _,
                tv_nsec: (nanos % 1_000_000_000) as _,
            };
            let time = Itimerspec { it_interval: zero, it_value: value };
            timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME, &time)?;
            self.timer = Some(timer);
        }
        self.timer.as_ref().map(OwnedFd::try_clone).transpose()
    }
}

impl<O> Future for Conversation<'_, O> {
    type Output = Result<O, CommunicateError<O>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // The one of the last poll: the task may have moved.
        self.watch = None;
        match self.advance(cx).transpose() {
            Some(heard) => Poll::Ready(self.told(heard)),
            None => Poll::Pending,
        }
    }
}

impl<O> fmt::Debug for Conversation<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation").field("children", &self.children).finish_non_exhaustive()
    }
}
