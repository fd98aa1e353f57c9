//! Three orders; then producers walk the folders and consumers hash the files.

mod orders;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use inkle::queue::{GetError, PutError, Queue, Shutdown};
use inkle::threading::spawn;

use crate::report::{bytes, count, say, wait};
use crate::trace::span;
use crate::tree::Tree;
use crate::{Chapter, Failure, Outcome};

pub(crate) const CHAPTER: Chapter = Chapter {
    name: "queue",
    python: "q = Queue(8), LifoQueue(), PriorityQueue(); q.put(x); q.get()",
    rust: "the same names and calls, each with its error as a value",
    run,
};

const PRODUCERS: usize = 2;
const CONSUMERS: usize = 3;
const ROOM: usize = 8;

/// The check sum of each file; `None` for one that cannot be read.
type Sums = BTreeMap<PathBuf, Option<u32>>;

fn run(tree: &Arc<Tree>) -> Outcome {
    full_and_empty()?;
    orders::check(tree)?;

    let start = Instant::now();
    let sums = hash_in_parallel(tree)?;
    let parallel = start.elapsed();
    let start = Instant::now();
    let alone: Sums = tree.files.keys().map(|path| (path.clone(), sum(tree, path))).collect();
    say(format_args!(
        "walked and hashed in {:.3} s; one thread, without the walk: {:.3} s",
        parallel.as_secs_f64(),
        start.elapsed().as_secs_f64()
    ));

    let (mut same, mut unreadable, mut changed) = (0, 0, 0);
    for (path, sum) in &alone {
        match (sums.get(path) == Some(sum), sum) {
            (true, Some(_)) => same += 1,
            (true, None) => unreadable += 1,
            (false, _) if tree.changed(path) => changed += 1,
            (false, _) => return Err(format!("{} has another sum", path.display()).into()),
        }
    }
    for (number, what) in [(changed, "changed meanwhile"), (unreadable, "could not be read")] {
        if number > 0 {
            say(format_args!("{} {what}", count(number, "file")));
        }
    }
    Ok(format!("{}, {}: the same sums both ways", count(same, "file"), bytes(tree.bytes)))
}

/// Three puts, two gets: what came first goes first; and what a full queue says.
fn full_and_empty() -> Result<(), Failure> {
    let queue = Queue::bounded(3)?;
    for word in ["warp", "weft", "heddle"] {
        queue.put(word)?;
    }
    if queue.try_put("shed") != Err(PutError::Full("shed")) {
        return Err("try_put found room in a full queue".into());
    }
    let (patience, start) = (Duration::from_millis(20), Instant::now());
    if queue.put_timeout("shed", patience) != Err(PutError::TimedOut("shed")) {
        return Err("put_timeout found room in a full queue".into());
    }
    if start.elapsed() < patience {
        return Err("put_timeout came back too early".into());
    }
    let got = (queue.get()?, queue.get()?, queue.len());
    if got != ("warp", "weft", 1) {
        return Err(format!("two gets gave {got:?}").into());
    }
    say("put warp, weft, heddle in a queue of 3; try_put: full; put_timeout: timed out");
    say("got warp, then weft; one is left");
    Ok(())
}

fn hash_in_parallel(tree: &Arc<Tree>) -> Result<Sums, Failure> {
    let folders = Queue::unbounded();
    let files = Queue::bounded(ROOM)?;
    let hashed = Arc::new(AtomicU64::new(0));
    folders.put(PathBuf::new())?;

    let mut producers = Vec::new();
    for _ in 0..PRODUCERS {
        let (tree, folders, files) = (Arc::clone(tree), folders.clone(), files.clone());
        producers.push(spawn(move || {
            let _bar = span("walk");
            walk(&tree, &folders, &files)
        })?);
    }
    let mut consumers = Vec::new();
    for _ in 0..CONSUMERS {
        let (tree, files, hashed) = (Arc::clone(tree), files.clone(), Arc::clone(&hashed));
        consumers.push(spawn(move || {
            let _bar = span("hash");
            hash(&tree, &files, &hashed)
        })?);
    }

    // First every folder is walked, then every file hashed; only then are the queues shut down.
    let total = tree.files.len() as u64;
    let progress = || hashed.load(Ordering::Relaxed);
    let done = wait("walking", total, progress, |tick| folders.join_timeout(tick).ok())
        .and_then(|()| wait("hashing", total, progress, |tick| files.join_timeout(tick).ok()));
    folders.shutdown(Shutdown::Graceful);
    files.shutdown(Shutdown::Graceful);
    if done.is_none() {
        return Err("the queues were not done in time".into());
    }

    let mut found = 0;
    for producer in &producers {
        found += producer.join()?;
    }
    let mut sums = Sums::new();
    let mut share = Vec::new();
    for consumer in &consumers {
        let part = consumer.join()?;
        share.push(part.len().to_string());
        sums.extend(part);
    }
    say(format_args!(
        "{PRODUCERS} producers found {}; {CONSUMERS} consumers hashed {}",
        count(found, "file"),
        share.join(" + ")
    ));
    if found != sums.len() {
        return Err(format!("{found} files were put, {} came out", sums.len()).into());
    }
    match (files.get(), files.put(PathBuf::new())) {
        (Err(GetError::ShutDown), Err(PutError::ShutDown(_))) => {
            say("after join and shutdown: get and put both say so, and nothing is lost");
            Ok(sums)
        }
        _ => Err("a queue that is shut down still works".into()),
    }
}

/// Puts the files of each folder into `files`, and its folders back into `folders`; says how many
/// files there were.
fn walk(tree: &Tree, folders: &Queue<PathBuf>, files: &Queue<PathBuf>) -> usize {
    let mut found = 0;
    while let Ok(folder) = folders.get() {
        let entries = fs::read_dir(tree.root.join(&folder));
        for entry in entries.into_iter().flatten().flatten() {
            let path = folder.join(entry.file_name());
            if tree.folders.contains(&path) {
                let _ = folders.put(path);
            } else if tree.files.contains_key(&path) && files.put(path).is_ok() {
                found += 1;
            }
        }
        let _ = folders.task_done();
    }
    found
}

/// Hashes files until there are no more.
fn hash(tree: &Tree, files: &Queue<PathBuf>, hashed: &AtomicU64) -> Sums {
    let mut sums = Sums::new();
    while let Ok(path) = files.get() {
        let sum = sum(tree, &path);
        sums.insert(path, sum);
        hashed.fetch_add(1, Ordering::Relaxed);
        let _ = files.task_done();
    }
    sums
}

fn sum(tree: &Tree, path: &Path) -> Option<u32> {
    tree.read(path).ok().map(|content| crc32fast::hash(&content))
}
