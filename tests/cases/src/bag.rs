//! Every structure as a bag that many contexts put into and take from at once, with the books kept.
//!
//! The random sequences of the other modules have one context. Here the harness brings several: an
//! interrupt handler and the code that it interrupts, harts, or threads. What they promise in common is
//! that every item comes out once and whole.
//!
//! [`Bags`] is the second list: a structure that takes items from several contexts joins by one line.

use inkle_core::atomic::{AtomicU32, Ordering, UnsafeCell};
use inkle_core::channel::Channel;
use inkle_core::elastic::Elastic;
use inkle_core::platform::{NoBoard, Platform, Spin};
use inkle_core::queue::Queue;
use inkle_core::queue::fifo::{FastFifo, Fifo};
use inkle_core::queue::inbox::Inbox;
use inkle_core::queue::lifo::Stack;
use inkle_core::queue::priority::{Heap, Level, Levels};
use inkle_core::queue::spsc::{Consumer, Overwriting, Producer, Ring, overwriting};
use inkle_core::queue::word::WordRing;
use inkle_core::slab::{Handle, Slab};
use inkle_core::sync::{Lock, Semaphore};

use crate::Dice;
use crate::alarms::{Alarms, Clocked, Ticking, clocked};
use crate::queues::List;

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is inside.
    In,
    /// It is inside, and this one had to go.
    For(u32),
    /// It is not inside.
    Refused,
    /// It is not inside, and yet this one had to go.
    RefusedFor(u32),
}

/// What takes items and gives them back, each once.
pub trait Bag: Sync {
    /// Puts an item in.
    fn put(&'static self, item: u32) -> Put;
    /// Takes one out, if there is any.
    fn take(&'static self) -> Option<u32>;
    /// It is empty and nobody uses it: panics if it is not as at the beginning.
    fn settled(&'static self) {}
}

/// Who may use a bag at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Everybody, handlers too.
    All,
    /// Everybody may put, handlers too; a handler may not take while it interrupts who takes.
    OneTaker,
    /// One context puts and another takes, either may be a handler.
    OneEach,
    /// Everybody but handlers.
    NoHandlers,
}

/// A bag and what is known of it.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "a bag shows nothing")]
pub struct Subject {
    /// What is in the bag.
    pub name: &'static str,
    /// The bag.
    pub bag: &'static dyn Bag,
    /// Which bits of an item it keeps.
    pub bits: u32,
    /// Who may use it.
    pub sharing: Sharing,
}

/// An item of more than one word: a mixture of two shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wide([u32; 3]);

/// How a bag's items are made of numbers.
pub(crate) trait Item {
    fn of(number: u32) -> Self;
    fn number(self) -> u32;
}

impl Item for u16 {
    fn of(number: u32) -> Self {
        number as u16
    }
    fn number(self) -> u32 {
        self.into()
    }
}

impl Item for u32 {
    fn of(number: u32) -> Self {
        number
    }
    fn number(self) -> u32 {
        self
    }
}

impl Item for Wide {
    fn of(number: u32) -> Self {
        Self([number, !number, number.rotate_left(7)])
    }
    fn number(self) -> u32 {
        let Self([number, ..]) = self;
        assert!(self == Self::of(number), "an item is torn");
        number
    }
}

impl<const L: usize> Item for (Level<L>, Wide) {
    fn of(number: u32) -> Self {
        (Level::new(number as usize % L).expect("below L"), Wide::of(number))
    }
    fn number(self) -> u32 {
        let number = self.1.number();
        assert_eq!(self.0.number(), number as usize % L, "an item of another level");
        number
    }
}

fn put<T, E>(result: Result<T, E>) -> Put {
    if result.is_ok() { Put::In } else { Put::Refused }
}

fn force<T: Item, E>(result: Result<Option<T>, E>) -> Put {
    match result {
        Ok(None) => Put::In,
        Ok(Some(oldest)) => Put::For(oldest.number()),
        Err(_) => Put::Refused,
    }
}

/// By a queue's own operations.
struct Plain<Q>(Q);

impl<Q: Queue<Item: Item> + Sync> Bag for Plain<Q> {
    fn put(&'static self, item: u32) -> Put {
        put(self.0.try_push(Item::of(item)))
    }
    fn take(&'static self) -> Option<u32> {
        self.0.try_pop().ok().map(Item::number)
    }
}

/// By force.
struct Forced<Q>(Q);

impl<const N: usize> Bag for Forced<WordRing<u16, N>> {
    fn put(&'static self, item: u32) -> Put {
        force(self.0.force_push(Item::of(item)))
    }
    fn take(&'static self) -> Option<u32> {
        self.0.try_pop().ok().map(Item::number)
    }
}

impl<const N: usize> Bag for Forced<Fifo<Wide, N>> {
    fn put(&'static self, item: u32) -> Put {
        match self.0.force_push(Item::of(item)) {
            Err(refused) => {
                refused.displaced.map_or(Put::Refused, |old| Put::RefusedFor(old.number()))
            }
            done => force(done),
        }
    }
    fn take(&'static self) -> Option<u32> {
        self.0.try_pop().ok().map(Item::number)
    }
}

impl<Q: Queue<Item: Item> + Sync, P: Platform> Bag for Channel<Q, P>
where
    Self: Sync,
{
    fn put(&'static self, item: u32) -> Put {
        put(self.try_put(Item::of(item)))
    }
    fn take(&'static self) -> Option<u32> {
        let item = self.try_get().ok()?;
        assert!(self.task_done().is_ok(), "an item that was never put");
        Some(item.number())
    }
}

impl<P: Platform> Bag for Forced<Channel<WordRing<u16, 2>, P>> {
    fn put(&'static self, item: u32) -> Put {
        force(self.0.force_put(Item::of(item)))
    }
    fn take(&'static self) -> Option<u32> {
        self.0.take()
    }
}

/// Permits are items without a number.
impl<P: Platform> Bag for Semaphore<P> {
    fn put(&'static self, _: u32) -> Put {
        put(self.release(1))
    }
    fn take(&'static self) -> Option<u32> {
        self.try_acquire().then_some(0)
    }
}

/// So is a lock's being free.
impl<P: Platform> Bag for Lock<P> {
    fn put(&'static self, _: u32) -> Put {
        put(self.release())
    }
    fn take(&'static self) -> Option<u32> {
        self.try_acquire().then_some(0)
    }
}

/// Values in a slab, their handles in a queue.
struct Places {
    slab: Slab<Wide, 3>,
    handles: Fifo<Handle, 3>,
}

impl Bag for Places {
    fn put(&'static self, item: u32) -> Put {
        let Ok(handle) = self.slab.insert(Wide::of(item)) else {
            return Put::Refused;
        };
        if self.handles.try_push(handle).is_err() {
            // The cells that others work on count as used.
            assert!(self.slab.remove(handle) == Some(Wide::of(item)), "our own value");
            return Put::Refused;
        }
        Put::In
    }
    fn take(&'static self) -> Option<u32> {
        let value = self.slab.remove(self.handles.try_pop().ok()?);
        Some(value.expect("one handle, one removal").number())
    }
}

/// A handle for whoever uses that end.
struct End<T> {
    taken: Lock<Spin<NoBoard>>,
    handle: UnsafeCell<Option<T>>,
}

// SAFETY: the handle is only touched by the holder of the lock.
unsafe impl<T: Send> Sync for End<T> {}

impl<T> End<T> {
    const fn new() -> Self {
        Self { taken: Lock::new(), handle: UnsafeCell::new(None) }
    }

    /// Fails rather than waits: two contexts at one end is a mistake of the test.
    fn with<R>(&self, f: impl FnOnce(&mut Option<T>) -> R) -> R {
        assert!(self.taken.try_acquire(), "two contexts at one end");
        // SAFETY: we hold the lock, which nobody else releases.
        let result = self.handle.with_mut(|handle| f(unsafe { &mut *handle }));
        assert!(self.taken.release().is_ok());
        result
    }
}

/// A ring, by its two handles.
struct ByHandles<R, T, U> {
    producer: End<T>,
    consumer: End<U>,
    ring: R,
}

impl<R, T, U> ByHandles<R, T, U> {
    const fn new(ring: R) -> Self {
        Self { producer: End::new(), consumer: End::new(), ring }
    }

    fn open(&'static self, split: impl FnOnce(&'static R) -> Option<(T, U)>) {
        if let Some((producer, consumer)) = split(&self.ring) {
            self.producer.with(|end| *end = Some(producer));
            self.consumer.with(|end| *end = Some(consumer));
        }
    }
}

type Slow = Ring<Wide, 3>;
type Handles = ByHandles<Slow, Producer<'static, Wide, 3>, Consumer<'static, Wide, 3>>;

impl Bag for Handles {
    fn put(&'static self, item: u32) -> Put {
        self.producer.with(|end| match end {
            Some(producer) => put(producer.try_push(Item::of(item))),
            None => Put::Refused,
        })
    }
    fn take(&'static self) -> Option<u32> {
        self.consumer.with(|end| end.as_mut()?.try_pop().ok().map(Item::number))
    }
}

type Latest = Overwriting<Wide, 3>;
type LatestHandles = ByHandles<
    Latest,
    overwriting::Producer<'static, Wide, 3>,
    overwriting::Consumer<'static, Wide, 3>,
>;

impl Bag for LatestHandles {
    fn put(&'static self, item: u32) -> Put {
        self.producer.with(|end| match end {
            Some(producer) => match producer.push(Item::of(item)) {
                Some(oldest) => Put::For(oldest.number()),
                None => Put::In,
            },
            None => Put::Refused,
        })
    }
    fn take(&'static self) -> Option<u32> {
        self.consumer.with(|end| end.as_mut()?.try_pop().ok().map(Item::number))
    }
}

const LISTED: List = List::new();

macro_rules! bags {
    ($($name:ident: $bag:ty = $new:expr, $bits:literal, $sharing:ident;)*) => {
        /// The list: one bag of each kind. Make it a `static`.
        #[allow(missing_debug_implementations, reason = "bags show nothing")]
        pub struct Bags<P: Platform> {
            $($name: $bag,)*
        }

        impl<P: Platform> Bags<P> {
            /// Empty bags.
            #[allow(clippy::new_without_default, reason = "a static")]
            pub const fn new() -> Self {
                Self { $($name: $new,)* }
            }

            /// Calls `f` with each. For one context, before the others begin.
            pub fn each(&'static self, mut f: impl FnMut(Subject))
            where
                P: 'static,
            {
                self.ring_by_handles.open(Ring::split);
                self.overwriting.open(Overwriting::split);
                self.timers.clockwork.catch_up();
                $(f(Subject {
                    name: stringify!($name),
                    bag: &self.$name,
                    bits: $bits,
                    sharing: Sharing::$sharing,
                });)*
            }
        }
    };
}

bags! {
    word_ring: Plain<WordRing<u16, 4>> = Plain(WordRing::new()), 0xFFFF, All;
    word_ring_of_one: Plain<WordRing<u16, 1>> = Plain(WordRing::new()), 0xFFFF, All;
    forced_word_ring: Forced<WordRing<u16, 3>> = Forced(WordRing::new()), 0xFFFF, All;
    fifo: Plain<Fifo<Wide, 4>> = Plain(Fifo::new()), 0xFFFF_FFFF, All;
    fifo_of_one: Plain<Fifo<Wide, 1>> = Plain(Fifo::new()), 0xFFFF_FFFF, All;
    forced_fifo: Forced<Fifo<Wide, 3>> = Forced(Fifo::new()), 0xFFFF_FFFF, All;
    stack: Plain<Stack<Wide, 4>> = Plain(Stack::new()), 0xFFFF_FFFF, All;
    stack_of_one: Plain<Stack<Wide, 1>> = Plain(Stack::new()), 0xFFFF_FFFF, All;
    inbox: Plain<Inbox<Wide, 4>> = Plain(Inbox::new()), 0xFFFF_FFFF, OneTaker;
    levels: Plain<Levels<Wide, 2, 3>> = Plain(Levels::new()), 0xFFFF_FFFF, All;
    heap: Plain<Heap<u32, 3, P>> = Plain(Heap::empty()), 0xFFFF_FFFF, All;
    ring_by_handles: Handles = ByHandles::new(Ring::new()), 0xFFFF_FFFF, OneEach;
    overwriting: LatestHandles = ByHandles::new(Overwriting::new()), 0xFFFF_FFFF, OneEach;
    slab: Places = Places { slab: Slab::new(), handles: Fifo::new() }, 0xFFFF_FFFF, All;
    wheel_driven: Alarms<Ticking> = Alarms::new(Ticking::new(), true), 0xFFFF_FFFF, All;
    wheel_cancelled: Alarms<Ticking> = Alarms::new(Ticking::new(), false), 0xFFFF_FFFF, All;
    timers: Alarms<Clocked<P>> = Alarms::new(clocked(), true), 0xFFFF_FFFF, All;
    semaphore: Semaphore<P> = Semaphore::new(0), 0, All;
    lock: Lock<P> = Lock::new(), 0, All;
    channel_of_word_ring: Channel<WordRing<u16, 3>, P> = Channel::new(WordRing::new()), 0xFFFF, All;
    channel_of_fifo: Channel<Plainly, P> = Channel::new(Fifo::new()), 0xFFFF_FFFF, All;
    forced_channel: Forced<Channel<WordRing<u16, 2>, P>> =
        Forced(Channel::new(WordRing::new())), 0xFFFF, All;
    fast_fifo: Plain<FastFifo<Wide, 3>> = Plain(FastFifo::new()), 0xFFFF_FFFF, NoHandlers;
    ring: Plain<Slow> = Plain(Ring::new()), 0xFFFF_FFFF, NoHandlers;
    elastic: Plain<Elastic<Fifo<u32, 2>, List, P>> =
        Plain(Elastic::new(Fifo::new(), LISTED, LISTED)), 0xFFFF_FFFF, NoHandlers;
}

type Plainly = Fifo<Wide, 3>;

/// One side of the books: how many items, their sum and the sum of something else that they give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum([u32; 3]);

impl Sum {
    /// Both.
    #[must_use]
    pub fn plus(self, Self(other): Self) -> Self {
        let Self(mut all) = self;
        all.iter_mut().zip(other).for_each(|(all, other)| *all = all.wrapping_add(other));
        Self(all)
    }

    /// Of one item.
    pub fn of(item: u32) -> Self {
        Self([1, item, (item ^ 0x5555_5555).wrapping_mul(item | 1).rotate_left(item % 31)])
    }

    /// How many items.
    pub fn count(self) -> u32 {
        self.0[0]
    }
}

/// A context that puts and takes at random and keeps its books. It alone writes them, so that they
/// need no more than loads and stores, and can be a `static` of a handler.
#[derive(Debug)]
pub struct Worker {
    /// The dice and the next item.
    state: [AtomicU32; 2],
    put: [AtomicU32; 3],
    taken: [AtomicU32; 3],
    refused: AtomicU32,
}

/// Relaxed: one context writes; who reads it afterwards has waited for it by other means.
const ORDER: Ordering = Ordering::Relaxed;

impl Worker {
    /// A worker that has done nothing; each has a number.
    pub const fn new(number: u32) -> Self {
        Self {
            state: [AtomicU32::new(number), AtomicU32::new(number << 28)],
            put: [const { AtomicU32::new(0) }; 3],
            taken: [const { AtomicU32::new(0) }; 3],
            refused: AtomicU32::new(0),
        }
    }

    fn book(side: &[AtomicU32; 3], item: u32) {
        for (sum, one) in side.iter().zip(Sum::of(item).0) {
            sum.store(sum.load(ORDER).wrapping_add(one), ORDER);
        }
    }

    /// Puts one item.
    pub fn put(&self, subject: Subject) {
        let item = self.state[1].load(ORDER);
        self.state[1].store(item.wrapping_add(1), ORDER);
        let (inside, gone) = match subject.bag.put(item) {
            Put::In => (true, None),
            Put::For(oldest) => (true, Some(oldest)),
            Put::Refused => (false, None),
            Put::RefusedFor(oldest) => (false, Some(oldest)),
        };
        if inside {
            Self::book(&self.put, item & subject.bits);
        } else {
            self.refused.store(self.refused.load(ORDER) + 1, ORDER);
        }
        if let Some(oldest) = gone {
            Self::book(&self.taken, oldest);
        }
    }

    /// Takes one item, if there is any; says whether there was.
    pub fn take(&self, subject: Subject) -> bool {
        let item = subject.bag.take();
        match item {
            Some(item) => Self::book(&self.taken, item),
            None => self.refused.store(self.refused.load(ORDER) + 1, ORDER),
        }
        item.is_some()
    }

    /// Puts or takes, as `puts` and `takes` allow, at random.
    pub fn turn(&self, subject: Subject, puts: bool, takes: bool) {
        if puts && (!takes || self.roll(2) == 0) {
            self.put(subject);
        } else if takes {
            self.take(subject);
        }
    }

    /// A number below `sides`.
    pub fn roll(&self, sides: u32) -> u32 {
        let mut dice = Dice::new(self.state[0].load(ORDER).into());
        let roll = dice.roll(sides as usize);
        self.state[0].store(self.state[0].load(ORDER).wrapping_add(1), ORDER);
        roll as u32
    }

    /// What it has put and what it has taken.
    pub fn books(&self) -> (Sum, Sum) {
        let read = |side: &[AtomicU32; 3]| Sum(core::array::from_fn(|i| side[i].load(ORDER)));
        (read(&self.put), read(&self.taken))
    }

    /// How many operations it has done.
    pub fn operations(&self) -> u32 {
        let (put, taken) = self.books();
        put.count() + taken.count() + self.refused.load(ORDER)
    }
}

/// Empties the bag and compares all workers' books: what was put has been taken, once.
pub fn settle(subject: Subject, workers: &[&Worker]) {
    let last = workers.first().expect("somebody has worked");
    while last.take(subject) {}
    let books = workers.iter().map(|worker| worker.books());
    let (put, taken) =
        books.fold(Default::default(), |(put, taken): (Sum, Sum), (more_put, more_taken)| {
            (put.plus(more_put), taken.plus(more_taken))
        });
    assert_eq!(put, taken, "{}: the books of put and taken", subject.name);
    subject.bag.settled();
}
