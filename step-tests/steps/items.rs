//! Items that go through queues, and queues of them.

use std::cell::Cell;
use std::rc::Rc;

use inkle_core::error::{PopError, PushError};
use inkle_core::queue::Queue;

use crate::subject::{Answer, Operation, op, say};

/// An item that is counted while it lives.
#[derive(Debug)]
pub struct Item(pub u8, Rc<Cell<usize>>);

impl Drop for Item {
    fn drop(&mut self) {
        self.1.set(self.1.get() - 1);
    }
}

/// A queue, and how many items live.
pub struct Counted<Q> {
    pub queue: Q,
    alive: Rc<Cell<usize>>,
}

impl<Q> Counted<Q> {
    pub fn new(queue: Q) -> Self {
        Self { queue, alive: Rc::default() }
    }

    pub fn item(&self, number: u8) -> Item {
        self.alive.set(self.alive.get() + 1);
        Item(number, self.alive.clone())
    }

    /// How many items live.
    pub fn alive(&self) -> usize {
        self.alive.get()
    }

    /// The same items in what `change` makes of the queue.
    pub fn map<R>(self, change: impl FnOnce(Q) -> R) -> Counted<R> {
        Counted { queue: change(self.queue), alive: self.alive }
    }

    /// Drops the queue; then no item may be left.
    pub fn all_dropped(self) {
        drop(self.queue);
        assert_eq!(self.alive.get(), 0, "an item is lost");
    }
}

/// A value that handles borrow, which lie beside it.
pub struct Lender<T>(*mut T);

impl<T: 'static> Lender<T> {
    pub fn new(value: T) -> Self {
        Self(Box::into_raw(Box::new(value)))
    }

    /// The value, for as long as nobody calls [`take`](Self::take).
    pub fn get(&self) -> &'static T {
        // SAFETY: lives until `take`, whose caller promises that nobody uses this any more.
        unsafe { &*self.0 }
    }

    /// Takes the value back.
    ///
    /// # Safety
    ///
    /// Nothing that was borrowed from it is used any more.
    pub unsafe fn take(self) -> T {
        // SAFETY: it came from a box, and is taken once; the rest is the caller's promise.
        *unsafe { Box::from_raw(self.0) }
    }
}

/// What went in and came out are numbers.
pub trait Numbered {
    fn make<Q>(number: u8, counted: &Counted<Q>) -> Self;
    fn number(&self) -> u8;
}

impl Numbered for u8 {
    fn make<Q>(number: u8, _: &Counted<Q>) -> Self {
        number
    }

    fn number(&self) -> u8 {
        *self
    }
}

impl Numbered for Item {
    fn make<Q>(number: u8, counted: &Counted<Q>) -> Self {
        counted.item(number)
    }

    fn number(&self) -> u8 {
        self.0
    }
}

pub fn pushed<R, T>(result: Result<R, PushError<T>>) -> Answer {
    match result {
        Ok(_) => "Ok".into(),
        Err(PushError::Full(_)) => "Full".into(),
        Err(PushError::Closed(_)) => "Closed".into(),
    }
}

pub fn popped<T: Numbered>(result: Result<T, PopError>) -> Answer {
    say(result.map(|item| item.number()))
}

/// A queue that `turns` items have passed through, and that holds so many.
pub fn filled<Q: Queue<Item: Numbered>>(queue: Q, turns: u8, inside: u8) -> Counted<Q> {
    let queue = Counted::new(queue);
    for turn in 0..turns {
        assert!(
            queue.queue.try_push(Numbered::make(turn, &queue)).is_ok()
                && queue.queue.try_pop().is_ok()
        );
    }
    for number in 0..inside {
        assert!(queue.queue.try_push(Numbered::make(100 + number, &queue)).is_ok());
    }
    queue
}

/// Everything that is left, and that nothing else is.
pub fn drained<Q: Queue<Item: Numbered>>(queue: Counted<Q>) -> Answer {
    let closed = queue.queue.is_closed();
    let left: Vec<u8> = queue.queue.drain().map(|item| item.number()).collect();
    // As many as ever fit again.
    if !closed {
        for number in 0..queue.queue.capacity().unwrap_or(0) {
            assert!(
                queue.queue.try_push(Numbered::make(number as u8, &queue)).is_ok(),
                "a place is lost"
            );
        }
    }
    queue.all_dropped();
    format!("{left:?}, closed {closed}")
}

/// Empty, part full and full, at the edge of a lap and behind it.
macro_rules! states {
    ($queue:ty) => {
        vec![
            ("empty", || filled(<$queue>::new(), 0, 0)),
            ("one inside", || filled(<$queue>::new(), 1, 1)),
            ("full", || filled(<$queue>::new(), 0, 2)),
            ("full, once round", || filled(<$queue>::new(), 3, 2)),
        ]
    };
}

/// What every queue has.
pub fn looks<Q: Queue>() -> Vec<Operation<Counted<Q>>> {
    vec![
        op("close", |q: &Counted<Q>, _| say(q.queue.close())),
        op("is_closed", |q: &Counted<Q>, _| say(q.queue.is_closed())),
        op("len", |q: &Counted<Q>, _| {
            assert!(q.queue.capacity().is_none_or(|capacity| q.queue.len() <= capacity));
            "some".into()
        }),
    ]
}
pub(crate) use states;
