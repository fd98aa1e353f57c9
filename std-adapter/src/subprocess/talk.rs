//! What goes through the pipes of a child, or of several.
//!
//! One `poll` waits for the children, the input and the outputs at once. What has been read and what has been
//! written stays here when a deadline passes, so the conversation can go on.

use std::io;
use std::mem;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::alarm::Alarm;
use super::sink::Hear;
use super::{Child, CommunicateError};
use crate::os::poll;
use crate::platform::{Deadline, Private};

/// Read at a time.
const READ: usize = 64 * 1024;
/// Reads and writes of one stream in a round. A program may write as fast as we read: the deadline is to be
/// seen, and the other streams have their turn.
const TURNS: usize = 16;

/// See the module.
pub(super) struct Talk {
    stdin: Option<OwnedFd>,
    outputs: Vec<Option<OwnedFd>>,
    /// Of each output.
    read: Vec<Vec<u8>>,
    input: Vec<u8>,
    written: usize,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Begun,
    Done,
}

/// What was read of each output; whether one was still open.
pub(super) struct Heard {
    pub(super) read: Vec<Vec<u8>>,
    pub(super) left_open: bool,
}

/// How a step of the conversation ends.
pub(super) enum Step<'c> {
    Ends(Heard),
    /// For a pipe, or for the end of one of these.
    Waits(Vec<&'c Child>),
}

/// One for each output; none at the end if there is nothing to be done.
pub(super) type Sinks<'a> = [&'a mut (dyn Hear + 'a)];

impl Talk {
    pub(super) fn new(stdin: Option<OwnedFd>, outputs: Vec<Option<OwnedFd>>) -> Self {
        let read = vec![Vec::new(); outputs.len()];
        Self { stdin, outputs, read, input: Vec::new(), written: 0, stage: Stage::New }
    }

    pub(super) fn take_stdin(&mut self) -> Option<OwnedFd> {
        self.stdin.take()
    }

    pub(super) fn take_output(&mut self, number: usize) -> Option<OwnedFd> {
        self.outputs[number].take()
    }

    /// A copy of what has been read.
    pub(super) fn so_far(&self) -> Heard {
        Heard { read: self.read.clone(), left_open: self.is_open() }
    }

    fn is_open(&self) -> bool {
        self.outputs.iter().any(Option::is_some)
    }

    /// See [`Child::communicate_until`]. A rung alarm counts as a deadline.
    pub(super) fn run(
        &mut self,
        children: &[Child],
        input: Vec<u8>,
        deadline: Deadline,
        alarm: Option<&Alarm>,
        sinks: &mut Sinks<'_>,
    ) -> Result<Heard, CommunicateError<Heard>> {
        self.begin(input)?;
        loop {
            let is_late = deadline.has_passed::<Private>() || alarm.is_some_and(Alarm::is_rung);
            match self.step(children, is_late, sinks)? {
                Step::Ends(heard) => return Ok(heard),
                Step::Waits(running) => self.sleep(&running, deadline, alarm),
            }
        }
    }

    /// What of the conversation does not wait.
    pub(super) fn step<'c>(
        &mut self,
        children: &'c [Child],
        is_late: bool,
        sinks: &mut Sinks<'_>,
    ) -> Result<Step<'c>, CommunicateError<Heard>> {
        // Before the pipes: what one has written that has ended is read in this very step. One that ends later is
        // among those waited for, which returns at once.
        let running: Vec<_> = children.iter().filter(|child| child.poll().is_none()).collect();
        let is_quiet = self.round(sinks).map_err(CommunicateError::Io)?;
        match running.is_empty() {
            true if is_quiet || is_late => self.finish(sinks).map(Step::Ends),
            false if is_late => Err(CommunicateError::TimedOut(self.so_far())),
            _ => Ok(Step::Waits(running)),
        }
    }

    /// Copies of the descriptors that the next step waits for.
    pub(super) fn awaits(&self, running: &[&Child]) -> io::Result<Vec<(OwnedFd, PollFlags)>> {
        let mut fds = Vec::new();
        for child in running {
            fds.push((child.pidfd().try_clone_to_owned()?, PollFlags::IN));
        }
        if let Some(stdin) = &self.stdin {
            fds.push((stdin.try_clone()?, PollFlags::OUT));
        }
        for output in self.outputs.iter().flatten() {
            fds.push((output.try_clone()?, PollFlags::IN));
        }
        Ok(fds)
    }

    /// Takes the input, the first time.
    pub(super) fn begin(&mut self, input: Vec<u8>) -> Result<(), CommunicateError<Heard>> {
        match self.stage {
            Stage::Done => return Err(CommunicateError::Done),
            Stage::Begun if !input.is_empty() => return Err(CommunicateError::Begun(input)),
            Stage::Begun => return Ok(()),
            Stage::New => {}
        }
        if self.stdin.is_none() && !input.is_empty() {
            return Err(CommunicateError::NoInput(input));
        }
        self.input = input;
        self.stage = Stage::Begun;
        Ok(())
    }

    fn finish(&mut self, sinks: &mut Sinks<'_>) -> Result<Heard, CommunicateError<Heard>> {
        for sink in sinks {
            sink.end().map_err(CommunicateError::Io)?;
        }
        self.stage = Stage::Done;
        let left_open = self.is_open();
        self.stdin = None;
        self.outputs.fill_with(|| None);
        self.input = Vec::new();
        let read = self.read.iter_mut().map(mem::take).collect();
        Ok(Heard { read, left_open })
    }

    /// Writes and reads what can be without waiting; whether there is nothing more to write or read.
    fn round(&mut self, sinks: &mut Sinks<'_>) -> io::Result<bool> {
        self.write()?;
        let mut sinks = sinks.iter_mut();
        for (output, read) in self.outputs.iter_mut().zip(&mut self.read) {
            let sink = sinks.next();
            let Some(fd) = output else { continue };
            let before = read.len();
            if drain(fd, read)? {
                *output = None;
            }
            if let Some(sink) = sink {
                sink.take(read, before)?;
            }
        }
        Ok(self.stdin.is_none() && !self.is_open())
    }

    fn write(&mut self) -> io::Result<()> {
        let Some(stdin) = &self.stdin else { return Ok(()) };
        let mut turns = 0;
        while self.written < self.input.len() {
            if turns == TURNS {
                return Ok(());
            }
            turns += 1;
            match rustix::io::write(stdin, &self.input[self.written..]) {
                Ok(written) => self.written += written,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                // Nobody reads any more: that is the child's affair. (SP033)
                Err(Errno::PIPE) => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.stdin = None;
        self.input = Vec::new();
        self.written = 0;
        Ok(())
    }

    /// Waits for whatever may come. `running` are those who were when we last looked: whoever has ended since is
    /// among those waited for, which returns at once.
    fn sleep(&self, running: &[&Child], deadline: Deadline, alarm: Option<&Alarm>) {
        let pidfds: Vec<_> = running.iter().map(|child| child.pidfd()).collect();
        let mut fds: Vec<_> = pidfds.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        if let Some(stdin) = &self.stdin {
            fds.push(PollFd::new(stdin, PollFlags::OUT));
        }
        fds.extend(self.outputs.iter().flatten().map(|fd| PollFd::new(fd, PollFlags::IN)));
        if let Some(alarm) = alarm {
            fds.push(PollFd::new(alarm.descriptor(), PollFlags::IN));
        }
        poll::until(&mut fds, deadline);
    }
}

/// Reads what is there, or a good deal of it; whether that was all there ever will be.
fn drain(fd: &OwnedFd, read: &mut Vec<u8>) -> io::Result<bool> {
    for _ in 0..TURNS {
        read.reserve(READ);
        match rustix::io::read(fd.as_fd(), rustix::buffer::spare_capacity(read)) {
            Ok(0) => return Ok(true),
            Ok(_) => {}
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}
