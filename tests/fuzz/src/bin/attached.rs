//! Memory that arrives and that somebody else has filled.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inkle::multiprocessing::fuzzed::attached(bytes));
