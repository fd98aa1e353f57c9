//! Functions on other machines, over a server on this one: what an executor adds to the server's own client.
//!
//! The server is the row's own, with a data folder of its own. Those who work are in another process than those
//! who ask: a worker of ours with two slots, and a program that has nothing but the client. All are there before
//! the first round.

mod dask;
mod ours;
mod raw;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use inkle::multiprocessing::{Call, Process};
use inkle_tests::nats::Server;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::processes::helper;
use super::{ours, peer};
use crate::harness::{Bar, Contender, Row};

/// Tasks on their way.
const FLIGHT: usize = 100;

/// What is asked of ours: what it does beside costs no more than three tenths of the client's own.
const NEAR: Bar = Bar { ratio: 1.3, against: Some("async-nats") };

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// One at a time, or many.
#[derive(Clone, Copy, PartialEq)]
enum Load {
    Trip,
    Flight,
}

/// The server of a row, started for the first who asks.
#[derive(Clone, Default)]
struct Site(Rc<RefCell<Option<Server>>>);

impl Site {
    fn url(&self) -> String {
        let mut server = self.0.borrow_mut();
        server.get_or_insert_with(|| Server::start().expect("it has been asked for")).url()
    }
}

/// A process that works until its row is over.
struct Staff(Process<()>);

impl Staff {
    fn start<F, A>(function: F, arguments: A) -> Self
    where
        F: Call<A, Output = ()>,
        A: Serialize + DeserializeOwned + 'static,
    {
        Self(helper(function, arguments))
    }
}

impl Drop for Staff {
    fn drop(&mut self) {
        // If it has ended by itself, so be it.
        let _ = self.0.kill();
    }
}

/// A contender that is made in the first round, and kept.
fn kept<C: 'static>(
    make: impl Fn() -> C + 'static,
    work: impl Fn(&mut C, u64) + 'static,
) -> impl FnMut(u64) -> Duration {
    let mut made = None;
    move |count| {
        let made = made.get_or_insert_with(&make);
        timed(|| work(made, count))
    }
}

pub(crate) fn rows() -> Vec<Row> {
    if Server::start().is_none() {
        println!("there is no nats-server here: the rows of `remote` are left out");
        return Vec::new();
    }
    if !dask::exists() {
        println!("python3 has no dask.distributed here: it is left out");
    }
    let row = |shape, contenders| Row { group: "remote", shape, contenders };
    vec![
        row("fast, round trip", fast(Load::Trip)),
        row("fast, 100 in flight", fast(Load::Flight)),
        row("durable, round trip", durable(Load::Trip)),
        row("durable, 100 in flight", durable(Load::Flight)),
    ]
}

fn fast(load: Load) -> Vec<Contender> {
    let site = Site::default();
    let (few, many, raw) = (site.clone(), site.clone(), site);
    let mut all = vec![ours(
        "RemoteExecutor",
        Some(NEAR),
        kept(move || ours::Fast::new(&few, 2), move |fast, count| fast.work(load, count)),
    )];
    if load == Load::Flight {
        all.push(ours(
            "64 ahead",
            Some(NEAR),
            kept(move || ours::Fast::new(&many, 64), move |fast, count| fast.work(load, count)),
        ));
    }
    all.push(peer(
        "async-nats",
        kept(move || raw::Request::new(&raw), move |raw, count| raw.work(load, count)),
    ));
    all.extend(others(load));
    all
}

fn durable(load: Load) -> Vec<Contender> {
    let site = Site::default();
    let (own, raw, half) = (site.clone(), site.clone(), site);
    let mut all = vec![
        ours(
            "RemoteExecutor",
            Some(NEAR),
            kept(move || ours::Durable::new(&own), move |durable, count| durable.work(load, count)),
        ),
        peer(
            "async-nats",
            kept(move || raw::Streams::new(&raw, true), move |raw, count| raw.work(load, count)),
        ),
        peer(
            "answers not kept",
            kept(move || raw::Streams::new(&half, false), move |raw, count| raw.work(load, count)),
        ),
    ];
    all.extend(others(load));
    all
}

/// Those who need no server: processes here, and Python's.
fn others(load: Load) -> Vec<Contender> {
    let pool = peer(
        "ProcessPoolExecutor",
        kept(ours::processes, move |pool, count| ours::work(&*pool, load, count)),
    );
    let kind = if load == Load::Trip { "trip" } else { "flight" };
    [pool].into_iter().chain(dask::contender(kind)).collect()
}
