//! Pointers through a `Deque`, pushed and popped.
#![no_std]
#![no_main]

use core::ptr::{NonNull, without_provenance_mut};

use inkle_core::queue::steal::Deque;

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
        // SAFETY: there is nobody else.
        unsafe { DEQUE.pop() }.map_or(0, |item| item.addr().get() as u32)
    }
}
