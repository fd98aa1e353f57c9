//! A program that was started.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use super::cgroup::ControlGroup;
use super::status::End;
use super::talk::Talk;
use super::{
    CommunicateError, Output, Signal, Sink, Status, TimeoutExpired, Usage, WaitError, alarm, reaper,
};
use crate::os::{poll, process};
use crate::platform::{Deadline, after};
use crate::threading::{CancelToken, locked};

/// A running program, or one that has ended: Python's `Popen`.
///
/// All methods take `&self`: one thread may wait while another sends signals. A signal never reaches another
/// process that was given the same number later.
///
/// Dropping it neither ends the program nor waits for it: it runs on, and when it ends nothing is left of
/// it (SP043). To end it, [`kill`](Self::kill) it and [`wait`](Self::wait);
/// [`Command::run`](super::Command::run) does that by itself.
///
/// ```
/// use std::time::Duration;
/// use inkle::subprocess::{Command, Signal};
///
/// let child = Command::new("sleep").arg("600").spawn().unwrap();
/// assert!(child.poll().is_none());
/// assert!(child.wait_timeout(Duration::from_millis(1)).is_err());
/// child.terminate().unwrap();
/// assert_eq!(child.wait().signal(), Some(Signal::TERM));
/// ```
pub struct Child {
    args: Vec<OsString>,
    pub(super) pid: i32,
    /// Whether a group, a session has its number.
    pub(super) leads_group: bool,
    pub(super) leads_session: bool,
    /// If it has one of its own. Removed after the child is dropped.
    pub(super) cgroup: Option<ControlGroup>,
    /// `None` only while it is dropped.
    pidfd: Option<OwnedFd>,
    /// Once it is known.
    end: Mutex<Option<End>>,
    pub(super) talk: Mutex<Talk>,
}

impl Child {
    pub(super) fn new(
        args: Vec<OsString>,
        pid: i32,
        pidfd: OwnedFd,
        [stdin, stdout, stderr]: [Option<OwnedFd>; 3],
    ) -> Self {
        let talk = Mutex::new(Talk::new(stdin, vec![stdout, stderr]));
        Self {
            args,
            pid,
            leads_group: false,
            leads_session: false,
            cgroup: None,
            pidfd: Some(pidfd),
            end: Mutex::new(None),
            talk,
        }
    }

    /// Whether it was asked how it ended, so that its number may be another's.
    pub(super) fn is_forgotten(&self) -> bool {
        locked(&self.end).is_some()
    }

    /// Its arguments, the program first. (SP044)
    pub fn args(&self) -> &[OsString] {
        &self.args
    }

    /// Its number. When it has ended and [was asked for](Self::poll), another process may get it. (SP044)
    pub fn pid(&self) -> u32 {
        self.pid.unsigned_abs()
    }

    /// The descriptor that stands for it: readable when it has ended.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        match &self.pidfd {
            Some(pidfd) => pidfd.as_fd(),
            None => unreachable!("it is there until it is dropped"),
        }
    }

    /// How it ended, if it has. Does not block. (SP030)
    pub fn poll(&self) -> Option<Status> {
        Some(self.end()?.status)
    }

    /// What it has used, if it has ended. Does not block. `None` also for one of which somebody else was told:
    /// [`Status::Unknown`]. (SP054)
    ///
    /// ```
    /// use inkle::subprocess::Command;
    ///
    /// let child = Command::new("sleep").arg("600").spawn().unwrap();
    /// assert_eq!(child.usage(), None);
    /// child.kill().unwrap();
    /// child.wait();
    /// assert!(child.usage().unwrap().max_memory > 0);
    /// ```
    pub fn usage(&self) -> Option<Usage> {
        self.end()?.usage
    }

    fn end(&self) -> Option<End> {
        let mut end = locked(&self.end);
        if end.is_none() {
            *end = ended(self.pidfd());
        }
        *end
    }

    /// Waits without limit until it has ended; any number of threads may. A program that fills a pipe
    /// which nobody reads never does: [`communicate`](Self::communicate). (SP031)
    pub fn wait(&self) -> Status {
        match self.wait_until(Deadline::NEVER) {
            Ok(status) => status,
            Err(_) => Status::Unknown,
        }
    }

    /// As [`wait`](Self::wait), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimeoutExpired`]; the program runs on. (SP031, SP032)
    pub fn wait_until(&self, deadline: impl Into<Deadline>) -> Result<Status, TimeoutExpired> {
        let deadline = deadline.into();
        loop {
            if let Some(status) = self.poll() {
                return Ok(status);
            }
            let pidfd = self.pidfd();
            let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
            if !poll::until(&mut fds, deadline) && self.poll().is_none() {
                return Err(TimeoutExpired { args: self.args.clone(), output: Output::default() });
            }
        }
    }

    /// As [`wait`](Self::wait), for at most `timeout`. See [`wait_until`](Self::wait_until).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Status, TimeoutExpired> {
        self.wait_until(after(timeout))
    }

    /// As [`wait`](Self::wait), until `token` is cancelled. (TH077)
    ///
    /// Errors: [`WaitError`]; the program runs on.
    ///
    /// ```
    /// use inkle::subprocess::{Command, WaitError};
    /// use inkle::threading::{CancelToken, Reason};
    ///
    /// let child = Command::new("sleep").arg("600").spawn().unwrap();
    /// let token = CancelToken::new();
    /// token.cancel(Reason::REQUESTED);
    /// assert!(matches!(child.wait_unless(&token), Err(WaitError::Cancelled(Reason::REQUESTED))));
    /// child.kill().unwrap();
    /// ```
    pub fn wait_unless(&self, token: &CancelToken<'_>) -> Result<Status, WaitError> {
        let waited = alarm::with(token, |alarm| {
            loop {
                if let Some(status) = self.poll() {
                    return Ok(status);
                }
                if let Some(reason) = alarm.reason() {
                    return Err(WaitError::Cancelled(reason));
                }
                let pidfd = self.pidfd();
                let mut fds = [
                    PollFd::new(&pidfd, PollFlags::IN),
                    PollFd::new(alarm.descriptor(), PollFlags::IN),
                ];
                poll::until(&mut fds, alarm.deadline());
            }
        });
        waited.unwrap_or_else(|error| Err(WaitError::Io(error)))
    }

    /// Sends a signal; does nothing if the program has ended. (SP038)
    ///
    /// Errors: the system's, if it is not allowed: the program has become another user.
    pub fn send_signal(&self, signal: Signal) -> io::Result<()> {
        // To the child and no other, whatever has become of its number.
        match poll::send_signal(self.pidfd(), signal.number()) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            result => result,
        }
    }

    /// Asks it to end: SIGTERM. (SP038)
    ///
    /// Errors: as [`send_signal`](Self::send_signal).
    pub fn terminate(&self) -> io::Result<()> {
        self.send_signal(Signal::TERM)
    }

    /// Ends it: SIGKILL. (SP038)
    ///
    /// Errors: as [`send_signal`](Self::send_signal).
    pub fn kill(&self) -> io::Result<()> {
        self.send_signal(Signal::KILL)
    }

    /// Asks it to end, and after `grace` ends it; waits until it has. (SP053)
    ///
    /// Errors: as [`send_signal`](Self::send_signal).
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::subprocess::{Command, Signal, Stdio};
    ///
    /// let deaf = Command::shell("trap '' TERM; echo deaf; exec sleep 600");
    /// let child = deaf.stdout(Stdio::Pipe).spawn().unwrap();
    /// # while child.communicate_timeout([], Duration::from_millis(9)).map_err(|error| match error {
    /// #     inkle::subprocess::CommunicateError::TimedOut(partial) => partial.stdout.is_empty(),
    /// #     other => panic!("{other}"),
    /// # }).unwrap_err() {}
    /// let status = child.stop(Duration::from_millis(50)).unwrap();
    /// assert_eq!(status.signal(), Some(Signal::KILL));
    /// ```
    pub fn stop(&self, grace: Duration) -> io::Result<Status> {
        self.terminate()?;
        if let Ok(status) = self.wait_timeout(grace) {
            return Ok(status);
        }
        self.kill()?;
        Ok(self.wait())
    }

    /// Our end of its standard input, if that is a pipe and nobody has taken it: then
    /// [`communicate`](Self::communicate) has nothing to do with it. It does not block: set it to if you
    /// want that. (SP037, SP044)
    pub fn take_stdin(&self) -> Option<OwnedFd> {
        locked(&self.talk).take_stdin()
    }

    /// As [`take_stdin`](Self::take_stdin), of its standard output.
    pub fn take_stdout(&self) -> Option<OwnedFd> {
        locked(&self.talk).take_output(0)
    }

    /// As [`take_stdin`](Self::take_stdin), of its standard error.
    pub fn take_stderr(&self) -> Option<OwnedFd> {
        locked(&self.talk).take_output(1)
    }

    /// Gives it `input`, reads all it writes, and waits until it has ended and closed its pipes: all at
    /// once, so that neither waits for the other. Without input its standard input is closed. (SP033)
    ///
    /// A child of the program's that has its pipes too is waited for as well (SP005); with a deadline no
    /// longer than that: see [`communicate_until`](Self::communicate_until).
    ///
    /// Errors: [`CommunicateError`].
    ///
    /// ```
    /// use inkle::subprocess::{Command, Stdio};
    ///
    /// let child = Command::new("rev").stdin(Stdio::Pipe).stdout(Stdio::Pipe).spawn();
    /// # let Ok(child) = child else { return };
    /// # let child: inkle::subprocess::Child = child;
    /// assert_eq!(child.communicate(b"warp\n").unwrap().stdout, b"praw\n");
    /// ```
    pub fn communicate(&self, input: impl Into<Vec<u8>>) -> Result<Output, CommunicateError> {
        self.communicate_until(input, Deadline::NEVER)
    }

    /// As [`communicate`](Self::communicate), until `deadline`.
    ///
    /// If the program has ended by then, and only a child of its holds the pipes open, it is no error:
    /// [`Output::left_open`] says so.
    ///
    /// Errors: also [`CommunicateError::TimedOut`], with a copy of what has been read. The program runs on,
    /// and nothing is lost: call it again, without input, to go on. (SP034)
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::subprocess::{Command, CommunicateError, Stdio};
    ///
    /// let child = Command::shell("echo warp; read line; echo $line")
    ///     .stdin(Stdio::Pipe)
    ///     .stdout(Stdio::Pipe)
    ///     .spawn()
    ///     .unwrap();
    /// let result = child.communicate_timeout(b"weft\n", Duration::from_secs(60));
    /// assert_eq!(result.unwrap().stdout, b"warp\nweft\n");
    /// ```
    pub fn communicate_until(
        &self,
        input: impl Into<Vec<u8>>,
        deadline: impl Into<Deadline>,
    ) -> Result<Output, CommunicateError> {
        self.communicate_async(input).until(deadline).run()
    }

    /// As [`communicate`](Self::communicate), for at most `timeout`. See
    /// [`communicate_until`](Self::communicate_until).
    pub fn communicate_timeout(
        &self,
        input: impl Into<Vec<u8>>,
        timeout: Duration,
    ) -> Result<Output, CommunicateError> {
        self.communicate_until(input, after(timeout))
    }

    /// As [`communicate_until`](Self::communicate_until), and says what becomes of what is read while the program
    /// runs: see [`Sink`]. To go on after a deadline, give it the same ones again. A function that is called in
    /// between may end the program, but not talk to it.
    ///
    /// Errors: also a writer's, as [`CommunicateError::Io`]. The conversation can go on, but what the writer did
    /// not take is not offered again.
    pub fn communicate_to(
        &self,
        input: impl Into<Vec<u8>>,
        deadline: impl Into<Deadline>,
        stdout: &mut Sink<'_>,
        stderr: &mut Sink<'_>,
    ) -> Result<Output, CommunicateError> {
        self.communicate_async(input).until(deadline).to(stdout, stderr).run()
    }

    /// As [`communicate`](Self::communicate), until `token` is cancelled. (TH077)
    ///
    /// Errors: also [`CommunicateError::Cancelled`], with a copy of what has been read; as after a
    /// deadline, nothing is lost.
    pub fn communicate_unless(
        &self,
        input: impl Into<Vec<u8>>,
        token: &CancelToken<'_>,
    ) -> Result<Output, CommunicateError> {
        self.communicate_async(input).unless(token).run()
    }
}

/// How the process ended, if it has; asked at most once of each.
pub(crate) fn ended(pidfd: BorrowedFd<'_>) -> Option<End> {
    match process::ended(pidfd) {
        Ok(end) => end.map(End::from),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
        // Somebody else was told, or SIGCHLD is ignored. (SP040) It may still run in the latter case, which
        // is known only when it has ended.
        Err(_) => poll::is_ready(pidfd).then_some(End::UNKNOWN),
    }
}

/// Its [`pidfd`](Self::pidfd).
impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.poll().is_none() {
            if let Some(pidfd) = self.pidfd.take() {
                reaper::adopt(pidfd);
            }
        }
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("pid", &self.pid)
            .field("args", &self.args)
            .field("status", &self.poll())
            .finish_non_exhaustive()
    }
}
