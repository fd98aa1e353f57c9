//! Pools of two processes.

use std::collections::VecDeque;
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use inkle::concurrent::{Future, Submit};
use inkle::multiprocessing::ProcessPoolExecutor;

use serde_bytes::ByteBuf;

use super::{ours, peer, python, singly, timed};
use crate::harness::{Bar, Contender, Kept};

/// A pool as the rows see it.
trait Crew: 'static {
    type Ticket;

    fn new() -> Self;
    fn small(&self, number: u64) -> Self::Ticket;
    fn large(&self, bytes: Vec<u8>) -> Self::Ticket;
    fn redeem(&self, ticket: Self::Ticket) -> u64;
}

fn same(number: u64) -> u64 {
    black_box(number)
}

fn length(bytes: Vec<u8>) -> u64 {
    black_box(bytes).len() as u64
}

fn length_of_buf(bytes: ByteBuf) -> u64 {
    black_box(bytes).len() as u64
}

impl Crew for ProcessPoolExecutor {
    type Ticket = Future<u64>;

    fn new() -> Self {
        Self::new(WORKERS).expect("two are not too many")
    }

    fn small(&self, number: u64) -> Future<u64> {
        self.submit(same, (number,)).expect("a number can be sent")
    }

    fn large(&self, bytes: Vec<u8>) -> Future<u64> {
        self.submit(length, (bytes,)).expect("bytes can be sent")
    }

    fn redeem(&self, ticket: Future<u64>) -> u64 {
        ticket.join().expect("nobody panics")
    }
}

/// The same with more jobs at hand.
struct Ahead(ProcessPoolExecutor);

/// The same, which tells `serde` that bytes are bytes, not elements.
struct AsBytes(ProcessPoolExecutor);

impl Crew for AsBytes {
    type Ticket = Future<u64>;

    fn new() -> Self {
        Self(Crew::new())
    }

    fn small(&self, number: u64) -> Future<u64> {
        self.0.small(number)
    }

    fn large(&self, bytes: Vec<u8>) -> Future<u64> {
        self.0.submit(length_of_buf, (ByteBuf::from(bytes),)).expect("bytes can be sent")
    }

    fn redeem(&self, ticket: Future<u64>) -> u64 {
        self.0.redeem(ticket)
    }
}

impl Crew for Ahead {
    type Ticket = Future<u64>;

    fn new() -> Self {
        let builder = ProcessPoolExecutor::builder().workers(WORKERS).jobs_at_hand(4);
        Self(builder.build().expect("four are not too many"))
    }

    fn small(&self, number: u64) -> Future<u64> {
        self.0.small(number)
    }

    fn large(&self, bytes: Vec<u8>) -> Future<u64> {
        self.0.large(bytes)
    }

    fn redeem(&self, ticket: Future<u64>) -> u64 {
        self.0.redeem(ticket)
    }
}

impl Crew for procspawn::Pool {
    type Ticket = procspawn::JoinHandle<u64>;

    fn new() -> Self {
        Self::new(WORKERS as usize).expect("two are not too many")
    }

    fn small(&self, number: u64) -> procspawn::JoinHandle<u64> {
        self.spawn(number, same)
    }

    fn large(&self, bytes: Vec<u8>) -> procspawn::JoinHandle<u64> {
        self.spawn(bytes, length)
    }

    fn redeem(&self, ticket: procspawn::JoinHandle<u64>) -> u64 {
        ticket.join().expect("nobody panics")
    }
}

const WORKERS: u32 = 2;

/// Makes a pool, which has its processes then, and does `work` with it in each round.
fn kept<C: Crew>(work: impl Fn(&C, u64) -> Duration + 'static) -> Kept {
    let mut made = None;
    Box::new(move |count| {
        let crew = made.get_or_insert_with(|| {
            let crew = C::new();
            let first: Vec<_> = (0..u64::from(WORKERS)).map(|number| crew.small(number)).collect();
            first.into_iter().for_each(|ticket| assert!(crew.redeem(ticket) < 2));
            crew
        });
        work(crew, count)
    })
}

/// Submits, waits for the result, and again.
fn round_trip<C: Crew>() -> Kept {
    kept(|crew: &C, count| {
        timed(|| (0..count).for_each(|number| assert_eq!(crew.redeem(crew.small(number)), number)))
    })
}

/// So long is long enough for everybody to fall asleep.
const NAP: Duration = Duration::from_millis(2);

/// The same after a pause, which is not counted.
fn after_idle<C: Crew>() -> Kept {
    kept(|crew: &C, count| {
        singly(count, |number| {
            thread::sleep(NAP);
            let start = Instant::now();
            assert_eq!(crew.redeem(crew.small(number)), number);
            start.elapsed()
        })
    })
}

/// Jobs on their way.
const FLIGHT: usize = 100;

fn in_flight<C: Crew>() -> Kept {
    kept(|crew: &C, count| {
        timed(|| {
            let mut tickets = VecDeque::with_capacity(FLIGHT);
            let mut sum = 0;
            for number in 0..count {
                if tickets.len() == FLIGHT {
                    sum += tickets.pop_front().map_or(0, |ticket| crew.redeem(ticket));
                }
                tickets.push_back(crew.small(number));
            }
            sum += tickets.into_iter().map(|ticket| crew.redeem(ticket)).sum::<u64>();
            assert_eq!(sum, count * (count - 1) / 2);
        })
    })
}

/// Bytes of a large argument.
const LARGE: usize = 8 << 20;

fn large<C: Crew>() -> Kept {
    kept(|crew: &C, count| {
        let bytes = vec![b'x'; LARGE];
        singly(count, |_| {
            // Pools keep what they are given, where Python looks at it.
            let bytes = bytes.clone();
            let start = Instant::now();
            assert_eq!(crew.redeem(crew.large(bytes)), LARGE as u64);
            start.elapsed()
        })
    })
}

/// Items of a chunk.
const CHUNK: usize = 1024;

fn map() -> Kept {
    kept(|crew: &ProcessPoolExecutor, count| {
        timed(|| {
            let map = crew.map_fn(same, 0..count).chunk_size(CHUNK).expect("it is not 0");
            let sum: u64 = map.into_iter().map(|result| result.expect("nobody panics")).sum();
            assert_eq!(sum, count * (count - 1) / 2);
        })
    })
}

fn all_the_same(numbers: Vec<u64>) -> Vec<u64> {
    numbers.into_iter().map(same).collect()
}

/// The same by hand: procspawn has no map.
fn map_by_hand() -> Kept {
    kept(|crew: &procspawn::Pool, count| {
        timed(|| {
            let starts = (0..count).step_by(CHUNK);
            let chunks = starts.map(|start| start..count.min(start + CHUNK as u64));
            let tickets: Vec<_> =
                chunks.map(|chunk| crew.spawn(chunk.collect(), all_the_same)).collect();
            let sums = tickets.into_iter().map(|ticket| ticket.join().unwrap().iter().sum::<u64>());
            assert_eq!(sums.sum::<u64>(), count * (count - 1) / 2);
        })
    })
}

/// What is asked of small jobs: a tenth of everybody's time.
const TENTH: Bar = Bar { ratio: 0.1, against: None };

/// Contenders of one function, which is generic over the pool, and Python's two.
macro_rules! crews {
    ($run:ident, $bar:expr, $kind:literal $(, $name:literal as $other:ty)?) => {
        with_python(
            vec![
                ours("ProcessPoolExecutor", Some($bar), $run::<ProcessPoolExecutor>()),
                $(ours($name, Some($bar), $run::<$other>()),)?
                peer("procspawn", $run::<procspawn::Pool>()),
            ],
            $kind,
        )
    };
}

fn with_python(mut contenders: Vec<Contender>, kind: &'static str) -> Vec<Contender> {
    contenders.extend(python::contender("Python's executor", [kind, "executor"]));
    contenders.extend(python::contender("Python's Pool", [kind, "pool"]));
    contenders
}

pub(super) fn rows() -> Vec<(&'static str, Vec<Contender>)> {
    let map = vec![
        ours("ProcessPoolExecutor", Some(Bar::AS_FAST), map()),
        peer("procspawn, by hand", map_by_hand()),
    ];
    vec![
        ("pool of 2, round trip", crews!(round_trip, TENTH, "trip")),
        ("pool of 2, round trip after a pause", crews!(after_idle, TENTH, "late")),
        ("pool of 2, 100 in flight", crews!(in_flight, TENTH, "flight", "4 at hand" as Ahead)),
        ("pool of 2, map in chunks", with_python(map, "map")),
        (
            "pool of 2, 8 MiB argument",
            crews!(large, Bar::AS_FAST, "large", "with a ByteBuf" as AsBytes),
        ),
    ]
}
