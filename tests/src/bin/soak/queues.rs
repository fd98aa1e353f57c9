//! Queues, slabs and channels.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use inkle::kernel::channel::Channel;
use inkle::kernel::queue::fifo::{FastFifo, Fifo};
use inkle::kernel::queue::inbox::Inbox;
use inkle::kernel::queue::lifo::Stack;
use inkle::kernel::queue::priority::{Heap, Level, Levels};
use inkle::kernel::queue::spsc::{Overwriting, Ring};
use inkle::kernel::queue::steal::{Deque, Steal};
use inkle::kernel::queue::word::WordRing;
use inkle::kernel::slab::{Pool, Slab};
use inkle::platform::Private;
use inkle::queue::{LifoQueue, PriorityQueue, SimpleQueue};
use inkle::threading::Mutex;

use crate::kit::{SEQUENCE, Soak, THREADS, Turn};

pub(crate) fn any(soak: &mut Soak) {
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
pub(crate) fn one_sided(soak: &mut Soak) {
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

pub(crate) fn channels(soak: &mut Soak) {
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
