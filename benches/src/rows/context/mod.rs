//! Context variables: what a read, a change, a copy and entering cost with many or few of them set.
//!
//! The variables are numbered as they are set, and the work is done with the last one: the farthest away.
//! A plain thread-local value and those of tokio's `task_local!` do not know of each other, so their number
//! changes nothing, and one stands for all. Only what runs in a context is measured, as all work of a
//! program with contexts does; the values are made before.

mod opentelemetry;
mod ours;
mod plain;
mod python;
mod tokio;

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::{ours, peer};
use crate::harness::{Bar, Contender, Row};

/// How many variables are set, at most.
const MOST: usize = 200;

/// Does `work` so many times, in a function of its own: a program's reads and changes are in functions far
/// apart, and the compiler cannot lift what they have in common out of a loop around them.
#[inline(always)]
fn timed<R>(count: u64, mut work: impl FnMut(u64) -> R) -> Duration {
    #[inline(never)]
    fn apart<R>(work: &mut impl FnMut(u64) -> R, turn: u64) -> R {
        work(turn)
    }

    let start = Instant::now();
    (0..count).for_each(|turn| _ = black_box(apart(&mut work, turn)));
    start.elapsed()
}

fn with_python(kind: &'static str, size: usize, mut contenders: Vec<Contender>) -> Vec<Contender> {
    contenders.extend(python::contender(kind, size));
    contenders
}

/// A read may cost twice that of a plain thread-local value, and has to be ahead of all others.
fn gets<const N: usize>() -> Vec<Contender> {
    let twice = Bar { ratio: 2.0, against: Some(plain::NAME) };
    let contenders = vec![
        ours("ContextVar", Some(twice), ours::get::<N>),
        peer(plain::NAME, plain::get),
        peer("tokio task_local!", tokio::get),
        peer("opentelemetry", opentelemetry::get::<N>),
    ];
    with_python("get", N, contenders)
}

fn sets<const N: usize>() -> Vec<Contender> {
    let contenders = vec![
        ours("ContextVar, in a task", Some(Bar::AS_FAST), ours::set_in_task::<N>),
        ours("ContextVar, in Context::run", None, ours::set_in_run::<N>),
        peer("tokio task_local!", tokio::scope),
        peer("opentelemetry", opentelemetry::set::<N>),
    ];
    with_python("set", N, contenders)
}

/// tokio's values cannot be copied together.
fn copies<const N: usize>() -> Vec<Contender> {
    let contenders = vec![
        ours("copy_context", Some(Bar::AS_FAST), ours::copy::<N>),
        peer("opentelemetry", opentelemetry::copy::<N>),
    ];
    with_python("copy", N, contenders)
}

fn runs<const N: usize>() -> Vec<Contender> {
    let contenders = vec![
        ours("Context::run", Some(Bar::AS_FAST), ours::run::<N>),
        peer("opentelemetry", opentelemetry::run::<N>),
    ];
    with_python("run", N, contenders)
}

/// A future that is always ready to go on and reads the variable. Python has only whole tasks.
fn polls<const N: usize>() -> Vec<Contender> {
    vec![
        ours("with_context", Some(Bar::AS_FAST), ours::poll::<N>),
        peer("tokio task_local!", tokio::poll),
        peer("opentelemetry", opentelemetry::poll::<N>),
    ]
}

fn rows_of<const N: usize>(shape: &'static str) -> [Row; 5] {
    let row = |group, contenders| Row { group, shape, contenders };
    [
        row("context variables, get", gets::<N>()),
        row("context variables, set+reset", sets::<N>()),
        row("context variables, copy of all", copies::<N>()),
        row("context variables, run in a context", runs::<N>()),
        row("context variables, poll of a future", polls::<N>()),
    ]
}

pub(crate) fn rows() -> Vec<Row> {
    let sizes = [
        rows_of::<1>("1 variable"),
        rows_of::<8>("8 variables"),
        rows_of::<32>("32 variables"),
        rows_of::<MOST>("200 variables"),
    ];
    let mut rows: Vec<_> = sizes.into_iter().flatten().collect();
    // All sizes of a group together.
    rows.sort_by_key(|row| row.group);
    rows
}

/// `$make!($row $column)` for each of the [`MOST`], in rows of ten.
macro_rules! all {
    ($make:ident) => {
        $crate::rows::context::all!(@ $make 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19)
    };
    (@ $make:ident $($row:literal)*) => {
        [$([
            $make!($row 0), $make!($row 1), $make!($row 2), $make!($row 3), $make!($row 4),
            $make!($row 5), $make!($row 6), $make!($row 7), $make!($row 8), $make!($row 9),
        ]),*]
    };
}
use all;
