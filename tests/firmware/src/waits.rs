//! An interrupt before every instruction of going to sleep: no wake-up is lost.
//!
//! Whatever the main loop waits for, the handler does it, one tick later each time, from before the
//! wait to long after it has come to rest. A wake-up that is lost is a wait that does not end; the
//! harness ends the emulator then.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll};
use core::time::Duration;

use inkle_cases::tasks::Woken;
use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::channel::Channel;
use inkle_core::event_count::EventCount;
use inkle_core::queue::Queue;
use inkle_core::queue::fifo::Fifo;
use inkle_core::queue::word::WordRing;
use inkle_core::select::Select;
use inkle_core::sync::{Event, Lock, Semaphore};
use inkle_core::timer::{Exact, Then, Timers};
use inkle_core::{Deadline, Platform};
use semihosting::println;

use crate::{Resting, Spinning, report, steps};

/// So late the longest of them rests.
const TICKS: u32 = if cfg!(target_has_atomic = "32") { 2_000 } else { 4_000 };

/// What is waited for on the ground `P`.
#[allow(missing_debug_implementations, reason = "a static of the images")]
pub struct Waits<P: Platform> {
    event: Event<P>,
    permits: Semaphore<P>,
    lock: Lock<P>,
    count: EventCount<P>,
    flag: AtomicU32,
    empty: Channel<Fifo<u64, 1>, P>,
    full: Channel<WordRing<u8, 1>, P>,
    other: Channel<WordRing<u8, 1>, P>,
    timers: Timers<u8, 1, P, Exact<1>>,
}

impl<P: Platform> Waits<P> {
    const fn new() -> Self {
        Self {
            event: Event::new(),
            permits: Semaphore::new(0),
            lock: Lock::new(),
            count: EventCount::new(),
            flag: AtomicU32::new(0),
            empty: Channel::new(Fifo::new()),
            full: Channel::new(WordRing::new()),
            other: Channel::new(WordRing::new()),
            timers: Timers::new(Duration::from_millis(1)),
        }
    }

    fn take_flag(&self) -> Option<()> {
        // Acquire, pairs with the handler's Release.
        let set = self.flag.load(Ordering::Acquire) != 0;
        set.then(|| self.flag.store(0, Ordering::Relaxed))
    }

    fn await_an_item(&self) {
        static WOKEN: Woken = Woken::new();
        let before = WOKEN.times();
        let (waker, mut get) = (WOKEN.waker(), pin!(self.empty.get_async()));
        let mut context = Context::from_waker(&waker);
        if get.as_mut().poll(&mut context).is_pending() {
            while WOKEN.times() == before {}
            assert_eq!(get.poll(&mut context), Poll::Ready(Ok(7)));
        }
    }

    /// Drives, and so sleeps until the first deadline, until there is one that has passed.
    fn drive(&self) {
        let mut fired = None;
        while fired.is_none() {
            let drive = |number| {
                fired = Some(number);
                Then::Done
            };
            assert!(self.timers.drive_once(Deadline::NEVER, drive).is_ok());
        }
        assert_eq!(fired, Some(7));
    }

    fn select(&self) {
        let (mut one, mut other) = (self.empty.get_async(), self.other.get_async());
        let done = Select::new().wait(&mut [&mut one, &mut other], Deadline::NEVER);
        assert_eq!(done, Ok(1));
        assert_eq!((one.take(), other.take()), (None, Some(Ok(7))));
    }
}

/// A wait of the main loop, and what the handler does to end it.
type Wait<P> = (&'static str, fn(&Waits<P>), fn());

/// A ground with its own of everything.
pub trait Ground: Platform + Sized + 'static {
    /// Everything.
    const WAITS: &'static Waits<Self>;
}

macro_rules! grounds {
    ($($ground:ty,)*) => {$(
        impl Ground for $ground {
            const WAITS: &'static Waits<Self> = {
                static WAITS: Waits<$ground> = Waits::new();
                &WAITS
            };
        }
    )*};
}

grounds! { Spinning, Resting, }

/// All of them, with the wake-up at each tick.
pub fn each<P: Ground>() {
    let waits: [Wait<P>; 9] = [
        ("an event", |w| w.event.wait(), || P::WAITS.event.set()),
        ("a semaphore", |w| w.permits.acquire(), || assert!(P::WAITS.permits.release(1).is_ok())),
        ("a lock", |w| w.lock.acquire(), || assert!(P::WAITS.lock.release().is_ok())),
        (
            "an event count",
            |w| assert!(w.count.block(Deadline::NEVER, || w.take_flag()).is_some()),
            || {
                P::WAITS.flag.store(1, Ordering::Release);
                P::WAITS.count.notify(1);
            },
        ),
        ("an item", |w| assert_eq!(w.empty.get(), Ok(7)), || put(&P::WAITS.empty, 7)),
        (
            "room",
            |w| assert_eq!(w.full.put(2), Ok(())),
            || {
                assert!(P::WAITS.full.try_get().is_ok());
            },
        ),
        ("an item, as a task", |w| w.await_an_item(), || put(&P::WAITS.empty, 7)),
        (
            "a timer that is the first",
            |w| w.drive(),
            || assert!(P::WAITS.timers.schedule(Deadline::PASSED, 7).is_ok()),
        ),
        ("one of two items", |w| w.select(), || put(&P::WAITS.other, 7)),
    ];
    let this = P::WAITS;
    assert!(this.lock.try_acquire() && this.full.try_put(1).is_ok());
    for (name, wait, wake) in &waits {
        report::doing(name);
        steps::on_interrupt_call(*wake);
        for ticks in 1..TICKS {
            // Returns, or the harness runs out of patience.
            assert!(steps::is_interrupted(ticks, || wait(this)), "nobody has woken it");
            this.event.clear();
        }
    }
    println!("{} waits, each woken at {TICKS} ticks", waits.len());
}

fn put<Q: Queue, P: Platform>(channel: &Channel<Q, P>, item: Q::Item) {
    assert!(channel.try_put(item).is_ok());
}
