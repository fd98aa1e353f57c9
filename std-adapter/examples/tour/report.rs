//! What the tour prints: at most 80 columns, no colour, and bars only on a terminal.

use std::fmt::Display;
use std::io::{IsTerminal, Write, stdout};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::LIMIT;

const WIDTH: usize = 80;
/// How often a bar moves.
const TICK: Duration = Duration::from_millis(100);

/// A line, or several if it is too long. If nobody reads any more, the tour is over.
pub(crate) fn line(text: impl Display) {
    let folded: String = text.to_string().split_inclusive('\n').map(fold).collect();
    if writeln!(stdout(), "{folded}").is_err() {
        std::process::exit(1);
    }
}

/// Breaks a line at its spaces, where it is too long. What has none stays as it is.
fn fold(line: &str) -> String {
    let mut folded = String::new();
    let mut rest = line;
    while let Some((end, _)) = rest.trim_end().char_indices().nth(WIDTH) {
        let indent = rest.len() - rest.trim_start().len();
        let Some(at) = rest[indent..end].rfind(' ').map(|at| indent + at) else { break };
        folded.push_str(rest[..at].trim_end());
        folded.push_str("\n      ");
        rest = rest[at..].trim_start();
    }
    folded + rest
}

/// One line of a chapter.
pub(crate) fn say(text: impl Display) {
    line(format_args!("  {text}"));
}

/// What a chapter opens with.
pub(crate) fn opening(number: usize, name: &str, python: &str, rust: &str) {
    let head = format!("-- {number} {name} ");
    line(format_args!("\n{head:-<WIDTH$}"));
    say(format_args!("Python  {python}"));
    say(format_args!("Rust    {rust}"));
}

/// A text without control characters, cut in front to fit into `width` columns.
pub(crate) fn fit(text: &str, width: usize) -> String {
    let clean: Vec<char> =
        text.chars().map(|sign| if sign.is_control() { '?' } else { sign }).collect();
    match clean.len().checked_sub(width) {
        None | Some(0) => clean.into_iter().collect(),
        Some(over) => "...".chars().chain(clean.into_iter().skip(over + 3)).collect(),
    }
}

/// A path, as [`fit`] has it.
pub(crate) fn path(path: &Path, width: usize) -> String {
    fit(&path.to_string_lossy(), width)
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A number of bytes.
pub(crate) fn bytes(number: u64) -> String {
    match number {
        0..10_000 => format!("{number} B"),
        10_000..10_000_000 => format!("{} kB", number / 1000),
        _ => format!("{} MB", number / 1_000_000),
    }
}

/// Asks `attempt` again and again, each time with how long it may wait, with a bar of `done` of
/// `total` where somebody looks; `None` if [`LIMIT`] passes first.
pub(crate) fn wait<T>(
    label: &str,
    total: u64,
    done: impl Fn() -> u64,
    attempt: impl Fn(Duration) -> Option<T>,
) -> Option<T> {
    let (start, watched) = (Instant::now(), stdout().is_terminal());
    loop {
        let result = attempt(TICK);
        if result.is_some() || start.elapsed() > LIMIT {
            if watched {
                redraw("");
            }
            return result;
        }
        if watched {
            redraw(&bar(label, done(), total));
        }
    }
}

/// A bar for work that is done step by step, where somebody looks. Gone when it is dropped.
pub(crate) struct Progress {
    label: &'static str,
    done: u64,
    total: u64,
    watched: bool,
}

impl Progress {
    pub(crate) fn new(label: &'static str, total: usize) -> Self {
        Self { label, done: 0, total: total as u64, watched: stdout().is_terminal() }
    }

    pub(crate) fn step(&mut self) {
        self.done += 1;
        if self.watched {
            redraw(&bar(self.label, self.done, self.total));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.watched {
            redraw("");
        }
    }
}

fn bar(label: &str, done: u64, total: u64) -> String {
    const CELLS: usize = 40;
    let part = done.min(total) as f64 / total.max(1) as f64;
    let cells = "#".repeat((part * CELLS as f64) as usize);
    format!("  {label:<8} [{cells:<CELLS$}] {:>3.0} %", part * 100.0)
}

/// Puts a text in place of the current line.
fn redraw(text: &str) {
    let blank = WIDTH - 1;
    let mut out = stdout().lock();
    // A bar that cannot be drawn is no loss.
    let _ = write!(out, "\r{:blank$}\r{text}", "");
    let _ = out.flush();
}
