//! What each access to an atomic passes through on its way: deaths, and for the binary `mutants` a
//! record of the places and the change of one ordering.
//!
//! The environment says what that binary wants, so that one build serves for all:
//!
//! - `INKLE_PLACES=N`: prints each place with its operation and orderings, after at most N executions.
//! - `INKLE_MUTANT="core/src/word_lock.rs:55:20 order Acquire Relaxed"`: at this place an access with the
//!   first ordering is made with the second. `failure` in place of `order` means that of a failing
//!   compare-exchange. A fence that is made `Relaxed` is none.

use std::collections::HashMap;
use std::env;
use std::panic::Location;
use std::sync::{Mutex, OnceLock};

use inkle_core::atomic::{Access, Operation, Ordering, before_each_access};

use super::death;

/// A place by its address, and with what operation and orderings it was seen.
type Seen = (usize, Operation, Ordering, Ordering);

/// The places seen so far, if somebody wants to know.
static PLACES: Mutex<Option<HashMap<Seen, &Location<'_>>>> = Mutex::new(None);

static MUTANT: OnceLock<Mutant> = OnceLock::new();

/// One ordering in the source, and what it is changed to.
struct Mutant {
    file: String,
    line: u32,
    column: u32,
    of_failure: bool,
    from: Ordering,
    to: Ordering,
}

impl Mutant {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut place = words.next()?.split(':');
        Some(Self {
            file: place.next()?.to_owned(),
            line: place.next()?.parse().ok()?,
            column: place.next()?.parse().ok()?,
            of_failure: words.next()? == "failure",
            from: ordering(words.next()?)?,
            to: ordering(words.next()?)?,
        })
    }

    fn change(&self, access: &mut Access) {
        let place = access.place;
        if (place.line(), place.column()) != (self.line, self.column)
            || relative(place.file()) != self.file
        {
            return;
        }
        let order = if self.of_failure { &mut access.failure } else { &mut access.order };
        if *order == self.from {
            *order = self.to;
        }
    }
}

fn ordering(name: &str) -> Option<Ordering> {
    use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
    [Relaxed, Acquire, Release, AcqRel, SeqCst]
        .into_iter()
        .find(|order| format!("{order:?}") == name)
}

/// The path within the workspace.
fn relative(file: &str) -> &str {
    ["core/src/", "loom-tests/models/"]
        .iter()
        .find_map(|folder| file.rfind(folder).map(|at| &file[at..]))
        .unwrap_or(file)
}

/// Called once, before the search; `deaths` says whether somebody dies in it.
pub(super) fn start(deaths: bool) {
    let mutant = env::var("INKLE_MUTANT").ok();
    if let Some(text) = &mutant {
        let mutant = Mutant::parse(text).unwrap_or_else(|| panic!("no mutant: {text}"));
        assert!(MUTANT.set(mutant).is_ok(), "started once");
    }
    if is_recording() {
        *PLACES.lock().unwrap() = Some(HashMap::new());
    }
    if deaths || mutant.is_some() || is_recording() {
        before_each_access(pass);
    }
}

fn is_recording() -> bool {
    limit().is_some()
}

/// After how many executions to end, if places are recorded.
pub(super) fn limit() -> Option<usize> {
    env::var("INKLE_PLACES").ok().map(|limit| limit.parse().expect("a number"))
}

fn pass(access: &mut Access) {
    if let Some(mutant) = MUTANT.get() {
        mutant.change(access);
    } else if let Some(places) = &mut *PLACES.lock().unwrap() {
        let Access { place, operation, order, failure, .. } = *access;
        places.insert((&raw const *place as usize, operation, order, failure), place);
    }
    if access.operation != Operation::Fence {
        death::step();
    }
}

/// Prints the places, if they are recorded.
pub(super) fn print() {
    for ((_, operation, order, failure), place) in PLACES.lock().unwrap().iter().flatten() {
        let (file, line, column) = (relative(place.file()), place.line(), place.column());
        println!("place {file}:{line}:{column} {operation:?} {order:?} {failure:?}");
    }
}
