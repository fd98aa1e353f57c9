//! What a program's standard input, output and error are.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

use super::StartCause;

/// What one of a program's three standard streams is.
///
/// ```
/// use inkle::subprocess::{Command, Stdio};
///
/// let done = Command::new("sh")
///     .args(["-c", "echo one; echo two >&2"])
///     .stdout(Stdio::Pipe)
///     .stderr(Stdio::Stdout)
///     .run()
///     .unwrap();
/// assert_eq!(done.output.stdout, b"one\ntwo\n");
/// ```
#[derive(Clone, Debug, Default)]
pub enum Stdio {
    /// This process's own.
    #[default]
    Inherit,
    /// A pipe to this process. (SP008)
    Pipe,
    /// Nothing to read; what is written is lost. (SP008)
    Null,
    /// For the standard error: wherever the standard output goes. (SP008, SP015)
    Stdout,
    /// An open descriptor: a file, a pipe's end, a socket. It is closed here when the command and its clones
    /// are dropped.
    Descriptor(Arc<OwnedFd>),
}

impl From<OwnedFd> for Stdio {
    fn from(descriptor: OwnedFd) -> Self {
        Self::Descriptor(Arc::new(descriptor))
    }
}

impl From<File> for Stdio {
    fn from(file: File) -> Self {
        OwnedFd::from(file).into()
    }
}

/// The two ends of one stream: the child's to be, and ours if it is a pipe.
#[derive(Default)]
pub(super) struct Ends {
    pub(super) theirs: Option<Theirs>,
    pub(super) ours: Option<OwnedFd>,
}

/// Closed here when the child has it.
pub(super) enum Theirs {
    Own(OwnedFd),
    Shared(Arc<OwnedFd>),
    /// One of this process's three.
    Standard(RawFd),
}

impl Theirs {
    pub(super) fn number(&self) -> RawFd {
        match self {
            Self::Own(fd) => fd.as_raw_fd(),
            Self::Shared(fd) => fd.as_raw_fd(),
            Self::Standard(number) => *number,
        }
    }
}

/// Which of the three.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Input,
    Output,
    Error,
}

impl Stdio {
    /// Opens what the stream needs. `output` is the standard output's.
    pub(super) fn open(
        &self,
        stream: Stream,
        output: &Ends,
        pipe_size: Option<usize>,
    ) -> Result<Ends, StartCause> {
        match self {
            Self::Inherit => Ok(Ends::default()),
            Self::Null => {
                let null = OpenOptions::new().read(true).write(true).open("/dev/null");
                let null = null.and_then(|null| no_standard(null.into()));
                let null = null.map_err(StartCause::Descriptors)?;
                Ok(Ends { theirs: Some(Theirs::Own(null)), ours: None })
            }
            Self::Pipe => Self::pipe(stream, pipe_size).map_err(StartCause::Descriptors),
            Self::Descriptor(fd) => {
                Ok(Ends { theirs: Some(Theirs::Shared(Arc::clone(fd))), ours: None })
            }
            Self::Stdout if stream == Stream::Error => {
                let number = output.theirs.as_ref().map_or(1, Theirs::number);
                Ok(Ends { theirs: Some(Theirs::Standard(number)), ours: None })
            }
            Self::Stdout => {
                Err(StartCause::Conflict("only the standard error can go where the output goes"))
            }
        }
    }

    fn pipe(stream: Stream, size: Option<usize>) -> io::Result<Ends> {
        let (read, write) = new_pipe(size)?;
        let (theirs, ours) = if stream == Stream::Input { (read, write) } else { (write, read) };
        // Ours alone: the two ends do not share this flag.
        rustix::io::ioctl_fionbio(&ours, true)?;
        Ok(Ends { theirs: Some(Theirs::Own(theirs)), ours: Some(ours) })
    }
}

/// The ends to read from and to write to.
pub(super) fn new_pipe(size: Option<usize>) -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    let (read, write) = (no_standard(read)?, no_standard(write)?);
    if let Some(size) = size {
        fcntl_setpipe_size(&write, size)?;
    }
    Ok((read, write))
}

/// The same, and not one of the three, which may be closed here: nobody is to take it for a stream of this
/// process's, as one does who writes errors, or a child that inherits one.
pub(super) fn no_standard(descriptor: OwnedFd) -> io::Result<OwnedFd> {
    if descriptor.as_raw_fd() > 2 {
        return Ok(descriptor);
    }
    Ok(fcntl_dupfd_cloexec(&descriptor, 3)?)
}
