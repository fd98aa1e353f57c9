//! What a server of objects is asked for.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inkle::multiprocessing::fuzzed::requests(bytes));
