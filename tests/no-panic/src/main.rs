//! Links only if no panic can be reached from any operation of the core: the panic handler calls a
//! function that does not exist, and the linker drops the handler only when nothing refers to it.
//! Never run.
#![no_std]
#![no_main]

#[cfg(target_has_atomic = "64")]
mod robust;

use core::future::Future;
use core::hint::{black_box, spin_loop};
use core::num::NonZeroU8;
use core::pin::pin;
use core::ptr::NonNull;
use core::task::{Context, Waker};
use core::time::Duration;

use inkle_core::channel::{Channel, Shutdown};
use inkle_core::context::{self, ContextVar, Slots};
use inkle_core::context_value;
use inkle_core::event_count::EventCount;
use inkle_core::fork::{Host, Nest};
#[cfg(not(target_os = "none"))]
use inkle_core::platform::Spin;
use inkle_core::platform::{Board, Deadline, WideCounter};
use inkle_core::queue::fifo::{FastFifo, Fifo};
use inkle_core::queue::inbox::Inbox;
use inkle_core::queue::lifo::Stack;
use inkle_core::queue::priority::{Heap, Level, Levels};
use inkle_core::queue::spsc::{Overwriting, Ring};
use inkle_core::queue::steal::{Deque, Steal};
use inkle_core::queue::word::WordRing;
use inkle_core::queue::{Peek, Queue};
use inkle_core::roster::{Limits, Next, Roster};
use inkle_core::select::Select;
use inkle_core::slab::{Pool, Slab};
use inkle_core::sync::{
    Barrier, BoundedSemaphore, CancelToken, Condition, Event, Hook, Latch, Lock, Mutex, Once,
    Outcome, Promise, RLock, Reason, RwLock, Semaphore,
};
use inkle_core::timer::{Coarse, Exact, Geometry, Then, Tick, Timers, Wheel};

unsafe extern "C" {
    fn inkle_core_can_panic() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // SAFETY: it does not exist, so this never runs: the program does not link.
    unsafe { inkle_core_can_panic() }
}

#[cfg(not(target_os = "none"))]
#[link(name = "c")]
unsafe extern "C" {}

// Brings the critical section along.
#[cfg(target_os = "none")]
use cortex_m as _;

/// A clock that the optimiser cannot see through.
struct Clock;

impl Board for Clock {
    fn now() -> u64 {
        static WIDE: WideCounter = WideCounter::new();
        WIDE.read(|| black_box(1))
    }
}

#[cfg(not(target_os = "none"))]
type Ground = Spin<Clock>;
#[cfg(target_os = "none")]
type Ground = inkle_core::platform::WaitForInterrupt<inkle_core::platform::CriticalSection<Clock>>;
type Large = [u64; 4];

static WORDS: Channel<WordRing<u16, 5>, Ground> = Channel::new(WordRing::new());
static ITEMS: Channel<Fifo<Large, 5>, Ground> = Channel::new(Fifo::new());
static FAST: Channel<FastFifo<Large, 5>, Ground> = Channel::new(FastFifo::new());
static HEAP: Channel<Heap<Large, 5, Ground>, Ground> = Channel::new(Heap::empty());
static LEVELS: Channel<Levels<Large, 3, 5>, Ground> = Channel::new(Levels::new());
static TURNS: Channel<Ring<Large, 5>, Ground> = Channel::new(Ring::new());
static RING: Ring<Large, 5> = Ring::new();
static LATEST: Overwriting<Large, 5> = Overwriting::new();
static STACK: Channel<Stack<Large, 5>, Ground> = Channel::new(Stack::new());
static INBOX: Channel<Inbox<Large, 5>, Ground> = Channel::new(Inbox::new());
static DEQUE: Deque<Large, 4> = Deque::new();
static NEST: Nest<Ground, 4> = Nest::new();
static SLAB: Slab<Large, 5> = Slab::new();
static POOL: Pool<5> = Pool::new();
static LOCK: Lock<Ground> = Lock::new();
static CONDITION: Condition<Ground> = Condition::new();
static TREE: RLock<Ground> = RLock::new();
static BARRIER: Option<Barrier<Ground>> = Barrier::new(3);
static EVENT: Event<Ground> = Event::new();
static SEMAPHORE: Semaphore<Ground> = Semaphore::new(1);
static MUTEX: Mutex<Large, Ground> = Mutex::new([0; 4]);
static READERS: RwLock<Large, Ground> = RwLock::new([0; 4]);
static LATCH: Latch<Ground> = Latch::new(3);
static ONCE: Once<Large, Ground> = Once::new();
static PROMISE: Promise<Large, Ground> = Promise::new();
static OUTCOME: Outcome<Large, Ground> = Outcome::new();
static HOOK: Hook = Hook::new(|_| ());
static BOUNDED: BoundedSemaphore<Ground> = BoundedSemaphore::new(1);
static TOKEN: CancelToken<'_, Ground> = CancelToken::new();
static TIMERS: Timers<Call, 3, Ground> = Timers::new(Duration::from_millis(1));
static COUNT: EventCount<Ground> = EventCount::new();
static ROSTER: Roster<Ground> = Roster::new();
static PEER: ContextVar<Peer, Contexts> = ContextVar::new("peer");
static LIMIT: ContextVar<Option<NonZeroU8>, Contexts> = ContextVar::with_default("limit", None);
static TEXT: ContextVar<&str, Contexts> = ContextVar::new("text");

fn channel<Q: Queue>(channel: &Channel<Q, Ground>, item: fn() -> Q::Item, timeout: Duration) {
    black_box(channel.put(item()).is_ok());
    black_box(channel.try_put(item()).is_ok());
    black_box(channel.put_timeout(item(), timeout).is_ok());
    black_box(channel.get().is_ok());
    black_box(channel.try_get().is_ok());
    black_box(channel.get_timeout(timeout).is_ok());
    black_box(channel.task_done().is_ok());
    channel.join();
    black_box(channel.join_timeout(timeout).is_ok());
    channel.shutdown(Shutdown::Immediate);
    black_box(channel.len() + channel.unfinished() + channel.capacity().unwrap_or(0));
    black_box((channel.is_full(), channel.is_empty(), channel.is_shut_down()));
    black_box(channel.iter().count() + channel.drain().count());
    tasks(channel, item);
}

fn roster() {
    let limits = black_box(Limits { most: 2, least: 1, spares: 1, queue: 3 });
    black_box((ROSTER.submit(limits).is_ok(), ROSTER.not_started().is_ok()));
    black_box(
        ROSTER.next(|| black_box(limits), black_box(Duration::MAX), || black_box(false))
            == Next::Job,
    );
    black_box(ROSTER.rouse(black_box(2)));
    ROSTER.not_roused();
    black_box((ROSTER.go_away(limits), ROSTER.start_for_queue(limits)));
    black_box((ROSTER.not_started_for_queue(), ROSTER.revoke(black_box(2)), ROSTER.census()));
    ROSTER.came_back();
    ROSTER.wake();
    ROSTER.wake_all();
    black_box(ROSTER.close());
}

fn outcome(timeout: Duration) {
    let mut context = Context::from_waker(Waker::noop());
    // SAFETY: a static, entered once.
    black_box(unsafe { OUTCOME.hook(NonNull::from(&HOOK)) });
    if let Some(claim) = OUTCOME.claim() {
        claim.finish(black_box([1; 4]));
    }
    black_box((OUTCOME.cancel(), OUTCOME.phase(), OUTCOME.is_settled(), OUTCOME.claim().is_some()));
    black_box((OUTCOME.get().is_ok(), OUTCOME.try_get().is_ok()));
    black_box((OUTCOME.get_timeout(timeout).is_ok(), OUTCOME.get_unless(&TOKEN).is_ok()));
    black_box(OUTCOME.settle_until(black_box(Deadline::at(5))).is_ok());
    black_box(pin!(OUTCOME.get_async()).poll(&mut context).is_ready());
    black_box(pin!(OUTCOME.settle_async()).poll(&mut context).is_ready());
    black_box(Outcome::<Large, Ground>::new().into_inner());
}

/// The same as futures, polled and selected.
fn tasks<Q: Queue>(channel: &Channel<Q, Ground>, item: fn() -> Q::Item) {
    let mut context = Context::from_waker(Waker::noop());
    black_box(pin!(channel.put_async(item())).poll(&mut context).is_ready());
    black_box(pin!(channel.get_async()).poll(&mut context).is_ready());
    black_box(pin!(channel.join_async()).poll(&mut context).is_ready());
    let (mut put, mut get) = (channel.put_async(item()), channel.get_async());
    let mut select = Select::new();
    black_box(select.wait(&mut [&mut put, &mut get], black_box(Deadline::at(5))).is_ok());
    black_box((put.take().is_some(), get.take().is_some(), put.into_item().is_some()));
}

fn queues() {
    let (short, long) = (WordRing::<bool, 1>::new(), Fifo::<Large, 3>::new());
    black_box((short.try_push(true).is_ok(), short.try_pop().is_ok(), short.close()));
    black_box((short.force_push(true).is_ok(), short.peek(), short.drain().count()));
    black_box((long.force_push([1; 4]).is_ok(), WORDS.force_put(1).is_ok(), WORDS.peek()));
    black_box((long.try_push([1; 4]).is_ok(), long.try_pop().is_ok(), long.close()));
    let (heap, levels) = (Heap::<u8, 3, Ground>::empty(), Levels::<Large, 2, 3>::new());
    black_box((heap.try_push(black_box(1)).is_ok(), heap.peek(), heap.close()));
    black_box((heap.try_pop().is_ok(), heap.len()));
    black_box(heap.into_inner().peek());
    if let Some(level) = Level::new(black_box(1)) {
        black_box(levels.try_push(level, [1; 4]).is_ok());
    }
    black_box((levels.try_pop().is_ok(), levels.close(), levels.len(), levels.ticket()));
    black_box((short.force_push(true).is_ok(), short.peek(), long.force_push([1; 4]).is_ok()));
    let inbox = Inbox::<Large, 3>::new();
    black_box((inbox.try_push([1; 4]).is_ok(), inbox.try_pop().is_ok()));
    let mut batch = inbox.take_all();
    black_box((batch.next(), batch.is_last()));
    if let Ok(handle) = SLAB.insert(black_box([1; 4])) {
        black_box(SLAB.remove(black_box(handle)));
    }
    black_box(SLAB.len());
    if let Some(index) = POOL.claim() {
        // SAFETY: claimed in the line above.
        unsafe { POOL.release(index) };
    }
    black_box(POOL.free());
}

fn rings() {
    let mut some = black_box([[1; 4]; 7]);
    if let Some((mut producer, mut consumer)) = RING.split() {
        black_box((producer.try_push(some[0]).is_ok(), producer.push_slice(&some)));
        black_box((producer.fill_from(some), producer.slots(), producer.is_abandoned()));
        if let Ok(mut chunk) = producer.write_chunk(black_box(2)) {
            let (first, second) = chunk.as_mut_slices();
            for slot in first.iter_mut().chain(second) {
                slot.write([2; 4]);
            }
            // SAFETY: both have been written.
            unsafe { chunk.commit(2) };
        }
        black_box((producer.close(), producer.is_closed()));
        black_box((consumer.try_pop().is_ok(), consumer.peek().is_some()));
        black_box((consumer.pop_slice(&mut some), consumer.slots(), consumer.is_abandoned()));
        if let Ok(chunk) = consumer.read_chunk(black_box(2)) {
            black_box(chunk.as_slices());
            chunk.commit(black_box(1));
        }
        if let Ok(chunk) = consumer.read_chunk(black_box(2)) {
            black_box(chunk.into_iter().count());
        }
    }
    let short = Ring::<Large, 3>::new();
    black_box((short.try_push([1; 4]).is_ok(), short.try_pop().is_ok(), short.close()));
    black_box(short.into_iter().count());
    if let Some((mut producer, mut consumer)) = LATEST.split() {
        black_box((producer.push([1; 4]), producer.close(), producer.is_abandoned()));
        black_box((consumer.try_pop().is_ok(), consumer.is_abandoned()));
    }
    black_box(Overwriting::<Large, 3>::new());
}

struct Alone;

impl Host for Alone {
    fn forked(&self, is_followed: bool) {
        if is_followed {
            NEST.unfollow();
        }
    }

    fn block(&self, sleep: &mut dyn FnMut()) {
        sleep();
    }
}

fn fork() {
    let (one, other) = (black_box(1), black_box(2));
    // SAFETY: there is nobody else, and the nest is a static.
    let (one, other) = unsafe { NEST.join(&Alone, || black_box(one), |_| black_box(other)) };
    black_box((one, other.is_ok()));
    if let Some(taken) = NEST.steal() {
        // SAFETY: as above.
        unsafe { taken.run(&NEST) };
    }
    NEST.ring();
    black_box(NEST.is_empty());
}

fn deque() {
    let mut item = black_box([1; 4]);
    if let Some(mut owner) = DEQUE.owner() {
        black_box((owner.push(NonNull::from(&mut item)).is_ok(), owner.pop()));
    }
    // SAFETY: the owner is gone.
    black_box(unsafe { (DEQUE.push(NonNull::from(&mut item)).is_ok(), DEQUE.pop()) });
    black_box(matches!(DEQUE.steal(), Steal::Taken(_)));
    black_box((DEQUE.len(), DEQUE.is_empty(), DEQUE.capacity()));
}

fn sync(timeout: Duration) {
    LOCK.acquire();
    black_box((LOCK.release().is_ok(), LOCK.try_acquire(), LOCK.is_held()));
    black_box(LOCK.acquire_timeout(timeout).is_ok());
    let mut guard = LOCK.guard();
    CONDITION.wait(&mut guard);
    black_box(CONDITION.wait_timeout(&mut guard, timeout).is_ok());
    CONDITION.wait_for(&mut guard, |_| black_box(true));
    drop(guard);
    CONDITION.notify(1);
    CONDITION.notify_all();
    meetings(timeout);
    EVENT.set();
    EVENT.clear();
    EVENT.wait();
    black_box(EVENT.wait_timeout(timeout).is_ok());
    SEMAPHORE.acquire();
    black_box((SEMAPHORE.acquire_timeout(timeout).is_ok(), SEMAPHORE.release(2).is_ok()));
    black_box(SEMAPHORE.available());
    black_box((BOUNDED.try_acquire(), BOUNDED.release(2).is_ok(), BOUNDED.available()));
    cancel(timeout);
    black_box(COUNT.block(Deadline::at(black_box(2)), || black_box(None::<u32>)));
    COUNT.notify(1);
    roster();
}

fn values(timeout: Duration) {
    let mut context = Context::from_waker(Waker::noop());
    MUTEX.lock()[0] = black_box(1);
    black_box((MUTEX.try_lock().is_some(), MUTEX.lock_timeout(timeout).is_ok()));
    black_box((MUTEX.lock_unless(&TOKEN).is_ok(), MUTEX.is_locked()));
    black_box(pin!(MUTEX.lock_async()).poll(&mut context).is_ready());
    black_box(READERS.read()[0]);
    black_box((READERS.try_read().is_some(), READERS.read_timeout(timeout).is_ok()));
    black_box(READERS.read_unless(&TOKEN).is_ok());
    black_box(pin!(READERS.read_async()).poll(&mut context).is_ready());
    let mut guard = READERS.write();
    guard[0] = black_box(1);
    black_box(guard.downgrade()[0]);
    black_box((READERS.try_write().is_some(), READERS.write_timeout(timeout).is_ok()));
    black_box(READERS.write_unless(&TOKEN).is_ok());
    black_box(pin!(READERS.write_async()).poll(&mut context).is_ready());
    black_box((LATCH.count_down(black_box(1)).is_ok(), LATCH.arrive_and_wait().is_ok()));
    black_box((LATCH.wait_timeout(timeout).is_ok(), LATCH.wait_unless(&TOKEN).is_ok()));
    black_box((LATCH.remaining(), pin!(LATCH.wait_async()).poll(&mut context).is_ready()));
    LATCH.wait();
    black_box((ONCE.set(black_box([1; 4])).is_ok(), ONCE.get_or_init(|| black_box([2; 4]))));
    black_box(ONCE.get_or_try_init(|| black_box(Err(1))).is_ok());
    black_box((ONCE.wait(), ONCE.wait_timeout(timeout).is_ok(), ONCE.wait_unless(&TOKEN).is_ok()));
    black_box(pin!(ONCE.wait_async()).poll(&mut context).is_ready());
    let mut once = Once::<Large, Ground>::from(black_box([1; 4]));
    black_box((once.get_mut().is_some(), once.into_inner()));
    black_box((PROMISE.set(black_box([1; 4])).is_ok(), PROMISE.abandon(), PROMISE.is_set()));
    black_box((PROMISE.take().is_ok(), PROMISE.try_take().is_ok()));
    black_box((PROMISE.take_timeout(timeout).is_ok(), PROMISE.take_unless(&TOKEN).is_ok()));
    black_box(pin!(PROMISE.take_async()).poll(&mut context).is_ready());
    black_box(Promise::<Large, Ground>::new().into_inner());
    outcome(timeout);
}

/// Tokens, and what waits with them.
fn cancel(timeout: Duration) {
    let token = TOKEN.child_timeout(timeout);
    black_box((SEMAPHORE.acquire_unless(&token).is_ok(), EVENT.wait_unless(&token).is_ok()));
    black_box((LOCK.acquire_unless(&token).is_ok(), BOUNDED.acquire_unless(&token).is_ok()));
    black_box((ITEMS.put_unless([1; 4], &token).is_ok(), ITEMS.get_unless(&token).is_ok()));
    black_box((
        ITEMS.join_unless(&token).is_ok(),
        token.wait_timeout(timeout),
        token.check().is_ok(),
    ));
    let mut context = Context::from_waker(Waker::noop());
    black_box(pin!(LOCK.guard_async()).poll(&mut context).is_ready());
    black_box(pin!(EVENT.wait_async()).poll(&mut context).is_ready());
    black_box(pin!(SEMAPHORE.acquire_async()).poll(&mut context).is_ready());
    black_box(pin!(token.wait_async()).poll(&mut context).is_ready());
    black_box((token.cancel(Reason::custom(black_box(7))), token.reason(), TOKEN.wait()));
}

/// Locks taken again, waits with their guards, and barriers.
fn meetings(timeout: Duration) {
    let (stop, mut context) = (CancelToken::new(), Context::from_waker(Waker::noop()));
    black_box((TREE.acquire().is_ok(), TREE.try_acquire().is_ok(), TREE.release().is_ok()));
    black_box((TREE.acquire_timeout(timeout).is_ok(), TREE.acquire_unless(&stop).is_ok()));
    if let Ok(mut guard) = TREE.guard() {
        black_box(CONDITION.wait_unless(&mut guard, &stop).is_ok());
        black_box(CONDITION.wait_for_timeout(&mut guard, timeout, |_| black_box(true)).is_ok());
        black_box(CONDITION.wait_for_unless(&mut guard, &stop, |_| black_box(true)).is_ok());
    }
    {
        let mut wait = pin!(CONDITION.wait_async(LOCK.guard()));
        black_box(wait.as_mut().poll(&mut context).is_ready());
        black_box(wait.poll(&mut context).is_ready());
    }
    if let Some(barrier) = &BARRIER {
        black_box((barrier.wait().is_ok(), barrier.wait_timeout(timeout).is_ok()));
        black_box((
            barrier.wait_with(|| ()).is_ok(),
            barrier.wait_with_timeout(timeout, || ()).is_ok(),
        ));
        black_box((
            barrier.wait_unless(&stop).is_ok(),
            barrier.wait_with_unless(&stop, || ()).is_ok(),
        ));
        black_box(pin!(barrier.wait_async()).poll(&mut context).is_ready());
        black_box(pin!(barrier.wait_with_async(|| ())).poll(&mut context).is_ready());
        barrier.abort();
        barrier.reset();
        black_box((barrier.is_broken(), barrier.parties(), barrier.waiting()));
    }
}

// SAFETY: never run.
inkle_core::single_core_context!(unsafe Contexts: Slots<2>);

#[derive(Clone, Copy)]
struct Peer {
    address: u32,
    port: u16,
    path: u16,
}

context_value!(Peer { address: u32, port: u16, path: u16 });

fn variable<T: context::Value>(variable: &'static ContextVar<T, Contexts>, value: T) {
    black_box((variable.register().is_ok(), variable.name(), variable.get()));
    if let Ok(token) = variable.set(black_box(value)) {
        black_box((token.old_value(), variable.reset(token).is_ok()));
    }
    let bound = variable.bind(black_box(value));
    let copy = context::Context::<Contexts>::copy_current();
    black_box((copy.get(variable), copy.len(), copy.is_empty(), copy.copy()));
    black_box(copy.iter().map(|variable| variable.name().len()).sum::<usize>());
    black_box((copy.run(|| variable.get()).is_ok(), bound.is_ok()));
}

fn contexts() {
    static TASK: context::Context<Contexts> = context::Context::new();
    variable(&PEER, Peer { address: 1, port: 2, path: 3 });
    variable(&LIMIT, NonZeroU8::new(1));
    variable(&TEXT, "text");
    // SAFETY: never run.
    <Contexts as context::Ground>::current(|current| unsafe {
        black_box(current.switch(black_box(&TASK)));
    });
    let future = context::Context::<Contexts>::default().wrap(EVENT.wait_async());
    black_box(pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready());
}

/// What a timer carries.
struct Call(Waker, Large);

impl From<Waker> for Call {
    fn from(waker: Waker) -> Self {
        Self(waker, black_box([1; 4]))
    }
}

fn wheel<G: Geometry, const N: usize>(wheel: &Wheel<Large, N, G>) {
    let at = || Tick::new(black_box(5));
    if let Ok(scheduled) = wheel.schedule(at(), black_box([1; 4])) {
        let handle = black_box(scheduled.handle);
        black_box((wheel.is_pending(handle), wheel.is_firing(handle)));
        black_box((wheel.reschedule(handle, at()).is_ok(), wheel.cancel(handle).is_ok()));
    }
    black_box((wheel.next_deadline(), wheel.untidy()));
    if let Some(mut driver) = wheel.try_drive() {
        let act = |value| {
            if black_box(true) { Then::Again(at(), value) } else { Then::Done }
        };
        black_box(driver.advance(at(), black_box(7), act).fired);
        black_box((driver.tidy(black_box(7)).next, driver.approach(at(), black_box(7)).next));
    }
}

fn timers(timeout: Duration) {
    let soon = || Deadline::after::<Ground>(timeout);
    let call = || Call::from(Waker::noop().clone());
    if let Ok(handle) = TIMERS.schedule(soon(), call()) {
        let handle = black_box(handle);
        black_box((TIMERS.is_pending(handle), TIMERS.reschedule(handle, soon()).is_ok()));
        black_box((TIMERS.cancel(handle).is_ok(), TIMERS.cancel_sync(handle, soon()).is_ok()));
    }
    TIMERS.tidy(black_box(7));
    TIMERS.catch_up();
    black_box(TIMERS.next_deadline());
    let mut act = |call: Call| {
        call.0.wake_by_ref();
        black_box(call.1);
        if black_box(true) { Then::Again(soon(), call) } else { Then::Done }
    };
    black_box(TIMERS.turn(black_box(7), &mut act).is_some());
    black_box(TIMERS.drive_once(soon(), &mut act).is_ok());
    TIMERS.drive(soon(), &mut act);
    let mut context = Context::from_waker(Waker::noop());
    black_box(pin!(TIMERS.sleep(soon())).poll(&mut context).is_ready());
    let wait = TIMERS.timeout(EVENT.wait_async(), soon());
    black_box(pin!(wait).poll(&mut context).is_ready());
}

/// The entry that the linker asks for.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let timeout = Duration::from_nanos(black_box(7));
    channel(&WORDS, || black_box(1), timeout);
    channel(&ITEMS, || black_box([1; 4]), timeout);
    channel(&FAST, || black_box([1; 4]), timeout);
    channel(&HEAP, || black_box([1; 4]), timeout);
    channel(&LEVELS, || black_box((Level::LAST, [1; 4])), timeout);
    channel(&TURNS, || black_box([1; 4]), timeout);
    channel(&STACK, || black_box([1; 4]), timeout);
    channel(&INBOX, || black_box([1; 4]), timeout);
    queues();
    rings();
    deque();
    fork();
    sync(timeout);
    values(timeout);
    #[cfg(target_has_atomic = "64")]
    robust::all(timeout);
    wheel(&Wheel::<_, 5, Exact>::new(Tick::new(black_box(1))));
    wheel(&Wheel::<_, 5, Exact<3>>::new(Tick::new(black_box(1))));
    wheel(&Wheel::<_, 5, Coarse>::new(Tick::new(black_box(1))));
    timers(timeout);
    contexts();
    loop {
        spin_loop();
    }
}
