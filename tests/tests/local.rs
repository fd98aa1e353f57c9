//! `threading::Local`: one value a thread, made when first asked for, gone with the thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use inkle::threading::{Event, Local, LocalGone, scope, spawn};
use inkle_tests::{Ledger, Tracked, panics, watchdog};

#[test]
fn th015_each_thread_has_its_own() {
    static NUMBER: Local<Cell<u32>> = Local::new(|| Cell::new(1));
    let _watch = watchdog();
    NUMBER.set(2);
    let seen = spawn(|| {
        let first = NUMBER.get();
        NUMBER.set(3);
        (first, NUMBER.get())
    });
    assert_eq!(seen.unwrap().join().unwrap(), (1, 3));
    assert_eq!(NUMBER.get(), 2);
    let foreign = std::thread::spawn(|| NUMBER.get());
    assert_eq!(foreign.join().unwrap(), 1);
}

#[test]
fn th016_made_once_a_thread_from_the_same_arguments() {
    let _watch = watchdog();
    let made = Arc::new(AtomicU32::new(0));
    let its = Arc::clone(&made);
    let local = Local::new(move || its.fetch_add(1, Ordering::SeqCst));
    scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| assert_eq!(local.with(|n| *n), local.with(|n| *n))).unwrap();
        }
    })
    .unwrap();
    assert_eq!(made.load(Ordering::SeqCst), 5);
}

#[test]
fn values_may_be_bound_to_their_thread() {
    static WORDS: Local<RefCell<Vec<Rc<str>>>> = Local::new(RefCell::default);
    let _watch = watchdog();
    let count = || {
        WORDS.with(|words| {
            let word: Rc<str> = "warp".into();
            words.borrow_mut().extend([Rc::clone(&word), word]);
            Rc::strong_count(&words.borrow()[0])
        })
    };
    assert_eq!((count(), spawn(count).unwrap().join().unwrap()), (2, 2));
}

#[test]
fn th018_values_end_with_their_thread() {
    let _watch = watchdog();
    let ledger = Ledger::new(3);
    let next = AtomicU32::new(0);
    let made = Arc::clone(&ledger);
    let local =
        Arc::new(Local::new(move || made.value(next.fetch_add(1, Ordering::SeqCst) as usize)));
    for thread in 0..3 {
        let its = Arc::clone(&local);
        spawn(move || its.with(|_| ())).unwrap().join().unwrap();
        assert_eq!(ledger.drops(thread), 1);
        assert!(local.values().is_empty());
    }
    ledger.assert_each_once();
}

#[test]
fn values_of_all_living_threads() {
    static NUMBERS: Local<AtomicU32> = Local::new(|| AtomicU32::new(0));
    let _watch = watchdog();
    let go = Arc::new(Event::new());
    let sum = || NUMBERS.values().iter().map(|n| n.load(Ordering::SeqCst)).sum::<u32>();
    assert_eq!(NUMBERS.values().len(), 0);
    let threads: Vec<_> = (1..=40)
        .map(|number| {
            let (its, told) = (Arc::clone(&go), Arc::new(Event::new()));
            let its_told = Arc::clone(&told);
            let thread = spawn(move || {
                NUMBERS.with(|own| own.store(number, Ordering::SeqCst));
                its_told.set();
                its.wait();
            });
            told.wait();
            thread.unwrap()
        })
        .collect();
    assert_eq!((NUMBERS.values().len(), sum()), (40, 820));
    // Written from outside, read there: the same value.
    NUMBERS.values()[0].fetch_add(80, Ordering::SeqCst);
    assert_eq!(sum(), 900);
    let copy = NUMBERS.values();
    go.set();
    threads.iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(NUMBERS.values().len(), 40, "the copies keep them");
    drop(copy);
    assert_eq!(NUMBERS.values().len(), 0);
}

#[test]
fn thousands_of_threads_leave_no_list_behind() {
    static NUMBERS: Local<u32> = Local::new(|| 7);
    let _watch = watchdog();
    for _ in 0..2000 {
        spawn(|| NUMBERS.with(|_| ())).unwrap().join().unwrap();
        assert!(NUMBERS.values().is_empty());
    }
}

#[test]
fn places_are_used_again_and_values_are_not() {
    let _watch = watchdog();
    let ledger = Ledger::new(100);
    for id in 0..100 {
        // Of another type each time, in the place of the one before.
        if id % 2 == 0 {
            let made = Arc::clone(&ledger);
            let local = Local::new(move || made.value(id));
            assert_eq!(local.with(Tracked::id), id);
        } else {
            let made = Arc::clone(&ledger);
            let local = Local::new(move || Some(made.value(id)));
            assert_eq!(local.with(|value| value.as_ref().map(Tracked::id)), Some(id));
        }
        assert_eq!(ledger.drops(id), 1, "dropped with its owner, in this thread");
    }
    ledger.assert_each_once();
}

#[test]
fn another_threads_value_outlives_the_owner_until_its_thread_ends() {
    let _watch = watchdog();
    let ledger = Ledger::new(1);
    let made = Arc::clone(&ledger);
    let local = Arc::new(Local::new(move || made.value(0)));
    let (told, go) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let (its, its_told, its_go) = (Arc::clone(&local), Arc::clone(&told), Arc::clone(&go));
    let thread = spawn(move || {
        its.with(|_| ());
        drop(its);
        its_told.set();
        its_go.wait();
    });
    told.wait();
    drop(local);
    assert_eq!(ledger.total(), 0);
    go.set();
    thread.unwrap().join().unwrap();
    ledger.assert_each_once();
}

#[test]
fn locals_may_be_used_inside_each_other() {
    static OUTER: Local<u32> = Local::new(|| INNER.with(|inner| inner + 1));
    static INNER: Local<u32> = Local::new(|| 6);
    assert_eq!(OUTER.with(|outer| INNER.with(|inner| outer * inner)), 42);
    assert!(OUTER.with(|outer| OUTER.with(|again| std::ptr::eq(outer, again))));
}

#[test]
fn a_value_stays_where_it_is_while_the_table_grows() {
    let _watch = watchdog();
    let first = Local::new(|| Cell::new(1));
    first.with(|value| {
        let others: Vec<_> = (0..1000).map(|number| Local::new(move || number)).collect();
        let sum: i32 = others.iter().map(|other| other.with(|number| *number)).sum();
        value.set(value.get() + sum);
        drop(others);
        assert_eq!((first.get(), value.get()), (499_501, 499_501));
    });
}

#[test]
fn a_maker_that_asks_for_its_own_value_wins() {
    static MADE: AtomicU32 = AtomicU32::new(0);
    static NESTED: Local<Arc<u32>> = Local::new(|| match MADE.fetch_add(1, Ordering::SeqCst) {
        0 => Arc::new(NESTED.with(|inner| **inner) + 100),
        more => Arc::new(more),
    });
    let _watch = watchdog();
    let value = NESTED.with(Arc::clone);
    assert_eq!((*value, MADE.load(Ordering::SeqCst)), (101, 2));
    assert!(NESTED.with(|again| Arc::ptr_eq(again, &value)), "the outer one is there now");
    assert_eq!(NESTED.values().len(), 1, "the inner one is gone");
}

#[test]
fn a_panic_in_the_making_leaves_no_value() {
    let _watch = watchdog();
    let tries = AtomicU32::new(0);
    let local = Local::new(|| {
        assert!(tries.fetch_add(1, Ordering::SeqCst) > 0, "the first time");
        7
    });
    assert!(panics(|| local.with(|_| ())));
    assert!(local.values().is_empty());
    assert_eq!(local.with(|seven| *seven), 7);
    assert!(panics(|| local.with(|_| panic!("in between"))));
    assert_eq!(local.with(|seven| *seven), 7);
    assert_eq!(tries.load(Ordering::SeqCst), 2);
}

#[test]
fn th018_a_value_that_panics_when_dropped_costs_no_other() {
    let _watch = watchdog();
    let ledger = Ledger::new(3);
    let [before, bomb, after] = [0, 1, 2].map(|id| {
        let made = Arc::clone(&ledger);
        Arc::new(Local::new(move || if id == 1 { made.bomb(id) } else { made.value(id) }))
    });
    let thread = spawn(move || {
        before.with(|_| ());
        bomb.with(|_| ());
        after.with(|_| ());
        // This thread's are not dropped with their owners here: the statics of real life stay too.
        Box::leak(Box::new((before, bomb, after)));
    });
    thread.unwrap().join().unwrap();
    ledger.assert_each_once();
}

#[test]
fn th018_asked_for_too_late_is_an_error() {
    static LOCAL: Local<u32> = Local::new(|| 7);
    static SEEN: Mutex<Option<Result<u32, LocalGone>>> = Mutex::new(None);
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            *SEEN.lock().unwrap() = Some(LOCAL.try_with(|seven| *seven));
        }
    }
    thread_local!(static LATE: Late = const { Late });
    let _watch = watchdog();
    let thread = spawn(|| {
        // Thread-local values go newest first: this one after those of `Local`.
        LATE.with(|_| ());
        assert_eq!(LOCAL.try_with(|seven| *seven), Ok(7));
    });
    thread.unwrap().join().unwrap();
    assert_eq!(SEEN.lock().unwrap().take(), Some(Err(LocalGone)));
}
