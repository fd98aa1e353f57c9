//! [`Nest`]: one who forks and one or two who take. Each half is done once, what it writes to is seen by who
//! joins, who waits is woken, and nobody does anything foreign while waiting.

use std::sync::Arc;

use inkle_core::atomic::UnsafeCell;
use inkle_core::fork::{Branch, Host, Nest, Settled, Unwound};
use inkle_core::platform::Platform;
use loom::thread::spawn;

use crate::kit::{Loom, Model};

const LARGE: &str = "one more: minutes";

pub const MODELS: &[Model] = &[
    Model::bounded("join", 4, LARGE, || play::<1>(1, &[Once(0)])),
    Model::bounded("join_look_twice", 3, LARGE, || play::<1>(1, &[Twice(0)])),
    Model::bounded("join_two_thieves", 2, LARGE, || play::<1>(1, &[Once(0), Once(0)])),
    // Both halves fork in turn: who waits for the thief finds a part of what it waits for.
    Model::bounded("leapfrog", 3, LARGE, || play::<2>(2, &[Once(0)])),
    Model::bounded("leapfrog_look_twice", 2, LARGE, || play::<2>(2, &[Twice(0)])),
    Model::bounded("leapfrog_two_thieves", 1, LARGE, || play::<2>(2, &[Once(0), Once(1)])),
    // There is room for one branch: who has more does them at once.
    Model::bounded("leapfrog_full", 2, LARGE, || play::<1>(2, &[Once(0)])),
    // The thief goes on to something else.
    Model::bounded("foreign", 5, LARGE, || play::<2>(1, &[ThenOwn(0)])),
    Model::bounded("foreign_leapfrog", 2, LARGE, || play::<2>(2, &[ThenOwn(0)])),
    // Two branches of one frame, settled in each order; with room for one, the other comes back at once.
    Model::bounded("branches", 4, LARGE, || branches::<2>([1, 0], &[Once(0)])),
    Model::bounded("branches_oldest_first", 4, LARGE, || branches::<2>([0, 1], &[Once(0)])),
    Model::bounded("branches_look_twice", 4, LARGE, || branches::<2>([1, 0], &[Twice(0)])),
    Model::bounded("branches_two_thieves", 2, LARGE, || {
        branches::<2>([0, 1], &[Once(0), Once(0)]);
    }),
    Model::bounded("branches_full", 5, LARGE, || branches::<1>([1, 0], &[Once(0)])),
];

/// What a thief does: in whose nest it looks, and how often.
#[derive(Clone, Copy)]
enum Thief {
    Once(usize),
    Twice(usize),
    /// Once; then it forks itself.
    ThenOwn(usize),
}

use Thief::{Once, ThenOwn, Twice};

struct Pool<const N: usize> {
    nests: Vec<Nest<Loom, N>>,
}

impl<const N: usize> Host for Pool<N> {
    fn forked(&self, is_followed: bool) {
        if is_followed {
            self.nests.iter().for_each(Nest::unfollow);
            self.nests.iter().for_each(Nest::ring);
        }
    }

    fn block(&self, sleep: &mut dyn FnMut()) {
        sleep();
    }
}

/// What a half writes to; loom sees a race.
struct Mark(UnsafeCell<u32>);

impl Mark {
    fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    fn add(&self) {
        // SAFETY: loom sees a race.
        self.0.with_mut(|mark| unsafe { *mark += 1 });
    }

    fn count(&self) -> u32 {
        // SAFETY: as above.
        self.0.with(|mark| unsafe { *mark })
    }
}

// SAFETY: loom's threads are one real thread, and loom sees a race.
unsafe impl Sync for Mark {}

impl<const N: usize> Pool<N> {
    /// Forks so deep in nest `own`, from within the thread whose nest it is. How many leaves there were.
    fn fork(&self, own: usize, depth: u32) -> u32 {
        if depth == 0 {
            return 1;
        }
        let (one, other) = (Mark::new(), Mark::new());
        let half = |mark: &Mark| {
            mark.add();
            // Whoever does it forks in its own nest.
            self.fork(self.here(), depth - 1)
        };
        // SAFETY: each thread forks in its own nest, and the nests stay as long as the pool.
        let (a, b) = unsafe { self.nests[own].join(self, || half(&one), |_| half(&other)) };
        assert_eq!((one.count(), other.count()), (1, 1));
        a + b.unwrap()
    }

    /// The nest of the calling thread.
    fn here(&self) -> usize {
        Loom::current() - 1
    }

    fn look(&self, victim: usize) {
        let Some(taken) = self.nests[victim].steal() else { return };
        // SAFETY: the nest is this thread's and empty, as it does nothing else.
        unsafe { taken.run(&self.nests[self.here()]) };
    }
}

/// The pool, the other threads while they do what they are to do, and what the first one does meanwhile.
fn among<const N: usize>(thieves: &'static [Thief], first: impl FnOnce(&Pool<N>)) {
    let nests = (0..=thieves.len()).map(|_| Nest::new()).collect();
    let pool = Arc::new(Pool::<N> { nests });
    // The first number.
    assert_eq!(pool.here(), 0);
    let thieves: Vec<_> = thieves
        .iter()
        .map(|&thief| {
            let pool = pool.clone();
            spawn(move || match thief {
                Once(victim) => pool.look(victim),
                Twice(victim) => (0..2).for_each(|_| pool.look(victim)),
                ThenOwn(victim) => {
                    pool.look(victim);
                    let here = pool.here();
                    let mine = |_| assert_eq!(pool.here(), here, "somebody else's work");
                    // SAFETY: as in `fork`.
                    let halves = unsafe { pool.nests[here].join(&*pool, || (), mine) };
                    assert_eq!(halves, ((), Ok::<(), Unwound>(())));
                }
            })
        })
        .collect();
    first(&pool);
    thieves.into_iter().for_each(|thief| thief.join().unwrap());
    assert!(pool.nests.iter().all(Nest::is_empty));
}

fn play<const N: usize>(depth: u32, thieves: &'static [Thief]) {
    among::<N>(thieves, |pool| assert_eq!(pool.fork(0, depth), 1 << depth));
}

/// Forks two branches and settles them in this order.
fn branches<const N: usize>(order: [usize; 2], thieves: &'static [Thief]) {
    among::<N>(thieves, |pool| {
        let nest = &pool.nests[0];
        let marks = [Mark::new(), Mark::new()];
        let two = marks.each_ref().map(|mark| {
            Branch::new(nest, |taken| {
                mark.add();
                taken
            })
        });
        for branch in &two {
            // SAFETY: this thread's own nest, which stays as long as the pool; settled below.
            unsafe { nest.fork(pool, branch) };
        }
        for index in order {
            // SAFETY: as above; each index comes once.
            match unsafe { nest.settle(pool, &two[index]) } {
                Settled::Back(work) => assert!(!work(false)),
                Settled::Done(taken) => assert!(taken),
                Settled::Unwound => unreachable!("it does not panic"),
            }
        }
        assert_eq!(marks.map(|mark| mark.count()), [1, 1]);
    });
}
