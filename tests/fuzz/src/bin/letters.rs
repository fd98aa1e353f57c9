//! What a pool and its workers write to the memory that they share.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inkle::multiprocessing::fuzzed::letters(bytes));
