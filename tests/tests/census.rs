//! Counts threads and descriptors, alone in its process and on the main thread.

use inkle::{thread, threading};
use inkle_tests::{eventually, watchdog};

fn main() {
    let _watch = watchdog();
    the_main_thread_knows_itself();
    th020_the_first_thread_is_number_one();
    lt010_count_is_exact();
    thousands_of_threads_leave_nothing_behind();
    println!("census: 4 tests passed");
}

fn the_main_thread_knows_itself() {
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
    // The number one was used above.
    assert_eq!(threading::spawn(|| ()).unwrap().name(), "Thread-2");
    let named = threading::Builder::new().name("weaver").spawn(|| ()).unwrap();
    assert_eq!(named.name(), "weaver");
    assert_eq!(threading::spawn(|| ()).unwrap().name(), "Thread-3", "a given name uses no number");
    eventually(|| threading::active_count() == 1);
}

fn lt010_count_is_exact() {
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
        threading::current();
        (thread::count(), threading::active_count())
    });
    assert_eq!(dummy.join().unwrap(), (3, 5));
    hold.release().unwrap();
    eventually(|| thread::count() == 0 && threading::active_count() == 1);
}

fn thousands_of_threads_leave_nothing_behind() {
    let descriptors = || std::fs::read_dir("/proc/self/fd").map(Iterator::count).ok();
    // Whatever is opened once.
    threading::spawn(|| ()).unwrap().join().unwrap();
    let before = (descriptors(), threading::active_count(), thread::count());
    for _ in 0..10 {
        let batch: Vec<_> = (0..200).map(|n| threading::spawn(move || n).unwrap()).collect();
        for (n, thread) in batch.into_iter().enumerate() {
            assert_eq!(thread.join().unwrap(), n);
        }
    }
    assert_eq!((descriptors(), threading::active_count(), thread::count()), before);
}
