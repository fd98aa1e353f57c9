//! A program from its start to its end, in one call.

use std::ffi::{OsStr, OsString};
use std::slice;

use super::options::{Cut, Killed, hold};
use super::{
    CalledProcessError, CheckError, Child, Command, Output, StartCause, StartError, Status, Stdio,
    TimeoutExpired, Usage,
};
use crate::threading::CancelToken;

/// A program that has run to its end: [`Command::run`]. (SP001)
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Completed {
    /// Its arguments, the program first.
    pub args: Vec<OsString>,
    /// How it ended.
    pub status: Status,
    /// What it has written, if it was captured.
    pub output: Output,
    /// What it has used, if that is known.
    pub usage: Option<Usage>,
}

impl Completed {
    /// Of a child that has written that: waits until it has ended.
    pub(super) fn of(child: &Child, output: Output) -> Self {
        let status = child.wait();
        Self { args: child.args().to_vec(), status, output, usage: child.usage() }
    }

    /// Itself, if the program ended with code 0. Python's `check_returncode`. (SP001)
    ///
    /// Errors: [`CalledProcessError`], with all that is in here but the usage.
    pub fn check(self) -> Result<Self, CalledProcessError> {
        if self.status.success() {
            return Ok(self);
        }
        let Self { args, status, output, .. } = self;
        Err(CalledProcessError { args, status, output })
    }
}

impl Command {
    /// Starts the program, gives it its [input](Self::input), reads what it writes to pipes, and waits until
    /// it has ended. It does not outlive this call, nor a panic in it. (SP001)
    ///
    /// Errors: [`CheckError::Start`]; [`CheckError::TimedOut`], the program was killed, and what it had
    /// written is in the error (SP003, SP004: a child of its own that holds a pipe is not waited for);
    /// [`CheckError::Failed`], if that is to be [checked](Self::check).
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::subprocess::{CheckError, Command};
    ///
    /// let slow = Command::shell("echo begun; sleep 600").capture_output();
    /// let CheckError::TimedOut(expired) = slow.timeout(Duration::from_millis(300)).run().unwrap_err()
    /// else {
    ///     panic!()
    /// };
    /// // "begun", if it has come so far.
    /// println!("{expired}: {}", expired.output.stdout_lossy());
    /// ```
    pub fn run(&self) -> Result<Completed, CheckError> {
        self.run_with(None)
    }

    /// As [`run`](Self::run), until `token` is cancelled: then the program is killed. (TH077)
    ///
    /// Errors: also [`CheckError::Cancelled`].
    ///
    /// ```
    /// use inkle::subprocess::{CheckError, Command};
    /// use inkle::threading::{CancelToken, Reason};
    ///
    /// let token = CancelToken::new();
    /// token.cancel(Reason::SHUTDOWN);
    /// let done = Command::new("sleep").arg("600").run_unless(&token);
    /// assert!(matches!(done, Err(CheckError::Cancelled { reason: Reason::SHUTDOWN, .. })));
    /// ```
    pub fn run_unless(&self, token: &CancelToken<'_>) -> Result<Completed, CheckError> {
        self.run_with(Some(token))
    }

    fn run_with(&self, token: Option<&CancelToken<'_>>) -> Result<Completed, CheckError> {
        let mut command = self.clone();
        let input = command.run.input.take();
        if input.is_some() {
            if !matches!(self.stdio[0], Stdio::Inherit) {
                let cause =
                    StartCause::Conflict("there is input, and something else to read it from");
                let program = self.args.first().cloned().unwrap_or_default();
                return Err(StartError { program, cause }.into());
            }
            command.stdio[0] = Stdio::Pipe;
        }
        let deadline = self.run.deadline();
        let child = command.spawn()?;
        let children = slice::from_ref(&child);
        let _killed = Killed(children);
        let begin = |input| child.communicate_async(input);
        let (output, cut) =
            hold(children, begin, input, deadline, token).map_err(CheckError::Io)?;
        let args = || self.args.clone();
        match cut {
            Some(Cut::Late) => Err(CheckError::TimedOut(TimeoutExpired { args: args(), output })),
            Some(Cut::Cancelled(reason)) => {
                Err(CheckError::Cancelled { args: args(), output, reason })
            }
            None if self.run.check => {
                Completed::of(&child, output).check().map_err(CheckError::Failed)
            }
            None => Ok(Completed::of(&child, output)),
        }
    }
}

/// Runs a program with the given arguments, the program first: [`Command::run`] without options. (SP001)
///
/// Errors: [`CheckError::Start`].
///
/// ```
/// assert!(inkle::subprocess::run(["true"]).unwrap().status.success());
/// ```
pub fn run<I>(args: I) -> Result<Completed, CheckError>
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    Command::from_args(args).run()
}

/// As [`run`], and gives how the program ended. (SP006)
///
/// Errors: as `run`.
///
/// ```
/// assert_eq!(inkle::subprocess::call(["sh", "-c", "exit 3"]).unwrap().code(), Some(3));
/// ```
pub fn call<I>(args: I) -> Result<Status, CheckError>
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    Ok(run(args)?.status)
}

/// As [`run`], and a program that fails is an error. (SP006)
///
/// Errors: also [`CheckError::Failed`].
///
/// ```
/// assert!(inkle::subprocess::check_call(["false"]).is_err());
/// ```
pub fn check_call<I>(args: I) -> Result<(), CheckError>
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    Command::from_args(args).check(true).run().map(drop)
}

/// Runs a program and gives what it has written to its standard output; one that fails is an error. (SP006)
///
/// Errors: as [`check_call`].
///
/// ```
/// assert_eq!(inkle::subprocess::check_output(["echo", "warp"]).unwrap(), b"warp\n");
/// ```
pub fn check_output<I>(args: I) -> Result<Vec<u8>, CheckError>
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    let done = Command::from_args(args).stdout(Stdio::Pipe).check(true).run()?;
    Ok(done.output.stdout)
}

/// Runs a shell's line: how it ended, and what it has written to either output, as text, without the last
/// end of a line. (SP007)
///
/// Errors: as [`run`].
///
/// ```
/// use inkle::subprocess::getstatusoutput;
///
/// let (status, text) = getstatusoutput("echo warp; echo weft >&2; exit 2").unwrap();
/// assert_eq!((status.code(), text.as_str()), (Some(2), "warp\nweft"));
/// assert_eq!(getstatusoutput("no-such-program").unwrap().0.code(), Some(127));
/// ```
pub fn getstatusoutput(line: impl AsRef<OsStr>) -> Result<(Status, String), CheckError> {
    let done = Command::shell(line).stdout(Stdio::Pipe).stderr(Stdio::Stdout).run()?;
    let mut text = done.output.stdout_lossy();
    if text.ends_with('\n') {
        text.pop();
    }
    Ok((done.status, text))
}

/// As [`getstatusoutput`], the text alone. (SP007)
///
/// Errors: as [`run`].
///
/// ```
/// assert_eq!(inkle::subprocess::getoutput("echo $((6 * 7))").unwrap(), "42");
/// ```
pub fn getoutput(line: impl AsRef<OsStr>) -> Result<String, CheckError> {
    Ok(getstatusoutput(line)?.1)
}
