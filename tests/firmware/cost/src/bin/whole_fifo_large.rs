//! Items of 64 bytes through a plain ring in one critical section an operation.
#![no_std]
#![no_main]

use core::cell::RefCell;
use core::hint::black_box;

use cost as _;
use critical_section::Mutex;

struct Ring {
    items: [[u32; 16]; 8],
    head: u8,
    len: u8,
}

static RING: Mutex<RefCell<Ring>> =
    Mutex::new(RefCell::new(Ring { items: [[0; 16]; 8], head: 0, len: 0 }));

cost::image! {
    of RING;
    put(item) {
        critical_section::with(|cs| {
            let mut ring = RING.borrow_ref_mut(cs);
            let (head, len) = (ring.head, ring.len);
            let free = len < 8;
            if free {
                ring.items[usize::from((head + len) % 8)] = [item; 16];
                ring.len = len + 1;
            }
            free
        })
    }
    take(_) {
        let item = critical_section::with(|cs| {
            let mut ring = RING.borrow_ref_mut(cs);
            if ring.len == 0 {
                return [0; 16];
            }
            let item = ring.items[usize::from(ring.head % 8)];
            ring.head = (ring.head + 1) % 8;
            ring.len -= 1;
            item
        });
        black_box(item)[0]
    }
}
