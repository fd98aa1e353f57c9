//! What the types show of themselves: their state, without asking anything of what they hold; and that the default
//! is the empty one.

use std::ptr::NonNull;
use std::task::Waker;
use std::time::Duration;

use inkle_core::channel::{Channel, Shutdown};
use inkle_core::context::{Context, ContextVar, Current, Registry, Slots};
use inkle_core::elastic::Elastic;
use inkle_core::event_count::EventCount;
use inkle_core::fork::{Branch, Nest};
use inkle_core::platform::{Deadline, NoBoard, Spin, Wake, WideCounter};
use inkle_core::queue::fifo::{FastFifo, FastSlot, Fifo};
use inkle_core::queue::inbox::Inbox;
use inkle_core::queue::lifo::Stack;
use inkle_core::queue::priority::{Heap, Level, Levels};
use inkle_core::queue::spsc::{Overwriting, Ring};
use inkle_core::queue::steal::{Deque, Steal};
use inkle_core::queue::word::{WordRing, WordSlot};
use inkle_core::queue::{Container, Guarded, Queue};
use inkle_core::roster::Roster;
use inkle_core::slab::{Pool, Slab};
use inkle_core::sync::*;
use inkle_core::timer::{Slot, Tick, Timers, Wheel};

type P = Spin<NoBoard>;

/// An item that can say nothing of itself.
struct Mute;

/// A container without a limit.
#[derive(Default)]
struct Pile(Vec<Mute>);

impl Container for Pile {
    type Item = Mute;
    fn put(&mut self, item: Mute) -> Result<(), Mute> {
        self.0.push(item);
        Ok(())
    }
    fn take(&mut self) -> Option<Mute> {
        self.0.pop()
    }
    fn len(&self) -> usize {
        self.0.len()
    }
}

macro_rules! shows {
    ($($value:expr => $text:expr;)+) => {$(
        assert_eq!(format!("{:?}", $value), $text, "{}", stringify!($value));
    )+};
}

#[test]
fn queues() {
    let fifo = Fifo::<Mute, 2>::default();
    assert!(fifo.try_push(Mute).is_ok());
    let stack = Stack::<Mute, 2>::default();
    assert!(Queue::close(&stack));
    let inbox = Inbox::<Mute, 2>::default();
    assert!(inbox.try_push(Mute).is_ok());
    let levels = Levels::<Mute, 3, 4>::default();
    assert!(levels.try_push(Level::LAST, Mute).is_ok());
    let elastic = Elastic::<_, _, P>::new(Fifo::<Mute, 1>::new(), Pile::default(), Pile::default());
    assert!(elastic.try_push(Mute).is_ok() && elastic.try_push(Mute).is_ok());
    shows! {
        elastic => "Elastic { ring: Fifo { len: 1, capacity: Some(1), closed: false }, len: 2 }";
        Guarded::<Pile, P>::default() => "Guarded { len: 0, capacity: None, closed: false }";
        fifo => "Fifo { len: 1, capacity: Some(2), closed: false }";
        stack => "Stack { len: 0, capacity: Some(2), closed: true }";
        inbox => "Inbox { len: 1, capacity: Some(2), closed: false }";
        inbox.take_all() => "Batch { is_last: false, .. }";
        levels => "Levels { len: 1, capacity: Some(4), closed: false }";
        WordRing::<u32, 5>::default() => "WordRing { len: 0, capacity: Some(5), closed: false }";
        FastFifo::<Mute, 2>::default() => "FastFifo { len: 0, capacity: Some(2), closed: false }";
        FastSlot::<Mute>::default() => "FastSlot";
        Heap::<u8, 4, P>::default() => "Guarded { len: 0, capacity: Some(4), closed: false }";
        Pool::<3>::default() => "Pool { free: 3, size: 3 }";
        Slab::<Mute, 3>::default() => "Slab { len: 0, capacity: 3 }";
    }
    let _: WordSlot = WordSlot::default();
}

#[test]
fn queues_of_two_sides() {
    let ring = Ring::<Mute, 4>::default();
    let (mut producer, mut consumer) = ring.split().expect("nobody has it");
    assert!(producer.try_push(Mute).is_ok() && producer.try_push(Mute).is_ok());
    let shown = "Ring { len: 2, capacity: Some(4), closed: false }";
    shows! {
        producer => format!("Producer {{ ring: {shown} }}");
        consumer => format!("Consumer {{ ring: {shown} }}");
        producer.write_chunk(2).ok() => "Some(WriteChunk { len: 2 })";
        consumer.read_chunk(1).ok() => "Some(ReadChunk { len: 1 })";
    }
    let frames = Overwriting::<Mute, 2>::default();
    let (mut producer, consumer) = frames.split().expect("nobody has it");
    assert!(producer.push(Mute).is_none());
    shows! {
        producer => "Producer { closed: false }";
        consumer => "Consumer { .. }";
        frames => "Overwriting { len: 1, capacity: 2 }";
    }
    let deque = Deque::<Mute, 4>::default();
    let mut owner = deque.owner().expect("nobody has it");
    assert!(owner.push(NonNull::dangling()).is_ok());
    shows! {
        deque => "Deque { len: 1, capacity: 4 }";
        owner => "Owner(Deque { len: 1, capacity: 4 })";
        Steal::<Mute>::Empty => "Empty";
        Steal::<Mute>::Retry => "Retry";
    }
    let taken = deque.steal();
    assert!(format!("{taken:?}").starts_with("Taken(0x"));
    assert_eq!(taken, Steal::Taken(NonNull::dangling()));
    assert_ne!(taken, Steal::Empty);
    assert_eq!((Steal::<Mute>::Empty, Steal::<Mute>::Retry), (Steal::Empty, Steal::Retry));
}

#[test]
fn locks() {
    let lock = Lock::<P>::default();
    lock.acquire();
    let rlock = RLock::<P>::default();
    let mutex = Mutex::<u32, P>::default();
    let gate = RwLock::<u32, P>::default();
    shows! {
        lock => "Lock { held: true }";
        rlock => "RLock { held: false }";
        mutex => "Mutex { value: 0 }";
        mutex.lock() => "0";
        gate => "RwLock { value: 0 }";
        gate.read() => "0";
        gate.write() => "0";
        Condition::<P>::default() => "Condition";
    }
    let held = (mutex.lock(), gate.write());
    shows! {
        mutex => "Mutex { .. }";
        gate => "RwLock { .. }";
    }
    drop(held);
}

#[test]
fn events() {
    let event = Event::<P>::default();
    event.set();
    let promise = Promise::<Mute, P>::default();
    shows! { promise => "Promise { state: open }"; }
    assert!(promise.set(Mute).is_ok());
    shows! { promise => "Promise { state: set }"; }
    assert!(promise.take().is_ok());
    shows! { promise => "Promise { state: taken }"; }
    let broken = Promise::<Mute, P>::new();
    broken.abandon();
    let outcome = Outcome::<Mute, P>::default();
    let token = CancelToken::<P>::default();
    token.cancel(Reason::custom(7));
    let once = Once::<u32, P>::default();
    shows! {
        event => "Event { set: true }";
        event.wait_async() => "Operation { done: false, .. }";
        broken => "Promise { state: abandoned }";
        outcome => "Outcome { phase: Pending, .. }";
        outcome.claim() => "Some(Claim { .. })";
        outcome => "Outcome { phase: Cancelled, .. }";
        token => "CancelToken { reason: Some(Reason(reason 7)), .. }";
        once => "Once(None)";
        Once::<u32, P>::from(3) => "Once(Some(3))";
        Semaphore::<P>::new(3) => "Semaphore { available: 3 }";
        BoundedSemaphore::<P>::new(3) => "BoundedSemaphore { available: 3, limit: 3 }";
        Barrier::<P>::new(2).expect("parties") => "Barrier { parties: 2, waiting: 0, broken: false }";
        Latch::<P>::new(2) => "Latch { remaining: 2 }";
        Hook::new(|_| ()) => "Hook { .. }";
    }
    let reasons = [Reason::REQUESTED, Reason::DEADLINE, Reason::FAILED, Reason::SHUTDOWN];
    let texts = [
        "asked to stop",
        "the deadline has passed",
        "another part of the work has failed",
        "shutting down",
    ];
    assert_eq!(reasons.map(|reason| reason.to_string()), texts);
}

#[test]
fn pools_and_channels() {
    let channel = Channel::<Fifo<Mute, 2>, P>::new(Fifo::new());
    assert!(channel.try_put(Mute).is_ok());
    channel.shutdown(Shutdown::Graceful);
    let nest = Nest::<P, 4>::default();
    shows! {
        channel => "Channel { len: 1, capacity: Some(2), unfinished: 1, shut_down: true }";
        nest => "Nest { branches: 0 }";
        Branch::new(&nest, |_| Mute) => "Branch { .. }";
        Roster::<P>::default() => "Census { queued: 0, idle: 0, active: 0, away: 0, closed: false }";
    }
    // Nobody is counted: who waits is told of what came after `prepare`.
    let count = EventCount::<P>::default();
    let key = count.prepare();
    count.notify(1);
    assert_eq!(count.wait(key, Deadline::NEVER), Wake::Woken);
}

#[test]
fn timers() {
    let count = WideCounter::default();
    // The timer wraps around.
    assert_eq!([5, 1 << 31, 3].map(|low| count.read(|| low)), [5, 1 << 31, (1 << 32) + 3]);
    let wheel = Wheel::<Mute, 2>::new(Tick::new(5));
    let timers = Timers::<Waker, 2, P>::new(Duration::from_millis(1));
    // Nothing is due within its horizon.
    shows! {
        wheel => format!("Wheel {{ next_deadline: {:?}, untidy: 0, .. }}", wheel.next_deadline());
        wheel.try_drive() => "Some(Driver { .. })";
        timers => format!("Timers {{ wheel: {:?}, .. }}", timers.wheel());
        timers.sleep(Deadline::PASSED) => format!("Sleep {{ deadline: {:?}, .. }}", Deadline::PASSED);
        Slot::<Mute>::new() => "Slot { .. }";
    }
}

// SAFETY: one test uses it, in one thread.
inkle_core::single_core_context!(unsafe Own: Slots<4>);

static NAMED: ContextVar<u32, Own> = ContextVar::new("named");

#[test]
fn contexts() {
    let own = Context::<Own>::default();
    let shown = own.run(|| {
        let token = NAMED.set(1).expect("there is a slot");
        shows! {
            token => "Token { context: 1, .. }";
            NAMED.bind(2) => "Ok(Bound { name: \"named\", .. })";
            Context::<Own>::copy_current() => "{\"named\"}";
        }
        let variable = Context::<Own>::copy_current().iter().next().expect("one is set");
        shows! { variable => "Variable { name: \"named\", .. }"; }
    });
    assert!(shown.is_ok());
    shows! {
        NAMED => "ContextVar { name: \"named\", .. }";
        own => "{\"named\"}";
        own.iter() => "Variables { left: 1 }";
        Context::<Own>::new().wrap(async {}) => "Within { context: {}, .. }";
        Registry::<Own>::default() => "[]";
        Current::<Own>::default() => "Current { root: {}, .. }";
    }
}
