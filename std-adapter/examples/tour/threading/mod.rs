//! A thread that prints, a thread type of our own that zips while the main thread goes on, and a scope
//! of threads that are called off together.

mod search;

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use inkle::queue::TimedOut;
use inkle::threading::{Builder, Event, JoinError, current, spawn};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::report::{bytes, count, say, wait};
use crate::trace::span;
use crate::tree::Tree;
use crate::{Chapter, Failure, LIMIT, Outcome};

pub(crate) const CHAPTER: Chapter = Chapter {
    name: "threading",
    python: "t = Thread(target=zip_it); t.start(); ...; t.join()",
    rust: "let t = spawn(move || zipper.run())?; ...; let members = t.join()??;",
    run,
};

fn run(tree: &Arc<Tree>) -> Outcome {
    prints()?;
    let scratch = Scratch::new()?;
    let output = scratch.0.join("tour.zip");
    let (members, size) = zips(tree, &output)?;
    compare(tree, &output, &members)?;
    search::check(tree)?;
    Ok(format!(
        "{}: {} in, {} zipped, read back the same",
        count(members.len(), "file"),
        bytes(tree.bytes),
        bytes(size)
    ))
}

/// A function that prints five times in a thread; it prints the last three only after the main
/// thread has gone on.
fn prints() -> Result<(), Failure> {
    let main_went_on = Arc::new(Event::new());
    let seen = Arc::clone(&main_went_on);
    let thread = Builder::new().name("printer").spawn(move || {
        let _bar = span("print");
        for turn in 1..=5 {
            if turn == 3 {
                seen.wait_timeout(LIMIT)?;
            }
            say(format_args!("{}: {turn} of 5", current().name()));
        }
        Ok::<_, TimedOut>(())
    })?;
    say("main: started the thread and goes on");
    main_went_on.set();
    thread.join()??;
    Ok(())
}

/// A thread type of our own: what it works on and a method to run.
struct Zipper {
    input: Arc<Tree>,
    output: PathBuf,
    done: Arc<AtomicU64>,
}

impl Zipper {
    /// Zips every file that can be read; their paths in the order of the archive.
    fn run(self) -> io::Result<Vec<PathBuf>> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(1));
        let mut zip = ZipWriter::new(BufWriter::new(File::create_new(self.output)?));
        let mut members = Vec::new();
        for (path, file) in &self.input.files {
            if let Ok(content) = self.input.read(path) {
                zip.start_file(member(path, members.len()), options)?;
                zip.write_all(&content)?;
                members.push(path.clone());
            }
            self.done.fetch_add(file.len, Ordering::Relaxed);
        }
        zip.finish()?.flush()?;
        Ok(members)
    }
}

/// The name in the archive. One that is not UTF-8 gets a number, so that no two are the same.
fn member(path: &Path, number: usize) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    let name = parts.join("/");
    if path.to_str().is_some() { name } else { format!("{name}#{number}") }
}

/// Zips in the background and counts lines in the foreground.
fn zips(tree: &Arc<Tree>, output: &Path) -> Result<(Vec<PathBuf>, u64), Failure> {
    let start = Instant::now();
    let done = Arc::new(AtomicU64::new(0));
    let zipper =
        Zipper { input: Arc::clone(tree), output: output.to_path_buf(), done: Arc::clone(&done) };
    let thread = spawn(move || {
        let _bar = span("zip");
        zipper.run()
    })?;

    let mut lines = 0;
    for path in tree.files.keys() {
        if let Ok(content) = tree.read(path) {
            lines += content.iter().filter(|&&byte| byte == b'\n').count();
        }
    }
    say(format_args!(
        "main: counted {} in {:.3} s; the zip thread is {}",
        count(lines, "line"),
        start.elapsed().as_secs_f64(),
        if thread.is_alive() { "at work" } else { "done" }
    ));

    let progress = || done.load(Ordering::Relaxed);
    let joined = wait("zipping", tree.bytes, progress, |tick| match thread.join_timeout(tick) {
        Err(JoinError::TimedOut) => None,
        outcome => Some(outcome),
    });
    let members = joined.ok_or("the zip thread did not end in time")???;
    let size = fs::metadata(output)?.len();
    say(format_args!("zipped in {:.3} s, in the background", start.elapsed().as_secs_f64()));
    let unreadable = tree.files.len() - members.len();
    if unreadable > 0 {
        say(format_args!("left out: {} that could not be read", count(unreadable, "file")));
    }
    Ok((members, size))
}

/// Reads the archive back: every member is its file, byte for byte.
fn compare(tree: &Tree, output: &Path, members: &[PathBuf]) -> Result<(), Failure> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(output)?))?;
    if archive.len() != members.len() {
        return Err(format!("{} files went in, {} came out", members.len(), archive.len()).into());
    }
    let mut changed = 0;
    for (number, path) in members.iter().enumerate() {
        let mut zipped = Vec::new();
        let mut entry = archive.by_index(number)?;
        let name = entry.name() == member(path, number);
        entry.read_to_end(&mut zipped)?;
        let same = tree.read(path).is_ok_and(|content| content == zipped);
        if !name || !same && !tree.changed(path) {
            return Err(format!("{} came out different", path.display()).into());
        }
        changed += usize::from(!same);
    }
    if changed > 0 {
        say(format_args!("{} changed meanwhile", count(changed, "file")));
    }
    Ok(())
}

/// A folder of our own for the archive, gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Self> {
        let mut number = std::process::id();
        loop {
            let folder = std::env::temp_dir().join(format!("inkle-tour-{number}"));
            match fs::create_dir(&folder) {
                Ok(()) => return Ok(Self(folder)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
