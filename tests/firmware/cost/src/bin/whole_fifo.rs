//! Words through a plain ring in one critical section an operation.
#![no_std]
#![no_main]

cost::plain_ring!(u32, 0, |number| number, |item| item);
