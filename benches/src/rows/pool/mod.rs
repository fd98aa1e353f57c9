//! Thread pools of two threads: what it costs to have something done by another thread.
//!
//! A pool is made before the first round and kept until its row is done.

mod crews;
mod python;

use std::hint::{black_box, spin_loop};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use inkle::concurrent::{Spawn, ThreadPoolExecutor};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::{ours, peer};
use crate::harness::{Bar, Contender, Kept, Row};
use crews::{Blocking, Crew, Rayon, Tokio};

/// Makes a pool, and does `work` with it in each round.
fn kept<C: Crew>(work: impl Fn(&C, u64) -> Duration + 'static) -> Kept {
    let mut made = None;
    Box::new(move |count| work(made.get_or_insert_with(C::new), count))
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Submits, waits for the result, and again.
fn round_trip<C: Crew>() -> Kept {
    kept(|crew: &C, count| {
        timed(|| {
            for number in 0..count {
                let ticket = crew.submit(move || black_box(number));
                assert_eq!(crew.redeem(ticket), number);
            }
        })
    })
}

/// So long is long enough for everybody's threads to fall asleep.
const NAP: Duration = Duration::from_millis(1);

/// The same after a pause, which is not counted.
fn after_idle<C: Crew>() -> Kept {
    kept(|crew: &C, count| {
        let mut time = Duration::ZERO;
        for number in 0..count {
            thread::sleep(NAP);
            let start = Instant::now();
            let ticket = crew.submit(move || black_box(number));
            assert_eq!(crew.redeem(ticket), number);
            time += start.elapsed();
        }
        time
    })
}

/// What empty tasks leave behind: how many there were.
#[derive(Clone, Default)]
struct Seen(Arc<AtomicU64>);

impl Seen {
    fn fire<C: Crew>(&self, crew: &C) {
        let seen = self.clone();
        crew.fire(move || _ = seen.0.fetch_add(1, Ordering::Release));
    }

    fn wait(&self, count: u64) {
        let mut looks = 0;
        while self.0.load(Ordering::Acquire) < count {
            if looks < 100 {
                looks += 1;
                spin_loop();
            } else {
                thread::sleep(Duration::from_micros(20));
            }
        }
    }
}

/// `FROM` threads submit empty tasks, whose results nobody wants.
fn fire<C: Crew, const FROM: u64>() -> Kept {
    kept(|crew: &C, count| {
        let (seen, share) = (Seen::default(), count / FROM.min(count));
        timed(|| {
            thread::scope(|scope| {
                for _ in 1..FROM.min(count) {
                    scope.spawn(|| (0..share).for_each(|_| seen.fire(crew)));
                }
                (0..share).for_each(|_| seen.fire(crew));
            });
            seen.wait(share * FROM.min(count));
        })
    })
}

/// Submits `count` tasks, then waits for all results.
fn fan<C: Crew>() -> Kept {
    kept(|crew: &C, count| {
        timed(|| {
            let tickets: Vec<_> =
                (0..count).map(|number| crew.submit(move || black_box(number))).collect();
            let sum: u64 = tickets.into_iter().map(|ticket| crew.redeem(ticket)).sum();
            assert_eq!(sum, count * (count - 1) / 2);
        })
    })
}

/// A tree of tasks, each of which waits for its two halves: one operation is a leaf.
fn tree() -> Kept {
    fn leaves(crew: &ThreadPoolExecutor, count: u64) -> u64 {
        if count <= 1 {
            return black_box(count);
        }
        let (inner, half) = (crew.clone(), count / 2);
        let one = Crew::submit(crew, move || leaves(&inner, half));
        leaves(crew, count - half) + crew.redeem(one)
    }
    kept(|crew: &ThreadPoolExecutor, count| {
        let inner = crew.clone();
        timed(|| {
            assert_eq!(crew.redeem(Crew::submit(crew, move || leaves(&inner, count))), count);
        })
    })
}

/// The same without futures.
fn tree_of_scopes() -> Kept {
    fn leaves(crew: &ThreadPoolExecutor, count: u64) -> u64 {
        if count <= 1 {
            return black_box(count);
        }
        let half = count / 2;
        let (mut one, mut other) = (0, 0);
        crew.scope(|scope| {
            scope.spawn(|| one = leaves(crew, half));
            other = leaves(crew, count - half);
        });
        one + other
    }
    kept(|crew: &ThreadPoolExecutor, count| timed(|| assert_eq!(leaves(crew, count), count)))
}

fn tree_of_halves() -> Kept {
    fn leaves(crew: &ThreadPoolExecutor, count: u64) -> u64 {
        if count <= 1 {
            return black_box(count);
        }
        let half = count / 2;
        let (one, other) = crew.join(|| leaves(crew, half), || leaves(crew, count - half));
        one + other
    }
    kept(|crew: &ThreadPoolExecutor, count| timed(|| assert_eq!(leaves(crew, count), count)))
}

fn tree_by_join() -> Kept {
    fn leaves(count: u64) -> u64 {
        if count <= 1 {
            return black_box(count);
        }
        let half = count / 2;
        let (one, other) = rayon::join(|| leaves(half), || leaves(count - half));
        one + other
    }
    kept(|crew: &Rayon, count| timed(|| assert_eq!(crew.0.install(|| leaves(count)), count)))
}

fn tree_by_scope() -> Kept {
    fn leaves(count: u64) -> u64 {
        if count <= 1 {
            return black_box(count);
        }
        let half = count / 2;
        let (mut one, mut other) = (0, 0);
        rayon::scope(|scope| {
            scope.spawn(|_| one = leaves(half));
            other = leaves(count - half);
        });
        one + other
    }
    kept(|crew: &Rayon, count| timed(|| assert_eq!(crew.0.install(|| leaves(count)), count)))
}

/// Items of a chunk: what fits into the caches on its way.
const CHUNK: usize = 1024;
/// Chunks on their way.
const CHUNKS: usize = 32;

fn small(number: u64) -> u64 {
    black_box(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7
}

fn check(results: &[u64], count: u64) {
    assert_eq!(results.len() as u64, count);
    assert_eq!(results.last().copied(), Some(small(count - 1)));
}

fn map() -> Kept {
    kept(|crew: &ThreadPoolExecutor, count| {
        timed(|| {
            let map = crew.map(small, 0..count).chunk_size(CHUNK);
            let map = map.and_then(|map| map.buffer_size(CHUNKS * CHUNK)).expect("not 0");
            let results: Result<Vec<u64>, _> = map.into_iter().collect();
            check(&results.expect("nobody panics"), count);
        })
    })
}

fn map_vec() -> Kept {
    kept(|crew: &ThreadPoolExecutor, count| timed(|| check(&crew.map_vec(0..count, small), count)))
}

fn map_by_iterator() -> Kept {
    kept(|crew: &Rayon, count| {
        timed(|| {
            let map = || (0..count).into_par_iter().map(small).collect::<Vec<u64>>();
            check(&crew.0.install(map), count);
        })
    })
}

/// The same promise: a panic is the result of its item.
fn map_by_results() -> Kept {
    let careful = |number| catch_unwind(|| small(number));
    kept(move |crew: &Rayon, count| {
        timed(|| {
            let map = || (0..count).into_par_iter().map(careful).collect::<Result<Vec<u64>, _>>();
            check(&crew.0.install(map).expect("nobody panics"), count);
        })
    })
}

const FAST: Option<Bar> = Some(Bar::AS_FAST);

macro_rules! crews {
    ($run:ident $(, $from:literal)?) => {
        vec![
            ours("ThreadPoolExecutor", FAST, $run::<ThreadPoolExecutor $(, $from)?>()),
            peer("rayon", $run::<Rayon $(, $from)?>()),
            peer("threadpool", $run::<threadpool::ThreadPool $(, $from)?>()),
            peer("rusty_pool", $run::<rusty_pool::ThreadPool $(, $from)?>()),
            peer("tokio spawn_blocking", $run::<Tokio $(, $from)?>()),
            peer("blocking", $run::<Blocking $(, $from)?>()),
        ]
    };
}

pub(crate) fn rows() -> Vec<Row> {
    let row = |shape, mut contenders: Vec<Contender>, python: Option<&'static str>| {
        contenders.extend(python.and_then(python::contender));
        Row { group: "thread pool of 2", shape, contenders }
    };
    vec![
        row("round trip", crews!(round_trip), Some("trip")),
        row("round trip after a pause", crews!(after_idle), None),
        row("empty tasks", crews!(fire, 1), Some("fire")),
        row("empty tasks of 16 threads", crews!(fire, 16), None),
        row("tasks, then their results", crews!(fan), Some("fan")),
        row(
            "tree of tasks",
            vec![
                ours("ThreadPoolExecutor::scope", FAST, tree_of_scopes()),
                ours("by futures", None, tree()),
                peer("rayon::scope", tree_by_scope()),
            ],
            None,
        ),
        row(
            "tree of halves",
            vec![
                ours("ThreadPoolExecutor::join", FAST, tree_of_halves()),
                peer("rayon::join", tree_by_join()),
            ],
            None,
        ),
        row(
            "map of small items",
            vec![
                ours("ThreadPoolExecutor::map_vec", FAST, map_vec()),
                peer("rayon", map_by_iterator()),
            ],
            None,
        ),
        row(
            "map of small items, each with its error",
            vec![ours("ThreadPoolExecutor::map", FAST, map()), peer("rayon", map_by_results())],
            Some("map"),
        ),
    ]
}
