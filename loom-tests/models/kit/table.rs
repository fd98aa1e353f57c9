//! The table of the README: what each structure has been through. Made of what the packages say of themselves:
//! the models and their floors, the results of the mutants, the subjects of `step-tests`.
//!
//! `--table` writes it; a whole run of the stock tier fails if it is not the one that stands there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs::{read_dir, read_to_string, write};
use std::path::{Path, PathBuf};

use super::Model;
use super::floors::Floors;

/// A line of the table.
struct Row {
    name: &'static str,
    /// The modules of its models.
    models: &'static [&'static str],
    /// Its sources below `core/src`, as far as they have orderings to weaken or steps to stop at.
    files: &'static [&'static str],
    /// Its names in the soak, or those of what stands on it.
    soaked: &'static [&'static str],
    /// Its fuzzers.
    fuzzed: &'static [&'static str],
}

const fn row(
    name: &'static str,
    models: &'static [&'static str],
    files: &'static [&'static str],
    soaked: &'static [&'static str],
    fuzzed: &'static [&'static str],
) -> Row {
    Row { name, models, files, soaked, fuzzed }
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("`word::WordRing`", &["word"], &["queue/word/mod.rs", "queue/word/exchange.rs"], &["WordRing of 1", "WordRing of 7"], &[]),
    row("`fifo::Fifo`, `lifo::Stack`", &["fifo", "lifo", "force"], &["queue/fifo.rs", "queue/lifo.rs", "queue/tagged.rs"], &["Fifo of u32", "Fifo of u64", "Stack"], &[]),
    row("`fast::FastFifo`", &["fast"], &["queue/fast.rs"], &["FastFifo"], &[]),
    row("`spsc`", &["spsc::ring", "spsc::overwriting", "spsc::shared"],
        &["queue/spsc/ring.rs", "queue/spsc/overwriting.rs", "queue/spsc/reader.rs", "queue/spsc/writer.rs", "queue/token.rs"], &["Ring", "Overwriting"], &[]),
    row("`inbox::Inbox`", &["inbox"], &["queue/inbox.rs"], &["Inbox"], &[]),
    row("`priority::Levels`, `priority::Heap`", &["levels", "heap"],
        &["queue/priority/levels.rs", "queue/priority/heap.rs", "queue/guarded.rs"], &["Levels", "Heap"], &[]),
    row("`elastic::Elastic`", &["elastic"], &["elastic.rs"], &["queue::Queue"], &[]),
    row("`slab`", &["slab"], &["slab.rs"], &["Pool", "Slab"], &[]),
    row("`steal::Deque`", &["steal"], &["queue/steal.rs"], &["Deque"], &[]),
    row("`fork::Nest`", &["fork"], &["fork/mod.rs", "fork/branch.rs"], &["ThreadPoolExecutor"], &[]),
    row("`roster::Roster`", &["roster"], &["roster/mod.rs"], &["ThreadPoolExecutor"], &[]),
    row("`channel::Channel`, threads and tasks", &["channel", "tasks"],
        &["channel/mod.rs", "channel/operation.rs", "waiting/queue.rs", "waiting/guests.rs"], &["Channel of a Fifo", "Channel of a Stack"], &[]),
    row("`event_count::EventCount`", &["event_count"], &["event_count.rs"], &["EventCount"], &[]),
    row("`sync`: locks", &["sync::lock", "sync::rlock", "sync::mutex", "sync::rw_lock", "sync::semaphore", "sync::condition"],
        &["sync/lock.rs", "sync/rlock.rs", "sync/mutex.rs", "sync/rw_lock.rs", "sync/rw_gate.rs", "sync/semaphore.rs",
          "sync/condition.rs", "word_lock.rs"], &["Lock", "RLock", "Mutex", "RwLock", "Semaphore of 1", "BoundedSemaphore of 3", "Condition"], &[]),
    row("`sync`: events", &["sync::event", "sync::latch", "sync::once", "sync::promise", "sync::outcome", "sync::barrier", "sync::cancel"],
        &["sync/event.rs", "sync/latch.rs", "sync/once.rs", "sync/promise.rs", "sync/outcome.rs", "sync/barrier.rs",
          "sync/cancel.rs", "sync/write_once.rs"], &["Event", "Once", "Promise", "Outcome", "Barrier", "CancelToken"], &[]),
    row("`context`", &["context"],
        &["context/current.rs", "context/frame.rs", "context/var.rs", "context/registry.rs", "context/slots.rs"], &["contextvars"], &["context"]),
    row("`timer`", &["wheel", "timers", "wide_counter"],
        &["timer/wheel.rs", "timer/timers.rs", "timer/driver.rs", "platform/wide_counter.rs"], &["Timer"], &["wheel", "agenda"]),
    row("`robust`, users die", &["robust::bell", "robust::lock", "robust::rlock", "robust::barrier", "robust::records"],
        &["robust/bell.rs", "robust/lock.rs", "robust/rlock.rs", "robust/barrier.rs", "robust/survivor.rs", "robust/records/mod.rs"], &[], &["shared"]),
];

/// Modules that are about the checker.
const ABOUT_THE_CHECKER: &[&str] = &["canaries", "litmus", "mutants"];

const BEGIN: &str = "<!-- cargo test -p loom-tests --test models -- --table -->\n";
const END: &str = "<!-- -->\n";

/// Writes the table into the README.
pub(super) fn bless(all: &[(&str, &'static [Model])]) {
    let path = root().join("README.md");
    let readme = read_to_string(&path).expect("the README");
    let (before, _, after) = cut(&readme);
    write(path, format!("{before}{}{after}", table(all))).expect("the README");
}

/// Why the table of the README is not the right one.
pub(super) fn stale(all: &[(&str, &'static [Model])]) -> Option<&'static str> {
    let readme = read_to_string(root().join("README.md")).expect("the README");
    (cut(&readme).1 != table(all)).then_some("the README's table is another one: see --table")
}

/// What comes before the table, the table, and what comes behind it.
fn cut(readme: &str) -> (&str, &str, &str) {
    let begin = readme.find(BEGIN).expect("the README has a place for the table") + BEGIN.len();
    let end = begin + readme[begin..].find(END).expect("the place has an end");
    (&readme[..begin], &readme[begin..end], &readme[end..])
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn table(all: &[(&str, &'static [Model])]) -> String {
    let (mut mutants, tried, floors, soak) = (mutants(), tried(), Floors::read(), soak());
    let mut modules: BTreeMap<&str, &[Model]> = all.iter().copied().collect();
    ABOUT_THE_CHECKER.iter().for_each(|module| _ = modules.remove(module));
    let mut stopped = tried.clone();
    let mut text = String::from(
        "| structure | models | of them without a bound | executions | histories searched | weaker orderings: noticed, \
         explained | stopped, nested and scheduled | at random on threads | fuzzed |\n\
         |---|---:|---:|---:|---|---:|---|---|---|\n",
    );
    let mut total = Line::default();
    for row in ROWS {
        let mut line = Line::default();
        for module in row.models {
            let models = modules
                .remove(module)
                .unwrap_or_else(|| panic!("no module `{module}`, or in two rows"));
            for model in models.iter().filter(|model| !model.kind.is_bad()) {
                line.models += 1;
                line.full += usize::from(model.bound.is_none());
                line.executions += floors.exact(&format!("{module}::{}", model.name));
            }
        }
        let mut is_tried = false;
        for file in row.files {
            is_tried |= stopped.remove(*file);
            line.mutants.add(mutants.remove(*file).unwrap_or_default());
        }
        let is_fuzzed = row.fuzzed.iter().all(|name| is_fuzzer(name)) && !row.fuzzed.is_empty();
        let is_soaked = row.soaked.iter().all(|name| soak.contains(&format!("\"{name}\"")))
            && !row.soaked.is_empty();
        let [searched, tried, soaked, fuzzed] =
            [row.models.iter().any(|module| searches(module)), is_tried, is_soaked, is_fuzzed]
                .map(|is_so| if is_so { "yes" } else { "" });
        let Line { models, full, .. } = line;
        _ = writeln!(
            text,
            "| {} | {models} | {full} | {} | {searched} | {} | {tried} | {soaked} | {fuzzed} |",
            row.name,
            line.executions(),
            line.mutants
        );
        total.add(line);
    }
    assert!(
        modules.is_empty() && mutants.is_empty() && stopped.is_empty(),
        "in no row of the table: {:?} {:?} {stopped:?}",
        modules.keys(),
        mutants.keys()
    );
    let Line { models, full, mutants, .. } = total;
    _ = writeln!(text, "| all | {models} | {full} | {} | | {mutants} | | | |", total.executions());
    text
}

#[derive(Clone, Copy, Default)]
struct Line {
    models: usize,
    full: usize,
    executions: u64,
    mutants: Mutants,
}

impl Line {
    fn add(&mut self, other: Self) {
        self.models += other.models;
        self.full += other.full;
        self.executions += other.executions;
        self.mutants.add(other.mutants);
    }
}

impl Line {
    fn executions(&self) -> String {
        match self.executions {
            few @ ..10_000 => few.to_string(),
            some @ ..10_000_000 => format!("{} k", some / 1000),
            many => format!("{} M", many / 1_000_000),
        }
    }
}

/// Of the orderings of one file.
#[derive(Clone, Copy, Default)]
struct Mutants {
    all: usize,
    killed: usize,
    explained: usize,
}

impl Mutants {
    fn add(&mut self, other: Self) {
        self.all += other.all;
        self.killed += other.killed;
        self.explained += other.explained;
    }
}

impl std::fmt::Display for Mutants {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self { all: 0, .. } => f.write_str("none to weaken"),
            Self { all, killed, explained: 0 } => write!(f, "{killed} of {all}"),
            Self { all, killed, explained } => write!(f, "{killed} of {all}, {explained}"),
        }
    }
}

/// What is said of the changes in each of the core's files.
fn by_file(name: &str) -> Vec<(String, String)> {
    let text = read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("a list");
    let mut file = None;
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if !line.starts_with(' ') {
            // Others are of the tool's own test.
            file = line.strip_prefix("core/src/").map(str::to_owned);
        } else if let (Some(file), Some((_, change))) = (&file, line.split_once(" -> ")) {
            let (_, result) = change.split_once(": ").unwrap_or_else(|| panic!("{name}: `{line}`"));
            lines.push((file.clone(), result.to_owned()));
        }
    }
    lines
}

fn mutants() -> BTreeMap<String, Mutants> {
    let mut files = BTreeMap::<String, Mutants>::new();
    // Not needed: the same in two halves, of which each has a line.
    for (file, result) in
        by_file("mutants.txt").into_iter().filter(|(_, result)| result != "not needed")
    {
        let mutants = files.entry(file).or_default();
        mutants.all += 1;
        mutants.killed += usize::from(result.starts_with("killed"));
    }
    for (file, _) in by_file("survivors.txt") {
        files.entry(file).or_default().explained += 1;
    }
    files
}

/// The sources below `core/src` that a subject of `step-tests` names.
fn tried() -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for entry in read_dir(root().join("step-tests/steps")).expect("the subjects") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            continue;
        }
        let text = read_to_string(path).expect("a source");
        // Others list what is not tried, or the models.
        if !text.contains("Subject::new(") {
            continue;
        }
        files.extend(
            text.split('"')
                .filter(|word| word.ends_with(".rs") && !word.contains(' '))
                .map(str::to_owned),
        );
    }
    files
}

/// Whether models of this module look for an order of whole operations that explains what was answered.
fn searches(module: &str) -> bool {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(module.replace("::", "/"));
    let text = read_to_string(file.with_extension("rs")).expect("the module's source");
    text.contains("shapes::") || text.contains("History")
}

/// The sources of the soak.
fn soak() -> String {
    let files = read_dir(root().join("tests/src/bin/soak")).expect("the soak");
    files.map(|file| read_to_string(file.expect("an entry").path()).expect("a source")).collect()
}

fn is_fuzzer(name: &str) -> bool {
    root().join("tests/fuzz/src/bin").join(name).with_extension("rs").is_file()
}
