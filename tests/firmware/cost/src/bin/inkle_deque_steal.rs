//! Pointers through a `Deque`, pushed and stolen.
#![no_std]
#![no_main]

use core::ptr::{NonNull, without_provenance_mut};

use inkle_core::queue::steal::{Deque, Steal};

static DEQUE: Deque<(), 8> = Deque::new();

cost::image! {
    queue DEQUE;
    put(item) {
        match NonNull::new(without_provenance_mut(item as usize)) {
            // SAFETY: there is nobody else.
            Some(item) => unsafe { DEQUE.push(item) }.is_ok(),
            None => false,
        }
    }
    take(_) {
        match DEQUE.steal() {
            Steal::Taken(item) => item.addr().get() as u32,
            Steal::Empty | Steal::Retry => 0,
        }
    }
}
