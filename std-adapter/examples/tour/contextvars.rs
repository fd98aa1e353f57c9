//! A request's number follows its files through a queue, threads, a pool, scheduled jobs and async tasks, and
//! nobody passes it on; what one of them sets, the others do not see.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as Waking, Poll, Waker};
use std::time::Duration;

use inkle::concurrent::{Spawn, ThreadPoolExecutor};
use inkle::contextvars::{ContextVar, FutureExt, copy_context};
use inkle::queue::{Queue, Shutdown};
use inkle::sched::{RunError, Scheduler};
use inkle::threading::{Thread, spawn};

use crate::report::{bytes, count, say};
use crate::trace::span;
use crate::tree::Tree;
use crate::{Chapter, Failure, LIMIT, Outcome};

pub(crate) const CHAPTER: Chapter = Chapter {
    name: "contextvars",
    python: "v = ContextVar('v'); t = v.set(1); v.reset(t); ctx.run(f)",
    rust: "static V: ContextVar<u32> = ContextVar::new(\"v\"); the same calls",
    run,
};

/// Set where a request begins, and read where its files are.
static REQUEST: ContextVar<usize> = ContextVar::new("request");
/// Read so far, by whoever runs in the context.
static READ: ContextVar<u64> = ContextVar::with_default("read", 0);

const REQUESTS: usize = 4;
const WORKERS: usize = 3;
const ROOM: usize = 8;

type Job = Box<dyn FnOnce() + Send>;

/// A file's request, as it was seen where the file was read, and its check sum.
type Seen = (Option<usize>, Option<u32>);

/// What came through one of the doors.
struct Ledger {
    tree: Arc<Tree>,
    seen: Mutex<BTreeMap<PathBuf, Seen>>,
}

impl Ledger {
    fn new(tree: &Arc<Tree>) -> Arc<Self> {
        Arc::new(Self { tree: Arc::clone(tree), seen: Mutex::default() })
    }

    /// Reads a file, for the request that is in the context; says how much there was.
    fn enter(&self, path: PathBuf) -> u64 {
        let content = self.tree.read(&path).ok();
        let len = content.as_ref().map_or(0, |content| content.len() as u64);
        drop(READ.set(READ.get().unwrap_or_default() + len));
        let seen = (REQUEST.get().ok(), content.map(|content| crc32fast::hash(&content)));
        if let Ok(mut all) = self.seen.lock() {
            all.insert(path, seen);
        }
        len
    }

    /// All of a request's files; says whether the context has counted them right.
    fn enter_all(&self, paths: Vec<PathBuf>) -> bool {
        let read: u64 = paths.into_iter().map(|path| self.enter(path)).sum();
        READ.get() == Ok(read)
    }
}

/// The files of each request.
type Requests = [Vec<PathBuf>; REQUESTS];

/// Has the ledger enter all files, somewhere.
type Door = fn(&Requests, &Arc<Ledger>) -> Result<(), Failure>;

fn run(tree: &Arc<Tree>) -> Outcome {
    let mut requests = Requests::default();
    for (number, path) in tree.files.keys().enumerate() {
        requests[number % REQUESTS].push(path.clone());
    }

    let mut first: Option<BTreeMap<PathBuf, Seen>> = None;
    let doors: [(&str, Door); 5] = [
        ("queue", through_a_queue),
        ("threads", in_threads),
        ("pool", in_a_pool),
        ("scheduled jobs", in_scheduled_jobs),
        ("async tasks", in_tasks),
    ];
    for (door, work) in doors {
        let ledger = Ledger::new(tree);
        work(&requests, &ledger)?;
        if REQUEST.get().is_ok() || READ.get() != Ok(0) {
            return Err(format!("{door}: something was seen outside of its request").into());
        }
        let mut seen = ledger.seen.lock().map_err(|_| "a job panicked")?;
        check(door, tree, &requests, &seen, first.as_ref())?;
        let files = count(seen.len(), "file");
        say(format_args!("{door:<16}{files}, each with the number of its request"));
        first.get_or_insert_with(|| std::mem::take(&mut seen));
    }
    Ok(format!(
        "{REQUESTS} requests, {}, {}: each its own, {} ways",
        count(tree.files.len(), "file"),
        bytes(tree.bytes),
        doors.len()
    ))
}

fn check(
    door: &str,
    tree: &Tree,
    requests: &Requests,
    seen: &BTreeMap<PathBuf, Seen>,
    first: Option<&BTreeMap<PathBuf, Seen>>,
) -> Result<(), Failure> {
    if seen.len() != tree.files.len() {
        return Err(format!("{door}: {} of {} files", seen.len(), tree.files.len()).into());
    }
    let owners = requests.iter().enumerate();
    for (number, path) in
        owners.flat_map(|(number, paths)| paths.iter().map(move |it| (number, it)))
    {
        let Some((request, sum)) = seen.get(path) else {
            return Err(format!("{door}: {} is missing", path.display()).into());
        };
        if *request != Some(number) {
            let path = path.display();
            return Err(format!("{door}: {path} is of request {number}, not {request:?}").into());
        }
        let before = first.and_then(|first| first.get(path));
        if before.is_some_and(|(_, before)| before != sum) && !tree.changed(path) {
            return Err(format!("{door}: {} has another sum", path.display()).into());
        }
    }
    Ok(())
}

/// Workers that belong to no request take jobs that do.
fn through_a_queue(requests: &Requests, ledger: &Arc<Ledger>) -> Result<(), Failure> {
    let queue = Queue::<Job>::bounded(ROOM)?;
    let work = || {
        let queue = queue.clone();
        spawn(move || {
            let _bar = span("jobs");
            let mut clean = true;
            while let Ok(job) = queue.get() {
                job();
                clean &= REQUEST.get().is_err() && READ.get() == Ok(0);
            }
            clean
        })
    };
    let workers: Vec<_> = (0..WORKERS).map(|_| work()).collect::<Result<_, _>>()?;
    let mut is_stuck = false;
    for (number, paths) in requests.iter().enumerate() {
        let _request = REQUEST.bind(number);
        for path in paths.iter().cloned() {
            let ledger = Arc::clone(ledger);
            let job = copy_context().bind(move || _ = ledger.enter(path));
            is_stuck = is_stuck || queue.put_timeout(Box::new(job), LIMIT).is_err();
        }
    }
    queue.shutdown(Shutdown::Graceful);
    if is_stuck {
        return Err("the queue stayed full".into());
    }
    joined(workers, "a worker has kept something of a request")
}

fn in_threads(requests: &Requests, ledger: &Arc<Ledger>) -> Result<(), Failure> {
    let mut threads = Vec::new();
    for (number, paths) in requests.iter().cloned().enumerate() {
        let _request = REQUEST.bind(number);
        let ledger = Arc::clone(ledger);
        threads.push(spawn(move || {
            let _bar = span("request");
            ledger.enter_all(paths)
        })?);
    }
    joined(threads, "a thread has counted what is not its own")
}

fn joined(threads: Vec<Thread<bool>>, otherwise: &str) -> Result<(), Failure> {
    for thread in threads {
        if !thread.join_timeout(LIMIT)? {
            return Err(otherwise.into());
        }
    }
    Ok(())
}

/// Workers that were started by the first request and work for all.
fn in_a_pool(requests: &Requests, ledger: &Arc<Ledger>) -> Result<(), Failure> {
    let pool = ThreadPoolExecutor::new(2)?;
    let mut futures = Vec::new();
    for (number, paths) in requests.iter().cloned().enumerate() {
        let _request = REQUEST.bind(number);
        let ledger = Arc::clone(ledger);
        futures.push(pool.submit(move || ledger.enter_all(paths))?);
    }
    for future in futures {
        if !*future.result_timeout(LIMIT)? {
            return Err("a task has counted what is not its own".into());
        }
    }
    Ok(())
}

/// Run later, by a thread that belongs to no request.
fn in_scheduled_jobs(requests: &Requests, ledger: &Arc<Ledger>) -> Result<(), Failure> {
    let scheduler = Scheduler::new();
    let right = Arc::new(Mutex::new(0));
    for (number, paths) in requests.iter().cloned().enumerate() {
        let _request = REQUEST.bind(number);
        let (ledger, right) = (Arc::clone(ledger), Arc::clone(&right));
        let job = move || {
            let counted = ledger.enter_all(paths);
            if let Ok(mut right) = right.lock() {
                *right += usize::from(counted);
            }
        };
        scheduler.enter(Duration::from_millis(number as u64), 0, job)?;
    }
    match scheduler.run_timeout(LIMIT) {
        Err(RunError::TimedOut) => return Err("the scheduler did not come to its end".into()),
        result => result?,
    }
    match right.lock() {
        Ok(right) if *right == REQUESTS => Ok(()),
        _ => Err("a job has counted what is not its own".into()),
    }
}

/// File by file in turns, on this thread.
fn in_tasks(requests: &Requests, ledger: &Arc<Ledger>) -> Result<(), Failure> {
    let mut tasks: Vec<Pin<Box<dyn Future<Output = bool>>>> = Vec::new();
    for (number, paths) in requests.iter().cloned().enumerate() {
        let _request = REQUEST.bind(number);
        let ledger = Arc::clone(ledger);
        let task = async move {
            let mut read = 0;
            for path in paths {
                read += ledger.enter(path);
                others_first().await;
            }
            READ.get() == Ok(read)
        };
        tasks.push(Box::pin(task.with_context(copy_context())));
    }
    // An executor: all tasks are always ready.
    let (mut waking, mut right) = (Waking::from_waker(Waker::noop()), true);
    while !tasks.is_empty() {
        tasks.retain_mut(|task| match task.as_mut().poll(&mut waking) {
            Poll::Ready(counted) => {
                right &= counted;
                false
            }
            Poll::Pending => true,
        });
    }
    if right { Ok(()) } else { Err("a task has counted what is not its own".into()) }
}

/// Lets the other tasks have a turn.
fn others_first() -> impl Future<Output = ()> {
    let mut had = false;
    poll_fn(
        move |_| if std::mem::replace(&mut had, true) { Poll::Ready(()) } else { Poll::Pending },
    )
}
