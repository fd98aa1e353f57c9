//! Three threads in a scope share one list of files and look for the largest; whoever has it calls the
//! others off. A timer would call all of them off if it took too long.

use std::path::PathBuf;
use std::sync::Arc;

use inkle::queue::Queue;
use inkle::threading::{CancelToken, Cancelled, Reason, ScopeBuilder, Timer, serialize};

use crate::report::{count, path, say};
use crate::trace::span;
use crate::tree::Tree;
use crate::{Failure, LIMIT};

const THREADS: usize = 3;
const FOUND: Reason = Reason::custom(1);

/// What a thread came to.
struct Search {
    read: usize,
    found: Option<PathBuf>,
    /// Why it stopped, if not at the end of the list.
    stopped: Option<Reason>,
}

pub(super) fn check(tree: &Tree) -> Result<(), Failure> {
    let largest = tree.files.values().map(|file| file.len).max();
    let guard = Arc::new(CancelToken::new());
    let bell = Arc::clone(&guard);
    let timer = Timer::start(LIMIT, move || bell.cancel(Reason::DEADLINE))?;

    let files = serialize(&tree.files);
    // Whoever has come to its end or stopped waits here for the others, until the token says so: a get
    // that never gets anything.
    let nothing = Queue::<()>::unbounded();
    let searches =
        ScopeBuilder::new().cancel_on_failure(true).child_of(&guard).run(|scope| {
            let token = scope.token();
            let search = || {
                let _bar = span("search");
                let mut search = Search { read: 0, found: None, stopped: None };
                loop {
                    match files.next_unless(token) {
                        Ok(Some((path, file))) => {
                            search.read += usize::from(tree.read(path).is_ok());
                            if Some(file.len) == largest && token.cancel(FOUND) {
                                search.found = Some(path.clone());
                            }
                        }
                        Ok(None) => match nothing.get_unless(token) {
                            Ok(()) => unreachable!("nobody puts"),
                            Err(_) => search.stopped = token.reason(),
                        },
                        Err(Cancelled(reason)) => search.stopped = Some(reason),
                    }
                    if search.stopped.is_some() {
                        return search;
                    }
                }
            };
            let threads: Result<Vec<_>, _> = (0..THREADS).map(|_| scope.spawn(search)).collect();
            if largest.is_none() {
                // An empty folder: nobody will find anything.
                token.cancel(Reason::REQUESTED);
            }
            let threads = threads.map_err(|error| error.to_string())?;
            threads
                .iter()
                .map(|thread| thread.join().map_err(|error| error.to_string()))
                .collect::<Result<Vec<_>, String>>()
        })??;

    if !timer.cancel() {
        return Err("the timer went off".into());
    }
    let expected = if largest.is_some() { FOUND } else { Reason::REQUESTED };
    if searches.iter().any(|search| search.stopped != Some(expected)) {
        return Err("a thread stopped for another reason".into());
    }
    let read = searches.iter().map(|search| search.read).sum();
    let found: Vec<&PathBuf> = searches.iter().filter_map(|search| search.found.as_ref()).collect();
    match (largest, &*found) {
        (None, []) => say("no file to look for: all threads called off"),
        (Some(len), [file]) if tree.files.get(*file).is_some_and(|file| file.len == len) => {
            say(format_args!("{THREADS} threads, one list: found {}", path(file, 46)));
            say(format_args!(
                "after {}; the others and the timer were called off",
                count(read, "file")
            ));
        }
        _ => return Err(format!("{} found", count(found.len(), "largest file")).into()),
    }
    Ok(())
}
