//! That everything is tried which the docs promise. Each `Progress: lock-free` and `Progress: wait-free` in
//! the core's sources has an operation of that name, tried as what it promises, or a line here that says
//! why not.

use std::fs::{read_dir, read_to_string};
use std::path::Path;

use crate::stopped;

/// File, method, and why it is not tried.
const NOT_TRIED: &[(&str, &str, &str)] = &[
    ("context/registry.rs", "name", "touches no atomic"),
    (
        "timer/wheel.rs",
        "admit",
        "puts slots on the list of the free ones, as a reschedule that is too late does",
    ),
];

/// What the docs of one function promise.
#[derive(Debug)]
struct Promise {
    file: String,
    method: String,
    wait_free: bool,
    interrupt_safe: bool,
}

/// All promises in the sources at `folder`, which lies at `prefix` below `core/src`.
fn promises(folder: &Path, prefix: &str, all: &mut Vec<Promise>) {
    for entry in read_dir(folder).expect("the sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            promises(&path, &format!("{name}/"), all);
        } else if name.ends_with(".rs") {
            in_file(&name, &read_to_string(&path).expect("a source"), all);
        }
    }
}

fn in_file(file: &str, source: &str, all: &mut Vec<Promise>) {
    let mut docs = String::new();
    for line in source.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            docs = docs + doc.trim() + " ";
        } else if let Some(method) = method(line) {
            all.extend(promise(file, method, &docs));
            docs.clear();
        } else if !line.starts_with("#[") && !line.starts_with("//") && !line.is_empty() {
            docs.clear();
        }
    }
}

/// The name of the function that this line begins.
pub fn method(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let words = ["pub", "pub(crate)", "pub(super)", "const", "unsafe"];
    let begins = before.split_whitespace().all(|word| words.contains(&word));
    begins.then(|| after.split(['(', '<']).next().unwrap_or(after))
}

fn promise(file: &str, method: &str, docs: &str) -> Option<Promise> {
    let progress = docs.split_once("Progress: ")?.1;
    // A poll that has to wait takes a lock. And "but for" others that come in between is not for ever.
    let poll = progress.strip_prefix("each poll is ");
    let wait_free = progress.starts_with("wait-free") && !progress.starts_with("wait-free but for");
    let progress = poll.unwrap_or(progress);
    let interrupt_safe = docs.contains("Interrupt-safe: yes");
    (progress.starts_with("wait-free") || progress.starts_with("lock-free")).then(|| Promise {
        file: file.into(),
        method: method.into(),
        wait_free,
        interrupt_safe,
    })
}

#[test]
fn every_promise_is_tried() {
    let mut all = Vec::new();
    promises(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src"), "", &mut all);
    assert!(all.len() > 80, "there are more than {}", all.len());
    let plans = stopped::all();
    let mut missing = Vec::new();
    for Promise { file, method, wait_free, interrupt_safe } in &all {
        let here = plans.iter().filter(|plan| plan.files.contains(&file.as_str()));
        let tried = here.flat_map(|plan| &plan.operations).any(|one| {
            one.method() == method
                && (one.wait_free.is_some() || !wait_free)
                && (one.waits_for.is_empty() || !interrupt_safe)
        });
        let excused = NOT_TRIED.iter().any(|(at, name, _)| at == file && name == method);
        if tried == excused {
            let kept = if *wait_free { "wait-free" } else { "lock-free" };
            let what = if tried { "tried, and excused" } else { "not tried" };
            missing.push(format!("{file}: {method}, {kept}: {what}"));
        }
    }
    for (file, method, _) in NOT_TRIED {
        if !all.iter().any(|one| one.file == *file && one.method == *method) {
            missing.push(format!("{file}: {method}: excused, and promises nothing"));
        }
    }
    missing.sort();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
