//! What queues take from the allocator, and give back. Alone in its process, because it counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use inkle::queue::{LifoQueue, PriorityQueue, Queue};

struct Counting;

static ALIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is the system allocator's; only the sizes are counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALIVE.fetch_add(layout.size(), SeqCst);
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        ALIVE.fetch_sub(layout.size(), SeqCst);
        // SAFETY: the caller's promise is the same.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that `make` has taken and not given back, and what it made.
fn taken<T>(make: impl FnOnce() -> T) -> (usize, T) {
    let before = ALIVE.load(SeqCst);
    let made = make();
    (ALIVE.load(SeqCst) - before, made)
}

/// One test, so that nobody else allocates meanwhile.
#[test]
fn bytes_of_the_queues() {
    // The documented price: 16 bytes a slot beside the item, and the queue itself.
    let (small, queue) = taken(|| Queue::<[u8; 64]>::bounded(1).unwrap());
    drop(queue);
    let (large, queue) = taken(|| Queue::<[u8; 64]>::bounded(1_001).unwrap());
    let slot = (large - small) as f64 / 1_000.0;
    println!("bounded: {small} bytes with one slot, {slot} a slot of 64 bytes");
    assert!(slot <= 64.0 + 16.0, "{slot}");
    assert!(small <= 2 * 1024, "{small}");
    drop(queue);

    const BURST: u64 = 100_000;
    macro_rules! burst {
        ($kind:ident, $kept:expr, $each:expr) => {
            let name = stringify!($kind);
            let (fresh, queue) = taken($kind::<u64>::unbounded);
            let (full, ()) = taken(|| (0..BURST).for_each(|item| queue.put(item).unwrap()));
            let each = full as f64 / BURST as f64;
            assert_eq!(queue.drain().count() as u64, BURST);
            let (kept, ()) = (ALIVE.load(SeqCst), ());
            drop(queue);
            let kept = kept - ALIVE.load(SeqCst);
            println!(
                "{name}: {fresh} bytes new, {each:.1} an item in a burst, {kept} kept after it"
            );
            assert!(each <= $each, "{name}: {each}");
            assert!(kept <= $kept, "{name}: {kept}");
        };
    }
    // A list has up to twice the room that it needs.
    burst!(Queue, 160 * 1024, 2.5 * 8.0);
    burst!(LifoQueue, 66 * 1024, 2.5 * 8.0);
    burst!(PriorityQueue, 66 * 1024, 2.5 * 16.0);
    assert_eq!(taken(|| drop(Queue::<u64>::unbounded())).0, 0, "nothing is leaked");
}
