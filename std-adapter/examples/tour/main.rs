//! A tour of the modules on the files of a folder: each chapter does its job and checks its own
//! result.
//!
//! ```text
//! cargo run --release --example tour -- [DIR] [--only NAME] [--trace FILE]
//! ```

mod concurrent;
mod contextvars;
#[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
mod multiprocessing;
mod queue;
#[cfg(all(target_os = "linux", not(feature = "portable"), feature = "remote"))]
mod remote;
mod report;
mod sched;
#[cfg(target_os = "linux")]
mod subprocess;
mod thread;
mod threading;
mod trace;
mod tree;

use std::error::Error;
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use report::{line, opening};
use trace::{Trace, span};
use tree::Tree;

/// No wait of the tour is longer: a fault ends in a message, not in silence.
const LIMIT: Duration = Duration::from_secs(60);

/// What a chapter ends with: one line about what it did, or why it failed.
type Outcome = Result<String, Failure>;

type Failure = Box<dyn Error + Send + Sync>;

struct Chapter {
    name: &'static str,
    python: &'static str,
    rust: &'static str,
    run: fn(&Arc<Tree>) -> Outcome,
}

const CHAPTERS: &[Chapter] = &[
    threading::CHAPTER,
    #[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
    multiprocessing::CHAPTER,
    concurrent::CHAPTER,
    #[cfg(target_os = "linux")]
    subprocess::CHAPTER,
    sched::CHAPTER,
    queue::CHAPTER,
    contextvars::CHAPTER,
    thread::CHAPTER,
    #[cfg(all(target_os = "linux", not(feature = "portable"), feature = "remote"))]
    remote::CHAPTER,
];

const HELP: &str = "\
A tour of the modules on the files of a folder.

usage: tour [DIR] [--only NAME] [--trace FILE]
       tour --list

  DIR           the folder; without it, this repository
  --only NAME   this chapter; may be given more than once
  --list        the chapters, with what each replaces
  --trace FILE  writes who did what when to FILE, which trace viewers open, and
                as a picture beside it (.svg); with the feature timeline
  --help        this text

Exit code: 0 if every chapter checked out, 1 if one failed, 2 if the command line
or the folder is wrong.";

fn main() -> ExitCode {
    let (folder, only, trace) = match arguments(std::env::args_os().skip(1)) {
        Ok(Command::Tour { folder, only, trace }) => {
            (folder.unwrap_or_else(repository), only, trace)
        }
        Ok(Command::Print(text)) => {
            line(text);
            return ExitCode::SUCCESS;
        }
        Err(message) => return wrong(&message),
    };
    let tree = match Tree::survey(&folder) {
        Ok(tree) => Arc::new(tree),
        Err(error) => return wrong(&format!("{}: {error}", folder.display())),
    };
    let Some(trace) = trace else { return tour(&tree, &only) };
    let trace = match Trace::begin(trace) {
        Ok(trace) => trace,
        Err(message) => return wrong(&message),
    };
    let code = tour(&tree, &only);
    match trace.end() {
        Ok(written) => {
            line(format_args!("trace: {written}"));
            code
        }
        Err(error) => wrong(&format!("the trace: {error}")),
    }
}

enum Command {
    Tour { folder: Option<PathBuf>, only: Vec<String>, trace: Option<PathBuf> },
    Print(String),
}

fn arguments(mut given: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let (mut folder, mut only, mut trace) = (None, Vec::new(), None);
    while let Some(argument) = given.next() {
        match argument.to_str() {
            Some("--help" | "-h") => return Ok(Command::Print(HELP.to_owned())),
            Some("--list") => {
                let list =
                    CHAPTERS.iter().map(|known| format!("{:<17}{}", known.name, known.python));
                return Ok(Command::Print(list.collect::<Vec<_>>().join("\n")));
            }
            Some("--trace") => {
                trace = Some(given.next().ok_or("--trace needs the name of a file")?.into());
            }
            Some("--only") => {
                let name = given.next().ok_or("--only needs the name of a chapter")?;
                only.push(chapter(&name.to_string_lossy())?);
            }
            Some(flag) if flag.starts_with('-') => {
                return Err(format!("there is no {flag}; see --help"));
            }
            _ if folder.is_none() => folder = Some(PathBuf::from(argument)),
            _ => return Err("more than one folder; see --help".to_owned()),
        }
    }
    Ok(Command::Tour { folder, only, trace })
}

fn names() -> Vec<&'static str> {
    CHAPTERS.iter().map(|known| known.name).collect()
}

fn chapter(name: &str) -> Result<String, String> {
    let names = names();
    if names.contains(&name) {
        Ok(name.to_owned())
    } else if name == "remote" {
        Err("the chapter remote is there with `cargo run --release --features remote --example tour`, on Linux".into())
    } else {
        Err(format!("there is no chapter {name}; there are {}", names.join(", ")))
    }
}

/// Under cargo the repository, otherwise where we are.
fn repository() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    package.as_deref().and_then(Path::parent).map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

fn wrong(message: &str) -> ExitCode {
    eprintln!("tour: {message}");
    ExitCode::from(2)
}

fn tour(tree: &Arc<Tree>, only: &[String]) -> ExitCode {
    tree.introduce();
    let mut rows = Vec::new();
    for (index, chapter) in CHAPTERS.iter().enumerate() {
        if !only.is_empty() && !only.iter().any(|name| name == chapter.name) {
            continue;
        }
        opening(index + 1, chapter.name, chapter.python, chapter.rust);
        let start = Instant::now();
        let bar = span(chapter.name);
        let outcome = catch_unwind(AssertUnwindSafe(|| (chapter.run)(tree)))
            .unwrap_or_else(|_| Err("the chapter panicked".into()));
        drop(bar);
        let seconds = start.elapsed().as_secs_f64();
        let name = chapter.name;
        match &outcome {
            Ok(did) => line(format_args!("ok  {name}  {did}")),
            Err(why) => line(format_args!("FAILED  {name}  {why}")),
        }
        rows.push((name, outcome.is_ok(), seconds));
    }

    let total: f64 = rows.iter().map(|row| row.2).sum();
    let good = rows.iter().filter(|row| row.1).count();
    line(format_args!("\n{:<18}{:<8}{:>8}", "chapter", "result", "seconds"));
    for (name, good, seconds) in &rows {
        let result = if *good { "ok" } else { "FAILED" };
        line(format_args!("{name:<18}{result:<8}{seconds:>8.2}"));
    }
    let of = format!("{good} of {}", rows.len());
    line(format_args!("{:<18}{of:<8}{total:>8.2}", "in all"));
    if good == rows.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
