//! [`WideCounter`]: two who read at the same time, while the counter goes into its next half.

use std::sync::Arc;

use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::platform::WideCounter;
use loom::thread::spawn;

use crate::kit::Model;

pub const MODELS: &[Model] = &[Model::full("next_half", next_half)];

/// Whoever sees the next half begun reads a timer that is in it, or would begin one more.
fn next_half() {
    const HALF: u32 = 1 << 31;
    let both = Arc::new((WideCounter::new(), AtomicU32::new(0)));
    let other = {
        let both = both.clone();
        spawn(move || {
            let (counter, timer) = &*both;
            let now = counter.read(|| timer.load(Ordering::Relaxed));
            assert!(now == 0 || now == u64::from(HALF), "{now:x}");
        })
    };
    let (counter, timer) = &*both;
    timer.store(HALF, Ordering::Relaxed);
    assert_eq!(counter.read(|| timer.load(Ordering::Relaxed)), u64::from(HALF));
    other.join().unwrap();
}
