//! Items of 64 bytes through a plain ring in one critical section an operation.
#![no_std]
#![no_main]

cost::plain_ring!([u32; 16], [0; 16], |number| [number; 16], |item| core::hint::black_box(item)[0]);
