//! Functions in other processes: to start a process for one, to have it done by a pool, and what two processes
//! share: messages and locks.
//!
//! The other process of a row is started before its first round and ends with the row.

mod locks;
mod messages;
mod pools;
mod python;

use std::process::Command;
use std::time::{Duration, Instant};

use inkle::multiprocessing::{Builder, Call, Process};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::python::LESS;
use super::{ours, peer};
use crate::harness::{Bar, Contender, Row};

const GROUP: &str = "processes";

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Starts the other process of a row. However it is that the two talk, it is started in the same way.
pub(super) fn helper<F, A>(function: F, arguments: A) -> Process<()>
where
    F: Call<A, Output = ()>,
    A: Serialize + DeserializeOwned + 'static,
{
    match Builder::new().daemon(true).spawn(function, arguments) {
        Ok(process) => process,
        Err(error) => panic!("{error}"),
    }
}

/// Does an operation so often, each of which says how long it took. Less often than is asked, as Python does:
/// one or two of these fill a slice, or they have pauses.
fn singly(count: u64, operation: impl FnMut(u64) -> Duration) -> Duration {
    (0..count / u64::from(LESS)).map(operation).sum::<Duration>() * LESS
}

/// What a process is started for.
fn nothing(_: ()) {}

fn start_and_join() -> Vec<Contender> {
    let again = |count, work: fn()| singly(count, |_| timed(work));
    let floor: fn() = || assert!(Command::new("true").status().unwrap().success());
    let mut contenders = vec![
        ours("Process", Some(Bar { ratio: 1.0, against: Some("procspawn") }), move |count| {
            again(count, || Process::spawn(nothing, ((),)).unwrap().join().unwrap())
        }),
        peer("procspawn", move |count| {
            again(count, || procspawn::spawn((), nothing).join().unwrap())
        }),
        // What a process costs in which no function is called.
        peer("std Command", move |count| again(count, floor)),
    ];
    contenders.extend(python::contender("Python's Process, spawn", ["start", "spawn"]));
    contenders.extend(python::contender("Python's Process, fork", ["start", "fork"]));
    contenders
}

pub(crate) fn rows() -> Vec<Row> {
    let row = |shape, contenders| Row { group: GROUP, shape, contenders };
    let mut rows = vec![row("start and join", start_and_join())];
    rows.extend(pools::rows().into_iter().map(|(shape, contenders)| row(shape, contenders)));
    rows.push(row("round trip of a message", messages::contenders()));
    rows.push(row("lock, uncontended", locks::alone()));
    rows.push(row("lock, 2 processes", locks::contended()));
    rows
}
