//! Every structure under random operations on real threads, for a while each: what comes out is what went in, in the
//! order that is promised; who is to be alone is alone. Says how many operations that was.
//!
//! `cargo run --release -p inkle-tests --bin soak [SECONDS [SEED]]`: for so long each (1.5: a minute in all), with these choices (1). The threads' turns are the system's.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use inkle::concurrent::{Executor, Future, FutureError, Pending, Spawn, ThreadPoolExecutor};
use inkle::contextvars::{ContextVar, copy_context};
use inkle::kernel::channel::Channel;
use inkle::kernel::event_count::EventCount;
use inkle::kernel::queue::Queue;
use inkle::kernel::queue::fifo::{FastFifo, Fifo};
use inkle::kernel::queue::inbox::Inbox;
use inkle::kernel::queue::lifo::Stack;
use inkle::kernel::queue::priority::{Heap, Level, Levels};
use inkle::kernel::queue::spsc::{Overwriting, Ring};
use inkle::kernel::queue::steal::{Deque, Steal};
use inkle::kernel::queue::word::WordRing;
use inkle::kernel::slab::{Pool, Slab};
use inkle::kernel::sync::Outcome;
use inkle::platform::{Deadline, Private};
use inkle::queue::{BlockingQueue, LifoQueue, PriorityQueue, SimpleQueue};
use inkle::threading::{
    Barrier, BoundedSemaphore, Condition, Event, Latch, Lock, Mutex, Once, Promise, RLock, RwLock,
    Semaphore, Timer,
};
use inkle_cases::dice::{Choices, Dice};
use inkle_tests::watchdog;

const THREADS: usize = 4;
/// Of a number: who made it. The others count up.
const SEQUENCE: u32 = 29;

/// One thread's part.
struct Turn {
    dice: Dice,
    me: usize,
    end: Instant,
    operations: u64,
    /// Made so far.
    made: u64,
    /// What it put in and what it took out.
    put: Sum,
    taken: Sum,
    /// The last number of each thread that it has got.
    last: [Option<u64>; THREADS],
}

/// Of a heap of numbers: how many, and two sums that no loss and no double leaves as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum(u64, u64, u64);

impl Sum {
    fn add(&mut self, number: u64) {
        let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 += 1;
        self.1 = self.1.wrapping_add(number);
        self.2 = self.2.wrapping_add((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9));
    }

    fn merge(&mut self, other: Self) {
        *self = Self(self.0 + other.0, self.1.wrapping_add(other.1), self.2.wrapping_add(other.2));
    }
}

impl Turn {
    /// Whether there is time for another operation.
    fn goes_on(&mut self) -> bool {
        self.operations += 1;
        !self.operations.is_multiple_of(64) || Instant::now() < self.end
    }

    fn roll(&mut self, sides: usize) -> usize {
        Choices::roll(&mut self.dice, sides)
    }

    /// A new number; [`put`](Self::kept) if it was taken.
    fn number(&self) -> u64 {
        (self.me as u64) << SEQUENCE | self.made
    }

    fn kept(&mut self, number: u64) {
        self.put.add(number);
        self.made += 1;
        assert!(self.made < 1 << SEQUENCE, "no more numbers");
    }

    fn got(&mut self, number: u64, in_order: bool) {
        self.taken.add(number);
        let (from, sequence) = ((number >> SEQUENCE) as usize, number & ((1 << SEQUENCE) - 1));
        if in_order {
            let last = self.last[from].replace(sequence);
            assert!(last.is_none_or(|last| last < sequence), "{sequence} of {from} after {last:?}");
        }
    }
}

/// A queue that one can wait at.
trait Blocking: Sync {
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

struct Soak {
    time: Duration,
    seed: u64,
    total: u64,
}

impl Soak {
    /// Has threads do this until the time is over; in the end what is left is taken, and all of it counted.
    fn run(
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
    fn play(&mut self, name: &str, work: impl Fn(&mut Turn) + Sync) {
        self.run(name, THREADS, work, || None);
    }

    /// A queue for all threads, which put and take as the dice say.
    fn queue<Q>(&mut self, name: &str, in_order: bool, queue: &Q)
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
    fn blocking(&mut self, name: &str, in_order: bool, queue: &impl Blocking) {
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
    fn exclusive(&mut self, name: &str, locked: impl Fn(&mut Turn, &mut dyn FnMut()) + Sync) {
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

fn main() {
    let _watch = watchdog();
    let mut arguments =
        std::env::args().skip(1).map(|number| number.parse::<f64>().expect("a number"));
    let time = Duration::from_secs_f64(arguments.next().unwrap_or(1.5));
    let mut soak = Soak { time, seed: arguments.next().unwrap_or(1.0) as u64, total: 0 };
    let start = Instant::now();
    queues(&mut soak);
    one_sided(&mut soak);
    channels(&mut soak);
    locks(&mut soak);
    meetings(&mut soak);
    work(&mut soak);
    println!("{:28} {:>12} operations in {:.1?}", "all", soak.total, start.elapsed());
}

fn queues(soak: &mut Soak) {
    soak.queue("WordRing of 1", true, &WordRing::<u32, 1>::new());
    soak.queue("WordRing of 7", true, &WordRing::<u32, 7>::new());
    soak.queue("Fifo of u32", true, &Fifo::<u32, 8>::new());
    soak.queue("Fifo of u64", true, &Fifo::<u64, 5>::new());
    soak.queue("FastFifo", true, &FastFifo::<u64, 8>::new());
    soak.queue("Stack", false, &Stack::<u64, 8>::new());
    soak.queue("Heap", false, &Heap::<u64, 16, Private>::empty());
    let levels = Levels::<u64, 3, 8>::new();
    let work = |turn: &mut Turn| {
        // Of each thread's numbers, those of a level are in order: so a thread has one level.
        let level = Level::new(turn.me % 3).unwrap();
        while turn.goes_on() {
            if turn.roll(2) == 0 {
                let number = turn.number();
                if levels.try_push(level, number).is_ok() {
                    turn.kept(number);
                }
            } else if let Ok((level, number)) = levels.try_pop() {
                assert_eq!(level.number(), (number >> SEQUENCE) as usize % 3);
                turn.got(number, true);
            }
        }
    };
    soak.run("Levels", THREADS, work, || levels.try_pop().ok().map(|(_, number)| number));
}

/// Those that have an end, or two, for one thread.
fn one_sided(soak: &mut Soak) {
    let inbox = Inbox::<u64, 8>::new();
    let work = |turn: &mut Turn| {
        while turn.goes_on() {
            if turn.me > 0 {
                let number = turn.number();
                if inbox.try_push(number).is_ok() {
                    turn.kept(number);
                }
            } else {
                inbox.take_all().for_each(|number| turn.got(number, true));
            }
        }
    };
    soak.run("Inbox", THREADS, work, || inbox.try_pop().ok());

    let ring = Ring::<u64, 8>::new();
    let (producer, consumer) = ring.split().unwrap();
    let (producer, consumer) = (Mutex::new(producer), Mutex::new(consumer));
    let work = |turn: &mut Turn| {
        if turn.me == 0 {
            let mut producer = producer.lock();
            while turn.goes_on() {
                let number = turn.number();
                if producer.try_push(number).is_ok() {
                    turn.kept(number);
                }
            }
        } else {
            let mut consumer = consumer.lock();
            while turn.goes_on() {
                if let Ok(number) = consumer.try_pop() {
                    turn.got(number, true);
                }
            }
        }
    };
    soak.run("Ring", 2, work, || consumer.lock().try_pop().ok());

    let ring = Overwriting::<u64, 8>::new();
    let (producer, consumer) = ring.split().unwrap();
    let (producer, consumer) = (Mutex::new(producer), Mutex::new(consumer));
    let work = |turn: &mut Turn| {
        if turn.me == 0 {
            let mut producer = producer.lock();
            while turn.goes_on() {
                let number = turn.number();
                // What was overwritten comes back.
                if let Some(number) = producer.push(number) {
                    turn.got(number, true);
                }
                turn.kept(number);
            }
        } else {
            let mut consumer = consumer.lock();
            while turn.goes_on() {
                if let Ok(number) = consumer.try_pop() {
                    turn.got(number, true);
                }
            }
        }
    };
    soak.run("Overwriting", 2, work, || consumer.lock().try_pop().ok());

    let deque = Deque::<u64, 8>::new();
    let owner = Mutex::new(deque.owner().unwrap());
    let unboxed = |item: NonNull<u64>| {
        // SAFETY: from `Box::leak`, and taken by nobody else: that is what is tried here.
        *unsafe { Box::from_raw(item.as_ptr()) }
    };
    let work = |turn: &mut Turn| {
        if turn.me == 0 {
            let mut owner = owner.lock();
            while turn.goes_on() {
                if turn.roll(2) == 0 {
                    let number = turn.number();
                    match owner.push(NonNull::from(Box::leak(Box::new(number)))) {
                        Ok(()) => turn.kept(number),
                        Err(item) => drop(unboxed(item)),
                    }
                } else if let Some(item) = owner.pop() {
                    turn.got(unboxed(item), false);
                }
            }
        } else {
            while turn.goes_on() {
                if let Steal::Taken(item) = deque.steal() {
                    // Thieves take the oldest.
                    turn.got(unboxed(item), true);
                }
            }
        }
    };
    soak.run("Deque", THREADS, work, || owner.lock().pop().map(unboxed));
    drop(owner);

    let pool = Pool::<5>::new();
    let holders = [const { AtomicU64::new(0) }; 5];
    soak.play("Pool", |turn| {
        while turn.goes_on() {
            if let Some(index) = pool.claim() {
                assert_eq!(holders[index].swap(1, Relaxed), 0, "{index} has two owners");
                holders[index].store(0, Relaxed);
                // SAFETY: claimed above, and not used any more.
                unsafe { pool.release(index) };
            }
        }
    });
    assert_eq!(pool.free(), 5);

    let slab = Slab::<u64, 5>::new();
    soak.play("Slab", |turn| {
        let mut mine = Vec::new();
        while turn.goes_on() {
            if turn.roll(2) == 0 {
                let number = turn.number();
                if let Ok(handle) = slab.insert(number) {
                    turn.kept(number);
                    mine.push((handle, number));
                }
            } else if let Some((handle, number)) = mine.pop() {
                assert_eq!(slab.remove(handle), Some(number));
                assert_eq!(slab.remove(handle), None, "its handle is old");
                turn.got(number, false);
            }
        }
        for (handle, number) in mine {
            assert_eq!(slab.remove(handle), Some(number));
            turn.got(number, false);
        }
    });
    assert!(slab.is_empty());
}

fn channels(soak: &mut Soak) {
    soak.blocking("Channel of a Fifo", true, &Channel::new(Fifo::<u64, 3>::new()));
    soak.blocking("Channel of a Stack", false, &Channel::new(Stack::<u64, 3>::new()));
    // Bounded, and small enough that the second list is in use; and without a limit.
    soak.blocking("queue::Queue of 3", true, &inkle::queue::Queue::bounded(3).unwrap());
    soak.blocking("queue::Queue", true, &inkle::queue::Queue::unbounded());
    soak.blocking("queue::LifoQueue", false, &LifoQueue::bounded(3).unwrap());
    // The least first, and a thread's numbers rise.
    soak.blocking("queue::PriorityQueue", true, &PriorityQueue::bounded(3).unwrap());
    let simple = SimpleQueue::new();
    let brief = Duration::from_micros(50);
    let work = |turn: &mut Turn| {
        while turn.goes_on() {
            if turn.me.is_multiple_of(2) {
                // It has no limit.
                if simple.len() < 1000 {
                    let number = turn.number();
                    simple.put(number);
                    turn.kept(number);
                }
            } else if let Some(number) = simple.get_timeout(brief) {
                turn.got(number, true);
            }
        }
    };
    soak.run("queue::SimpleQueue", THREADS, work, || simple.try_get());
}

fn locks(soak: &mut Soak) {
    let brief = Duration::from_micros(20);
    let lock = Lock::new();
    soak.exclusive("Lock", |turn, inside| {
        let held = match turn.roll(3) {
            0 => lock.try_acquire(),
            1 => lock.acquire_timeout(brief).is_ok(),
            _ => {
                lock.acquire();
                true
            }
        };
        if held {
            inside();
            lock.release().unwrap();
        }
    });
    let lock = RLock::new();
    soak.exclusive("RLock", |turn, inside| {
        match turn.roll(2) {
            0 if lock.try_acquire().is_err() => return,
            0 => {}
            _ => lock.acquire().unwrap(),
        }
        let again = lock.guard().unwrap();
        inside();
        drop(again);
        lock.release().unwrap();
    });
    let lock = Mutex::new(());
    soak.exclusive("Mutex", |turn, inside| {
        let guard = if turn.roll(2) == 0 { lock.try_lock() } else { Some(lock.lock()) };
        if guard.is_some() {
            inside();
        }
    });
    let lock = RwLock::new((0_u64, 0_u64));
    soak.exclusive("RwLock", |turn, inside| {
        if turn.roll(4) > 0 {
            let pair = lock.read();
            assert_eq!(pair.0, pair.1, "read in the middle of a change");
        } else if let Ok(mut pair) = lock.write_timeout(brief) {
            pair.0 += 1;
            inside();
            pair.1 += 1;
            let pair = inkle::threading::WriteGuard::downgrade(pair);
            assert_eq!(pair.0, pair.1);
        }
    });
    let seats = Semaphore::new(1);
    soak.exclusive("Semaphore of 1", |turn, inside| {
        if turn.roll(2) == 0 || seats.acquire_timeout(brief).is_err() {
            seats.acquire();
        } else {
            inside();
            seats.release(1).unwrap();
            return;
        }
        inside();
        seats.release(1).unwrap();
    });
    let (seats, inside) = (BoundedSemaphore::new(3), AtomicU64::new(0));
    soak.play("BoundedSemaphore of 3", |turn| {
        while turn.goes_on() {
            if seats.acquire_timeout(brief).is_ok() {
                assert!(inside.fetch_add(1, Relaxed) < 3, "more than there are seats");
                inside.fetch_sub(1, Relaxed);
                seats.release(1).unwrap();
            }
        }
    });
    assert_eq!(seats.available(), 3);
    assert!(seats.release(1).is_err());
}

/// Where threads wait for each other.
fn meetings(soak: &mut Soak) {
    let (room, changed) = (Mutex::new(Vec::new()), Condition::new());
    let work = |turn: &mut Turn| {
        while turn.goes_on() {
            let mut list = room.lock();
            let fits =
                |list: &Vec<u64>, puts: bool| if puts { list.len() < 3 } else { !list.is_empty() };
            let puts = turn.me.is_multiple_of(2);
            let brief = Duration::from_micros(200);
            let waited = changed.wait_for_timeout(&mut list, brief, |list| fits(list, puts));
            if waited.is_err() {
                continue;
            }
            if puts {
                let number = turn.number();
                list.push(number);
                turn.kept(number);
            } else {
                turn.got(list.remove(0), true);
            }
            if turn.roll(2) == 0 { changed.notify_all() } else { changed.notify(THREADS as u32) }
        }
    };
    soak.run("Condition", THREADS, work, || room.lock().pop());

    let (barrier, rounds) =
        (Barrier::new(THREADS as u32).unwrap(), [const { AtomicU64::new(0) }; THREADS]);
    soak.play("Barrier", |turn| {
        for round in 1.. {
            rounds[turn.me].store(round, Relaxed);
            // Whose time is over breaks it for all.
            if !turn.goes_on() || barrier.wait().is_err() {
                return barrier.abort();
            }
            // Nobody is a round behind, nor more than one ahead.
            for other in &rounds {
                let theirs = other.load(Relaxed);
                assert!(theirs == round || theirs == round + 1, "{theirs} in round {round}");
            }
        }
    });

    let (event, count) = (EventCount::<Private>::new(), AtomicU64::new(0));
    soak.play("EventCount", |turn| {
        while turn.goes_on() {
            if turn.me.is_multiple_of(2) {
                count.fetch_add(1, inkle::kernel::atomic::Ordering::Release);
                event.notify(1);
            } else {
                let deadline = inkle::platform::after(Duration::from_millis(1));
                let take = |count: u64| count.checked_sub(1);
                event.block(deadline, || {
                    count.fetch_update(inkle::kernel::atomic::Ordering::Acquire, Relaxed, take).ok()
                });
            }
        }
    });

    // Of these there are new ones each round: the first thread makes them, all use them.
    rounds_of(soak, "Event", Event::new, |event, me| {
        if me == 0 {
            event.set()
        } else {
            event.wait()
        }
        assert!(event.is_set());
    });
    rounds_of(
        soak,
        "Latch",
        || Latch::new(THREADS as u32),
        |latch, _| {
            latch.arrive_and_wait().unwrap();
            assert_eq!(latch.remaining(), 0);
        },
    );
    rounds_of(soak, "Once", Once::new, |once, me| {
        let value = *once.get_or_init(|| me);
        assert_eq!((once.get(), once.set(9)), (Some(&value), Err(9)));
    });
    rounds_of(soak, "Promise", Promise::new, |promise, me| {
        if me == 0 {
            promise.set(7).unwrap();
        } else if me == 1 {
            assert_eq!(promise.take(), Ok(7));
        }
    });
    rounds_of(soak, "Outcome", Outcome::<usize, Private>::new, |outcome, me| {
        if let Some(claim) = outcome.claim() {
            claim.finish(me);
        }
        assert!(*outcome.get().unwrap() < THREADS && !outcome.cancel());
    });
    rounds_of(soak, "CancelToken", inkle::threading::CancelToken::new, |token, me| {
        let child = token.child();
        if me == 0 {
            assert!(token.cancel(inkle::threading::Reason::custom(7)));
        }
        assert_eq!(child.wait().number(), Some(7));
    });
}

/// Of each round.
const NEW: usize = 64;

fn rounds_of<T: Sync + Send>(
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

fn work(soak: &mut Soak) {
    static DEPTH: ContextVar<u64> = ContextVar::with_default("depth", 0);
    soak.play("contextvars", |turn| {
        while turn.goes_on() {
            let number = turn.number();
            let token = DEPTH.set(number);
            let context = copy_context();
            context.run(|| drop(DEPTH.set(number + 1))).unwrap();
            assert_eq!((DEPTH.get(), context.get(&DEPTH)), (Ok(number), Some(number + 1)));
            drop(token);
        }
    });

    let pool = ThreadPoolExecutor::builder().workers(3).build().unwrap();
    let calls = std::sync::Arc::new(AtomicU64::new(0));
    let begun = AtomicU64::new(0);
    soak.play("ThreadPoolExecutor", |turn| {
        let mut futures = Vec::new();
        while turn.goes_on() {
            let (number, calls, panics) = (turn.number(), calls.clone(), turn.roll(64) == 0);
            let task = move || {
                calls.fetch_add(1, Relaxed);
                if panics {
                    std::panic::resume_unwind(Box::new("on purpose"));
                }
                number
            };
            futures.push((number, panics, pool.submit(task).unwrap()));
            turn.kept(number);
            if futures.len() == 32 {
                settle(turn, &begun, &mut futures);
            }
        }
        settle(turn, &begun, &mut futures);
    });
    assert_eq!(calls.load(Relaxed), begun.into_inner());
    let (left, right) = pool.join(|| 1, || 2);
    assert_eq!((left, right), (1, 2));
    pool.shutdown(Pending::Run, Deadline::NEVER).unwrap();

    let fired = std::sync::Arc::new(AtomicU64::new(0));
    let cancelled = AtomicU64::new(0);
    let started = AtomicU64::new(0);
    soak.play("Timer", |turn| {
        let mut timers = Vec::new();
        while turn.goes_on() {
            let fired = fired.clone();
            let soon = Duration::from_micros(turn.roll(300) as u64);
            let timer = Timer::start(soon, move || fired.fetch_add(1, Relaxed)).unwrap();
            started.fetch_add(1, Relaxed);
            timers.push(timer);
            if timers.len() == 32 {
                for timer in timers.drain(..) {
                    cancelled.fetch_add(u64::from(timer.cancel()), Relaxed);
                }
            }
        }
        for timer in timers {
            cancelled.fetch_add(u64::from(timer.cancel()), Relaxed);
        }
    });
    inkle_tests::eventually(|| {
        fired.load(Relaxed) + cancelled.load(Relaxed) == started.load(Relaxed)
    });
}

/// Each task either gave its number, or panicked on purpose, or was cancelled before it began.
fn settle(turn: &mut Turn, begun: &AtomicU64, futures: &mut Vec<(u64, bool, Future<u64>)>) {
    for (number, panics, future) in futures.drain(..) {
        let is_cancelled = turn.roll(8) == 0 && future.cancel();
        match future.join() {
            Ok(result) => assert!(result == number && !panics && !is_cancelled),
            Err(FutureError::Cancelled) => assert!(is_cancelled),
            Err(error) => assert!(panics && error.panic().is_some(), "{error}"),
        }
        begun.fetch_add(u64::from(!is_cancelled), Relaxed);
        // Answered for.
        turn.got(number, false);
    }
}
