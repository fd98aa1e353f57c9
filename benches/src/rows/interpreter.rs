//! An interpreter of Python that stays from one round to the next.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// An interpreter that waits for work.
pub(super) struct Interpreter {
    child: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl Interpreter {
    /// `script` reads numbers of operations, does so many, and prints the nanoseconds that it took.
    pub(super) fn new(script: &str, kind: &str, size: usize) -> Option<Self> {
        let mut child = Command::new("python3")
            .args(["-c", script, kind, &size.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let ask = child.stdin.take()?;
        let answer = BufReader::new(child.stdout.take()?);
        Some(Self { child, ask, answer })
    }

    pub(super) fn run(&mut self, count: u64) -> Option<Duration> {
        writeln!(self.ask, "{count}").ok()?;
        let mut line = String::new();
        self.answer.read_line(&mut line).ok()?;
        line.trim().parse().ok().map(Duration::from_nanos)
    }
}

impl Drop for Interpreter {
    fn drop(&mut self) {
        // It may be in the middle of its work. If it has ended by itself, so be it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
