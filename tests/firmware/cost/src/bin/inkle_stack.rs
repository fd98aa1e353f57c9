//! Words through a `Stack`.
#![no_std]
#![no_main]

use inkle_core::queue::lifo::Stack;

static STACK: Stack<u32, 8> = Stack::new();

cost::image! {
    queue STACK;
    put(item) { STACK.try_push(item).is_ok() }
    take(_) { STACK.try_pop().unwrap_or(0) }
}
