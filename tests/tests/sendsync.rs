//! Which types may go to another thread, and be used by two at once: checked when compiling, both
//! ways.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, MutexGuard};

use inkle::concurrent::{self, FutureError};
use inkle::platform::Private;
use inkle::queue::{GetError, PutError, Queue};
use inkle::sched::{Alarm, Crew, Every, Job, Monotonic, Scheduler, Task, VirtualClock, Wall};
use inkle::thread::LockType;
use inkle::threading::{
    Barrier, BelowZero, Condition, Event, JoinError, Latch, Local, Lock, LockGuard, Mutex,
    MutexGuard as Locked, Once, Panic, Promise, RLock, RLockGuard, ReadGuard, Report, RwLock,
    Scope, ScopeBuilder, ScopeError, Semaphore, Serialized, SpawnCause, SpawnError, TakeError, Tee,
    Thread, ThreadInfo, Timer, WriteGuard,
};
use inkle_core::channel::Channel;
use inkle_core::event_count::EventCount;
use inkle_core::queue::fifo::{FastFifo, FastSlot, Fifo};
use inkle_core::queue::inbox::{Batch, Inbox};
use inkle_core::queue::lifo::Stack;
use inkle_core::queue::priority::{Heap, Levels};
use inkle_core::queue::spsc::{
    Consumer, Overwriting, Producer, ReadChunk, Ring, WriteChunk, overwriting,
};
use inkle_core::queue::steal::{Deque, Owner};
use inkle_core::queue::word::{WordRing, WordSlot};
use inkle_core::slab::{Pool, Slab};
use inkle_core::sync::{Outcome, WaitBarrier, WaitCondition};

/// Whether a type has a trait: the inherent constant exists only if it has, and then hides the
/// trait's.
macro_rules! has {
    ($type:ty: $bound:ident) => {{
        // Unused wherever the answer is yes; the constant below, wherever it is no.
        #[allow(dead_code)]
        trait Otherwise {
            const HAS: bool = false;
        }
        impl<T: ?Sized> Otherwise for T {}
        struct Probe<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code)]
        impl<T: ?Sized + $bound> Probe<T> {
            const HAS: bool = true;
        }
        <Probe<$type>>::HAS
    }};
}

/// Fails to compile unless each type is, or is not, `Send` and `Sync` as it says.
macro_rules! check {
    ($($type:ty: $send:literal $sync:literal;)*) => {
        $(
            const _: () = assert!(has!($type: Send) == $send, concat!(stringify!($type), ": Send"));
            const _: () = assert!(has!($type: Sync) == $sync, concat!(stringify!($type), ": Sync"));
        )*
    };
}

/// `Send`, not `Sync`.
type OneAtATime = Cell<u32>;
/// Neither.
type Here = Rc<u32>;
/// `Sync`, not `Send`.
type Borrowed = MutexGuard<'static, u32>;

// The probe itself.
check! {
    u32: true true;
    OneAtATime: true false;
    Here: false false;
    Borrowed: false true;
}

// A queue moves its items and never shares them: it is both if they are `Send`, else neither.
check! {
    Queue<u32>: true true;
    Queue<OneAtATime>: true true;
    Queue<Here>: false false;
    Queue<Borrowed>: false false;

    Fifo<u32, 4>: true true;
    Fifo<OneAtATime, 4>: true true;
    Fifo<Here, 4>: false false;
    Fifo<Borrowed, 4>: false false;
    Stack<u32, 4>: true true;
    Stack<OneAtATime, 4>: true true;
    Stack<Here, 4>: false false;
    Stack<Borrowed, 4>: false false;
    Inbox<u32, 4>: true true;
    Inbox<OneAtATime, 4>: true true;
    Inbox<Here, 4>: false false;
    Inbox<Borrowed, 4>: false false;
    Batch<'static, u32, 4>: true true;
    Batch<'static, OneAtATime, 4>: true true;
    Batch<'static, Here, 4>: false false;
    Batch<'static, Borrowed, 4>: false false;

    FastFifo<u32, 4>: true true;
    FastFifo<OneAtATime, 4>: true true;
    FastFifo<Here, 4>: false false;
    FastFifo<Borrowed, 4>: false false;
    FastSlot<OneAtATime>: true true;
    FastSlot<Here>: false false;
    FastSlot<Borrowed>: false false;

    Heap<u32, 4, Private>: true true;
    Heap<OneAtATime, 4, Private>: true true;
    Heap<Here, 4, Private>: false false;
    Heap<Borrowed, 4, Private>: false false;

    Levels<u32, 2, 4>: true true;
    Levels<OneAtATime, 2, 4>: true true;
    Levels<Here, 2, 4>: false false;
    Levels<Borrowed, 2, 4>: false false;

    Channel<Fifo<OneAtATime, 4>, Private>: true true;
    Channel<Fifo<Here, 4>, Private>: false false;
    Channel<FastFifo<Borrowed, 4>, Private>: false false;

    Ring<u32, 4>: true true;
    Ring<OneAtATime, 4>: true true;
    Ring<Here, 4>: false false;
    Ring<Borrowed, 4>: false false;
    Overwriting<OneAtATime, 4>: true true;
    Overwriting<Here, 4>: false false;
    Overwriting<Borrowed, 4>: false false;

    Slab<OneAtATime, 4>: true true;
    Slab<Here, 4>: false false;
    Slab<Borrowed, 4>: false false;
}

// What only holds pointers and never follows them goes anywhere.
check! {
    Deque<Here, 4>: true true;
    Deque<Borrowed, 4>: true true;
    Owner<'static, Here, 4>: true true;
    Owner<'static, Borrowed, 4>: true true;
}

// A handle goes to another thread, and is used there alone: through a chunk one sees the items.
check! {
    Producer<'static, OneAtATime, 4>: true false;
    Consumer<'static, OneAtATime, 4>: true false;
    WriteChunk<'static, 'static, OneAtATime, 4>: true false;
    ReadChunk<'static, 'static, OneAtATime, 4>: true false;
    ReadChunk<'static, 'static, Borrowed, 4>: false false;
    Producer<'static, Here, 4>: false false;
    Consumer<'static, Here, 4>: false false;
    overwriting::Producer<'static, OneAtATime, 4>: true false;
    overwriting::Consumer<'static, OneAtATime, 4>: true false;
    overwriting::Producer<'static, Here, 4>: false false;
    overwriting::Consumer<'static, Here, 4>: false false;
}

// A word ring keeps bits.
check! {
    WordRing<u32, 4>: true true;
    WordSlot: true true;
    Pool<4>: true true;
}

check! {
    Lock: true true;
    LockType: true true;
    RLock: true true;
    Condition: true true;
    Barrier: true true;
    Event: true true;
    Semaphore: true true;
    EventCount<Private>: true true;
    // Any thread may release.
    LockGuard<'static>: true true;
    // Only the owner may, and it alone may wait with it.
    RLockGuard<'static>: false false;
    // A task may move between threads.
    WaitCondition<'static, LockGuard<'static>>: true false;
    WaitBarrier<'static, Private>: true false;
}

// What gives its value to one at a time needs `Send`; what lets several see it, `Sync` as well.
check! {
    Latch: true true;
    BelowZero: true true;
    TakeError: true true;
    Mutex<u32>: true true;
    Mutex<OneAtATime>: true true;
    Mutex<Here>: false false;
    Mutex<Borrowed>: false false;
    Locked<'static, u32>: true true;
    Locked<'static, OneAtATime>: true false;
    Locked<'static, Here>: false false;
    Locked<'static, Borrowed>: false false;
    RwLock<u32>: true true;
    RwLock<OneAtATime>: true false;
    RwLock<Here>: false false;
    RwLock<Borrowed>: false false;
    ReadGuard<'static, u32>: true true;
    ReadGuard<'static, OneAtATime>: false false;
    ReadGuard<'static, Borrowed>: false false;
    WriteGuard<'static, u32>: true true;
    WriteGuard<'static, OneAtATime>: false false;
    WriteGuard<'static, Borrowed>: false false;
    Once<u32>: true true;
    Once<OneAtATime>: true false;
    Once<Here>: false false;
    Once<Borrowed>: false false;
    concurrent::Future<u32>: true true;
    concurrent::Future<OneAtATime>: true false;
    concurrent::Future<Here>: false false;
    concurrent::Joining<OneAtATime>: true false;
    concurrent::Promise<OneAtATime>: true true;
    concurrent::Task: true true;
    FutureError: true true;
    Outcome<u32, Private>: true true;
    Outcome<OneAtATime, Private>: true false;
    Outcome<Here, Private>: false false;
    Promise<u32>: true true;
    Promise<OneAtATime>: true true;
    Promise<Here>: false false;
    Promise<Borrowed>: false false;
}

// A handle gives the result to whoever joins. Errors go anywhere, whatever payload is in them.
check! {
    Thread<u32>: true true;
    Thread<OneAtATime>: true true;
    Thread<Here>: false false;
    Timer<u32>: true true;
    Timer<OneAtATime>: true true;
    Timer<Here>: false false;
    Scheduler: true true;
    Scheduler<Wall>: true true;
    inkle::sched::Event<std::time::Duration>: true true;
    Job<std::time::Duration>: true true;
    Every<Monotonic>: true true;
    // Owns an action, which need not be shared.
    Task: true false;
    Alarm: true true;
    Crew: true true;
    VirtualClock: true true;
    // Each thread has its own value, and only that.
    Local<Here>: true true;
    Local<OneAtATime>: true true;
    Local<u32, MutexGuard<'static, u32>>: false true;
    Local<u32, OneAtATime>: true false;
    Scope<'static, 'static>: true true;
    ScopeBuilder<'static>: true true;
    ScopeError: true true;
    Serialized<OneAtATime>: true true;
    Serialized<Here>: false false;
    Tee<std::vec::IntoIter<OneAtATime>>: true true;
    Tee<std::vec::IntoIter<Here>>: false false;
    Report: true true;
    ThreadInfo: true true;
    Panic: true true;
    JoinError: true true;
    SpawnCause: true true;
    SpawnError<fn()>: true true;
    SpawnError<OneAtATime>: true false;
    SpawnError<Here>: false false;
    PutError<OneAtATime>: true false;
    PutError<Here>: false false;
    GetError: true true;
    Arc<Queue<OneAtATime>>: true true;
}

#[test]
fn ts004_send_and_sync_are_as_they_should() {
    // Checked above, when compiling; here for the list of tests.
    assert!(has!(Queue<u32>: Send));
}
