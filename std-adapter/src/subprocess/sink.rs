//! What becomes of a program's output while it runs.

use std::fmt;
use std::io::{self, Write};
use std::mem;

/// What becomes of a program's output while [`communicate_to`](super::Child::communicate_to) reads it: line by
/// line to a function, to a writer as well, kept only up to a size. Without a word said all is kept. (SP052,
/// SP053)
///
/// ```
/// use inkle::subprocess::{Command, Sink};
/// use inkle::platform::Deadline;
///
/// let mut lines = Vec::new();
/// let mut rest = Vec::new();
/// let child = Command::shell("echo warp; echo weft; printf loom").capture_output().spawn().unwrap();
/// let mut stdout = Sink::new().lines(|line| lines.push(line.to_vec())).spill(7, &mut rest);
/// let output = child.communicate_to([], Deadline::NEVER, &mut stdout, &mut Sink::new()).unwrap();
/// assert_eq!(stdout.total(), 14);
/// drop(stdout);
/// assert_eq!(lines, [b"warp", b"weft", b"loom"]);
/// assert_eq!((&output.stdout[..], &rest[..]), (&b"warp\nwe"[..], &b"ft\nloom"[..]));
/// ```
#[derive(Default)]
pub struct Sink<'a> {
    lines: Option<Lines<'a>>,
    tee: Option<Box<dyn Write + Send + 'a>>,
    spill: Option<(usize, Box<dyn Write + Send + 'a>)>,
    total: u64,
}

type Call<'a> = Box<dyn FnMut(&[u8]) + Send + 'a>;

struct Lines<'a> {
    call: Call<'a>,
    /// The begin of a line.
    begun: Vec<u8>,
}

impl<'a> Sink<'a> {
    /// Keeps all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has `call` called for each line, as soon as it is there, without its end (LF, or CR LF). The last one may
    /// have none. A line is held in memory until its end has come.
    #[must_use]
    pub fn lines(mut self, call: impl FnMut(&[u8]) + Send + 'a) -> Self {
        self.lines = Some(Lines { call: Box::new(call), begun: Vec::new() });
        self
    }

    /// Writes all to `writer` as well, as soon as it is there.
    #[must_use]
    pub fn tee(mut self, writer: impl Write + Send + 'a) -> Self {
        self.tee = Some(Box::new(writer));
        self
    }

    /// Keeps no more than the first `bytes`. The rest is lost; [`total`](Self::total) tells how much it was.
    #[must_use]
    pub fn limit(self, bytes: usize) -> Self {
        self.spill(bytes, io::sink())
    }

    /// Keeps no more than the first `bytes`. The rest is written to `writer`, a file say.
    #[must_use]
    pub fn spill(mut self, bytes: usize, writer: impl Write + Send + 'a) -> Self {
        self.spill = Some((bytes, Box::new(writer)));
        self
    }

    /// How many bytes have come, kept or not.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }
}

/// What hears a stream: a [`Sink`], whatever it borrows.
pub(super) trait Hear: Send {
    /// `read` has grown since it had this many bytes.
    fn take(&mut self, read: &mut Vec<u8>, before: usize) -> io::Result<()>;

    /// Nothing more comes.
    fn end(&mut self) -> io::Result<()>;
}

impl Hear for Sink<'_> {
    fn take(&mut self, read: &mut Vec<u8>, before: usize) -> io::Result<()> {
        let new = &read[before..];
        self.total += new.len() as u64;
        if let Some(lines) = &mut self.lines {
            lines.take(new);
        }
        let teed = self.tee.as_mut().map_or(Ok(()), |tee| tee.write_all(new));
        let spilt = match &mut self.spill {
            Some((most, spill)) if read.len() > *most => {
                let spilt = spill.write_all(&read[*most..]);
                read.truncate(*most);
                spilt
            }
            _ => Ok(()),
        };
        teed.and(spilt)
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some(lines) = &mut self.lines {
            lines.end();
        }
        let teed = self.tee.as_mut().map_or(Ok(()), |tee| tee.flush());
        let spilt = self.spill.as_mut().map_or(Ok(()), |(_, spill)| spill.flush());
        teed.and(spilt)
    }
}

impl Lines<'_> {
    fn take(&mut self, new: &[u8]) {
        let mut pieces = new.split(|byte| *byte == b'\n');
        let Some(begun) = pieces.next_back() else { return };
        for piece in pieces {
            if self.begun.is_empty() {
                (self.call)(without_return(piece));
            } else {
                let mut line = mem::take(&mut self.begun);
                line.extend(piece);
                (self.call)(without_return(&line));
            }
        }
        self.begun.extend(begun);
    }

    fn end(&mut self) {
        let line = mem::take(&mut self.begun);
        if !line.is_empty() {
            (self.call)(&line);
        }
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

impl fmt::Debug for Sink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("total", &self.total).finish_non_exhaustive()
    }
}
