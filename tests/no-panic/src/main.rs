//! Links only if no panic can be reached from any operation of the core: the panic handler calls a
//! function that does not exist, and the linker drops the handler only when nothing refers to it.
//! Never run.
#![no_std]
#![no_main]

use core::future::Future;
use core::hint::black_box;
use core::pin::pin;
use core::task::{Context, Waker};
use core::time::Duration;

use inkle_core::channel::{Channel, Shutdown};
use inkle_core::event_count::EventCount;
#[cfg(not(target_os = "none"))]
use inkle_core::platform::Spin;
use inkle_core::platform::{Board, Deadline, WideCounter};
use inkle_core::queue::fifo::{FastFifo, Fifo};
use inkle_core::queue::inbox::Inbox;
use inkle_core::queue::lifo::Stack;
use inkle_core::queue::priority::{Heap, Level, Levels};
use inkle_core::queue::spsc::{Overwriting, Ring};
use inkle_core::queue::word::WordRing;
use inkle_core::queue::{Peek, Queue};
use inkle_core::select::Select;
use inkle_core::slab::{Pool, Slab};
use inkle_core::sync::{Condition, Event, Lock, Semaphore};

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
static SLAB: Slab<Large, 5> = Slab::new();
static POOL: Pool<5> = Pool::new();
static LOCK: Lock<Ground> = Lock::new();
static CONDITION: Condition<Ground> = Condition::new();
static EVENT: Event<Ground> = Event::new();
static SEMAPHORE: Semaphore<Ground> = Semaphore::new(1);
static COUNT: EventCount<Ground> = EventCount::new();

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

fn sync(timeout: Duration) {
    LOCK.acquire();
    black_box((LOCK.release().is_ok(), LOCK.try_acquire(), LOCK.is_held()));
    black_box(LOCK.acquire_timeout(timeout).is_ok());
    let guard = LOCK.guard();
    CONDITION.wait(&guard);
    black_box(CONDITION.wait_timeout(&guard, timeout).is_ok());
    CONDITION.wait_for(&guard, || black_box(true));
    drop(guard);
    CONDITION.notify(1);
    CONDITION.notify_all();
    EVENT.set();
    EVENT.clear();
    EVENT.wait();
    black_box(EVENT.wait_timeout(timeout).is_ok());
    SEMAPHORE.acquire();
    black_box((SEMAPHORE.acquire_timeout(timeout).is_ok(), SEMAPHORE.release(2).is_ok()));
    black_box(SEMAPHORE.available());
    black_box(COUNT.block(Deadline::at(black_box(2)), || black_box(None::<u32>)));
    COUNT.notify(1);
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
    sync(timeout);
    loop {}
}
