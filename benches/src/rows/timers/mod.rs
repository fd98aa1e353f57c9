//! Timers: what it costs to have one more among many that are pending, and how late they are.
//!
//! Pending are those whose deadlines lie at random within an hour, in milliseconds, the first of them a
//! minute ahead, so that none fires by itself while a clock runs that cannot be stopped. They are made
//! once a row, before anything is measured, and stay.

mod hash_wheel;
mod lateness;
mod locked;
mod ours;
mod python;
mod runtimes;

use std::hint::black_box;
use std::mem;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use inkle_core::timer::{Coarse, Exact};

use super::{ours, peer};
use crate::harness::{Bar, Contender, Kept, Row};
use crate::threads::{Task, timed};
use hash_wheel::HashWheel;
use locked::{Heap, Locked, Tree};
use ours::{Ours, Turning};
use runtimes::{AsyncIo, Tokio, TokioTurning};

/// A service on which timers are scheduled and cancelled, while its clock stands as good as still.
trait Service: Sized + 'static {
    /// What a cancel needs.
    type Timer: 'static;

    /// Without timers.
    fn new() -> Self;

    /// Has a timer fire so many milliseconds behind the start.
    fn schedule(&self, deadline: u32) -> Self::Timer;

    fn cancel(&self, timer: Self::Timer);

    /// Schedules and cancels one.
    #[inline(always)]
    fn pair(&self, deadline: u32) {
        self.cancel(black_box(self.schedule(deadline)));
    }

    /// Schedules a new one, and cancels the one that was in its place.
    #[inline(always)]
    fn replace(&self, timer: &mut Self::Timer, deadline: u32) {
        let old = mem::replace(timer, self.schedule(deadline));
        self.cancel(old);
    }

    /// Does in its own time what it would do before long anyway.
    fn settle(&self) {}

    /// Clears away what it has left lying, and says how much of that time the work before has to answer for.
    fn clear(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether it should be made anew before the next round.
    fn is_worn(&self) -> bool {
        false
    }

    /// What a thread has to be in to use it.
    fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        work()
    }
}

/// A service that tells when it is needed next.
trait Next: Service {
    fn next(&self) -> u64;
}

/// A service whose clock is moved on by hand.
trait Turns: 'static {
    /// With so many timers.
    fn new(pending: usize) -> Self;

    /// Goes on to the next deadline, again and again, and schedules a new timer for each that fires,
    /// until so many have.
    fn turn(&mut self, count: u64);
}

/// Xorshift: the same few instructions for everybody.
struct Random(u64);

impl Random {
    fn new(seed: usize) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ seed as u64)
    }

    #[inline(always)]
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (((self.0 >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// How far ahead the next timer is, in milliseconds.
    #[inline(always)]
    fn delay(&mut self) -> u32 {
        60_000 + self.below(3_600_000)
    }
}

/// A service with its pending timers.
struct Filled<S: Service> {
    // Before the service: a timer of some runtimes is a guard.
    timers: Vec<S::Timer>,
    service: S,
    random: Random,
}

impl<S: Service> Filled<S> {
    fn new(pending: usize) -> Self {
        let (service, mut random) = (S::new(), Random::new(0));
        let timers =
            service.within(|| (0..pending).map(|_| service.schedule(random.delay())).collect());
        service.settle();
        Self { timers, service, random }
    }
}

/// Makes a service before the first round and keeps it until the row is done. Neither making nor
/// dropping it is counted.
fn filled<S: Service>(pending: usize, work: fn(&mut Filled<S>, u64)) -> Kept {
    let mut made: Option<Filled<S>> = None;
    Box::new(move |count| {
        if made.as_ref().is_some_and(|made| made.service.is_worn()) {
            made = None;
        }
        let made = made.get_or_insert_with(|| Filled::new(pending));
        let start = Instant::now();
        work(made, count);
        start.elapsed() + made.service.clear()
    })
}

fn pairs<S: Service>(pending: usize) -> Kept {
    filled::<S>(pending, |Filled { service, random, .. }, count| {
        service.within(|| (0..count).for_each(|_| service.pair(random.delay())));
    })
}

fn replaces<S: Service>(pending: usize) -> Kept {
    filled::<S>(pending, |Filled { service, random, timers }, count| {
        service.within(|| {
            for _ in 0..count {
                let which = random.below(timers.len() as u32) as usize;
                service.replace(&mut timers[which], random.delay());
            }
        });
    })
}

fn nexts<S: Next>(pending: usize) -> Kept {
    filled::<S>(pending, |Filled { service, .. }, count| {
        (0..count).for_each(|_| _ = black_box(black_box(&*service).next()));
    })
}

fn turns<S: Turns>(pending: usize) -> Kept {
    let mut made = None;
    Box::new(move |count| {
        let made = made.get_or_insert_with(|| S::new(pending));
        let start = Instant::now();
        made.turn(count);
        start.elapsed()
    })
}

/// Schedules and cancels on several threads.
fn together<S: Service + Send + Sync, const THREADS: u64>(pending: usize) -> Kept
where
    S::Timer: Send,
{
    let mut made = None;
    Box::new(move |count| {
        let (service, _) = made.get_or_insert_with(|| {
            let Filled { service, timers, .. } = Filled::<S>::new(pending);
            (Arc::new(service), timers)
        });
        let tasks = (1..=THREADS).map(|number| -> Task {
            let (service, mut random) = (Arc::clone(service), Random::new(number as usize));
            Box::new(move || {
                service.within(|| {
                    (0..count / THREADS).for_each(|_| service.pair(random.delay()));
                });
            })
        });
        timed(tasks.collect())
    })
}

/// How many are pending, in figures and in words.
const SIZES: [(usize, &str); 3] =
    [(100, "100 pending"), (10_000, "10 thousand pending"), (1_000_000, "1 million pending")];

type Std<C> = Locked<Mutex<C>, C>;
type ParkingLot<C> = Locked<parking_lot::Mutex<C>, C>;

const FAST: Option<Bar> = Some(Bar::AS_FAST);

/// The contenders of a row that all services are in, by one function that is generic over them.
macro_rules! services {
    ($run:ident, $pending:expr) => {
        vec![
            ours("Wheel", FAST, $run::<Ours<Exact>>($pending)),
            ours("Wheel, coarse", FAST, $run::<Ours<Coarse>>($pending)),
            peer("tokio", $run::<Tokio>($pending)),
            peer("async-io", $run::<AsyncIo>($pending)),
            peer("Mutex<BinaryHeap>", $run::<Std<Heap>>($pending)),
            peer("Mutex<BTreeMap>", $run::<Std<Tree>>($pending)),
            peer("hierarchical_hash_wheel_timer", $run::<HashWheel>($pending)),
        ]
    };
}

fn threads<const THREADS: u64>() -> Vec<Contender> {
    const PENDING: usize = 10_000;
    vec![
        ours("Wheel", FAST, together::<Ours<Exact>, THREADS>(PENDING)),
        ours("Wheel, coarse", FAST, together::<Ours<Coarse>, THREADS>(PENDING)),
        peer("tokio", together::<Tokio, THREADS>(PENDING)),
        peer("async-io", together::<AsyncIo, THREADS>(PENDING)),
        peer("std Mutex<BinaryHeap>", together::<Std<Heap>, THREADS>(PENDING)),
        peer("std Mutex<BTreeMap>", together::<Std<Tree>, THREADS>(PENDING)),
        peer("parking_lot Mutex<BinaryHeap>", together::<ParkingLot<Heap>, THREADS>(PENDING)),
        peer("parking_lot Mutex<BTreeMap>", together::<ParkingLot<Tree>, THREADS>(PENDING)),
    ]
}

/// One of ours against itself: many pending against few.
fn growth(shape: &'static str, bar: Option<f64>, run: fn(usize) -> Kept) -> Row {
    let bar = bar.map(|ratio| Bar { ratio, against: None });
    Row {
        group: "timers, 1 million pending against 100",
        shape,
        contenders: vec![
            ours("1 million pending", bar, run(1_000_000)),
            peer("100 pending", run(100)),
        ],
    }
}

/// A row for each size, with the interpreter in it if there is one.
fn sizes(
    group: &'static str,
    python: &'static str,
    contenders: fn(usize) -> Vec<Contender>,
) -> impl Iterator<Item = Row> {
    SIZES.into_iter().map(move |(pending, shape)| {
        let mut contenders = contenders(pending);
        contenders.extend(python::contender(python, pending));
        Row { group, shape, contenders }
    })
}

fn turning(pending: usize) -> Vec<Contender> {
    vec![
        ours("Wheel", FAST, turns::<Turning<Exact>>(pending)),
        ours("Wheel, coarse", FAST, turns::<Turning<Coarse>>(pending)),
        peer("tokio", turns::<TokioTurning>(pending)),
        peer("Mutex<BinaryHeap>", turns::<locked::Turning<Mutex<Heap>, Heap>>(pending)),
        peer("Mutex<BTreeMap>", turns::<locked::Turning<Mutex<Tree>, Tree>>(pending)),
        peer("hierarchical_hash_wheel_timer", turns::<hash_wheel::Turning>(pending)),
    ]
}

/// The runtimes do not tell.
fn telling(pending: usize) -> Vec<Contender> {
    vec![
        ours("Wheel", FAST, nexts::<Ours<Exact>>(pending)),
        peer("Mutex<BinaryHeap>", nexts::<Std<Heap>>(pending)),
        peer("Mutex<BTreeMap>", nexts::<Std<Tree>>(pending)),
        peer("hierarchical_hash_wheel_timer", nexts::<HashWheel>(pending)),
    ]
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(sizes("timers, schedule+cancel", "pair", |n| services!(pairs, n)));
    rows.extend(sizes("timers, schedule+cancel of an older one", "replace", |n| {
        services!(replaces, n)
    }));
    rows.extend(sizes("timers, schedule+fire", "fire", turning));
    rows.extend(sizes("timers, next deadline", "next", telling));
    let shared = |shape, contenders| Row {
        group: "timers, schedule+cancel by several threads, 10 thousand pending",
        shape,
        contenders,
    };
    rows.push(shared("2 threads", threads::<2>()));
    rows.push(shared("4 threads", threads::<4>()));
    rows.push(growth("Wheel, schedule+cancel", Some(1.5), pairs::<Ours<Exact>>));
    rows.push(growth("Wheel, coarse, schedule+cancel", Some(1.5), pairs::<Ours<Coarse>>));
    rows.push(growth("Wheel, of an older one", None, replaces::<Ours<Exact>>));
    rows.extend(lateness::rows());
    rows
}
