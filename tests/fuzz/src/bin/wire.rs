//! What executors and workers on other machines are told.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inkle::remote::fuzzed(bytes));
