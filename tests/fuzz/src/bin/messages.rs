//! What processes send each other: orders, replies, reports, handles of shared memory and of connections.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inkle::multiprocessing::fuzzed::messages(bytes));
