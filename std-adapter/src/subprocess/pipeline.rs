//! Programs in a row, each reading what the one before writes: `a | b | c`.
//!
//! The pipes in between are the programs' alone: once all are started this process has no end of them open.
//! So a program whose reader is gone gets SIGPIPE as in a shell, and one whose writers are gone the end of
//! its input.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use inkle_core::sync::Reason;

use super::options::{Cut, Killed, RunOptions, hold, run_options};
use super::stdio::new_pipe;
use super::talk::{Heard, Talk};
use super::{
    Child, Command, CommunicateError, Completed, Conversation, Output, Signal, StartCause,
    StartError, Status, Stdio, TimeoutExpired, WaitError,
};
use crate::platform::{Deadline, after};
use crate::threading::CancelToken;

/// Programs to be started in a row, each reading what the one before writes: `a | b | c`. (SP053)
///
/// The first program's standard input, the last one's output and each one's error are what the
/// [commands](Command) say. A command's [`Stdio::Stdout`] for its error has the next program read both.
///
/// ```
/// use inkle::subprocess::Command;
///
/// let done = Command::new("printf")
///     .arg("weft\nwarp\nweft\n")
///     .pipe(Command::new("sort"))
///     .pipe(Command::new("uniq"))
///     .capture_output()
///     .run()
///     .unwrap();
/// assert_eq!(done.last().unwrap().output.stdout, b"warp\nweft\n");
/// assert!(done.iter().all(|stage| stage.status.success()));
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is started yet"]
pub struct Pipeline {
    stages: Vec<Command>,
    capture: bool,
    run: RunOptions,
}

impl Command {
    /// The next program reads what this one writes. What concerns [`run`](Self::run) alone is to be said of the
    /// [`Pipeline`].
    pub fn pipe(self, next: Self) -> Pipeline {
        Pipeline { stages: vec![self, next], capture: false, run: RunOptions::default() }
    }
}

impl Pipeline {
    /// One more program at the end.
    pub fn pipe(mut self, next: Command) -> Self {
        self.stages.push(next);
        self
    }

    /// Pipes to this process: from the last program's output, and from each one's error of which nothing else
    /// was said.
    pub fn capture_output(mut self) -> Self {
        self.capture = true;
        self
    }

    /// Starts the programs, the first one first.
    ///
    /// Errors: [`StartError`] of the first that does not start; those before it are killed and waited for.
    pub fn spawn(&self) -> Result<Stages, StartError> {
        let mut children = Vec::with_capacity(self.stages.len());
        let mut from = None;
        for (index, stage) in self.stages.iter().enumerate() {
            match self.spawn_stage(index, stage, &mut from) {
                Ok(child) => children.push(child),
                Err(error) => {
                    drop(Killed(&children));
                    return Err(error);
                }
            }
        }
        let stdin = children.first().and_then(Child::take_stdin);
        let stdout = children.last().and_then(Child::take_stdout);
        let errors = children.iter().map(Child::take_stderr);
        let outputs = [stdout].into_iter().chain(errors).collect();
        let talk = Mutex::new(Talk::new(stdin, outputs));
        Ok(Stages { children, talk })
    }

    /// `from` is the pipe from the stage before, and then the one to the next.
    fn spawn_stage(
        &self,
        index: usize,
        stage: &Command,
        from: &mut Option<std::os::fd::OwnedFd>,
    ) -> Result<Child, StartError> {
        let failed =
            |cause| StartError { program: stage.args.first().cloned().unwrap_or_default(), cause };
        let conflict = |what| Err(failed(StartCause::Conflict(what)));
        let is_unsaid = |stdio: &Stdio| matches!(stdio, Stdio::Inherit);
        let mut command = stage.clone();
        let [input, output, error] = &mut command.stdio;
        if let Some(from) = from.take() {
            if !is_unsaid(input) {
                return conflict("it reads what the program before writes, and something else");
            }
            *input = from.into();
        } else if self.run.input.is_some() {
            if !is_unsaid(input) {
                return conflict("there is input, and something else to read it from");
            }
            *input = Stdio::Pipe;
        }
        if index + 1 < self.stages.len() {
            if !is_unsaid(output) {
                return conflict(
                    "the next program reads what it writes, and so does something else",
                );
            }
            let (read, write) = new_pipe(stage.pipe_size)
                .map_err(|error| failed(StartCause::Descriptors(error)))?;
            *output = write.into();
            *from = Some(read);
        } else if self.capture && is_unsaid(output) {
            *output = Stdio::Pipe;
        }
        if self.capture && is_unsaid(error) {
            *error = Stdio::Pipe;
        }
        command.spawn()
    }

    /// Starts the programs, gives the first its [input](Self::input), reads what comes out, and waits until
    /// all have ended. None outlives this call, nor a panic in it.
    ///
    /// Errors: [`PipelineError`].
    ///
    /// ```
    /// use inkle::subprocess::{Command, Signal};
    ///
    /// let done = Command::new("yes").pipe(Command::new("head").args(["-n", "1"]));
    /// let done = done.capture_output().check(true).run().unwrap();
    /// assert_eq!(done[0].status.signal(), Some(Signal::PIPE));
    /// assert_eq!(done[1].output.stdout, b"y\n");
    /// ```
    pub fn run(&self) -> Result<Vec<Completed>, PipelineError> {
        self.run_with(None)
    }

    /// As [`run`](Self::run), until `token` is cancelled: then all are killed. (TH077)
    ///
    /// Errors: also [`PipelineError::Cancelled`].
    pub fn run_unless(&self, token: &CancelToken<'_>) -> Result<Vec<Completed>, PipelineError> {
        self.run_with(Some(token))
    }

    fn run_with(&self, token: Option<&CancelToken<'_>>) -> Result<Vec<Completed>, PipelineError> {
        let deadline = self.run.deadline();
        let stages = self.spawn()?;
        let children = &stages.children[..];
        let _killed = Killed(children);
        let begin = |input| stages.communicate_async(input);
        let input = self.run.input.clone();
        let (outputs, cut) =
            hold(children, begin, input, deadline, token).map_err(PipelineError::Io)?;
        let done = children.iter().zip(outputs);
        let done: Vec<_> = done.map(|(child, output)| Completed::of(child, output)).collect();
        match cut {
            Some(Cut::Late) => return Err(PipelineError::TimedOut(done)),
            Some(Cut::Cancelled(reason)) => return Err(PipelineError::Cancelled(done, reason)),
            None => {}
        }
        let last = done.len() - 1;
        let failed = done.iter().enumerate().rfind(|(stage, done)| {
            let is_enough = *stage != last && done.status.signal() == Some(Signal::PIPE);
            !done.status.success() && !is_enough
        });
        match failed {
            Some((stage, _)) if self.run.check => Err(PipelineError::Failed { stage, done }),
            _ => Ok(done),
        }
    }
}

run_options!(
    Pipeline,
    "\n\nThat one ends by SIGPIPE, because its reader has seen enough, is none, but for the last."
);

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, stage) in self.stages.iter().enumerate() {
            let bar = if index > 0 { " | " } else { "" };
            write!(f, "{bar}{stage}")?;
        }
        Ok(())
    }
}

/// The running programs of a [`Pipeline`]. Dropping it neither ends them nor waits for them, as with a
/// [`Child`].
///
/// ```
/// use inkle::subprocess::{Command, Stdio};
///
/// let first = Command::new("tr").args(["a-z", "A-Z"]).stdin(Stdio::Pipe);
/// let stages = first.pipe(Command::new("rev")).capture_output().spawn();
/// # let Ok(stages) = stages else { return };
/// # let stages: inkle::subprocess::Stages = stages;
/// let outputs = stages.communicate(b"warp\n").unwrap();
/// assert_eq!(outputs[1].stdout, b"PRAW\n");
/// assert!(stages.wait().iter().all(|status| status.success()));
/// ```
pub struct Stages {
    children: Vec<Child>,
    talk: Mutex<Talk>,
}

impl Stages {
    /// The programs, in their order: to send one a signal, say. Their pipes are not theirs any more.
    pub fn children(&self) -> &[Child] {
        &self.children
    }

    /// How each has ended, if all have. Does not block.
    pub fn poll(&self) -> Option<Vec<Status>> {
        self.children.iter().map(Child::poll).collect()
    }

    /// Waits until all have ended; how each did.
    pub fn wait(&self) -> Vec<Status> {
        self.children.iter().map(Child::wait).collect()
    }

    /// As [`wait`](Self::wait), until `deadline`.
    ///
    /// Errors: [`TimeoutExpired`], of the first that runs on.
    pub fn wait_until(&self, deadline: impl Into<Deadline>) -> Result<Vec<Status>, TimeoutExpired> {
        let deadline = deadline.into();
        self.children.iter().map(|child| child.wait_until(deadline)).collect()
    }

    /// As [`wait`](Self::wait), for at most `timeout`. See [`wait_until`](Self::wait_until).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Vec<Status>, TimeoutExpired> {
        self.wait_until(after(timeout))
    }

    /// As [`wait`](Self::wait), until `token` is cancelled. (TH077)
    ///
    /// Errors: [`WaitError`]; those that run run on.
    pub fn wait_unless(&self, token: &CancelToken<'_>) -> Result<Vec<Status>, WaitError> {
        self.children.iter().map(|child| child.wait_unless(token)).collect()
    }

    /// Ends all.
    ///
    /// Errors: as [`Child::kill`], after all have been tried.
    pub fn kill(&self) -> io::Result<()> {
        let results: Vec<_> = self.children.iter().map(Child::kill).collect();
        results.into_iter().collect()
    }

    /// As [`Child::communicate`], with all: `input` is the first one's. Of each stage what was read from it; the
    /// standard output only of the last.
    ///
    /// Errors: [`CommunicateError`].
    pub fn communicate(
        &self,
        input: impl Into<Vec<u8>>,
    ) -> Result<Vec<Output>, CommunicateError<Vec<Output>>> {
        self.communicate_until(input, Deadline::NEVER)
    }

    /// As [`communicate`](Self::communicate), until `deadline`; see [`Child::communicate_until`].
    pub fn communicate_until(
        &self,
        input: impl Into<Vec<u8>>,
        deadline: impl Into<Deadline>,
    ) -> Result<Vec<Output>, CommunicateError<Vec<Output>>> {
        self.communicate_async(input).until(deadline).run()
    }

    /// As [`communicate`](Self::communicate), for at most `timeout`.
    pub fn communicate_timeout(
        &self,
        input: impl Into<Vec<u8>>,
        timeout: Duration,
    ) -> Result<Vec<Output>, CommunicateError<Vec<Output>>> {
        self.communicate_until(input, after(timeout))
    }

    /// As [`communicate`](Self::communicate), until `token` is cancelled; see [`Child::communicate_unless`].
    pub fn communicate_unless(
        &self,
        input: impl Into<Vec<u8>>,
        token: &CancelToken<'_>,
    ) -> Result<Vec<Output>, CommunicateError<Vec<Output>>> {
        self.communicate_async(input).unless(token).run()
    }

    /// As [`communicate`](Self::communicate), to be awaited; or to be said more about, and run.
    ///
    /// ```
    /// use inkle::subprocess::{Command, Sink, Stdio};
    ///
    /// let mut lines = Vec::new();
    /// let first = Command::new("cat").stdin(Stdio::Pipe);
    /// let stages = first.pipe(Command::new("sort")).capture_output().spawn().unwrap();
    /// let mut sorted = Sink::new().lines(|line| lines.push(line.to_vec())).limit(0);
    /// stages.communicate_async("weft\nwarp\n").to(&mut sorted, &mut []).run().unwrap();
    /// drop(sorted);
    /// assert_eq!(lines, [b"warp", b"weft"]);
    /// ```
    pub fn communicate_async(&self, input: impl Into<Vec<u8>>) -> Conversation<'_, Vec<Output>> {
        Conversation::new(&self.children, &self.talk, input.into(), outputs)
    }
}

/// Heard are the last one's output, and each one's error.
fn outputs(heard: Heard) -> Vec<Output> {
    let mut read = heard.read.into_iter();
    let stdout = read.next().unwrap_or_default();
    let of = |stderr| Output { stdout: Vec::new(), stderr, left_open: heard.left_open };
    let mut outputs: Vec<_> = read.map(of).collect();
    if let Some(last) = outputs.last_mut() {
        last.stdout = stdout;
    }
    outputs
}

impl fmt::Debug for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stages").field("children", &self.children).finish_non_exhaustive()
    }
}

/// Why programs in a row gave no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum PipelineError {
    /// One was not started, and those before it were killed.
    Start(StartError),
    /// One failed.
    Failed {
        /// Which: the last that did.
        stage: usize,
        /// How each ended, and what it has written.
        done: Vec<Completed>,
    },
    /// They took too long, and were killed. How each ended, and what it had written.
    TimedOut(Vec<Completed>),
    /// The token was cancelled, and they were killed. As after a deadline, and why.
    Cancelled(Vec<Completed>, Reason),
    /// Their pipes could not be read or written.
    Io(io::Error),
}

impl From<StartError> for PipelineError {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

impl fmt::Display for PipelineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => error.fmt(f),
            Self::Failed { stage, done } => {
                let Some(Completed { args, status, .. }) = done.get(*stage) else {
                    return f.write_str("a program failed");
                };
                write!(f, "`{}` failed: {status}", super::quote::shown(args))
            }
            Self::TimedOut(_) => f.write_str("the programs ran until the deadline"),
            Self::Cancelled(_, reason) => write!(f, "cancelled: {reason}"),
            Self::Io(error) => write!(f, "a pipe to the programs: {error}"),
        }
    }
}

impl Error for PipelineError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Start(error) => error.source(),
            Self::Io(error) => Some(error),
            Self::Failed { .. } | Self::TimedOut(_) | Self::Cancelled(..) => None,
        }
    }
}
