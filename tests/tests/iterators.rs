//! Iterators for many threads: `serialize` and `tee`.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use inkle::platform::Deadline;
use inkle::queue::TimedOut;
use inkle::threading::{CancelToken, Event, Reason, scope, serialize, tee};
use inkle_tests::{Ledger, Tracked, panics, watchdog};

#[test]
fn th068_each_item_goes_to_exactly_one() {
    let _watch = watchdog();
    let numbers = serialize(0..20_000);
    let seen = Mutex::new(Vec::new());
    scope(|scope| {
        for _ in 0..4 {
            let mine = numbers.clone();
            scope
                .spawn(|| {
                    let mine: Vec<u32> = mine.collect();
                    assert!(mine.is_sorted(), "each sees them in order");
                    seen.lock().unwrap().extend(mine);
                })
                .unwrap();
        }
    })
    .unwrap();
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.len(), 20_000);
    assert_eq!(seen.into_iter().collect::<HashSet<_>>().len(), 20_000);
}

/// Panics if two threads are in it at once.
struct Exclusive<'a> {
    inside: &'a AtomicBool,
    left: u32,
}

impl Iterator for Exclusive<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        assert!(!self.inside.swap(true, Ordering::SeqCst), "two at once");
        std::thread::yield_now();
        self.left = self.left.checked_sub(1)?;
        self.inside.store(false, Ordering::SeqCst);
        Some(self.left)
    }
}

#[test]
fn th068_th070_one_at_a_time_and_not_after_the_end() {
    let _watch = watchdog();
    let inside = AtomicBool::new(false);
    let items = serialize(Exclusive { inside: &inside, left: 500 });
    scope(|scope| {
        for _ in 0..3 {
            let mut mine = items.clone();
            // After its end it would say that two are in it.
            scope.spawn(move || while mine.next().is_some() {}).unwrap();
        }
    })
    .unwrap();
    inside.store(false, Ordering::SeqCst);
    scope(|scope| {
        for reader in tee(Exclusive { inside: &inside, left: 500 }, 3) {
            scope.spawn(move || assert_eq!(reader.count(), 500)).unwrap();
        }
    })
    .unwrap();
}

#[test]
fn th068_the_source_is_dropped_at_its_end() {
    let ledger = Ledger::new(1);
    let value = ledger.value(0);
    let mut items = serialize((0..2).inspect(move |_| assert_eq!(value.id(), 0)));
    assert_eq!(items.by_ref().count(), 2);
    ledger.assert_each_once();
    assert_eq!(items.next(), None);
}

/// Whether the iterator panics when asked for an item.
fn asks_in_vain<I: Iterator>(iter: &mut I) -> bool {
    panics(|| {
        let _ = iter.next();
    })
}

#[test]
fn th068_a_panic_is_the_askers_and_the_others_go_on() {
    let _watch = watchdog();
    let mut items = serialize((0..4).map(|n| if n == 1 { panic!("item {n}") } else { n }));
    let other = items.clone();
    assert_eq!(items.next(), Some(0));
    assert!(asks_in_vain(&mut items));
    assert_eq!(other.next_until(Deadline::PASSED), Ok(Some(2)), "nobody holds the turn");
    assert_eq!(items.collect::<Vec<_>>(), [3]);
}

#[test]
fn th068_th070_waiting_for_ones_turn_is_limited() {
    let _watch = watchdog();
    let (busy, go) = (Event::new(), Event::new());
    let source = || {
        std::iter::once_with(|| {
            busy.set();
            go.wait();
            7
        })
    };
    let items = serialize(source());
    let cancelled = CancelToken::new();
    cancelled.cancel(Reason::REQUESTED);
    scope(|scope| {
        let mut mine = items.clone();
        let thread = scope.spawn(move || mine.next()).unwrap();
        busy.wait();
        assert_eq!(items.next_until(Deadline::PASSED), Err(TimedOut));
        assert_eq!(items.next_timeout(Duration::from_millis(2)), Err(TimedOut));
        assert!(items.next_unless(&cancelled).is_err());
        go.set();
        assert_eq!(thread.join().unwrap(), Some(7));
        assert_eq!(items.next_timeout(Duration::MAX), Ok(None));
    })
    .unwrap();

    busy.clear();
    go.clear();
    let mut readers = tee(source(), 2);
    let (mut second, mut first) = (readers.pop().unwrap(), readers.pop().unwrap());
    scope(|scope| {
        let thread = scope.spawn(move || first.next()).unwrap();
        busy.wait();
        assert_eq!(second.next_until(Deadline::PASSED), Err(TimedOut));
        assert_eq!(second.next_timeout(Duration::from_millis(2)), Err(TimedOut));
        assert!(second.next_unless(&cancelled).is_err());
        go.set();
        assert_eq!(thread.join().unwrap(), Some(7));
        assert_eq!(second.next_timeout(Duration::MAX), Ok(Some(7)), "nothing was skipped");
    })
    .unwrap();
}

#[test]
fn th070_every_reader_sees_all_in_order() {
    let _watch = watchdog();
    let pulled = AtomicU32::new(0);
    let source = (0..5000).inspect(|_| {
        pulled.fetch_add(1, Ordering::SeqCst);
    });
    scope(|scope| {
        for reader in tee(source, 4) {
            scope.spawn(|| assert!(reader.eq(0..5000))).unwrap();
        }
    })
    .unwrap();
    assert_eq!(pulled.into_inner(), 5000, "each pulled once");
}

#[test]
fn th070_none_is_none() {
    assert!(tee(0..3, 0).is_empty());
    assert_eq!(tee(std::iter::empty::<u8>(), 2).into_iter().flatten().count(), 0);
}

/// Counts its copies.
struct Counted<'a>(&'a Cell<u32>);

impl Clone for Counted<'_> {
    fn clone(&self) -> Self {
        self.0.set(self.0.get() + 1);
        Self(self.0)
    }
}

#[test]
fn th071_the_last_reader_gets_the_item_itself() {
    let copies = Cell::new(0);
    let readers = tee((0..10).map(|_| Counted(&copies)), 3);
    assert_eq!(readers.into_iter().map(Iterator::count).sum::<usize>(), 30);
    assert_eq!(copies.get(), 20);
}

#[derive(Clone)]
struct Item(Arc<Tracked>);

#[test]
fn th071_what_all_have_seen_goes_and_a_dropped_reader_holds_nothing_back() {
    let ledger = Ledger::new(10);
    let mut readers = tee((0..10).map(|id| Item(Arc::new(ledger.value(id)))), 3);
    let (slow, mut middle, mut fast) =
        (readers.remove(0), readers.remove(0), readers.pop().unwrap());
    assert_eq!(fast.by_ref().take(8).count(), 8);
    assert_eq!(middle.by_ref().take(5).count(), 5);
    assert_eq!(ledger.total(), 0, "the slow one has seen none");
    drop(slow);
    assert_eq!(ledger.total(), 5);
    drop(fast);
    assert_eq!(ledger.total(), 5, "the middle one has yet to see some");
    assert_eq!(middle.next().unwrap().0.id(), 5);
    assert_eq!(ledger.total(), 6);
    drop(middle);
    // Two were never pulled.
    assert_eq!(ledger.total(), 8);
    assert!((0..8).all(|id| ledger.drops(id) == 1));
}

#[test]
fn th071_a_long_way_behind_is_no_deep_recursion() {
    let _watch = watchdog();
    let mut readers = tee(0..300_000, 2);
    let (slow, fast) = (readers.pop().unwrap(), readers.pop().unwrap());
    assert_eq!(fast.count(), 300_000);
    drop(slow);
}

#[test]
fn th070_panics_skip_nothing_that_was_pulled() {
    let _watch = watchdog();
    let fail = Cell::new(false);
    #[derive(Debug)]
    struct Fragile<'a>(u32, &'a Cell<bool>);
    impl Clone for Fragile<'_> {
        fn clone(&self) -> Self {
            assert!(!self.1.get(), "a copy fails");
            Self(self.0, self.1)
        }
    }
    let mut readers = tee((0..3).map(|n| Fragile(n, &fail)), 2);
    let (mut second, mut first) = (readers.pop().unwrap(), readers.pop().unwrap());
    fail.set(true);
    assert!(asks_in_vain(&mut first));
    fail.set(false);
    assert_eq!(first.next().unwrap().0, 0);
    assert_eq!(second.by_ref().map(|item| item.0).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(first.map(|item| item.0).collect::<Vec<_>>(), [1, 2]);

    // The source's own.
    let mut readers = tee((0..3).map(|n| if n == 1 { panic!("item {n}") } else { n }), 2);
    let (mut second, mut first) = (readers.pop().unwrap(), readers.pop().unwrap());
    assert_eq!(first.next(), Some(0));
    assert!(asks_in_vain(&mut first));
    assert_eq!(first.next(), Some(2));
    assert_eq!(second.by_ref().collect::<Vec<_>>(), [0, 2]);
}
