//! A wheel on the heap.

use std::thread;

use inkle_core::timer::{Geometry, Handle, Then, Tick, Wheel};

use super::{Next, Random, Service, Turns};

/// One million, and those that are cancelled and not yet given back.
const SLOTS: usize = 1_000_000 + 1024;

type Large<G> = Wheel<u32, SLOTS, G>;

/// Makes a wheel where the stack has room for it, since nothing promises that it is made in its place.
fn large<G: Geometry + 'static>() -> Box<Large<G>> {
    thread::Builder::new()
        .stack_size(8 * size_of::<Large<G>>())
        .spawn(|| Box::new(Large::new(Tick::new(0))))
        .and_then(|thread| thread.join().map_err(|_| std::io::Error::other("it panicked")))
        .expect("a thread with a large stack")
}

pub(super) struct Ours<G: Geometry>(Box<Large<G>>);

/// As [`Timers::cancel`](inkle_core::timer::TimersOver::cancel) does it.
const UNTIDY: u32 = 16;
const TIDY: u32 = 3 * UNTIDY;

impl<G: Geometry + 'static> Service for Ours<G> {
    type Timer = Handle;

    fn new() -> Self {
        Self(large())
    }

    #[inline(always)]
    fn schedule(&self, deadline: u32) -> Handle {
        let scheduled = self.0.schedule(Tick::new(deadline), deadline);
        scheduled.unwrap_or_else(|_| unreachable!("there are slots enough")).handle
    }

    #[inline(always)]
    fn cancel(&self, timer: Handle) {
        assert!(self.0.cancel(timer).is_ok(), "nothing fires");
        if self.0.untidy() >= UNTIDY
            && let Some(mut driver) = self.0.try_drive()
        {
            _ = driver.tidy(TIDY);
        }
    }

    fn settle(&self) {
        _ = self.0.try_drive().expect("nobody else is here").tidy(u32::MAX);
    }
}

impl<G: Geometry + 'static> Next for Ours<G> {
    #[inline(always)]
    fn next(&self) -> u64 {
        self.0.next_deadline().get().into()
    }
}

/// The same, with a clock that goes from deadline to deadline.
pub(super) struct Turning<G: Geometry> {
    wheel: Box<Large<G>>,
    random: Random,
}

impl<G: Geometry + 'static> Turning<G> {
    #[inline(always)]
    fn schedule(&mut self, now: Tick) {
        let scheduled = self.wheel.schedule(now.after(self.random.delay()), 0);
        assert!(scheduled.is_ok(), "there are slots enough");
    }
}

impl<G: Geometry + 'static> Turns for Turning<G> {
    fn new(pending: usize) -> Self {
        let mut turning = Self { wheel: large(), random: Random::new(0) };
        (0..pending).for_each(|_| turning.schedule(Tick::new(0)));
        turning
    }

    fn turn(&mut self, count: u64) {
        let mut fired = 0;
        while fired < count {
            let now = self.wheel.next_deadline();
            let mut driver = self.wheel.try_drive().expect("nobody else is here");
            let turn = driver.advance(now, u32::MAX, |_| Then::Done);
            drop(driver);
            (0..turn.fired).for_each(|_| self.schedule(now));
            fired += u64::from(turn.fired);
        }
    }
}
