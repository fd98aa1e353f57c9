//! Bytes through a plain ring in one critical section an operation.
#![no_std]
#![no_main]

cost::plain_ring!(u8, 0, |number| number as u8, |item| u32::from(item));
