//! What a thread does, what it has put in and taken out, and how all of it is judged.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use inkle::kernel::channel::Channel;
use inkle::kernel::queue::Queue;
use inkle::platform::Private;
use inkle::queue::BlockingQueue;
use inkle::threading::{Barrier, RwLock};
use inkle_cases::dice::{Choices, Dice};

pub(crate) const THREADS: usize = 4;
/// Of a number: who made it. The others count up.
pub(crate) const SEQUENCE: u32 = 29;

/// One thread's part.
pub(crate) struct Turn {
    pub(crate) dice: Dice,
    pub(crate) me: usize,
    pub(crate) end: Instant,
    pub(crate) operations: u64,
    /// Made so far.
    pub(crate) made: u64,
    /// What it put in and what it took out.
    pub(crate) put: Sum,
    pub(crate) taken: Sum,
    /// The last number of each thread that it has got.
    pub(crate) last: [Option<u64>; THREADS],
}

/// Of a heap of numbers: how many, and two sums that no loss and no double leaves as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum(u64, u64, u64);

impl Sum {
    pub(crate) fn add(&mut self, number: u64) {
        let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 += 1;
        self.1 = self.1.wrapping_add(number);
        self.2 = self.2.wrapping_add((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9));
    }

    pub(crate) fn merge(&mut self, other: Self) {
        *self = Self(self.0 + other.0, self.1.wrapping_add(other.1), self.2.wrapping_add(other.2));
    }
}

impl Turn {
    /// Whether there is time for another operation.
    pub(crate) fn goes_on(&mut self) -> bool {
        self.operations += 1;
        !self.operations.is_multiple_of(64) || Instant::now() < self.end
    }

    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        Choices::roll(&mut self.dice, sides)
    }

    /// A new number; [`put`](Self::kept) if it was taken.
    pub(crate) fn number(&self) -> u64 {
        (self.me as u64) << SEQUENCE | self.made
    }

    pub(crate) fn kept(&mut self, number: u64) {
        self.put.add(number);
        self.made += 1;
        assert!(self.made < 1 << SEQUENCE, "no more numbers");
    }

    pub(crate) fn got(&mut self, number: u64, in_order: bool) {
        self.taken.add(number);
        let (from, sequence) = ((number >> SEQUENCE) as usize, number & ((1 << SEQUENCE) - 1));
        if in_order {
            let last = self.last[from].replace(sequence);
            assert!(last.is_none_or(|last| last < sequence), "{sequence} of {from} after {last:?}");
        }
    }
}

/// A queue that one can wait at.
pub(crate) trait Blocking: Sync {
    fn put(&self, number: u64, time: Duration) -> bool;
    /// And says that it is done with what it got.
    fn get(&self, time: Duration) -> Option<u64>;
    fn unfinished(&self) -> usize;
}

macro_rules! blocking {
    ($queue:ident: $type:ty) => {
        impl<$queue: Queue<Item = u64> + Send + Sync> Blocking for $type {
            fn put(&self, number: u64, time: Duration) -> bool {
                if time.is_zero() {
                    self.try_put(number).is_ok()
                } else {
                    self.put_timeout(number, time).is_ok()
                }
            }

            fn get(&self, time: Duration) -> Option<u64> {
                let got = if time.is_zero() { self.try_get() } else { self.get_timeout(time) };
                got.ok().inspect(|_| self.task_done().unwrap())
            }

            fn unfinished(&self) -> usize {
                self.unfinished()
            }
        }
    };
}

blocking!(Q: Channel<Q, Private>);
blocking!(Q: BlockingQueue<Q>);

pub(crate) struct Soak {
    pub(crate) time: Duration,
    pub(crate) seed: u64,
    pub(crate) total: u64,
}

impl Soak {
    /// Has threads do this until the time is over; in the end what is left is taken, and all of it counted.
    pub(crate) fn run(
        &mut self,
        name: &str,
        threads: usize,
        work: impl Fn(&mut Turn) + Sync,
        mut left: impl FnMut() -> Option<u64>,
    ) {
        let end = Instant::now() + self.time;
        let turn = |me: usize| Turn {
            dice: Dice::new(self.seed * 64 + me as u64),
            me,
            end,
            operations: 0,
            made: 0,
            put: Sum::default(),
            taken: Sum::default(),
            last: [None; THREADS],
        };
        let (mut operations, mut put, mut taken) = (0, Sum::default(), Sum::default());
        thread::scope(|scope| {
            let work = &work;
            let handles: Vec<_> = (0..threads)
                .map(|me| {
                    let mut turn = turn(me);
                    scope.spawn(move || {
                        work(&mut turn);
                        turn
                    })
                })
                .collect();
            for handle in handles {
                let turn = handle.join().unwrap();
                operations += turn.operations;
                put.merge(turn.put);
                taken.merge(turn.taken);
            }
        });
        while let Some(number) = left() {
            taken.add(number);
        }
        assert_eq!(put, taken, "{name}: what came out is not what went in");
        self.total += operations;
        println!("{name:28} {operations:>12} operations");
    }

    /// As [`run`](Self::run), of something that nothing is put into.
    pub(crate) fn play(&mut self, name: &str, work: impl Fn(&mut Turn) + Sync) {
        self.run(name, THREADS, work, || None);
    }

    /// A queue for all threads, which put and take as the dice say.
    pub(crate) fn queue<Q>(&mut self, name: &str, in_order: bool, queue: &Q)
    where
        Q: Queue + Sync,
        Q::Item: TryFrom<u64> + Into<u64>,
    {
        let work = |turn: &mut Turn| {
            let lean = 1 + turn.roll(3);
            while turn.goes_on() {
                if turn.roll(4) < lean {
                    let number = turn.number();
                    let Ok(item) = Q::Item::try_from(number) else { unreachable!("29 bits and 2") };
                    if queue.try_push(item).is_ok() {
                        turn.kept(number);
                    }
                } else if let Ok(item) = queue.try_pop() {
                    turn.got(item.into(), in_order);
                }
                assert!(queue.capacity().is_none_or(|most| queue.len() <= most));
            }
        };
        self.run(name, THREADS, work, || queue.try_pop().ok().map(Into::into));
    }

    /// Two threads put and two take, and sleep when they cannot. Each number is answered for.
    pub(crate) fn blocking(&mut self, name: &str, in_order: bool, queue: &impl Blocking) {
        let work = |turn: &mut Turn| {
            let brief = Duration::from_micros(turn.roll(200) as u64);
            while turn.goes_on() {
                if turn.me.is_multiple_of(2) {
                    let number = turn.number();
                    let put = match turn.roll(4) {
                        0 => queue.put(number, Duration::ZERO),
                        _ => queue.put(number, brief),
                    };
                    if put {
                        turn.kept(number);
                    }
                } else {
                    let got = match turn.roll(4) {
                        0 => queue.get(Duration::ZERO),
                        _ => queue.get(brief),
                    };
                    if let Some(number) = got {
                        turn.got(number, in_order);
                    }
                }
            }
        };
        self.run(name, THREADS, work, || queue.get(Duration::ZERO));
        assert_eq!(queue.unfinished(), 0, "{name}");
    }

    /// One is in at a time: two halves of a number that are written apart are always equal.
    pub(crate) fn exclusive(
        &mut self,
        name: &str,
        locked: impl Fn(&mut Turn, &mut dyn FnMut()) + Sync,
    ) {
        let (first, second) = (AtomicU64::new(0), AtomicU64::new(0));
        let entered = AtomicU64::new(0);
        self.play(name, |turn| {
            let mut times = 0;
            while turn.goes_on() {
                locked(turn, &mut || {
                    // Relaxed, and not as one: that nobody comes in between is the lock's affair.
                    let seen = first.load(Relaxed);
                    first.store(seen + 1, Relaxed);
                    assert_eq!(second.load(Relaxed), seen, "two at once");
                    second.store(seen + 1, Relaxed);
                    times += 1;
                });
            }
            entered.fetch_add(times, Relaxed);
        });
        assert_eq!(first.into_inner(), entered.into_inner(), "{name}");
    }
}

/// Of each round.
const NEW: usize = 64;

pub(crate) fn rounds_of<T: Sync + Send>(
    soak: &mut Soak,
    name: &str,
    make: impl Fn() -> T + Sync,
    play: impl Fn(&T, usize) + Sync,
) {
    let (meet, current) = (Barrier::new(THREADS as u32).unwrap(), RwLock::new(Vec::new()));
    soak.play(name, |turn| {
        loop {
            if turn.me == 0 {
                let count = if Instant::now() < turn.end { NEW } else { 0 };
                *current.write() = (0..count).map(|_| make()).collect();
            }
            meet.wait().unwrap();
            let these = current.read();
            if these.is_empty() {
                return;
            }
            these.iter().for_each(|value| play(value, turn.me));
            turn.operations += these.len() as u64;
            drop(these);
            meet.wait().unwrap();
        }
    });
}
