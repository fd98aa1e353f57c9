//! Waits on a ground without other threads, where time passes only in sleep: what is waited for comes while the waiter
//! still spins, or not at all, and then it takes exactly as long as was said.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use inkle_core::atomic::{AtomicU32, AtomicUsize, Ordering};
use inkle_core::channel::{Channel, Shutdown};
use inkle_core::elastic::Elastic;
use inkle_core::error::*;
use inkle_core::event_count::EventCount;
use inkle_core::fork::{Branch, Host, Nest, Settled};
use inkle_core::platform::{Deadline, Platform, Wake};
use inkle_core::queue::fifo::{FastFifoIn, FastSlot, Fifo};
use inkle_core::queue::word::WordRing;
use inkle_core::queue::{Container, Queue};
use inkle_core::robust::{self, Bell, Found, Header, Life, Mortal, Records, Survivor};
use inkle_core::roster::{Limits, Placed, Roster};
use inkle_core::select::Select;
use inkle_core::sync::*;
use inkle_core::timer::{Slot, Slots, Then, Tick, Timers, WheelOver};

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(1_000_000) };
    /// What happens while somebody spins.
    static MEANWHILE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
    /// What happens when somebody sleeps, and wakes it.
    static IN_SLEEP: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// That ground, where memory may be shared between processes or not.
struct Alone<const SHARED: bool>;

type P = Alone<false>;
type Shared = Alone<true>;

impl<const SHARED: bool> Platform for Alone<SHARED> {
    const SHARED: bool = SHARED;

    fn now() -> u64 {
        NOW.get()
    }

    fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Wake {
        if word.load(Ordering::Relaxed) != expected {
            return Wake::Woken;
        }
        if let Some(what) = IN_SLEEP.take() {
            what();
            return Wake::Woken;
        }
        NOW.set(NOW.get().max(deadline.nanos().expect("nobody would wake it")));
        Wake::TimedOut
    }

    fn wake(_word: *const AtomicU32, _count: u32) {}

    fn current() -> usize {
        1
    }

    fn relax(_round: u32) -> bool {
        let meanwhile = MEANWHILE.take();
        meanwhile.map(|what| what()).is_some()
    }
}

impl Mortal for Shared {
    fn life() -> Life {
        Life::new(1).expect("a number of 30 bits")
    }

    fn is_alive(life: Life) -> bool {
        life == Self::life()
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// Calls `wait` three times: each waits for two seconds.
#[track_caller]
fn in_vain<R: PartialEq + std::fmt::Debug>(mut wait: impl FnMut(Duration) -> R, expected: R) {
    for _ in 0..3 {
        let start = NOW.get();
        assert_eq!(wait(2 * SECOND), expected);
        assert_eq!(NOW.get() - start, 2_000_000_000, "it waits for as long as it is told to");
    }
}

/// Calls `wait`, and `meanwhile` as soon as that spins: it does not come to sleep.
#[track_caller]
fn spinning<R>(meanwhile: impl FnOnce() + 'static, wait: impl FnOnce() -> R) -> R {
    MEANWHILE.set(Some(Box::new(meanwhile)));
    let start = NOW.get();
    let result = wait();
    assert_eq!(
        (NOW.get(), MEANWHILE.take().is_none()),
        (start, true),
        "it slept, or did not wait at all"
    );
    result
}

/// What is made for the rest of the program, so that `meanwhile` knows it.
fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

#[test]
fn locks_time_out() {
    let lock = Lock::<P>::new();
    assert_eq!(lock.acquire_timeout(SECOND), Ok(()));
    in_vain(|time| lock.acquire_timeout(time), Err(TimedOut));
    let mutex = Mutex::<u32, P>::new(1);
    let guard = mutex.lock_timeout(SECOND).expect("it is free");
    in_vain(|time| mutex.lock_timeout(time).map(|_| ()), Err(TimedOut));
    drop(guard);
    let gate = RwLock::<u32, P>::new(1);
    let guard = gate.read_timeout(SECOND).expect("it is free");
    in_vain(|time| gate.write_timeout(time).map(|_| ()), Err(TimedOut));
    drop(guard);
    let guard = gate.write_timeout(SECOND).expect("it is free");
    in_vain(|time| gate.read_timeout(time).map(|_| ()), Err(TimedOut));
    drop(guard);
    // There is nobody else here who could hold it.
    let rlock = RLock::<P>::new();
    assert!(rlock.guard().is_ok_and(|guard| std::ptr::eq(guard.lock(), &rlock)));
    assert_eq!(rlock.acquire_timeout(SECOND), Ok(()));
    assert_eq!(rlock.acquire_timeout(SECOND), Ok(()));
}

#[test]
fn what_was_put_inside_comes_out() {
    let mut mutex = Mutex::<u32, P>::new(1);
    *mutex.get_mut() += 1;
    assert_eq!(mutex.into_inner(), 2);
    let mut gate = RwLock::<u32, P>::new(1);
    *gate.get_mut() += 1;
    assert_eq!(gate.into_inner(), 2);
    let mut once = Once::<u32, P>::new();
    assert_eq!(once.get_mut(), None);
    let mut set = Once::<u32, P>::from(1);
    set.get_mut().into_iter().for_each(|value| *value += 1);
    assert_eq!(set.into_inner(), Some(2));
    let promise = Promise::<u32, P>::new();
    assert_eq!(promise.set(3), Ok(()));
    assert_eq!(promise.into_inner(), Some(3));
    let channel = Channel::<WordRing<u32, 3>, P>::new(WordRing::new());
    channel.try_put(7).expect("there is room");
    channel.shutdown(Shutdown::Graceful);
    assert!((&channel).into_iter().eq([7]), "until it is drained");
    let channel = Channel::<WordRing<u32, 3>, P>::new(WordRing::new());
    assert!((1..=3).all(|item| channel.try_put(item).is_ok()));
    let mut items = channel.into_inner().into_iter();
    assert_eq!(items.size_hint(), (3, Some(3)));
    assert!(items.by_ref().eq(1..=3) && items.size_hint() == (0, Some(0)));
    assert_eq!(WordRing::<i32, 1>::new().into_iter().next(), None);
    for value in [i32::MIN, -1, 0, i32::MAX] {
        let (long, short) = (WordRing::<i32, 1>::new(), WordRing::<i16, 1>::new());
        assert_eq!((long.try_push(value), short.try_push(value as i16)), (Ok(()), Ok(())));
        assert_eq!((long.try_pop(), short.try_pop()), (Ok(value), Ok(value as i16)));
        let unsigned = WordRing::<u16, 1>::new();
        assert_eq!(
            (unsigned.try_push(value as u16), unsigned.try_pop()),
            (Ok(()), Ok(value as u16))
        );
    }
}

#[test]
fn events_time_out() {
    let semaphore = Semaphore::<P>::new(1);
    assert_eq!(semaphore.acquire_timeout(SECOND), Ok(()));
    in_vain(|time| semaphore.acquire_timeout(time), Err(TimedOut));
    let bounded = BoundedSemaphore::<P>::new(1);
    assert_eq!(bounded.acquire_timeout(SECOND), Ok(()));
    in_vain(|time| bounded.acquire_timeout(time), Err(TimedOut));
    in_vain(|time| bounded.acquire_until(Deadline::after::<P>(time)), Err(TimedOut));
    let token = CancelToken::<P>::new();
    in_vain(
        |time| bounded.acquire_unless(&token.child_timeout(time)),
        Err(Cancelled(Reason::DEADLINE)),
    );
    assert_eq!(bounded.acquire_async().take(), None);
    in_vain(|time| token.wait_timeout(time), None);
    assert!(!token.is_cancelled());
    token.cancel(Reason::FAILED);
    assert!(token.is_cancelled());
    assert_eq!(token.wait_timeout(SECOND), Some(Reason::FAILED));

    in_vain(|time| Event::<P>::new().wait_timeout(time), Err(TimedOut));
    in_vain(|time| Latch::<P>::new(1).wait_timeout(time), Err(TimedOut));
    let latch = Latch::<P>::new(0);
    assert_eq!((latch.arrive_and_wait(), latch.wait_timeout(SECOND)), (Err(BelowZero), Ok(())));
    in_vain(|time| Once::<u32, P>::new().wait_timeout(time).copied(), Err(TimedOut));
    in_vain(|time| Promise::<u32, P>::new().take_timeout(time), Err(TakeError::TimedOut));
    in_vain(
        |time| Outcome::<u32, P>::new().get_timeout(time).copied(),
        Err(OutcomeError::TimedOut),
    );
}

#[test]
fn barriers_time_out() {
    let barrier = || Barrier::<P>::new(2).expect("so many are possible");
    in_vain(|time| barrier().wait_timeout(time), Err(BarrierError::TimedOut));
    in_vain(|time| barrier().wait_with_timeout(time, || ()), Err(BarrierError::TimedOut));
    let token = CancelToken::<P>::new();
    in_vain(
        |time| barrier().wait_with_unless(&token.child_timeout(time), || ()),
        Err(BarrierError::Cancelled(Reason::DEADLINE)),
    );
    // TH063: who comes last runs it, and that one never waits.
    let one = Barrier::<P>::new(1).expect("so many are possible");
    let mut runs = 0;
    assert_eq!(one.wait_with_timeout(SECOND, || runs += 1), Ok(0));
    assert_eq!(one.wait_with_until(Deadline::PASSED, || runs += 1), Ok(0));
    assert_eq!(one.wait_with_unless(&token, || runs += 1), Ok(0));
    assert_eq!(runs, 3);
    // TH062: an action that panics breaks it.
    assert!(catch_unwind(AssertUnwindSafe(|| one.wait_with(|| panic!("in the action")))).is_err());
    assert!(one.is_broken());
}

#[test]
fn channels_time_out() {
    let channel = Channel::<Fifo<u64, 1>, P>::new(Fifo::new());
    in_vain(|time| channel.get_timeout(time), Err(GetError::TimedOut));
    assert_eq!(channel.put_timeout(1, SECOND), Ok(()));
    in_vain(|time| channel.put_timeout(2, time), Err(PutError::TimedOut(2)));
    in_vain(|time| channel.join_timeout(time), Err(TimedOut));
    let token = CancelToken::<P>::new();
    in_vain(
        |time| channel.join_unless(&token.child_timeout(time)),
        Err(Cancelled(Reason::DEADLINE)),
    );
    assert_eq!((channel.get_timeout(SECOND), channel.task_done()), (Ok(1), Ok(())));
    assert_eq!((channel.join_timeout(SECOND), channel.join_unless(&token)), (Ok(()), Ok(())));
    channel.shutdown(Shutdown::Immediate);
    assert_eq!(channel.get_timeout(SECOND), Err(GetError::ShutDown));
}

#[test]
fn conditions_time_out() {
    let (mutex, condition) = (Mutex::<u32, P>::new(0), Condition::<P>::new());
    let mut guard = mutex.lock();
    in_vain(|time| condition.wait_timeout(&mut guard, time), Err(TimedOut));
    in_vain(
        |time| condition.wait_for_timeout(&mut guard, time, |value| **value > 0),
        Err(TimedOut),
    );
    let token = CancelToken::<P>::new();
    in_vain(
        |time| condition.wait_unless(&mut guard, &token.child_timeout(time)),
        Err(Cancelled(Reason::DEADLINE)),
    );
    assert_eq!(condition.wait_for_timeout(&mut guard, SECOND, |value| **value == 0), Ok(()));
    assert!(mutex.try_lock().is_none(), "it is held again");
}

#[test]
fn what_outlives_its_users_times_out() {
    let lock = robust::Lock::<Shared>::default();
    let condition = Condition::<Shared>::new();
    assert_eq!(format!("{lock:?}"), "Lock { holder: None }");
    let mut guard = lock.guard_timeout(SECOND).expect("it is free");
    assert!(std::ptr::eq(guard.lock(), &lock));
    in_vain(|time| lock.acquire_timeout(time), Err(TimedOut));
    in_vain(|time| condition.wait_timeout(&mut guard, time), Err(TimedOut));
    assert_eq!((lock.holder(), guard.take_found()), (Some(Shared::life()), Found::Clean));
    drop(guard);

    let rlock = robust::RLock::<Shared>::default();
    assert_eq!(format!("{rlock:?}"), "RLock { holder: None }");
    assert_eq!(rlock.acquire_timeout(SECOND), Ok(Found::Clean));
    let mut guard = rlock.try_guard().expect("it is ours");
    let deeper = rlock.guard_timeout(SECOND).expect("it is ours");
    assert!(std::ptr::eq(deeper.lock(), &rlock));
    assert_eq!((deeper.found(), guard.take_found()), (Found::Clean, Found::Clean));
    // However deep it was: as before, behind the wait.
    in_vain(|time| condition.wait_timeout(&mut guard, time), Err(TimedOut));
    drop((guard, deeper));
    assert_eq!((rlock.is_held(), rlock.release(), rlock.is_held()), (true, Ok(()), false));

    let barrier = || robust::Barrier::<Shared, 2>::new(2).expect("so many are possible");
    in_vain(|time| barrier().wait_timeout(time), Err(BarrierError::TimedOut));
    in_vain(|time| barrier().wait_with_timeout(time, || ()), Err(BarrierError::TimedOut));
    assert_eq!(format!("{:?}", barrier()), "Barrier { parties: 2, waiting: 0, broken: false }");
    let bell = Bell::<Shared>::default();
    let seen = bell.prepare();
    bell.ring(1);
    assert_ne!(bell.word().load(Ordering::Relaxed), seen);
    assert_eq!(format!("{bell:?}"), "Bell");
}

/// MP040: somebody takes the lock during the wait and dies with it. Who has waited finds out.
#[test]
fn a_death_during_a_wait_is_found_behind_it() {
    let condition = Condition::<Shared>::new();
    let lock = leak(robust::Lock::<Shared>::new());
    let mut guard = lock.guard();
    IN_SLEEP.set(Some(Box::new(|| {
        assert_eq!(lock.acquire(), Found::Clean);
        lock.bury(Shared::life());
    })));
    assert_eq!(condition.wait_timeout(&mut guard, SECOND), Err(TimedOut), "nobody notifies");
    assert_eq!(guard.take_found(), Found::Abandoned);

    let rlock = leak(robust::RLock::<Shared>::new());
    let mut guard = rlock.try_guard().expect("it is free");
    IN_SLEEP.set(Some(Box::new(|| {
        assert_eq!(rlock.acquire(), Ok(Found::Clean));
        rlock.bury(Shared::life());
    })));
    assert_eq!(condition.wait_timeout(&mut guard, SECOND), Err(TimedOut), "nobody notifies");
    assert_eq!(guard.take_found(), Found::Abandoned);
}

#[test]
fn records_time_out() {
    assert_eq!(Records::<Shared>::words_for(8), 2);
    let header = Header::<Shared>::default();
    let words: Vec<AtomicUsize> = (0..8).map(|_| AtomicUsize::new(0)).collect();
    let queue = Records::new(&header, &words, 1).expect("so many are possible");
    let mut buffer = [0; 8];
    in_vain(|time| queue.get_timeout(&mut buffer, time), Err(GetRecordError::TimedOut));
    in_vain(|time| queue.get_with_timeout(time, |_| ()), Err(GetRecordError::TimedOut));
    assert_eq!(queue.put_timeout(&[b"wool"], SECOND), Ok(()));
    in_vain(|time| queue.put_timeout(&[b"silk"], time), Err(PutRecordError::TimedOut));
    in_vain(|time| queue.join_timeout(time), Err(TimedOut));
    let copy = queue;
    let shown = format!(
        "Records {{ len: 1, max_len: {}, unfinished: 1, shut_down: false }}",
        queue.max_len()
    );
    assert_eq!((format!("{copy:?}"), format!("{header:?}")), (shown, "Header { .. }".to_string()));
    let seen = queue.get_with_timeout(SECOND, |record| (record.is_empty(), format!("{record:?}")));
    assert_eq!(seen, Ok((false, "Record { len: 4, .. }".to_string())));
    assert_eq!((queue.task_done(), queue.join_timeout(SECOND)), (Ok(()), Ok(())));
}

/// What is taken from `sync` means the same behind the death of somebody who used it.
#[test]
fn nothing_changes_when_somebody_is_buried() {
    let dead = Life::new(7).expect("a number of 30 bits");
    let event = Event::<Shared>::new();
    let (semaphore, bounded) = (Semaphore::<Shared>::new(1), BoundedSemaphore::<Shared>::new(1));
    let condition = Condition::<Shared>::new();
    event.bury(dead);
    semaphore.bury(dead);
    bounded.bury(dead);
    condition.bury(dead);
    assert_eq!((event.is_set(), semaphore.available(), bounded.available()), (false, 1, 1));
    in_vain(|time| event.wait_timeout(time), Err(TimedOut));
}

#[test]
fn what_comes_while_a_waiter_spins() {
    let lock = leak(Lock::<P>::new());
    lock.acquire();
    spinning(|| lock.release().expect("it is held"), || lock.acquire());
    let shared = leak(robust::Lock::<Shared>::new());
    assert_eq!(shared.acquire(), Found::Clean);
    assert_eq!(
        spinning(|| shared.release().expect("it is held"), || shared.acquire()),
        Found::Clean
    );

    let gate = leak(RwLock::<u32, P>::new(0));
    let writer = gate.write();
    // A guard may not be sent, but this is the same thread.
    drop(spinning(move || drop(writer), || gate.read()));
    let reader = gate.read();
    drop(spinning(move || drop(reader), || gate.write()));

    let event = leak(Event::<P>::new());
    spinning(|| event.set(), || event.wait());
    let count = Rc::new(Cell::new(0));
    let more = count.clone();
    let attempt = || (count.get() > 0).then(|| count.get());
    let events = EventCount::<P>::new();
    assert_eq!(spinning(move || more.set(7), || events.block(Deadline::NEVER, attempt)), Some(7));
    let more = count.clone();
    count.set(0);
    let bell = Bell::<Shared>::new();
    assert_eq!(spinning(move || more.set(8), || bell.block(Deadline::NEVER, attempt)), Some(8));

    let (none, other) = (Semaphore::<P>::new(0), leak(Event::<P>::new()));
    let mut first = none.acquire_async();
    let mut second = other.wait_async();
    let done = spinning(
        || other.set(),
        || Select::new().wait(&mut [&mut first, &mut second], Deadline::NEVER),
    );
    assert_eq!(done, Ok(1));
}

/// An attempt that panics passes on what it was told.
#[test]
fn attempts_that_panic_pass_it_on() {
    let events = EventCount::<P>::new();
    let mut attempts = 0;
    let block = AssertUnwindSafe(|| {
        events.block(Deadline::NEVER, || {
            attempts += 1;
            assert!(attempts < 2, "an attempt panics");
            None::<()>
        })
    });
    assert!(catch_unwind(block).is_err());
    assert_eq!(attempts, 2);
    // Nobody is counted any more: this one is told of the next change only.
    let key = events.prepare();
    events.notify(1);
    assert_eq!(events.wait(key, Deadline::NEVER), Wake::Woken);
}

/// Polls once.
fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

#[test]
fn timers_in_their_order() {
    // As long a tick as there is, and a nanosecond.
    let coarse = Timers::<u8, 2, P>::new(Duration::from_secs(3600));
    assert!(coarse.next_deadline() > Deadline::at(NOW.get()));
    let timers = Timers::<u8, 8, P>::new(Duration::ZERO);
    timers.catch_up();
    let start = NOW.get();
    let at = |nanos: u64| Deadline::at(start + nanos);
    let late = timers.schedule(at(100), 1).expect("there is a slot");
    let soon = timers.schedule(at(50), 2).expect("there is a slot");
    assert!(timers.schedule(at(70), 3).is_ok());
    let late = timers.reschedule(late, at(60)).expect("it is pending");
    let soon = timers.reschedule(soon, at(80)).expect("it is pending");
    assert!(timers.is_pending(late) && timers.is_pending(soon));
    let mut fired = Vec::new();
    timers.drive(at(90), |number| {
        fired.push((number, NOW.get() - start));
        // In the action itself nobody waits for its end.
        assert_eq!(timers.cancel_sync(late, Deadline::NEVER), Err(CancelError::TooLate));
        Then::Done
    });
    assert_eq!(fired, [(1, 60), (3, 70), (2, 80)]);
    assert_eq!(NOW.get(), start + 90);
    assert!(!timers.is_pending(late));
    assert_eq!(timers.reschedule(soon, at(200)), Err(RescheduleError::TooLate));
    // The slots of those that are taken back come back when one is needed.
    for number in 0..40 {
        let handle = timers.schedule(at(500 + number), 9).expect("there is a slot, or can be");
        assert_eq!(timers.cancel(handle), Ok(9));
    }
    assert!((0..8).all(|number| timers.schedule(at(900 + number), 4).is_ok()));
    assert_eq!(timers.schedule(at(999), 5), Err(ScheduleError::Full(5)));
}

#[test]
fn an_action_that_panics_leaves_the_timers_to_others() {
    let timers = Timers::<u8, 4, P>::new(Duration::ZERO);
    timers.catch_up();
    let due = |nanos| Deadline::at(NOW.get() + nanos);
    assert!(timers.schedule(due(10), 1).is_ok() && timers.schedule(due(20), 2).is_ok());
    let until = due(50);
    let drive = AssertUnwindSafe(|| timers.drive(until, |_| panic!("in an action")));
    assert!(catch_unwind(drive).is_err());
    let mut fired = Vec::new();
    timers.drive(until, |number| {
        fired.push(number);
        Then::Done
    });
    assert_eq!(fired, [2]);
}

#[test]
fn futures_with_a_deadline() {
    let timers = Timers::<Waker, 1, P>::new(Duration::ZERO);
    timers.catch_up();
    let waker = Waker::noop();
    let soon = Deadline::at(NOW.get() + 50);
    // Ready at once: that takes no slot.
    let mut ready = pin!(timers.timeout(std::future::ready(3), soon));
    assert_eq!(poll(ready.as_mut(), waker), Poll::Ready(Ok(3)));
    let mut never = pin!(timers.sleep(Deadline::NEVER));
    assert_eq!(poll(never.as_mut(), waker), Poll::Pending);

    let mut late = pin!(timers.timeout(std::future::pending::<u32>(), soon));
    assert!(format!("{late:?}").starts_with("Timeout { sleep: Sleep { deadline: "));
    assert_eq!(poll(late.as_mut(), waker), Poll::Pending);
    assert_eq!(poll(late.as_mut(), waker), Poll::Pending, "the same task, which waits already");
    let mut full = pin!(timers.timeout(std::future::pending::<u32>(), soon));
    assert_eq!(poll(full.as_mut(), waker), Poll::Ready(Err(SleepError::Full)));
    let mut full = pin!(timers.sleep(soon));
    assert_eq!(poll(full.as_mut(), waker), Poll::Ready(Err(WheelFull)));
    let mut woken = 0;
    timers.drive(Deadline::at(NOW.get() + 60), |waker| {
        woken += 1;
        waker.wake();
        Then::Done
    });
    assert_eq!((woken, poll(late.as_mut(), waker)), (1, Poll::Ready(Err(SleepError::TimedOut))));
    let mut past = pin!(timers.sleep(soon));
    assert_eq!(poll(past.as_mut(), waker), Poll::Ready(Ok(())));
}

/// Does nothing for those who fork: they are alone.
struct Nobody;

impl Host for Nobody {
    fn forked(&self, _is_followed: bool) {}

    fn block(&self, sleep: &mut dyn FnMut()) {
        sleep();
    }
}

#[test]
fn a_branch_that_panics_elsewhere() {
    let (ours, theirs) = (Nest::<P, 4>::new(), Nest::<P, 4>::new());
    let steal = || {
        let taken = ours.steal().expect("there is one");
        assert_eq!(format!("{taken:?}"), "Taken { .. }");
        // SAFETY: both nests stay to the end, and theirs is empty.
        catch_unwind(AssertUnwindSafe(|| unsafe { taken.run(&theirs) })).is_err()
    };
    // SAFETY: one thread, and both nests stay to the end.
    let joined = unsafe { ours.join(&Nobody, steal, |_| -> u32 { panic!("in the branch") }) };
    assert_eq!(joined, (true, Err(inkle_core::fork::Unwound)));

    // One that panics here, and the other one is over or was never begun.
    let join = AssertUnwindSafe(|| {
        // SAFETY: as above.
        unsafe { ours.join(&Nobody, || panic!("in the first half"), |_| 5) }
    });
    assert!(catch_unwind(join).is_err() && ours.is_empty());

    // Somebody has it, and ends while the owner spins.
    let (ours, theirs) = (leak(Nest::<P, 4>::new()), leak(Nest::<P, 4>::new()));
    let branch = leak(Branch::new(ours, |is_taken: bool| is_taken));
    // SAFETY: as above; it is settled in the next line but two, and stays until then.
    assert!(unsafe { ours.fork(&Nobody, branch) });
    let taken = ours.steal().expect("there is one");
    // SAFETY: both nests stay to the end, and theirs is empty.
    let run = move || unsafe { taken.run(theirs) };
    // SAFETY: it was forked here.
    let settled = spinning(run, || unsafe { ours.settle(&Nobody, branch) });
    assert!(matches!(settled, Settled::Done(true)));

    let branch = Branch::new(ours, |is_taken: bool| is_taken);
    // SAFETY: as above; it is settled below, and stays until then.
    assert!(unsafe { ours.fork(&Nobody, &branch) });
    // SAFETY: it was forked here.
    let Settled::Back(work) = (unsafe { ours.settle(&Nobody, &branch) }) else {
        panic!("nobody has taken it")
    };
    assert!(!work(false));
}

#[test]
fn a_ring_over_slots_from_elsewhere() {
    struct Slots(Vec<FastSlot<u32>>);
    // SAFETY: a vector that nobody changes always gives the same slots.
    unsafe impl inkle_core::queue::Storage for Slots {
        type Slot = FastSlot<u32>;
        fn slots(&self) -> &[FastSlot<u32>] {
            &self.0
        }
    }
    let ring = |count| {
        FastFifoIn::<_, _>::with_storage(Slots((0..count).map(|_| FastSlot::new()).collect()))
    };
    let ring_of_three: FastFifoIn<u32, _> = ring(3).expect("so many are possible");
    assert!((1..=3).all(|item| ring_of_three.try_push(item).is_ok()));
    assert_eq!(ring_of_three.try_push(4), Err(PushError::Full(4)));
    assert_eq!((ring_of_three.try_pop(), ring_of_three.len()), (Ok(1), 2));
    assert!(ring(0).is_none(), "no slots, no ring");
}

#[test]
fn deadlines_of_all_kinds() {
    assert_eq!(Deadline::from(None), Deadline::NEVER);
    assert_eq!(Deadline::from(Some(Deadline::PASSED)), Deadline::PASSED);
    assert_eq!(Deadline::after::<P>(Duration::MAX), Deadline::NEVER);
}

#[test]
fn a_roster_of_no_spares() {
    let limits = Limits { most: 1, least: 0, spares: 0, queue: 8 };
    let roster = Roster::<P>::new();
    assert_eq!(roster.submit(limits), Ok(Placed::Start));
    assert_eq!((roster.go_away(limits), roster.census().active), (None, 1), "it stays counted");
    // CF043: for a job that waits another worker is started. It could not be: the job waits on.
    let limits = Limits { spares: 1, ..limits };
    assert_eq!(roster.submit(limits), Ok(Placed::Queued));
    assert_eq!(roster.go_away(limits), Some(true));
    assert_eq!((roster.census().queued, roster.census().active), (0, 1));
    assert!(!roster.not_started_for_queue(), "nobody sleeps");
    assert_eq!((roster.census().queued, roster.census().active), (1, 0));
    roster.came_back();
}

/// A container with room for one.
struct Narrow(Option<u32>);

impl Container for Narrow {
    type Item = u32;
    fn put(&mut self, item: u32) -> Result<(), u32> {
        match self.0 {
            Some(_) => Err(item),
            None => {
                self.0 = Some(item);
                Ok(())
            }
        }
    }
    fn take(&mut self) -> Option<u32> {
        self.0.take()
    }
    fn len(&self) -> usize {
        self.0.iter().len()
    }
}

#[test]
fn a_backlog_that_is_full() {
    let elastic = Elastic::<_, _, P>::new(WordRing::<u32, 1>::new(), Narrow(None), Narrow(None));
    assert_eq!((elastic.try_push(1), elastic.try_push(2)), (Ok(()), Ok(())));
    assert_eq!(elastic.try_push(3), Err(PushError::Full(3)));
    assert_eq!(
        (elastic.try_pop(), elastic.try_pop(), elastic.try_pop()),
        (Ok(1), Ok(2), Err(PopError::Empty))
    );
    let fixed = Elastic::<_, Narrow, P>::fixed(WordRing::<u32, 1>::new());
    assert_eq!((fixed.capacity(), fixed.try_pop()), (Some(1), Err(PopError::Empty)));
}

/// Slots that came later, from elsewhere.
struct Later(Vec<Slot<u8>>);

// SAFETY: a vector that nobody changes always gives the same slots, by their numbers.
unsafe impl Slots for Later {
    type Value = u8;
    const LINK_BITS: u32 = 8;
    fn get(&self, index: usize) -> Option<&Slot<u8>> {
        self.0.get(index)
    }
    unsafe fn get_unchecked(&self, index: usize) -> &Slot<u8> {
        &self.0[index]
    }
}

#[test]
fn a_wheel_over_slots_from_elsewhere() {
    let slots = Later((0..3).map(|_| Slot::new()).collect());
    // SAFETY: they are new.
    let wheel: WheelOver<_> = unsafe { WheelOver::with_slots(slots, Tick::new(0)) };
    assert_eq!(wheel.slots().0.len(), 3);
    assert_eq!(wheel.schedule(Tick::new(5), 1).err(), Some(ScheduleError::Full(1)));
    // SAFETY: there are so many, and each is admitted once.
    unsafe { wheel.admit(0..3) };
    assert!((0..3).all(|number| wheel.schedule(Tick::new(5), number).is_ok()));
    assert_eq!(wheel.schedule(Tick::new(5), 3).err(), Some(ScheduleError::Full(3)));
}
