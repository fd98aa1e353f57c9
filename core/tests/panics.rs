//! What needs the standard library: payloads that panic when they are compared or dropped, and a heap
//! over somebody else's list. Everything else is a shared case (`cases.rs`).

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use inkle_cases::dice::{Choices, Dice};
use inkle_core::elastic::Elastic;
use inkle_core::platform::{NoBoard, Spin};
use inkle_core::queue::fifo::{FastFifo, Fifo};
use inkle_core::queue::inbox::Inbox;
use inkle_core::queue::lifo::Stack;
use inkle_core::queue::priority::{Heap, Items, Level, Levels, MinHeap};
use inkle_core::queue::spsc::{Overwriting, Ring};
use inkle_core::queue::{Container, Guarded, Queue};
use inkle_core::{PopError, PushError};

type Ground = Spin<NoBoard>;

/// A list outside, with a limit of its own: the same heap over other storage.
struct Growing<T>(Vec<T>, usize);

impl<T> Items for Growing<T> {
    type Item = T;
    fn push(&mut self, item: T) -> Result<(), T> {
        self.0.push(item);
        Ok(())
    }
    fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }
    fn as_slice(&self) -> &[T] {
        &self.0
    }
    fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.0
    }
    fn capacity(&self) -> Option<usize> {
        Some(self.1)
    }
}

#[test]
fn heap_over_another_list() {
    let queue: Guarded<_, Ground> = Guarded::new(MinHeap::new(Growing(Vec::new(), 50)));
    assert_eq!(queue.capacity(), Some(50));
    for number in (0..50_u32).map(|number| number * 37 % 50) {
        assert_eq!(queue.try_push(number), Ok(()));
    }
    assert_eq!(queue.try_push(50), Err(PushError::Full(50)));
    for number in 0..49 {
        assert_eq!(queue.try_pop(), Ok(number));
    }
    assert_eq!(queue.into_inner().len(), 1);
}

/// An item that panics in the comparison after so many.
#[derive(Debug)]
struct Fuse {
    rank: u32,
    left: Rc<Cell<u32>>,
    drops: Rc<Cell<u32>>,
}

impl Ord for Fuse {
    fn cmp(&self, other: &Self) -> Ordering {
        assert!(self.left.get() > 0, "a comparison panics");
        self.left.set(self.left.get() - 1);
        self.rank.cmp(&other.rank)
    }
}

impl PartialOrd for Fuse {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Fuse {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Fuse {}

impl Drop for Fuse {
    fn drop(&mut self) {
        self.drops.set(self.drops.get() + 1);
    }
}

/// Whichever comparison panics, the queue is as it was: same items, same order, still usable.
#[test]
fn qu014_a_comparison_that_panics_changes_nothing() {
    let mut panics = 0;
    for after in 0..8 {
        for (pops, new) in [(false, 0), (false, 50), (true, 0)] {
            let (left, drops) = (Rc::new(Cell::new(u32::MAX)), Rc::new(Cell::new(0)));
            let fuse = |rank| Fuse { rank, left: left.clone(), drops: drops.clone() };
            let queue: Heap<Fuse, 16, Ground> = Heap::empty();
            for rank in (0..15).rev() {
                queue.try_push(fuse(rank * 10)).unwrap();
            }
            left.set(after);
            let ticket = queue.ticket();
            let act = || {
                if pops { drop(queue.try_pop()) } else { drop(queue.try_push(fuse(new))) }
            };
            let panicked = catch_unwind(AssertUnwindSafe(act)).is_err();
            left.set(u32::MAX);
            let mut expected: Vec<u32> = (0..15).map(|rank| rank * 10).collect();
            if panicked {
                panics += 1;
                assert_eq!((queue.len(), queue.ticket()), (15, ticket));
            } else if pops {
                expected.remove(0);
            } else {
                expected.push(new);
                expected.sort();
            }
            let all: Vec<u32> = std::iter::from_fn(|| Some(queue.try_pop().ok()?.rank)).collect();
            assert_eq!(all, expected);
            assert_eq!(drops.get(), if pops { 15 } else { 16 });
        }
    }
    assert!(panics > 10, "only {panics} of the comparisons panicked");
}

/// An item whose `Drop` counts, and for one of them panics.
struct Grenade(Rc<Cell<u32>>, bool);

impl Drop for Grenade {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        assert!(!self.1, "an item panics when dropped");
    }
}

#[test]
fn a_drop_that_panics_leaks_nothing() {
    let drops = Rc::new(Cell::new(0));
    let levels = Levels::<Grenade, 3, 8>::new();
    for number in 0..8 {
        let level = Level::new(number % 3).unwrap();
        levels
            .try_push(level, Grenade(drops.clone(), number == 4))
            .unwrap_or_else(|_| panic!("full"));
    }
    assert!(catch_unwind(AssertUnwindSafe(|| drop(levels))).is_err());
    assert_eq!(drops.get(), 8);
}

/// Counts itself when dropped; may panic then.
struct Bomb {
    dropped: Rc<Cell<u32>>,
    fuse: bool,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.dropped.set(self.dropped.get() + 1);
        assert!(!self.fuse, "as asked for");
    }
}

/// Makes bombs; those with these numbers panic.
fn bombs(dropped: &Rc<Cell<u32>>, fuse: u32) -> impl FnMut(u32) -> Bomb {
    move |number| Bomb { dropped: Rc::clone(dropped), fuse: number == fuse }
}

fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

#[test]
fn a_panicking_drop_stops_no_other() {
    for fuse in 0..4 {
        let dropped = Rc::default();
        let ring = Ring::<Bomb, 4>::new();
        let (mut producer, _) = ring.split().unwrap();
        assert_eq!(producer.fill_from((0..4).map(bombs(&dropped, fuse))), 4);
        drop(producer);
        assert!(panics(|| drop(ring)));
        assert_eq!(dropped.get(), 4, "the ring's own drop");

        let dropped = Rc::default();
        let ring = Overwriting::<Bomb, 4>::new();
        let (mut producer, _) = ring.split().unwrap();
        (0..4).map(bombs(&dropped, fuse)).for_each(|bomb| assert!(producer.push(bomb).is_none()));
        drop(producer);
        assert!(panics(|| drop(ring)));
        assert_eq!(dropped.get(), 4, "the overwriting ring's own drop");

        let dropped = Rc::default();
        let ring = Ring::<Bomb, 4>::new();
        let (mut producer, mut consumer) = ring.split().unwrap();
        producer.fill_from((0..4).map(bombs(&dropped, fuse)));
        assert_eq!(panics(|| consumer.read_chunk(4).unwrap().commit(3)), fuse < 3);
        assert_eq!((dropped.get(), consumer.slots(), producer.slots()), (3, 1, 3));
        drop((producer, consumer));
        assert_eq!(panics(|| drop(ring)), fuse == 3);
        assert_eq!(dropped.get(), 4, "a chunk's commit");
    }
}

#[test]
fn a_panicking_iterator_pushes_what_it_gave() {
    let ring = Ring::<String, 4>::new();
    let (mut producer, mut consumer) = ring.split().unwrap();
    let words = ["one", "two", "three"].into_iter().map(|word| {
        assert_ne!(word, "three");
        word.to_string()
    });
    assert!(panics(|| {
        producer.fill_from(words);
    }));
    assert_eq!(
        (consumer.try_pop().unwrap(), consumer.try_pop().unwrap()),
        ("one".into(), "two".into())
    );
    assert_eq!(consumer.try_pop(), Err(PopError::Empty));
}

thread_local! {
    static DROPPED: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    static BOMB: Cell<u32> = const { Cell::new(0) };
}

/// An item that counts its drop, and then panics if it is the one that shall.
struct Fused(u32);

impl Drop for Fused {
    fn drop(&mut self) {
        DROPPED.with_borrow_mut(|dropped| dropped.push(self.0));
        assert_ne!(self.0, BOMB.get(), "this one panics when dropped");
    }
}

/// Drops what `make` makes of items 1 to 5 while `bomb` panics, and gives what was dropped.
fn dropped<Q>(bomb: u32, make: impl Fn() -> Q, end: impl FnOnce(Q)) -> Vec<u32> {
    BOMB.set(bomb);
    DROPPED.take();
    let queue = make();
    let panicked = catch_unwind(AssertUnwindSafe(|| end(queue))).is_err();
    assert_eq!(panicked, (1..=5).contains(&bomb), "the panic goes through");
    BOMB.set(0);
    let mut dropped = DROPPED.take();
    dropped.sort_unstable();
    dropped
}

#[test]
fn every_item_is_dropped_once_whoever_panics() {
    let stack = || {
        let stack = Stack::<Fused, 6>::new();
        (1..=5).for_each(|item| assert!(stack.try_push(Fused(item)).is_ok()));
        stack
    };
    let inbox = || {
        let inbox = Inbox::<Fused, 6>::new();
        (1..=5).for_each(|item| assert!(inbox.try_push(Fused(item)).is_ok()));
        inbox
    };
    // Two items on the consumer's side, two that arrived since.
    let begun = || {
        let inbox = Inbox::<Fused, 6>::new();
        (0..3).for_each(|item| assert!(inbox.try_push(Fused(item)).is_ok()));
        std::mem::forget(inbox.try_pop()); // item 0
        (3..=5).for_each(|item| assert!(inbox.try_push(Fused(item)).is_ok()));
        inbox
    };
    for bomb in 1..=6 {
        assert_eq!(dropped(bomb, stack, drop), [1, 2, 3, 4, 5]);
        assert_eq!(dropped(bomb, inbox, drop), [1, 2, 3, 4, 5]);
        assert_eq!(dropped(bomb, begun, drop), [1, 2, 3, 4, 5]);
        let all = dropped(bomb, begun, |inbox| {
            let taken = catch_unwind(AssertUnwindSafe(|| drop(inbox.take_all())));
            assert_eq!(inbox.len(), 0, "the cells are back");
            if let Err(panic) = taken {
                std::panic::resume_unwind(panic);
            }
        });
        assert_eq!(all, [1, 2, 3, 4, 5]);
    }
}

/// How often each item was dropped, by its number; and which one panics when it is, if there is one. Two that panic in
/// one go would end the program, as they do in a `Vec`.
#[derive(Default)]
struct Ledger {
    drops: RefCell<Vec<u32>>,
    armed: Cell<Option<usize>>,
    panics: Cell<u32>,
}

struct Entered(Rc<Ledger>, usize);

impl Entered {
    fn new(ledger: &Rc<Ledger>, is_armed: bool) -> Self {
        let number = ledger.drops.borrow().len();
        ledger.drops.borrow_mut().push(0);
        if is_armed && ledger.armed.get().is_none() {
            ledger.armed.set(Some(number));
        }
        Self(Rc::clone(ledger), number)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.drops.borrow_mut()[self.1] += 1;
        if self.0.armed.get() == Some(self.1) {
            self.0.armed.set(None);
            self.0.panics.set(self.0.panics.get() + 1);
            panic!("an item panics when dropped");
        }
    }
}

/// Pushes, pops, drains and drops as the dice say, with an item that panics somewhere.
fn shaken<Q: Queue<Item = Entered>>(make: impl Fn() -> Q) {
    let mut panics = 0;
    for seed in 0..300 {
        let (mut dice, ledger) = (Dice::new(seed), Rc::new(Ledger::default()));
        let queue = make();
        for _ in 0..dice.roll(40) {
            // What comes back or out is dropped here, and goes wrong here.
            let _ = catch_unwind(AssertUnwindSafe(|| match dice.roll(8) {
                0..=4 => drop(queue.try_push(Entered::new(&ledger, dice.roll(6) == 0))),
                5 | 6 => drop(queue.try_pop()),
                _ => queue.drain().take(3).for_each(drop),
            }));
        }
        let _ = catch_unwind(AssertUnwindSafe(|| drop(queue)));
        assert!(ledger.drops.borrow().iter().all(|drops| *drops == 1), "seed {seed}");
        assert_eq!(Rc::strong_count(&ledger), 1);
        panics += ledger.panics.get();
    }
    assert!(panics > 100, "only {panics} panics");
}

#[test]
fn items_that_panic_anywhere_are_dropped_once() {
    shaken(Fifo::<Entered, 5>::new);
    shaken(FastFifo::<Entered, 4>::new);
    shaken(Stack::<Entered, 5>::new);
    shaken(Ring::<Entered, 5>::new);
    shaken(Inbox::<Entered, 5>::new);
    let growing = || Growing(Vec::new(), 5);
    shaken(|| {
        Elastic::<_, _, Ground>::new(
            FastFifo::<Entered, 2>::new(),
            Pile(growing()),
            Pile(growing()),
        )
    });
}

/// A container for the far end of an elastic queue, in which the order is of no matter.
struct Pile(Growing<Entered>);

impl Container for Pile {
    type Item = Entered;

    fn put(&mut self, item: Entered) -> Result<(), Entered> {
        Items::push(&mut self.0, item)
    }

    fn take(&mut self) -> Option<Entered> {
        (!self.0.0.is_empty()).then(|| self.0.0.remove(0))
    }

    fn len(&self) -> usize {
        self.0.0.len()
    }
}
