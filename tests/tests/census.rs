//! Counts threads and descriptors, alone in its process and on the main thread.

use std::time::Duration;

use inkle::threading::Local;
use inkle::{thread, threading};
use inkle_tests::{eventually, watchdog};

fn main() {
    the_main_thread_knows_itself();
    th020_the_first_thread_is_number_one();
    lt010_count_is_exact();
    thousands_of_threads_leave_nothing_behind();
    th080_timers_leave_no_thread_behind();
    println!("census: 5 tests passed");
}

fn the_main_thread_knows_itself() {
    let _watch = watchdog();
    assert_eq!(threading::active_count(), 1, "before anybody asked");
    assert_eq!(threading::current(), threading::main_thread());
    assert!(threading::current().is_main());
    assert!(!threading::current().is_dummy());
    assert_eq!(threading::get_ident(), threading::main_thread().ident());
    assert_eq!(threading::get_native_id(), threading::main_thread().native_id());
    assert_eq!(threading::enumerate(), [threading::main_thread()]);
    assert_eq!(threading::active_count(), 1);
    let seen = threading::spawn(threading::main_thread).unwrap().join().unwrap();
    assert_eq!(seen, threading::current());
}

fn th020_the_first_thread_is_number_one() {
    let _watch = watchdog();
    // The number one was used above.
    assert_eq!(threading::spawn(|| ()).unwrap().name(), "Thread-2");
    let named = threading::Builder::new().name("weaver").spawn(|| ()).unwrap();
    assert_eq!(named.name(), "weaver");
    assert_eq!(threading::spawn(|| ()).unwrap().name(), "Thread-3", "a given name uses no number");
    eventually(|| threading::active_count() == 1);
}

fn lt010_count_is_exact() {
    let _watch = watchdog();
    let hold = thread::allocate_lock();
    assert_eq!(thread::count(), 0);
    hold.acquire();
    for started in 1..=3 {
        let hold = hold.clone();
        thread::start_new_thread(move || drop(hold.guard())).unwrap();
        assert_eq!(thread::count(), started);
    }
    // A dummy is active, but was not started here.
    let dummy = std::thread::spawn(|| {
        let _ = threading::current();
        (thread::count(), threading::active_count())
    });
    assert_eq!(dummy.join().unwrap(), (3, 5));
    hold.release().unwrap();
    eventually(|| thread::count() == 0 && threading::active_count() == 1);
}

/// Pages of memory in use, on Linux.
fn pages() -> Option<usize> {
    std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()
}

fn thousands_of_threads_leave_nothing_behind() {
    static LOCAL: Local<u32> = Local::new(|| 7);
    let descriptors = || std::fs::read_dir("/proc/self/fd").map(Iterator::count).ok();
    let round = || {
        let _watch = watchdog();
        let batch: Vec<_> = (0..200)
            .map(|n| threading::spawn(move || LOCAL.with(|seven| n + seven)).unwrap())
            .collect();
        for (n, thread) in batch.into_iter().enumerate() {
            assert_eq!(thread.join().unwrap(), n as u32 + 7);
        }
    };
    // Whatever is taken once.
    (0..5).for_each(|_| round());
    let before = (descriptors(), threading::active_count(), thread::count());
    let grows = || {
        let memory = pages();
        (0..50).for_each(|_| round());
        assert_eq!((descriptors(), threading::active_count(), thread::count()), before);
        let grown = pages().zip(memory).map(|(now, before)| now.saturating_sub(before));
        // 10,000 threads: a leak of 100 bytes for each is more than this.
        grown.unwrap_or(0) >= 250
    };
    // How many were alive at once is up to the machine, and so is what the allocator and the system keep
    // for as many: once.
    assert!(!(0..4).all(|_| grows()), "memory is leaked");
}

fn th080_timers_leave_no_thread_behind() {
    let _watch = watchdog();
    let timers: Vec<_> = (0..2000_u64)
        .map(|n| threading::Timer::start(Duration::from_micros(n), move || n).unwrap())
        .collect();
    for (n, timer) in timers.iter().enumerate() {
        assert_eq!(timer.join().unwrap(), n as u64);
    }
    let far = threading::Timer::start(Duration::from_secs(3600), || ()).unwrap();
    eventually(|| threading::active_count() == 2);
    assert!(far.cancel());
    eventually(|| threading::active_count() == 1);
    // And they come again.
    assert_eq!(threading::Timer::start(Duration::ZERO, || 7).unwrap().join().unwrap(), 7);
}
