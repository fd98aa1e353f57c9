//! Several harts use every structure at the same time, and wait for each other.

use inkle_cases::bag::{Bags, Sharing, Worker, settle};
use inkle_core::Platform;
use inkle_core::atomic::{AtomicU32, Ordering, spin_loop};
use inkle_core::channel::{Channel, Shutdown};
use inkle_core::queue::fifo::Fifo;
use semihosting::println;

use crate::{board, report};

/// Operations of each hart on each bag.
const TURNS: u32 = 20_000;

/// Items that go from one hart to the others.
const ITEMS: u32 = 20_000;

static WORKERS: [Worker; board::HARTS] =
    [Worker::new(1), Worker::new(2), Worker::new(3), Worker::new(4)];

/// Waits for all harts.
pub(crate) fn meet() {
    static ARRIVED: AtomicU32 = AtomicU32::new(0);
    // Acquire and Release: what each did before, all see after.
    let before = ARRIVED.fetch_add(1, Ordering::AcqRel);
    let all = board::HARTS as u32;
    let full = (before / all + 1) * all;
    while ARRIVED.load(Ordering::Acquire) < full {
        spin_loop();
    }
}

/// All bags on the ground `P`; called by all harts.
pub fn hammer<P: Platform>(bags: &'static Bags<P>) {
    let hart = board::hart();
    let worker = &WORKERS[hart];
    if hart == 0 {
        bags.each(|subject| while subject.bag.take().is_some() {});
    }
    meet();
    bags.each(|subject| {
        if hart == 0 {
            report::doing(subject.name);
        }
        let (puts, takes) = match subject.sharing {
            Sharing::OneEach => (hart == 0, hart == 1),
            _ => (true, true),
        };
        meet();
        (0..TURNS).for_each(|_| worker.turn(subject, puts, takes));
        meet();
        if hart == 0 {
            settle(subject, &WORKERS.each_ref());
        }
        meet();
    });
    if hart == 0 {
        println!("{} operations", WORKERS.iter().map(Worker::operations).sum::<u32>());
    }
}

/// One hart puts and waits for room, the others get and wait for items; called by all harts.
pub fn pass_on<P: Platform>(channel: &Channel<Fifo<u64, 2>, P>) {
    static SUMS: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];
    let hart = board::hart();
    meet();
    if hart == 0 {
        report::doing("passing items on");
        for item in 0..ITEMS {
            assert!(channel.put(item.into()).is_ok());
        }
        channel.join();
        channel.shutdown(Shutdown::Graceful);
    } else {
        while let Ok(item) = channel.get() {
            SUMS[0].fetch_add(1, Ordering::Relaxed);
            SUMS[1].fetch_add(item as u32, Ordering::Relaxed);
            assert!(channel.task_done().is_ok());
        }
    }
    meet();
    if hart == 0 {
        let [count, sum] = SUMS.each_ref().map(|sum| sum.swap(0, Ordering::Relaxed));
        assert_eq!((count, sum), (ITEMS, ITEMS * (ITEMS - 1) / 2));
        println!("{count} items passed on");
    }
    meet();
}
