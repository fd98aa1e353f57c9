//! What is to be started, and how.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Arc;

use super::cgroup::ControlGroup;
use super::identity::{Identity, Kind};
use super::options::{RunOptions, run_options};
use super::stdio::{Ends, Stream, Theirs};
use super::{Child, Signal, StartCause, StartError, Stdio, lasting};
use crate::os::process::{self, Plan, Stage};

/// A program to be started, as often as you like. Python's arguments of `Popen` and `run`.
///
/// A program's arguments are a list: nothing in them is special, there is no shell unless you
/// [ask for one](Self::shell). Without a word said the program shares this process's standard streams,
/// directory and environment; all its other descriptors are closed.
///
/// ```
/// use inkle::subprocess::Command;
///
/// let done = Command::new("echo").arg("warp & weft").capture_output().run().unwrap();
/// assert_eq!(done.output.stdout, b"warp & weft\n");
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is started yet"]
pub struct Command {
    /// The program first.
    pub(super) args: Vec<OsString>,
    executable: Option<OsString>,
    /// Nothing of this process's.
    clear: bool,
    /// Beside that; `None` takes away.
    variables: BTreeMap<OsString, Option<OsString>>,
    directory: Option<PathBuf>,
    pub(super) stdio: [Stdio; 3],
    pub(super) pipe_size: Option<usize>,
    keep: Vec<Arc<OwnedFd>>,
    close_others: bool,
    umask: Option<u32>,
    restore_signals: bool,
    session: bool,
    group: Option<i32>,
    control_group: bool,
    user: Option<Identity>,
    primary_group: Option<Identity>,
    groups: Option<Vec<Identity>>,
    limits: Vec<(u32, u64, u64)>,
    death_signal: Option<Signal>,
    pub(super) run: RunOptions,
}

impl Command {
    /// The program, by its path, or by a name that is looked for in the child's `PATH`. (SP011)
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self::from_args([program])
    }

    /// The program and its arguments. An empty list is an error when it is [started](Self::spawn).
    ///
    /// ```
    /// use inkle::subprocess::Command;
    ///
    /// let done = Command::from_args(["printf", "%s-%s", "a", "b"]).capture_output().run().unwrap();
    /// assert_eq!(done.output.stdout, b"a-b");
    /// ```
    pub fn from_args<I>(args: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        Self {
            args: args.into_iter().map(|arg| arg.as_ref().to_owned()).collect(),
            executable: None,
            clear: false,
            variables: BTreeMap::new(),
            directory: None,
            stdio: [Stdio::Inherit, Stdio::Inherit, Stdio::Inherit],
            pipe_size: None,
            keep: Vec::new(),
            close_others: true,
            umask: None,
            restore_signals: true,
            session: false,
            group: None,
            control_group: false,
            user: None,
            primary_group: None,
            groups: None,
            limits: Vec::new(),
            death_signal: None,
            run: RunOptions::default(),
        }
    }

    /// `/bin/sh -c line`. Arguments that are added become `$0`, `$1` and so on: give what comes from
    /// outside in this way, and never as part of the line. (SP012)
    ///
    /// ```
    /// use inkle::subprocess::Command;
    ///
    /// let done = Command::shell(r#"echo "$1" | tr a-z A-Z"#)
    ///     .args(["sh", "weft; rm -r /"])
    ///     .capture_output()
    ///     .run()
    ///     .unwrap();
    /// assert_eq!(done.output.stdout, b"WEFT; RM -R /\n");
    /// ```
    pub fn shell(line: impl AsRef<OsStr>) -> Self {
        Self::from_args([OsStr::new("/bin/sh"), OsStr::new("-c"), line.as_ref()])
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    pub fn args<I>(mut self, args: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// The program that is really executed; the first argument stays what the program is told. (SP013)
    pub fn executable(mut self, program: impl AsRef<OsStr>) -> Self {
        self.executable = Some(program.as_ref().to_owned());
        self
    }

    /// Sets an environment variable. (SP019)
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.variables.insert(name.as_ref().to_owned(), Some(value.as_ref().to_owned()));
        self
    }

    /// Takes an environment variable away.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.variables.insert(name.as_ref().to_owned(), None);
        self
    }

    /// Takes all environment variables away, this process's and those set before.
    pub fn env_clear(mut self) -> Self {
        self.clear = true;
        self.variables.clear();
        self
    }

    /// The directory that it works in. A relative path to the program counts from there. (SP018)
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Its standard input. (SP015)
    pub fn stdin(mut self, stdio: impl Into<Stdio>) -> Self {
        self.stdio[0] = stdio.into();
        self
    }

    /// Its standard output. (SP015)
    pub fn stdout(mut self, stdio: impl Into<Stdio>) -> Self {
        self.stdio[1] = stdio.into();
        self
    }

    /// Its standard error. (SP015)
    pub fn stderr(mut self, stdio: impl Into<Stdio>) -> Self {
        self.stdio[2] = stdio.into();
        self
    }

    /// Pipes for its standard output and error. (SP001)
    pub fn capture_output(self) -> Self {
        self.stdout(Stdio::Pipe).stderr(Stdio::Pipe)
    }

    /// How many bytes the pipes are to hold, at least. (SP026)
    pub fn pipe_size(mut self, bytes: usize) -> Self {
        self.pipe_size = Some(bytes);
        self
    }

    /// Passes a descriptor on: it has the same number there, and is open. (SP017)
    ///
    /// ```
    /// use std::io::Read;
    /// use std::os::fd::AsRawFd;
    /// use inkle::subprocess::Command;
    ///
    /// let (mut read, write) = std::io::pipe().unwrap();
    /// let number = write.as_raw_fd();
    /// let line = format!("echo woven >&{number}");
    /// Command::shell(line).pass_fd(write).run().unwrap();
    /// let mut text = String::new();
    /// read.read_to_string(&mut text).unwrap();
    /// assert_eq!(text, "woven\n");
    /// ```
    pub fn pass_fd(mut self, descriptor: impl Into<OwnedFd>) -> Self {
        self.keep.push(Arc::new(descriptor.into()));
        self
    }

    /// Whether all descriptors but the three and those [passed on](Self::pass_fd) are closed; so it is unless
    /// said otherwise. If not, those stay open that are not marked to be closed, as nothing is that the
    /// standard library has opened. (SP016)
    pub fn close_fds(mut self, close: bool) -> Self {
        self.close_others = close;
        self
    }

    /// A session of its own: no terminal, and a process group of its own. (SP021)
    pub fn new_session(mut self) -> Self {
        self.session = true;
        self
    }

    /// A member of this process group; 0 is a new one of its own. (SP021)
    pub fn process_group(mut self, group: i32) -> Self {
        self.group = Some(group);
        self
    }

    /// A control group of its own (cgroup, version 2), below this process's: all that it starts is in it, whatever
    /// session that begins, unless it has the right to leave. See [`Reach::Cgroup`](super::Reach::Cgroup).
    ///
    /// When the [`Child`] is dropped and the last in the group has ended, the group is removed.
    ///
    /// Errors, of [`spawn`](Self::spawn): [`StartCause::ControlGroup`], this process may not make any: the system
    /// has to have given it (delegated to it) its own.
    pub fn new_cgroup(mut self) -> Self {
        self.control_group = true;
        self
    }

    /// Another user, by name or number. Takes the right to do so, and changes neither the group nor the
    /// other groups. (SP022)
    pub fn user(mut self, user: impl Into<Identity>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Another group, by name or number. (SP022)
    pub fn group(mut self, group: impl Into<Identity>) -> Self {
        self.primary_group = Some(group.into());
        self
    }

    /// These other groups and no more. (SP022)
    pub fn extra_groups<I>(mut self, groups: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Identity>,
    {
        self.groups = Some(groups.into_iter().map(Into::into).collect());
        self
    }

    /// The bits that new files do not have. (SP022)
    pub fn umask(mut self, umask: u32) -> Self {
        self.umask = Some(umask);
        self
    }

    /// Whether signals that are ignored by habit (SIGPIPE, SIGXFSZ) end the program as usual; so it is unless
    /// said otherwise. (SP021)
    pub fn restore_signals(mut self, restore: bool) -> Self {
        self.restore_signals = restore;
        self
    }

    /// Sends `signal` to the program if this process ends before it.
    ///
    /// The system ties this to the thread that starts the program: [`spawn`](Self::spawn) has one start it
    /// that lives as long as this process. The program may forget it: by becoming another user, or by executing
    /// a program with special rights.
    pub fn die_with_parent(mut self, signal: Signal) -> Self {
        self.death_signal = Some(signal);
        self
    }

    /// Limits what the program may use. `resource` is one of the system's numbers (`RLIMIT_…`).
    pub fn limit(mut self, resource: u32, soft: u64, hard: u64) -> Self {
        self.limits.push((resource, soft, hard));
        self
    }

    /// Starts the program. Does not wait for anything but that.
    ///
    /// Errors: [`StartError`]; then nothing is left of it.
    ///
    /// ```
    /// use inkle::subprocess::{Command, Stdio};
    ///
    /// let child = Command::new("cat").stdin(Stdio::Pipe).stdout(Stdio::Pipe).spawn().unwrap();
    /// let output = child.communicate(b"woven").unwrap();
    /// assert_eq!(output.stdout, b"woven");
    /// assert!(child.wait().success());
    /// ```
    pub fn spawn(&self) -> Result<Child, StartError> {
        self.start().map_err(|cause| StartError {
            program: self.args.first().cloned().unwrap_or_default(),
            cause,
        })
    }

    fn start(&self) -> Result<Child, StartCause> {
        let argv = strings(&self.args)?;
        let program =
            self.executable.as_ref().or(self.args.first()).ok_or(StartCause::NoProgram)?;
        let (path, variables) = self.environment()?;
        let paths = strings(candidates(program, path.as_deref()))?;
        let directory = match &self.directory {
            Some(directory) => Some(string(directory.as_os_str())?),
            None => None,
        };
        let groups = match &self.groups {
            Some(groups) => {
                let number = |group: &Identity| group.number(Kind::Group);
                Some(groups.iter().map(number).collect::<Result<Vec<_>, _>>()?)
            }
            None => None,
        };
        let gid = self.primary_group.as_ref().map(|group| group.number(Kind::Group)).transpose()?;
        let uid = self.user.as_ref().map(|user| user.number(Kind::User)).transpose()?;
        let keep: Vec<RawFd> = self.keep.iter().map(|fd| fd.as_raw_fd()).collect();
        if keep.iter().any(|fd| *fd <= 2) {
            return Err(StartCause::Conflict("a descriptor to be passed on is a standard stream"));
        }
        let cgroup = if self.control_group { Some(ControlGroup::new()?) } else { None };
        let [input, output, error] = self.open()?;
        let number = |ends: &Ends| ends.theirs.as_ref().map(Theirs::number);

        let (argv, variables) = (addresses(&argv), addresses(&variables));
        let plan = Plan {
            paths: &paths,
            argv: &argv,
            envp: &variables,
            stdio: [number(&input), number(&output), number(&error)],
            close_others: self.close_others,
            keep: &keep,
            directory: directory.as_deref(),
            umask: self.umask,
            restore_signals: self.restore_signals,
            session: self.session,
            group: self.group,
            groups: groups.as_deref(),
            gid,
            uid,
            limits: &self.limits,
            death_signal: self.death_signal.map(Signal::number),
        };
        let started = match (&cgroup, self.death_signal) {
            (None, None) => process::start(&plan),
            (None, Some(_)) => lasting::start(&plan),
            (Some(group), signal) => {
                let entrance = group.entrance()?;
                let start = if signal.is_none() { process::start_in } else { lasting::start_in };
                start(&plan, Some(entrance.as_raw_fd()))
            }
        };
        let (pid, pidfd) = started.map_err(|(stage, error)| match &cgroup {
            Some(group) if stage == Stage::ControlGroup => group.refuses(error),
            _ => self.cause(stage, error),
        })?;
        let pipes = [input.ours, output.ours, error.ours];
        let mut child = Child::new(self.args.clone(), pid, pidfd, pipes);
        child.leads_session = self.session;
        child.cgroup = cgroup;
        child.leads_group = self.session || self.group == Some(0);
        Ok(child)
    }

    fn open(&self) -> Result<[Ends; 3], StartCause> {
        let [input, output, error] = &self.stdio;
        let none = Ends::default();
        let input = input.open(Stream::Input, &none, self.pipe_size)?;
        let output = output.open(Stream::Output, &none, self.pipe_size)?;
        let error = error.open(Stream::Error, &output, self.pipe_size)?;
        Ok([input, output, error])
    }

    /// The child's `PATH`, and all variables as the system takes them.
    ///
    /// A copy even if nothing is changed: another thread may change this process's own meanwhile.
    fn environment(&self) -> Result<(Option<OsString>, Vec<CString>), StartCause> {
        let mut path = None;
        let mut lines = Vec::new();
        let mut add = |name: OsString, value: OsString| {
            let mut line = name;
            line.reserve_exact("=".len() + value.len() + "\0".len());
            let is_path = line == "PATH";
            line.push("=");
            line.push(&value);
            lines.push(owned_string(line)?);
            if is_path {
                path = Some(value);
            }
            Ok(())
        };
        if !self.clear {
            for (name, value) in std::env::vars_os() {
                if self.variables.is_empty() || !self.variables.contains_key(&name) {
                    add(name, value)?;
                }
            }
        }
        for (name, value) in &self.variables {
            if name.is_empty() || name.as_bytes().contains(&b'=') {
                return Err(StartCause::BadVariable(name.clone()));
            }
            if let Some(value) = value {
                add(name.clone(), value.clone())?;
            }
        }
        Ok((path, lines))
    }

    fn cause(&self, stage: Stage, error: io::Error) -> StartCause {
        let refused = |what, source| StartCause::Refused { what, source };
        match stage {
            Stage::Clone | Stage::ControlGroup => match error.raw_os_error() {
                Some(libc::EMFILE | libc::ENFILE) => StartCause::Descriptors(error),
                _ => StartCause::System(error),
            },
            Stage::Descriptors => StartCause::Descriptors(error),
            Stage::Directory => {
                let path = self.directory.clone().unwrap_or_default();
                StartCause::Directory { path, source: error }
            }
            Stage::Session => refused("a new session", error),
            Stage::Group => refused("its process group", error),
            Stage::Identity => refused("another user or group", error),
            Stage::Limits => refused("its limits", error),
            Stage::DeathSignal => refused("a signal for when this process ends", error),
            Stage::Execute => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StartCause::NotFound,
                _ => StartCause::NotExecutable(error),
            },
        }
    }
}

/// Where a program may be: a name without a slash in each directory of the `PATH`. (SP019)
fn candidates(program: &OsStr, path: Option<&OsStr>) -> Vec<OsString> {
    if program.as_bytes().contains(&b'/') {
        return vec![program.to_owned()];
    }
    if program.is_empty() {
        return Vec::new();
    }
    let path = path.unwrap_or(OsStr::new("/bin:/usr/bin"));
    std::env::split_paths(path).map(|directory| directory.join(program).into_os_string()).collect()
}

fn string(text: &OsStr) -> Result<CString, StartCause> {
    owned_string(text.to_owned())
}

fn owned_string(text: OsString) -> Result<CString, StartCause> {
    CString::new(text.into_vec()).map_err(|error| StartCause::Nul {
        position: error.nul_position(),
        what: OsString::from_vec(error.into_vec()),
    })
}

fn strings<I>(texts: I) -> Result<Vec<CString>, StartCause>
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    texts.into_iter().map(|text| string(text.as_ref())).collect()
}

/// Where the strings are, and null.
fn addresses(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}

run_options!(Command, "");

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::quote::shown(&self.args))
    }
}
