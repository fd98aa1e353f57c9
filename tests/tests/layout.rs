//! What each type of the kernel costs in memory: the table that the documentation quotes.
#![cfg(target_pointer_width = "64")]

use inkle::platform::Private;
use inkle::queue::Queue;
use inkle::threading::{
    Barrier, BoundedSemaphore, CancelToken, Condition, Event, Latch, Lock, LockGuard, Mutex,
    MutexGuard, Once, Promise, RLock, RLockGuard, ReadGuard, RwLock, Semaphore, WriteGuard,
};
use inkle_core::channel::Channel;
use inkle_core::context::{Context, ContextVar, Current, Slots};
use inkle_core::event_count::EventCount;
use inkle_core::fork::Nest;
use inkle_core::queue::fifo::{FastFifo, FastSlot, Fifo};
use inkle_core::queue::inbox::Inbox;
use inkle_core::queue::lifo::Stack;
use inkle_core::queue::priority::{Heap, Levels};
use inkle_core::queue::spsc::{Consumer, Overwriting, Producer, Ring, overwriting};
use inkle_core::queue::steal::{self, Deque};
use inkle_core::queue::word::{WordRing, WordSlot};
use inkle_core::roster::Roster;
use inkle_core::slab::{Pool, Slab};
use inkle_core::sync::Outcome;
use inkle_core::timer::{Coarse, Exact, Timers, Wheel};

// SAFETY: nobody uses them.
inkle_core::single_core_context!(unsafe Four: Slots<4>);
// SAFETY: nobody uses them.
inkle_core::single_core_context!(unsafe EightWords: Slots<8, 1>);

macro_rules! table {
    ($($type:ty: $bytes:literal,)*) => {
        &[$((stringify!($type), size_of::<$type>(), $bytes),)*]
    };
}

#[test]
fn the_table_of_sizes() {
    let table: &[(&str, usize, usize)] = table! {
        Lock: 24,
        LockGuard: 8,
        RLock: 40,
        RLockGuard: 8,
        EventCount<Private>: 8,
        Roster<Private>: 256,
        Condition: 24,
        Event: 32,
        Barrier: 32,
        Semaphore: 32,
        BoundedSemaphore: 40,
        CancelToken<'static>: 40,
        Latch: 32,
        Mutex<u32>: 32,
        MutexGuard<'static, u32>: 16,
        RwLock<u32>: 64,
        ReadGuard<'static, u32>: 8,
        WriteGuard<'static, u32>: 8,
        Once<u32>: 32,
        Promise<u32>: 32,
        Outcome<u32, Private>: 40,
        WordSlot: 8,
        WordRing<u32, 1>: 384,
        WordRing<u32, 8>: 384,
        WordRing<u8, 64>: 768,
        FastSlot<u64>: 16,
        Fifo<u64, 8>: 896,
        Fifo<[u8; 64], 8>: 1280,
        FastFifo<u64, 8>: 512,
        FastFifo<[u8; 64], 8>: 896,
        Heap<u64, 8, Private>: 168,
        Heap<[u8; 64], 8, Private>: 616,
        Levels<u64, 4, 8>: 2176,
        Levels<[u8; 64], 4, 8>: 2560,
        Ring<u64, 8>: 384,
        Ring<[u8; 64], 8>: 768,
        Producer<'static, u64, 8>: 24,
        Consumer<'static, u64, 8>: 24,
        Overwriting<u64, 8>: 512,
        Overwriting<[u8; 64], 8>: 1024,
        overwriting::Producer<'static, u64, 8>: 32,
        overwriting::Consumer<'static, u64, 8>: 32,
        Stack<u64, 8>: 256,
        Stack<[u8; 64], 8>: 768,
        Deque<u64, 8>: 384,
        Deque<u64, 64>: 768,
        steal::Owner<'static, u64, 8>: 8,
        Nest<Private, 8>: 512,
        Inbox<u64, 8>: 384,
        Inbox<[u8; 64], 8>: 896,
        Channel<WordRing<u32, 8>, Private>: 640,
        Channel<Fifo<u64, 8>, Private>: 1152,
        Channel<FastFifo<u64, 8>, Private>: 768,
        Pool<8>: 384,
        Slab<u64, 8>: 512,
        Wheel<u32, 8>: 1280,
        Wheel<u32, 8, Exact<3>>: 1024,
        Wheel<u32, 8, Coarse>: 1920,
        Timers<u32, 8, Private>: 1408,
        Context<Four>: 152,
        Context<EightWords>: 152,
        Current<Four>: 160,
        ContextVar<u32, Four>: 32,
        Queue<u64>: 8,
    };
    for (name, bytes, _) in table {
        println!("{bytes:>6}  {name}");
    }
    for (name, bytes, documented) in table {
        assert_eq!(bytes, documented, "{name}");
    }
}

#[test]
fn an_option_of_a_handle_costs_nothing() {
    assert_eq!(size_of::<Option<Queue<u64>>>(), size_of::<Queue<u64>>());
}
