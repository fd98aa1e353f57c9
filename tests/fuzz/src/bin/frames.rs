//! What comes over a stream: headers, lengths, and bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inkle::multiprocessing::fuzzed::frames(bytes));
