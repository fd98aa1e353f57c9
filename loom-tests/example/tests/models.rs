//! The same tests on two grounds: a thousand times with threads, or once for each interleaving under loom.

use std::sync::Arc;

use gauge::{Gauge, Reading};
use inkle_core::platform::Deadline;

#[cfg(not(inkle_loom))]
use inkle::platform::Private as Ground;
#[cfg(inkle_loom)]
use inkle_core::platform::Loom as Ground;

#[cfg(inkle_loom)]
use loom::thread;
#[cfg(not(inkle_loom))]
use std::thread;

/// Every interleaving; of more than two threads, those with at most so many preemptions, or it takes for ever.
#[cfg(inkle_loom)]
fn check(preemptions: Option<usize>, body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(move || {
        Ground::begin();
        body();
    });
}

/// Some interleavings.
#[cfg(not(inkle_loom))]
fn check(_: Option<usize>, body: impl Fn() + Send + Sync + 'static) {
    (0..1000).for_each(|_| body());
}

/// A deadline that passes, or does not: under loom, both.
#[cfg(inkle_loom)]
fn soon() -> Deadline {
    Ground::early_returns(1);
    Ground::SOON
}

#[cfg(not(inkle_loom))]
fn soon() -> Deadline {
    inkle::platform::after(std::time::Duration::from_micros(10))
}

fn show(gauge: &Arc<Gauge<Ground>>, value: u16) -> thread::JoinHandle<()> {
    let gauge = Arc::clone(gauge);
    thread::spawn(move || gauge.show(value))
}

/// Whoever waits for a reading is woken by it.
#[test]
fn the_next_one_arrives() {
    check(None, || {
        let gauge = Arc::new(Gauge::new());
        let shows = show(&gauge, 7);
        assert_eq!(gauge.next(0, Deadline::NEVER), Some(Reading { number: 1, value: 7 }));
        shows.join().unwrap();
    });
}

/// Of two that show at once none is lost.
#[test]
fn each_one_is_counted() {
    check(Some(2), || {
        let gauge = Arc::new(Gauge::new());
        let shows = [show(&gauge, 7), show(&gauge, 8)];
        while gauge.newest().number != 2 {
            gauge.next(gauge.newest().number.min(1), Deadline::NEVER);
        }
        assert!(matches!(gauge.newest().value, 7 | 8));
        shows.into_iter().for_each(|shows| shows.join().unwrap());
    });
}

/// A wait that gives up has not taken anything away.
#[test]
fn a_wait_may_be_given_up() {
    check(None, || {
        let gauge = Arc::new(Gauge::new());
        let shows = show(&gauge, 7);
        if let Some(reading) = gauge.next(0, soon()) {
            assert_eq!(reading.value, 7);
        }
        shows.join().unwrap();
        assert_eq!(gauge.newest().number, 1);
    });
}

/// Would a model notice? A waiter that looks only before it is counted sleeps for ever in one of the
/// interleavings.
#[test]
#[cfg(inkle_loom)]
#[should_panic(expected = "deadlock")]
fn one_that_looks_too_early_is_found_out() {
    use inkle_core::atomic::{AtomicU32, Ordering};
    use inkle_core::event_count::EventCount;

    check(None, || {
        let changed = Arc::new((AtomicU32::new(0), EventCount::<Ground>::new()));
        let others = Arc::clone(&changed);
        let notifies = thread::spawn(move || {
            others.0.store(1, Ordering::Release);
            others.1.notify(1);
        });
        if changed.0.load(Ordering::Acquire) == 0 {
            let key = changed.1.prepare();
            changed.1.wait(key, Deadline::NEVER);
        }
        notifies.join().unwrap();
    });
}
