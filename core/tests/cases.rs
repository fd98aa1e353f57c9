//! The shared cases (`inkle-cases`) on the bare grounds, over this machine's clock.

use std::sync::LazyLock;
use std::time::Instant;

use inkle_core::platform::{Board, NoBoard, Spin, WaitForInterrupt};

/// This machine as a board without interrupts.
struct Host;

impl Board for Host {
    fn now() -> u64 {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        // Not 0: that is `Deadline::PASSED`.
        1 + START.elapsed().as_nanos() as u64
    }
}

mod spinning {
    inkle_cases::host_tests!(super::Spin<super::Host>);
}

mod without_a_clock {
    inkle_cases::host_tests!(super::Spin<super::NoBoard>);
}

mod waiting_for_interrupts {
    inkle_cases::host_tests!(super::WaitForInterrupt<super::Host>);
}
