//! A progress bar of the crate `indicatif` over the files of a folder: what it counts is what comes out of
//! `map`, and what comes out of `as_completed`.
//!
//! ```text
//! cargo run --release -p inkle --example progress -- [DIR]
//! ```

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use indicatif::{ProgressBar, ProgressIterator, ProgressStyle};
use inkle::concurrent::{Spawn, ThreadPoolExecutor, as_completed};
use inkle::platform::Deadline;

/// No folder is too large for an example.
const MOST: usize = 2000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder =
        env::args_os().nth(1).map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let mut files = Vec::new();
    gather(&folder, &mut files)?;
    let pool = ThreadPoolExecutor::builder().workers(3).name("weaver").build()?;

    // In the order of the files: `map` gives an iterator, and the bar counts along.
    let results = pool.map(checksum, files.clone()).into_iter();
    let mut in_order = Vec::new();
    for result in results.progress_with(bar("in order", files.len())?) {
        in_order.push(result?);
    }

    // As they come, with the file that has just been done.
    let submit = |(number, file): (usize, PathBuf)| {
        pool.submit(move || (number, checksum(file.clone()), file))
    };
    let futures: Vec<_> = files.into_iter().enumerate().map(submit).collect::<Result<_, _>>()?;
    let bar = bar("as they come", futures.len())?;
    for future in as_completed(futures, Deadline::NEVER) {
        let (number, sum, file) = future?.join()?;
        assert_eq!(sum, in_order[number], "{} has changed meanwhile", file.display());
        bar.set_message(file.file_name().unwrap_or_default().to_string_lossy().into_owned());
        bar.inc(1);
    }
    bar.finish_with_message("");

    let readable = in_order.iter().flatten().count();
    println!("{readable} of {} files, twice the same", in_order.len());
    Ok(())
}

fn bar(name: &'static str, length: usize) -> Result<ProgressBar, Box<dyn Error>> {
    let style = ProgressStyle::with_template("{prefix:>12} [{bar:40}] {pos}/{len} {msg}")?;
    Ok(ProgressBar::new(length as u64).with_style(style.progress_chars("=> ")).with_prefix(name))
}

/// `None` if the file cannot be read.
fn checksum(file: PathBuf) -> Option<u32> {
    fs::read(file).ok().map(|content| crc32fast::hash(&content))
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && entry.file_name() != "target" {
            gather(&entry.path(), files)?;
        } else if kind.is_file() && files.len() < MOST {
            files.push(entry.path());
        }
    }
    Ok(())
}
