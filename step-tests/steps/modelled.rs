//! Which pairs of a type's operations run beside each other in some model of `loom-tests`, for the types whose
//! models are scripts (`&[&[Push(1), Pop], &[Close]]`). Read from their sources: a pair that is declared here
//! and in no script must be listed.
//!
//! Two operations that only look are no pair: neither can notice the other.

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::Path;

use crate::stopped;

/// Types, and where their models are. Those of `queue_models!` have its scripts, too.
const MODELLED: &[(&str, &[&str])] = &[
    ("WordRing", &["word.rs", "force.rs"]),
    ("Fifo", &["fifo.rs", "force.rs"]),
    ("Stack", &["lifo.rs"]),
    ("Inbox, several consumers", &["inbox.rs"]),
    ("FastFifo", &["fast.rs"]),
    ("Heap", &["heap.rs"]),
    ("Elastic", &["elastic.rs"]),
    ("Channel", &["channel.rs", "tasks.rs", "force.rs"]),
];

/// Operations, and what they are called in a script.
const NAMES: &[(&str, &[&str])] = &[
    ("try_push", &["Push"]),
    ("try_pop", &["Pop"]),
    ("force_push", &["Force"]),
    ("peek", &["Peek"]),
    ("take_all", &["TakeAll"]),
    ("close", &["Close"]),
    ("is_closed", &["IsClosed"]),
    ("len", &["Len", "SomeLen", "IsEmpty", "IsFull", "Ticket"]),
    ("try_put", &["Push"]),
    ("try_get", &["Pop"]),
    ("force_put", &["Force"]),
    ("put", &["Put", "PutAsync"]),
    ("put_until", &["PutSoon", "PutOnce"]),
    ("get", &["Get", "GetAsync"]),
    ("get_until", &["GetSoon", "GetOnce"]),
    ("join", &["Join", "JoinAsync"]),
    ("join_until", &["JoinSoon"]),
    ("task_done", &["TaskDone"]),
    ("shutdown", &["Close"]),
    ("shutdown immediately", &["Stop"]),
    ("is_shut_down", &["IsClosed"]),
];

/// They only look.
const LOOKS: &[&str] = &["peek", "is_closed", "len", "is_shut_down"];

/// Pairs that no script has. Each is run by the schedules of this package.
const NOT_MODELLED: &[(&str, &[(&str, &str)])] = &[
    ("WordRing", &[("close", "len"), ("force_push", "is_closed"), ("is_closed", "try_pop")]),
    ("Fifo", &[("close", "len"), ("force_push", "is_closed"), ("is_closed", "try_pop")]),
    ("Stack", &[("close", "len"), ("is_closed", "try_pop")]),
    (
        "Inbox, several consumers",
        &[("close", "len"), ("is_closed", "take_all"), ("is_closed", "try_pop")],
    ),
    ("FastFifo", &[("close", "len"), ("is_closed", "try_pop")]),
    (
        "Heap",
        &[
            ("close", "len"),
            ("close", "peek"),
            ("is_closed", "try_pop"),
            ("is_closed", "try_push"),
            ("peek", "try_pop"),
            ("peek", "try_push"),
        ],
    ),
    ("Elastic", &[("close", "len"), ("is_closed", "try_pop"), ("is_closed", "try_push")]),
    (
        "Channel",
        &[
            ("force_put", "get"),
            ("force_put", "get_until"),
            ("force_put", "is_shut_down"),
            ("force_put", "join"),
            ("force_put", "join_until"),
            ("force_put", "put"),
            ("force_put", "put_until"),
            ("force_put", "shutdown immediately"),
            ("force_put", "task_done"),
            ("get", "is_shut_down"),
            ("get", "peek"),
            ("get", "try_get"),
            ("get", "try_put"),
            ("get_until", "get_until"),
            ("get_until", "is_shut_down"),
            ("get_until", "join"),
            ("get_until", "join_until"),
            ("get_until", "peek"),
            ("get_until", "shutdown"),
            ("get_until", "shutdown immediately"),
            ("get_until", "task_done"),
            ("get_until", "try_get"),
            ("get_until", "try_put"),
            ("is_shut_down", "join"),
            ("is_shut_down", "join_until"),
            ("is_shut_down", "put"),
            ("is_shut_down", "put_until"),
            ("is_shut_down", "shutdown immediately"),
            ("is_shut_down", "task_done"),
            ("is_shut_down", "try_put"),
            ("join", "join_until"),
            ("join", "peek"),
            ("join", "put_until"),
            ("join", "shutdown"),
            ("join", "try_put"),
            ("join_until", "join_until"),
            ("join_until", "peek"),
            ("join_until", "put"),
            ("join_until", "put_until"),
            ("join_until", "shutdown"),
            ("join_until", "shutdown immediately"),
            ("join_until", "try_get"),
            ("join_until", "try_put"),
            ("peek", "put"),
            ("peek", "put_until"),
            ("peek", "shutdown immediately"),
            ("peek", "task_done"),
            ("put", "put_until"),
            ("put", "try_put"),
            ("put_until", "put_until"),
            ("put_until", "shutdown"),
            ("put_until", "shutdown immediately"),
            ("put_until", "task_done"),
            ("put_until", "try_get"),
            ("put_until", "try_put"),
            ("shutdown", "shutdown"),
            ("shutdown", "task_done"),
            ("shutdown immediately", "try_put"),
        ],
    ),
];

/// What runs in a script: the names of each thread's operations.
fn scripts(source: &str) -> Vec<Vec<Vec<&str>>> {
    source.match_indices("&[&[").map(|(at, _)| script(&source[at + 2..])).collect()
}

fn script(text: &str) -> Vec<Vec<&str>> {
    let mut threads = Vec::new();
    let mut rest = text;
    while let Some(inside) =
        rest.trim_start().trim_start_matches(',').trim_start().strip_prefix("&[")
    {
        let Some((calls, after)) = inside.split_once(']') else { break };
        let words = calls.split(',').map(|call| call.trim().split('(').next().unwrap_or(""));
        threads.push(words.filter(|word| !word.is_empty()).collect());
        rest = after;
    }
    threads
}

/// The pairs of names that run beside each other.
fn pairs(source: &str) -> BTreeSet<(&str, &str)> {
    let mut all = BTreeSet::new();
    for threads in scripts(source) {
        for (at, thread) in threads.iter().enumerate() {
            for other in threads.iter().skip(at + 1).flatten() {
                all.extend(thread.iter().flat_map(|&one| [(one, *other), (*other, one)]));
            }
        }
    }
    all
}

#[test]
fn every_pair_is_modelled_or_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../loom-tests/models");
    let read = |file: &str| read_to_string(folder.join(file)).expect("models");
    let matrix = read("shapes/mod.rs");
    let plans = stopped::all_with_blocking();
    let mut wrong = Vec::new();
    for (name, files) in MODELLED {
        let mut source: String = files.iter().map(|file| read(file)).collect();
        if source.contains("queue_models!") {
            source += &matrix;
        }
        let run = pairs(&source);
        assert!(run.len() > 5, "{name}: its scripts are not found");
        let listed =
            NOT_MODELLED.iter().find(|(listed, _)| listed == name).map_or(&[][..], |l| l.1);
        let plan = plans.iter().find(|plan| plan.name == *name).expect("a type");
        let names: BTreeSet<&str> = plan.operations.iter().map(|about| about.name).collect();
        let called = |name: &str| {
            let found = NAMES.iter().find(|(operation, _)| *operation == name);
            found.map_or(&[][..], |(_, called)| called)
        };
        for &a in &names {
            assert!(!called(a).is_empty(), "{name}: {a}: no name in a script");
            for &b in names.range(a..) {
                if LOOKS.contains(&a) && LOOKS.contains(&b) {
                    continue;
                }
                let ways = called(a).iter().flat_map(|&a| called(b).iter().map(move |&b| (a, b)));
                let modelled = ways.into_iter().any(|pair| run.contains(&pair));
                if modelled == listed.contains(&(a, b)) {
                    let why = if modelled { "listed, and modelled" } else { "not modelled" };
                    wrong.push(format!("(\"{name}\", (\"{a}\", \"{b}\")), {why}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_script_is_read() {
    let text = "play(1, &[&[Push(1), Pop], &[Close]]);";
    assert_eq!(scripts(text), [vec![vec!["Push", "Pop"], vec!["Close"]]]);
    assert!(pairs(text).contains(&("Close", "Pop")) && !pairs(text).contains(&("Push", "Pop")));
}
