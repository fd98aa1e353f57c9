//! What goes through a child's pipes.
//!
//! One `poll` waits for the child, its input and its outputs at once. What has been read and what has been
//! written stays here when a deadline passes, so the conversation can go on.

use std::io;
use std::mem;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::alarm::Alarm;
use super::{Child, CommunicateError, Output};
use crate::os::poll;
use crate::platform::Deadline;

/// Read at a time.
const READ: usize = 64 * 1024;
/// Reads and writes of one stream in a round. A program may write as fast as we read: the deadline is to be
/// seen, and the other streams have their turn.
const TURNS: usize = 16;

/// See the module.
pub(super) struct Talk {
    stdin: Option<OwnedFd>,
    /// Standard output and error.
    outputs: [Option<OwnedFd>; 2],
    read: [Vec<u8>; 2],
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

/// How a round of the conversation ends.
enum Round {
    Goes,
    /// Nothing more to read or write.
    Quiet,
}

impl Talk {
    pub(super) fn new([stdin, stdout, stderr]: [Option<OwnedFd>; 3]) -> Self {
        Self {
            stdin,
            outputs: [stdout, stderr],
            read: [Vec::new(), Vec::new()],
            input: Vec::new(),
            written: 0,
            stage: Stage::New,
        }
    }

    pub(super) fn take(&mut self, stream: usize) -> Option<OwnedFd> {
        match stream {
            0 => self.stdin.take(),
            1 => self.outputs[0].take(),
            _ => self.outputs[1].take(),
        }
    }

    /// A copy of what has been read.
    pub(super) fn so_far(&self) -> Output {
        let [stdout, stderr] = self.read.clone();
        Output { stdout, stderr, left_open: self.is_open() }
    }

    fn is_open(&self) -> bool {
        self.outputs.iter().any(Option::is_some)
    }

    /// See [`Child::communicate_until`]. A rung alarm counts as a deadline.
    pub(super) fn run(
        &mut self,
        child: &Child,
        input: Vec<u8>,
        deadline: Deadline,
        alarm: Option<&Alarm>,
    ) -> Result<Output, CommunicateError> {
        self.begin(input)?;
        loop {
            let is_late = deadline.has_passed::<crate::platform::Private>()
                || alarm.is_some_and(Alarm::is_rung);
            let round = self.round().map_err(CommunicateError::Io)?;
            let ended = child.poll().is_some();
            match round {
                Round::Quiet if ended => return Ok(self.finish()),
                _ if is_late && ended => return Ok(self.finish()),
                _ if is_late => return Err(CommunicateError::TimedOut(self.so_far())),
                _ => self.sleep(child, ended, deadline, alarm),
            }
        }
    }

    fn begin(&mut self, input: Vec<u8>) -> Result<(), CommunicateError> {
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

    fn finish(&mut self) -> Output {
        self.stage = Stage::Done;
        let left_open = self.is_open();
        self.stdin = None;
        self.outputs = [None, None];
        self.input = Vec::new();
        let [stdout, stderr] = mem::take(&mut self.read);
        Output { stdout, stderr, left_open }
    }

    /// Writes and reads what can be without waiting.
    fn round(&mut self) -> io::Result<Round> {
        self.write()?;
        for (output, read) in self.outputs.iter_mut().zip(&mut self.read) {
            if let Some(fd) = output {
                if drain(fd, read)? {
                    *output = None;
                }
            }
        }
        let quiet = self.stdin.is_none() && !self.is_open();
        Ok(if quiet { Round::Quiet } else { Round::Goes })
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

    /// Waits for whatever may come.
    fn sleep(&self, child: &Child, ended: bool, deadline: Deadline, alarm: Option<&Alarm>) {
        let mut fds = Vec::with_capacity(5);
        let pidfd = child.pidfd();
        if !ended {
            fds.push(PollFd::new(&pidfd, PollFlags::IN));
        }
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
