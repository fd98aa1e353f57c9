//! A process with an argument; then workers in processes of their own count the words of the files, one of them is
//! killed, and what was lost with it is done again.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;

use inkle::concurrent::{Future, FutureError};
use inkle::multiprocessing::{
    Manager, Process, ProcessPoolExecutor, Queue, Server, WorkerLost, proxy,
};
use inkle::subprocess::Signal;
use rustix::process::{Pid, kill_process};

use crate::report::{Progress, count, say};
use crate::tree::{Tree, read};
use crate::{Chapter, Failure, LIMIT, Outcome};

pub(crate) const CHAPTER: Chapter = Chapter {
    name: "multiprocessing",
    python: "p = Process(target=f, args=('bob',)); p.start(); p.join()",
    rust: "let p = Process::spawn(f, (\"bob\".to_owned(),))?; p.join()?",
    run,
};

const WORKERS: u32 = 3;
/// Into how many portions the files are divided.
const PORTIONS: usize = 16;

/// Some of the files: paths, which need not be text, and how many bytes of each.
type Portion = Vec<(OsString, u64)>;
/// The words of each; `None` of what cannot be read.
type Words = Vec<Option<u64>>;

fn run(tree: &Arc<Tree>) -> Outcome {
    greeting()?;
    let words = count_words(tree)?;
    Ok(format!(
        "{} in {}, {WORKERS} processes, one killed",
        count(words as usize, "word"),
        count(tree.files.len(), "file"),
    ))
}

fn hello(name: String) -> (String, u32) {
    (format!("hello {name}"), std::process::id())
}

/// A process calls a function with an argument, and gives what that returns.
fn greeting() -> Result<(), Failure> {
    let process = Process::spawn(hello, ("bob".to_owned(),))?;
    let (text, pid) = process.join_timeout(LIMIT)?;
    if text != "hello bob" || pid != process.pid() || pid == std::process::id() {
        return Err(format!("{text:?} came from process {pid}").into());
    }
    say(format_args!("process {pid} says {text}"));
    Ok(())
}

/// The words of all processes, by the kind of the file.
#[derive(Default)]
struct Totals(BTreeMap<OsString, u64>);

impl Totals {
    fn add(&mut self, kinds: BTreeMap<OsString, u64>) {
        for (kind, words) in kinds {
            *self.0.entry(kind).or_default() += words;
        }
    }

    fn all(&self) -> BTreeMap<OsString, u64> {
        self.0.clone()
    }
}

proxy! {
    struct TotalsProxy for Totals {
        fn add(kinds: BTreeMap<OsString, u64>);
        fn all() -> BTreeMap<OsString, u64>;
    }
}

fn host(server: &Server, _: ()) {
    server.host("totals", Totals::default());
}

/// In a worker: counts the words of a portion, and adds them to the totals, which are in yet another process.
/// With a `trap` it says who it is instead, and waits to be killed.
fn words(
    root: OsString,
    portion: Portion,
    totals: TotalsProxy,
    trap: Option<Queue<u32>>,
) -> Result<Words, String> {
    if let Some(trap) = trap {
        trap.put(std::process::id()).map_err(|error| error.to_string())?;
        sleep(LIMIT);
    }
    let root = Path::new(&root);
    let counted: Words = portion
        .iter()
        .map(|(path, len)| Some(in_text(&read(&root.join(path), *len).ok()?)))
        .collect();
    totals.add(by_kind(&portion, &counted)).map_err(|error| error.to_string())?;
    Ok(counted)
}

fn in_text(text: &[u8]) -> u64 {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count() as u64
}

fn by_kind(portion: &Portion, words: &Words) -> BTreeMap<OsString, u64> {
    let mut kinds = BTreeMap::new();
    for ((path, _), words) in portion.iter().zip(words) {
        let kind = Path::new(path).extension().unwrap_or(OsStr::new("none"));
        *kinds.entry(kind.to_owned()).or_default() += words.unwrap_or(0);
    }
    kinds
}

/// What has become of it, after a wait with an end.
fn settled<T: Send + 'static>(future: Future<T>) -> Result<Result<T, FutureError>, Failure> {
    future.join_timeout(LIMIT).map_err(|_| "a worker has taken too long".into())
}

/// What the workers count, though one is killed, against our own count; says how many words there are.
fn count_words(tree: &Tree) -> Result<u64, Failure> {
    let manager = Manager::start_with(host, ())?.timeout(LIMIT);
    let totals = manager.find::<Totals>("totals")?;
    let pool = ProcessPoolExecutor::builder().workers(WORKERS).name("counter").build()?;
    let submit = |portion: &Portion, trap| {
        let root = tree.root.clone().into_os_string();
        pool.submit(words, (root, portion.clone(), totals.clone(), trap))
            .map_err(|error| error.into_parts().0)
    };

    let files: Portion =
        tree.files.iter().map(|(path, file)| (path.clone().into_os_string(), file.len)).collect();
    let portions: Vec<Portion> = match files.chunks(files.len().div_ceil(PORTIONS).max(1)) {
        none if none.len() == 0 => vec![Portion::new()],
        some => some.map(<[_]>::to_vec).collect(),
    };
    let trap = Queue::new()?;
    let mut futures: Vec<Future<Result<Words, String>>> = Vec::new();
    for (number, portion) in portions.iter().enumerate() {
        futures.push(submit(portion, (number == 0).then(|| trap.clone()))?);
    }
    let pid = trap.get_timeout(LIMIT)?;
    kill_process(Pid::from_raw(pid as i32).ok_or("no process")?, rustix::process::Signal::KILL)?;

    let mut lost = Vec::new();
    let mut counted = Vec::new();
    let mut progress = Progress::new("counted", portions.len());
    for (number, future) in futures.into_iter().enumerate() {
        let result = settled(future)?.or_else(|error| {
            let death = WorkerLost::of(&error).ok_or(error.to_string())?;
            lost.push((number, death.clone()));
            Ok::<_, Failure>(settled(submit(&portions[number], None)?)??)
        });
        counted.push(result??);
        progress.step();
    }
    drop(progress);
    match lost.as_slice() {
        [(0, death)] if death.pid == pid && death.status.signal() == Some(Signal::KILL) => {
            say(format_args!("{death}: its {}, again", count(portions[0].len(), "file")));
        }
        _ => return Err(format!("one process was killed, and this was lost: {lost:?}").into()),
    }

    let mut expected = Totals::default();
    for (portion, counted) in portions.iter().zip(&counted) {
        expected.add(by_kind(portion, counted));
        for ((path, _), counted) in portion.iter().zip(counted) {
            let path = PathBuf::from(path);
            let own = tree.read(&path).ok().map(|text| in_text(&text));
            if own != *counted && !tree.changed(&path) {
                return Err(format!("{}: {counted:?} words, not {own:?}", path.display()).into());
            }
        }
    }
    let all = totals.all()?;
    if all != expected.0 {
        return Err(format!("the totals are {all:?}, not {:?}", expected.0).into());
    }
    if let Some((kind, words)) = all.iter().max_by_key(|(_, words)| **words) {
        let kind = kind.to_string_lossy();
        say(format_args!("in all {} of the wordiest kind, {kind}", count(*words as usize, "word")));
    }
    manager.shutdown_timeout(LIMIT)?;
    Ok(all.values().sum())
}
