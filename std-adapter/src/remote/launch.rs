//! Workers that are started from here, wherever they run.
//!
//! # How a worker hears of it
//!
//! By its standard input alone, which a local command, `ssh` and `srun` all carry: first one line, the
//! [`Ticket`]; then nothing, for as long as the worker is to work; then the end. So no secret stands in a
//! command line or in an environment, which others can read; and a worker whose launcher dies, or cannot
//! be reached by `ssh` any more, drains.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::{env, io};

use serde::{Deserialize, Serialize};

use super::settings::{ConnectError, Said, Settings};
use super::wire;
use super::worker::Worker;
use crate::subprocess::{Child, Command, StartError, Stdio};
use crate::threading::locked;

/// What the line begins with: what it is, and of which make.
const MARK: &str = "inkle-worker-1 ";

/// The line is not longer. Whoever writes more does not mean us.
const LONGEST: usize = 1 << 20;

/// How to start a program that calls [`Worker::launched`]: here, on another machine by `ssh`, on those of a
/// cluster by `srun`, or by any command that carries the standard input there.
///
/// The server's address, the realm, the login and all else of the [`Settings`] are told to the worker by
/// its standard input, and stand in no command line. Paths of certificates and credentials are told as they
/// are: such files have to be on that machine.
///
/// ```no_run
/// use inkle::remote::{Launcher, RemoteExecutor, Settings, Worker};
///
/// if std::env::args().any(|argument| argument == "--worker") {
///     return Ok(Worker::launched()?);
/// }
/// let settings = Settings::new("nats://loom.example:4222");
/// let executor = RemoteExecutor::connect(&settings)?;
/// let here = Launcher::here(&settings, ["--worker"])?.slots(2).start()?;
/// let there = Launcher::ssh(&settings, ["loom-7"], ["/opt/weave", "--worker"]).start()?;
/// let many = Launcher::srun(&settings, ["--ntasks=16"], ["/opt/weave", "--worker"]).start()?;
/// // ... and when they are dropped, they drain.
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is started yet"]
pub struct Launcher {
    settings: Settings,
    command: Command,
    wish: Wish,
}

/// How the worker is to be; what is not said is as [`Worker::builder`] has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Wish {
    slots: Option<u32>,
    processes: bool,
    durable: bool,
}

/// What a worker is told.
#[derive(Serialize, Deserialize)]
struct Ticket {
    said: Said,
    wish: Wish,
}

impl Launcher {
    /// By any command that starts the program and carries the standard input there; what becomes of its
    /// output, and all else, the command says.
    pub fn new(settings: &Settings, command: Command) -> Self {
        Self { settings: settings.clone(), command, wish: Wish::default() }
    }

    /// This program again, with these arguments.
    ///
    /// Errors: the system does not say where it lies.
    pub fn here<I>(settings: &Settings, arguments: I) -> io::Result<Self>
    where
        I: IntoIterator<Item: AsRef<std::ffi::OsStr>>,
    {
        Ok(Self::new(settings, Command::new(env::current_exe()?).args(arguments)))
    }

    /// By `ssh`: what it is told (the host, and options before it), then the program there and its
    /// arguments, which reach it as they are. It asks for no password: there have to be keys.
    ///
    /// That it has ended means that the worker has, or that the connection is broken; then the worker
    /// drains.
    pub fn ssh<'a>(
        settings: &Settings,
        ssh: impl IntoIterator<Item = &'a str>,
        program: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let line: Vec<_> = program.into_iter().map(quoted).collect();
        let command = Command::new("ssh").args(["-T", "-o", "BatchMode=yes"]).args(ssh);
        Self::new(settings, command.arg(line.join(" ")))
    }

    /// By `srun`, of Slurm: its options, then the program and its arguments. Each of its tasks is a worker;
    /// one that dies does not end the others.
    pub fn srun<'a>(
        settings: &Settings,
        srun: impl IntoIterator<Item = &'a str>,
        program: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let command = Command::new("srun").args(["--input=all", "--kill-on-bad-exit=0"]);
        Self::new(settings, command.args(srun).args(program))
    }

    /// Changes the command: its environment, its folder, where its output goes. Unless told otherwise that
    /// is where this process's goes.
    pub fn with(mut self, change: impl FnOnce(Command) -> Command) -> Self {
        self.command = change(self.command);
        self
    }

    /// As [`WorkerBuilder::slots`](super::WorkerBuilder::slots).
    pub fn slots(mut self, slots: u32) -> Self {
        self.wish.slots = Some(slots);
        self
    }

    /// As [`WorkerBuilder::processes`](super::WorkerBuilder::processes).
    pub fn processes(mut self, processes: bool) -> Self {
        self.wish.processes = processes;
        self
    }

    /// As [`WorkerBuilder::durable`](super::WorkerBuilder::durable).
    pub fn durable(mut self, durable: bool) -> Self {
        self.wish.durable = durable;
        self
    }

    /// Starts the command. Does not wait until the worker is connected: tasks wait for it.
    ///
    /// Errors: [`StartError`]: there is no such program, or the system refuses. What goes wrong later shows
    /// in how the [child](Launched::child) ends.
    pub fn start(&self) -> Result<Launched, StartError> {
        let child = self.command.clone().stdin(Stdio::Pipe).spawn()?;
        let ticket = Ticket { said: self.settings.say(), wish: self.wish.clone() };
        let input = child.take_stdin().map(File::from).and_then(|mut input| {
            // If nobody reads it, the child has ended, as all can see.
            input.write_all(line(&ticket).as_bytes()).is_ok().then(|| OwnedFd::from(input))
        });
        Ok(Launched { child, input: Mutex::new(input) })
    }
}

/// A word for the shell there.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn line(ticket: &Ticket) -> String {
    let digits = wire::pack(ticket).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
    MARK.chars().chain(digits).chain(['\n']).collect()
}

fn ticket(line: &str) -> Option<Ticket> {
    let digits: Option<Vec<u32>> =
        line.strip_prefix(MARK)?.trim_end().chars().map(|digit| digit.to_digit(16)).collect();
    let bytes: Vec<u8> =
        digits?.chunks(2).map(|two| two.iter().fold(0, |n, d| n * 16 + *d as u8)).collect();
    wire::unpack(&bytes)
}

/// A worker that was started from here. Dropping it has it drain, and does not wait.
///
/// ```no_run
/// use std::time::Duration;
///
/// use inkle::remote::{Launcher, Settings};
///
/// let settings = Settings::new("nats://loom.example:4222");
/// let worker = Launcher::ssh(&settings, ["loom-7"], ["/opt/weave", "--worker"]).start()?;
/// worker.close();
/// if worker.child().wait_timeout(Duration::from_secs(60)).is_err() {
///     worker.child().kill()?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Launched {
    child: Child,
    /// Closed when it is to drain.
    input: Mutex<Option<OwnedFd>>,
}

impl Launched {
    /// The process here: the worker, or the `ssh` or `srun` that carries it. It tells how the worker has
    /// ended, by asking, waiting or awaiting; it has its output if that was to come by a pipe; and it can
    /// be killed.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// The worker takes nothing more, does what it has, and ends. Does not wait.
    pub fn close(&self) {
        *locked(&self.input) = None;
    }
}

impl Worker {
    /// Is the worker that a [`Launcher`] has started: reads from the standard input for whom to work and
    /// how, works until that ends, and [drains](Worker::drain).
    ///
    /// Errors: [`ConnectError`]; [`ConnectError::Settings`] if no launcher has started this.
    pub fn launched() -> Result<(), ConnectError> {
        let mut input = io::stdin().lock();
        let nobody =
            |why: &str| ConnectError::Settings(format!("no launcher has started this: {why}"));
        let mut said = Vec::new();
        let mut byte = [0];
        while said.last() != Some(&b'\n') {
            match input.read_exact(&mut byte) {
                Ok(()) => said.push(byte[0]),
                Err(error) => return Err(nobody(&error.to_string())),
            }
            let strays = said.iter().zip(MARK.as_bytes()).any(|(is, should)| is != should);
            if strays || said.len() > LONGEST {
                return Err(nobody("the standard input holds something else"));
            }
        }
        let said = String::from_utf8(said).ok().and_then(|line| ticket(&line));
        let Some(Ticket { said, wish }) = said else { return Err(nobody("it is of another make")) };
        let settings = Settings::from(said);
        let mut builder = Self::builder(&settings).processes(wish.processes).durable(wish.durable);
        if let Some(slots) = wish.slots {
            builder = builder.slots(slots);
        }
        let worker = builder.start()?;
        // Until it ends, however that comes.
        let _ = io::copy(&mut input, &mut io::sink());
        worker.drain();
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_arrives_and_nothing_else_passes_for_one() {
        let settings =
            Settings::new("nats://loom:1").server("tls://loom:2").realm("r").token("warp");
        let wish = Wish { slots: Some(3), processes: true, durable: false };
        let line = line(&Ticket { said: settings.say(), wish });
        assert!(line.ends_with('\n') && line.is_ascii());
        let Ticket { said, wish } = ticket(&line).unwrap();
        assert_eq!((wish.slots, wish.processes, wish.durable), (Some(3), true, false));
        assert_eq!(wire::pack(&Settings::from(said).say()), wire::pack(&settings.say()));
        for wrong in [
            "",
            "inkle-worker-1 ",
            "inkle-worker-2 00",
            &line[..line.len() - 9],
            "inkle-worker-1 zz",
        ] {
            assert!(ticket(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn words_pass_the_shell() {
        for word in ["plain", "two words", "it's", "$HOME `x` \\ \"", ""] {
            let done = Command::shell(format!("printf %s {}", quoted(word))).capture_output().run();
            assert_eq!(done.unwrap().output.stdout, word.as_bytes());
        }
    }
}
