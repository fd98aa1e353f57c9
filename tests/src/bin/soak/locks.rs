//! Locks, and where threads wait for each other.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use inkle::kernel::event_count::EventCount;
use inkle::kernel::sync::Outcome;
use inkle::platform::Private;
use inkle::threading::{
    Barrier, BoundedSemaphore, Condition, Event, Latch, Lock, Mutex, Once, Promise, RLock, RwLock,
    Semaphore,
};

use crate::kit::{Soak, THREADS, Turn, rounds_of};

pub(crate) fn exclusion(soak: &mut Soak) {
    let brief = Duration::from_micros(20);
    let lock = Lock::new();
    soak.exclusive("Lock", |turn, inside| {
        let held = match turn.roll(3) {
            0 => lock.try_acquire(),
            1 => lock.acquire_timeout(brief).is_ok(),
            _ => {
                lock.acquire();
                true
            }
        };
        if held {
            inside();
            lock.release().unwrap();
        }
    });
    let lock = RLock::new();
    soak.exclusive("RLock", |turn, inside| {
        match turn.roll(2) {
            0 if lock.try_acquire().is_err() => return,
            0 => {}
            _ => lock.acquire().unwrap(),
        }
        let again = lock.guard().unwrap();
        inside();
        drop(again);
        lock.release().unwrap();
    });
    let lock = Mutex::new(());
    soak.exclusive("Mutex", |turn, inside| {
        let guard = if turn.roll(2) == 0 { lock.try_lock() } else { Some(lock.lock()) };
        if guard.is_some() {
            inside();
        }
    });
    let lock = RwLock::new((0_u64, 0_u64));
    soak.exclusive("RwLock", |turn, inside| {
        if turn.roll(4) > 0 {
            let pair = lock.read();
            assert_eq!(pair.0, pair.1, "read in the middle of a change");
        } else if let Ok(mut pair) = lock.write_timeout(brief) {
            pair.0 += 1;
            inside();
            pair.1 += 1;
            let pair = inkle::threading::WriteGuard::downgrade(pair);
            assert_eq!(pair.0, pair.1);
        }
    });
    let seats = Semaphore::new(1);
    soak.exclusive("Semaphore of 1", |turn, inside| {
        if turn.roll(2) == 0 || seats.acquire_timeout(brief).is_err() {
            seats.acquire();
        } else {
            inside();
            seats.release(1).unwrap();
            return;
        }
        inside();
        seats.release(1).unwrap();
    });
    let (seats, inside) = (BoundedSemaphore::new(3), AtomicU64::new(0));
    soak.play("BoundedSemaphore of 3", |turn| {
        while turn.goes_on() {
            if seats.acquire_timeout(brief).is_ok() {
                assert!(inside.fetch_add(1, Relaxed) < 3, "more than there are seats");
                inside.fetch_sub(1, Relaxed);
                seats.release(1).unwrap();
            }
        }
    });
    assert_eq!(seats.available(), 3);
    assert!(seats.release(1).is_err());
}

/// Where threads wait for each other.
pub(crate) fn meetings(soak: &mut Soak) {
    let (room, changed) = (Mutex::new(Vec::new()), Condition::new());
    let work = |turn: &mut Turn| {
        while turn.goes_on() {
            let mut list = room.lock();
            let fits =
                |list: &Vec<u64>, puts: bool| if puts { list.len() < 3 } else { !list.is_empty() };
            let puts = turn.me.is_multiple_of(2);
            let brief = Duration::from_micros(200);
            let waited = changed.wait_for_timeout(&mut list, brief, |list| fits(list, puts));
            if waited.is_err() {
                continue;
            }
            if puts {
                let number = turn.number();
                list.push(number);
                turn.kept(number);
            } else {
                turn.got(list.remove(0), true);
            }
            if turn.roll(2) == 0 { changed.notify_all() } else { changed.notify(THREADS as u32) }
        }
    };
    soak.run("Condition", THREADS, work, || room.lock().pop());

    let (barrier, rounds) =
        (Barrier::new(THREADS as u32).unwrap(), [const { AtomicU64::new(0) }; THREADS]);
    soak.play("Barrier", |turn| {
        for round in 1.. {
            rounds[turn.me].store(round, Relaxed);
            // Whose time is over breaks it for all.
            if !turn.goes_on() || barrier.wait().is_err() {
                return barrier.abort();
            }
            // Nobody is a round behind, nor more than one ahead.
            for other in &rounds {
                let theirs = other.load(Relaxed);
                assert!(theirs == round || theirs == round + 1, "{theirs} in round {round}");
            }
        }
    });

    let (event, count) = (EventCount::<Private>::new(), AtomicU64::new(0));
    soak.play("EventCount", |turn| {
        while turn.goes_on() {
            if turn.me.is_multiple_of(2) {
                count.fetch_add(1, inkle::kernel::atomic::Ordering::Release);
                event.notify(1);
            } else {
                let deadline = inkle::platform::after(Duration::from_millis(1));
                let take = |count: u64| count.checked_sub(1);
                event.block(deadline, || {
                    count.fetch_update(inkle::kernel::atomic::Ordering::Acquire, Relaxed, take).ok()
                });
            }
        }
    });

    // Of these there are new ones each round: the first thread makes them, all use them.
    rounds_of(soak, "Event", Event::new, |event, me| {
        if me == 0 {
            event.set()
        } else {
            event.wait()
        }
        assert!(event.is_set());
    });
    rounds_of(
        soak,
        "Latch",
        || Latch::new(THREADS as u32),
        |latch, _| {
            latch.arrive_and_wait().unwrap();
            assert_eq!(latch.remaining(), 0);
        },
    );
    rounds_of(soak, "Once", Once::new, |once, me| {
        let value = *once.get_or_init(|| me);
        assert_eq!((once.get(), once.set(9)), (Some(&value), Err(9)));
    });
    rounds_of(soak, "Promise", Promise::new, |promise, me| {
        if me == 0 {
            promise.set(7).unwrap();
        } else if me == 1 {
            assert_eq!(promise.take(), Ok(7));
        }
    });
    rounds_of(soak, "Outcome", Outcome::<usize, Private>::new, |outcome, me| {
        if let Some(claim) = outcome.claim() {
            claim.finish(me);
        }
        assert!(*outcome.get().unwrap() < THREADS && !outcome.cancel());
    });
    rounds_of(soak, "CancelToken", inkle::threading::CancelToken::new, |token, me| {
        let child = token.child();
        if me == 0 {
            assert!(token.cancel(inkle::threading::Reason::custom(7)));
        }
        assert_eq!(child.wait().number(), Some(7));
    });
}
