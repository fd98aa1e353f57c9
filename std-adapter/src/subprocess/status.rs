//! How a program ended and what it has used, and signals.

use std::fmt;
use std::time::Duration;

use crate::os::process;

/// A signal, by its number.
///
/// ```
/// use inkle::subprocess::Signal;
///
/// assert_eq!(Signal::KILL.to_string(), "SIGKILL");
/// assert_eq!(Signal::new(62).unwrap().to_string(), "signal 62");
/// assert_eq!(Signal::new(65), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal(i32);

macro_rules! signals {
    ($($name:ident = $number:ident, $doc:literal;)*) => {
        impl Signal {
            $(
                #[doc = $doc]
                pub const $name: Self = Self(libc::$number);
            )*

            const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $(libc::$number => Some(stringify!($number)),)*
                    _ => None,
                }
            }
        }
    };
}

signals! {
    HUP = SIGHUP, "The terminal is gone.";
    INT = SIGINT, "Ctrl-C.";
    QUIT = SIGQUIT, "Ctrl-\\.";
    ILL = SIGILL, "An instruction that is none.";
    TRAP = SIGTRAP, "A breakpoint.";
    ABRT = SIGABRT, "The program has given up itself.";
    BUS = SIGBUS, "Memory that is not there.";
    FPE = SIGFPE, "A division by zero.";
    KILL = SIGKILL, "The end; no program can catch or ignore it.";
    USR1 = SIGUSR1, "For the program's own use.";
    SEGV = SIGSEGV, "Memory that is not the program's.";
    USR2 = SIGUSR2, "For the program's own use.";
    PIPE = SIGPIPE, "Nobody reads what it writes.";
    ALRM = SIGALRM, "A timer.";
    TERM = SIGTERM, "A request to end.";
    CHLD = SIGCHLD, "A child has ended.";
    CONT = SIGCONT, "Go on after a stop.";
    STOP = SIGSTOP, "Stop; no program can catch or ignore it.";
    TSTP = SIGTSTP, "Ctrl-Z.";
    XCPU = SIGXCPU, "Its time on the processor is used up.";
    XFSZ = SIGXFSZ, "Its file has grown too large.";
}

impl Signal {
    /// The signal with this number, from 1 to 64.
    #[must_use]
    pub const fn new(number: i32) -> Option<Self> {
        if number >= 1 && number <= 64 { Some(Self(number)) } else { None }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal.
    Killed {
        /// Which.
        signal: Signal,
        /// Whether it has left an image of its memory.
        core_dumped: bool,
    },
    /// It has ended, but somebody else in this process was told how: who waits for all children, or
    /// ignores SIGCHLD. (Python takes it for 0: SP040.)
    Unknown,
}

impl Status {
    /// Whether it ended by itself with code 0.
    #[must_use]
    pub fn success(self) -> bool {
        self == Self::Exited(0)
    }

    /// The code it ended with, if by itself.
    #[must_use]
    pub fn code(self) -> Option<i32> {
        match self {
            Self::Exited(code) => Some(code),
            _ => None,
        }
    }

    /// The signal that ended it, if one did.
    #[must_use]
    pub fn signal(self) -> Option<Signal> {
        match self {
            Self::Killed { signal, .. } => Some(signal),
            _ => None,
        }
    }

    /// As Python has it: the code, or minus the signal's number. (SP040)
    #[must_use]
    pub fn returncode(self) -> Option<i32> {
        match self {
            Self::Exited(code) => Some(code),
            Self::Killed { signal, .. } => Some(-signal.number()),
            Self::Unknown => None,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit code {code}"),
            Self::Killed { signal, core_dumped: false } => write!(f, "killed by {signal}"),
            Self::Killed { signal, core_dumped: true } => {
                write!(f, "killed by {signal}, core dumped")
            }
            Self::Unknown => f.write_str("ended, nobody knows how"),
        }
    }
}

/// What a program that has ended has used, together with those of its children that it has waited for:
/// [`Child::usage`](super::Child::usage). (SP054)
///
/// ```
/// use std::time::Duration;
/// use inkle::subprocess::Command;
///
/// let done = Command::shell("n=0; while [ $n -lt 50000 ]; do n=$((n + 1)); done").run().unwrap();
/// let usage = done.usage.unwrap();
/// assert!(usage.user + usage.system > Duration::ZERO);
/// assert!(usage.max_memory > 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Time on processors, in the programs' own code.
    pub user: Duration,
    /// Time on processors, in the system's.
    pub system: Duration,
    /// The most memory that one of them had at a time, in bytes. No less than the most that this process had had
    /// when it started the program: until then the two are one to the system.
    pub max_memory: u64,
}

/// How a process has ended, and what is known of what it has used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) status: Status,
    pub(super) usage: Option<Usage>,
}

impl End {
    pub(super) const UNKNOWN: Self = Self { status: Status::Unknown, usage: None };
}

impl From<process::End> for End {
    fn from(end: process::End) -> Self {
        let status = match (end.code, Signal::new(end.status)) {
            (libc::CLD_EXITED, _) => Status::Exited(end.status),
            (libc::CLD_KILLED | libc::CLD_DUMPED, Some(signal)) => {
                Status::Killed { signal, core_dumped: end.code == libc::CLD_DUMPED }
            }
            _ => Status::Unknown,
        };
        // None of these is negative.
        let time = |[seconds, micros]: [libc::c_long; 2]| {
            Duration::from_secs(seconds as u64) + Duration::from_micros(micros as u64)
        };
        let usage = Usage {
            user: time(end.usage.user),
            system: time(end.usage.system),
            max_memory: end.usage.resident as u64 * 1024,
        };
        Self { status, usage: Some(usage) }
    }
}
