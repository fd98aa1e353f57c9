//! Three workers hash and compress the files: results in order, results as they come, one that fails, one
//! that is called off, and one that async code awaits.

use std::future::{Future as _, IntoFuture};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use inkle::concurrent::{Future, FutureError, Spawn, ThreadPoolExecutor, as_completed};
use inkle::platform::after;
use inkle::threading::Event;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::report::{Progress, bytes, count, say};
use crate::tree::Tree;
use crate::{Chapter, Failure, LIMIT, Outcome};

pub(crate) const CHAPTER: Chapter = Chapter {
    name: "concurrent",
    python: "with ThreadPoolExecutor(3) as pool: list(pool.map(f, files))",
    rust: "let pool = ThreadPoolExecutor::new(3)?; pool.map(f, files)",
    run,
};

const WORKERS: u32 = 3;

/// What becomes of a file: its check sum and its compressed size.
type Packed = Option<(u32, usize)>;

fn run(tree: &Arc<Tree>) -> Outcome {
    let pool = ThreadPoolExecutor::builder().workers(WORKERS).name("weaver").build()?;
    let packed = in_order(&pool, tree)?;
    as_they_come(&pool, tree, &packed)?;
    failed_and_called_off()?;
    awaited(&pool, tree)?;
    let small: usize = packed.iter().flatten().map(|(_, size)| size).sum();
    Ok(format!(
        "{}, in order and as they came: {} became {}",
        count(packed.len(), "file"),
        bytes(tree.bytes),
        bytes(small as u64)
    ))
}

fn pack(tree: &Tree, path: &Path) -> Packed {
    let content = tree.read(path).ok()?;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("content", SimpleFileOptions::default()).ok()?;
    zip.write_all(&content).ok()?;
    let packed = zip.finish().ok()?.into_inner();
    Some((crc32fast::hash(&content), packed.len()))
}

/// The results in the order of the files.
fn in_order(pool: &ThreadPoolExecutor, tree: &Arc<Tree>) -> Result<Vec<Packed>, Failure> {
    let paths: Vec<PathBuf> = tree.files.keys().cloned().collect();
    let own = Arc::clone(tree);
    let packed = pool
        .map(move |path: PathBuf| pack(&own, &path), paths)
        .timeout(LIMIT)
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    for (path, packed) in tree.files.keys().zip(&packed) {
        let own = tree.read(path).ok().map(|content| crc32fast::hash(&content));
        if own != packed.map(|(hash, _)| hash) && !tree.changed(path) {
            return Err(format!("{}: out of order", path.display()).into());
        }
    }
    say(format_args!("in order       {}", count(packed.len(), "result")));
    Ok(packed)
}

/// The same files one by one, each when it is done.
fn as_they_come(
    pool: &ThreadPoolExecutor,
    tree: &Arc<Tree>,
    packed: &[Packed],
) -> Result<(), Failure> {
    let mut futures = Vec::new();
    for (number, path) in tree.files.keys().cloned().enumerate() {
        let tree = Arc::clone(tree);
        futures.push(pool.submit(move || (number, pack(&tree, &path)))?);
    }
    let mut came = vec![None; futures.len()];
    let mut progress = Progress::new("packed", futures.len());
    let mut overtaken = 0;
    for (place, future) in as_completed(futures, after(LIMIT)).enumerate() {
        let (number, result) = future?.join()?;
        overtaken += usize::from(number > place);
        came[number] = Some(result);
        progress.step();
    }
    drop(progress);
    for ((path, came), expected) in tree.files.keys().zip(came).zip(packed) {
        if came.as_ref() != Some(expected) && !tree.changed(path) {
            return Err(format!("{}: came otherwise than in order", path.display()).into());
        }
    }
    say(format_args!(
        "as they came   {}, {overtaken} before others",
        count(packed.len(), "result")
    ));
    Ok(())
}

/// A task that panics, and one that is cancelled before it begins. The workers go on.
fn failed_and_called_off() -> Result<(), Failure> {
    let pool = ThreadPoolExecutor::new(1)?;
    let failing: Future<u32> =
        pool.submit(|| std::panic::resume_unwind(Box::new("out of yarn")))?;
    match failing.result() {
        Err(FutureError::Panicked(panic)) if panic.message() == Some("out of yarn") => {
            say(format_args!("one failed     {panic}"));
        }
        _ => return Err("a panic did not become a value".into()),
    }
    // Its one worker is busy until it is told.
    let go = Arc::new(Event::new());
    let busy = pool.submit({
        let go = Arc::clone(&go);
        move || go.wait_timeout(LIMIT).is_ok()
    })?;
    let late = pool.submit(|| 7)?;
    let called_off = late.cancel() && matches!(late.result(), Err(FutureError::Cancelled));
    go.set();
    if !called_off || !busy.join()? || pool.submit(|| 8)?.join()? != 8 {
        return Err("a cancelled task was done, or the worker did not go on".into());
    }
    say("one was called off before it began");
    Ok(())
}

/// A task of the pool as a future of async code.
fn awaited(pool: &ThreadPoolExecutor, tree: &Arc<Tree>) -> Result<(), Failure> {
    let own = Arc::clone(tree);
    let work = pool.submit(move || own.files.keys().filter_map(|path| pack(&own, path)).count())?;
    let answer = block_on(async { Ok::<_, FutureError>(work.await? + 1) })?;
    if answer > tree.files.len() + 1 {
        return Err("more files than there are".into());
    }
    say("one was awaited by async code");
    Ok(())
}

/// The smallest of all runtimes.
fn block_on<F: IntoFuture>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future.into_future());
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park_timeout(LIMIT),
        }
    }
}
