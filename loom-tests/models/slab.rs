//! [`Pool`] and [`Slab`]: who claims owns alone; of two who remove one handle, one wins.

use std::collections::BTreeSet;
use std::sync::Arc;

use inkle_core::atomic::UnsafeCell;
use inkle_core::slab::{Handle, Pool, Slab};

use crate::kit::{History, Model};
use crate::shapes::{Exact, Item, Ledger, Op, Ret, Spec, Token};

/// A pool whose numbers are written to by their owners, so that two at a time are a race. Its
/// history is that of a queue of numbers.
struct Numbers<const N: usize> {
    pool: Pool<N>,
    owned: [UnsafeCell<()>; N],
    history: History<Op, Ret>,
}

impl<const N: usize> Numbers<N> {
    fn new() -> Arc<Self> {
        let owned = std::array::from_fn(|_| UnsafeCell::new(()));
        #[expect(clippy::arc_with_non_send_sync, reason = "loom's threads are one real thread")]
        Arc::new(Self { pool: Pool::new(), owned, history: History::new() })
    }

    fn claim(&self, thread: usize) -> Option<usize> {
        let claim = || self.pool.claim().map_or(Ret::Empty, |index| Ret::Item(index as u8));
        match self.history.call(thread, Op::Pop, claim) {
            Ret::Item(index) => Some(usize::from(index)),
            _ => None,
        }
    }

    fn release(&self, thread: usize, index: usize) {
        self.history.call(thread, Op::Push(index as u8), || {
            self.owned[index].with_mut(|_| ());
            // SAFETY: every caller has got the index from `claim`, once.
            unsafe { self.pool.release(index) };
            Ret::Ok
        });
    }

    /// Claims, then releases what it has got.
    fn borrow(&self, thread: usize) {
        if let Some(index) = self.claim(thread) {
            self.release(thread, index);
        }
    }

    fn count(&self, thread: usize) {
        self.history.call(thread, Op::SomeLen, || Ret::Count(self.pool.free()));
    }

    /// Checks the history, with `free` numbers at the end.
    fn check(&self, free: usize) {
        self.history.phase();
        self.history.call(0, Op::Len, || Ret::Count(self.pool.free()));
        assert_eq!(self.pool.free(), free);
        let mut spec = Exact::new(N);
        for index in 0..N {
            spec.step(Op::Push(index as u8), Ret::Ok);
        }
        self.history.check(spec, |spec, &op, &ret| spec.step(op, ret));
    }
}

/// Runs the second and third part of a body on threads of their own and the first one on this.
fn together<T: 'static>(on: &Arc<T>, main: fn(&T, usize), others: &[fn(&T, usize)]) {
    let spawn = |(at, other): (usize, &fn(&T, usize))| {
        let (on, other) = (on.clone(), *other);
        loom::thread::spawn(move || other(&on, at + 1))
    };
    let threads: Vec<_> = others.iter().enumerate().map(spawn).collect();
    main(on, 0);
    for thread in threads {
        thread.join().unwrap();
    }
}

fn borrow_borrow<const N: usize>() {
    let numbers = Numbers::<N>::new();
    together(&numbers, Numbers::borrow, &[Numbers::borrow]);
    numbers.check(N);
}

fn borrow_twice() {
    let numbers = Numbers::<1>::new();
    let twice = |numbers: &Numbers<1>, thread| {
        numbers.borrow(thread);
        numbers.borrow(thread);
    };
    together(&numbers, twice, &[Numbers::borrow]);
    numbers.check(1);
}

fn claim_claim() {
    let numbers = Numbers::<2>::new();
    let claim = |numbers: &Numbers<2>, thread| {
        numbers.claim(thread);
    };
    together(&numbers, claim, &[claim]);
    numbers.check(0);
}

fn three_claim() {
    let numbers = Numbers::<2>::new();
    let claim = |numbers: &Numbers<2>, thread| {
        numbers.claim(thread);
    };
    together(&numbers, claim, &[claim, claim]);
    numbers.check(0);
}

fn release_release() {
    let numbers = Numbers::<2>::new();
    assert_eq!((numbers.claim(0), numbers.claim(0)), (Some(0), Some(1)));
    numbers.history.phase();
    together(&numbers, |n, thread| n.release(thread, 0), &[|n, thread| n.release(thread, 1)]);
    numbers.check(2);
}

fn release_two_borrow() {
    let numbers = Numbers::<1>::new();
    assert!(numbers.claim(0).is_some());
    numbers.history.phase();
    let release = |numbers: &Numbers<1>, thread| numbers.release(thread, 0);
    together(&numbers, release, &[Numbers::borrow, Numbers::borrow]);
    numbers.check(1);
}

fn count_borrow() {
    let numbers = Numbers::<2>::new();
    let count = |numbers: &Numbers<2>, thread| {
        numbers.claim(thread);
        numbers.count(thread);
    };
    together(&numbers, count, &[Numbers::borrow]);
    numbers.check(1);
}

/// An operation on a slab, and one entry of its history. Items are known by their numbers.
#[derive(Debug)]
enum Do {
    /// `insert`: claims a place.
    Insert,
    /// The rest of a successful `insert`: the item is there.
    Appear(u8),
    /// `remove`: takes the item.
    Remove(u8),
    /// The rest of a successful `remove`: the place is free.
    Vacate,
}

/// What a slab is: free places and items.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Places {
    free: usize,
    items: BTreeSet<u8>,
}

impl Places {
    fn step(&mut self, op: &Do, done: bool) -> bool {
        match op {
            Do::Insert if done && self.free > 0 => self.free -= 1,
            Do::Insert => return !done && self.free == 0,
            Do::Appear(item) => return self.items.insert(*item),
            Do::Remove(item) => return self.items.remove(item) == done,
            Do::Vacate => self.free += 1,
        }
        true
    }
}

/// A slab with its history.
struct Shelf<const N: usize> {
    slab: Slab<Token, N>,
    history: History<Do, bool>,
    ledger: Ledger,
    /// The handle of item 1, if it is inside from the beginning.
    first: Option<Handle>,
}

impl<const N: usize> Shelf<N> {
    fn empty() -> Arc<Self> {
        Arc::new(Self {
            slab: Slab::new(),
            history: History::new(),
            ledger: Ledger::default(),
            first: None,
        })
    }

    fn with_one() -> Arc<Self> {
        let mut shelf = Self::empty();
        let first = shelf.insert(0, 1);
        shelf.history.phase();
        Arc::get_mut(&mut shelf).unwrap().first = first;
        shelf
    }

    fn insert(&self, thread: usize, item: u8) -> Option<Handle> {
        let mut handle = None;
        self.history.call(thread, Do::Insert, || {
            handle = self.slab.insert(Token::make(item, &self.ledger)).ok();
            handle.is_some()
        });
        if handle.is_some() {
            self.history.call(thread, Do::Appear(item), || true);
        }
        handle
    }

    fn remove(&self, thread: usize, item: u8, handle: Handle) {
        let removed = self.history.call(thread, Do::Remove(item), || {
            let removed = self.slab.remove(handle);
            assert!(removed.as_ref().is_none_or(|found| found.number() == item));
            removed.is_some()
        });
        if removed {
            self.history.call(thread, Do::Vacate, || true);
        }
    }

    fn remove_first(&self, thread: usize) {
        self.remove(thread, 1, self.first.expect("item 1 is inside"));
    }

    /// Inserts an item of the thread's own.
    fn insert_own(&self, thread: usize) {
        self.insert(thread, own(thread));
    }

    /// Inserts an item of the thread's own and removes it.
    fn pass(&self, thread: usize) {
        if let Some(handle) = self.insert(thread, own(thread)) {
            self.remove(thread, own(thread), handle);
        }
    }

    fn replace(&self, thread: usize) {
        self.remove_first(thread);
        self.insert_own(thread);
    }

    fn insert_and_look(&self, thread: usize) {
        self.insert_own(thread);
        assert!(self.slab.len() <= N);
    }
}

/// The number of a thread's own item.
fn own(thread: usize) -> u8 {
    thread as u8 + 10
}

/// Plays on a shelf; at the end checks the history and that each item is dropped once, at the
/// latest with the slab.
fn shelf<const N: usize>(
    shelf: Arc<Shelf<N>>,
    main: fn(&Shelf<N>, usize),
    others: &[fn(&Shelf<N>, usize)],
) {
    together(&shelf, main, others);
    let spec = Places { free: N, items: BTreeSet::new() };
    shelf.history.check(spec, |spec, op, done| spec.step(op, *done));
    let ledger = shelf.ledger.clone();
    assert!(Arc::into_inner(shelf).is_some(), "the threads are gone");
    ledger.all_dropped();
}

/// The handle that the first insert of a new slab gives, before it has given it.
fn early_handle() -> Handle {
    let twin = Slab::<(), 1>::new();
    twin.insert(()).expect("a new slab has room")
}

const LARGE: &str = "unbounded: millions of executions in the exact tier";

/// All models of this module.
pub const MODELS: &[Model] = &[
    Model::full("pool_borrow_borrow_1", borrow_borrow::<1>),
    Model::full("pool_borrow_borrow_2", borrow_borrow::<2>),
    Model::full("pool_borrow_borrow_3", borrow_borrow::<3>),
    Model::bounded("pool_borrow_twice", 4, LARGE, borrow_twice),
    Model::full("pool_claim_claim", claim_claim),
    Model::bounded("pool_three_claim", 3, LARGE, three_claim),
    Model::full("pool_release_release", release_release),
    Model::full("pool_count_borrow", count_borrow),
    Model::bounded("pool_release_two_borrow", 2, LARGE, release_two_borrow),
    Model::full("insert_insert_1", || {
        shelf::<1>(Shelf::empty(), Shelf::insert_own, &[Shelf::insert_own]);
    }),
    Model::full("insert_insert_2", || {
        shelf::<2>(Shelf::empty(), Shelf::insert_own, &[Shelf::insert_own]);
    }),
    Model::full("pass_pass_1", || shelf::<1>(Shelf::empty(), Shelf::pass, &[Shelf::pass])),
    Model::full("pass_pass_2", || shelf::<2>(Shelf::empty(), Shelf::pass, &[Shelf::pass])),
    Model::full("remove_remove", || {
        shelf::<1>(Shelf::with_one(), Shelf::remove_first, &[Shelf::remove_first]);
    }),
    Model::full("remove_remove_insert", || {
        shelf::<1>(
            Shelf::with_one(),
            Shelf::remove_first,
            &[Shelf::remove_first, Shelf::insert_own],
        );
    }),
    Model::full("stale_handle", || {
        shelf::<1>(Shelf::with_one(), Shelf::replace, &[Shelf::remove_first]);
    }),
    Model::full("replace_replace", || {
        shelf::<1>(Shelf::with_one(), Shelf::replace, &[Shelf::replace]);
    }),
    Model::full("replace_pass", || {
        shelf::<2>(Shelf::with_one(), Shelf::replace, &[Shelf::pass]);
    }),
    Model::full("look_pass", || {
        shelf::<1>(Shelf::empty(), Shelf::insert_and_look, &[Shelf::pass]);
    }),
    // Nobody has handed the handle over, so only the slab's own orderings stand behind it.
    Model::full("insert_remove", || {
        shelf::<1>(
            Shelf::empty(),
            Shelf::pass,
            &[|shelf, thread| {
                shelf.remove(thread, own(0), early_handle());
            }],
        );
    }),
];
