//! The timer wheel against a plain list.

mod pair;

use core::cell::Cell;

use heapless::Vec;
use inkle_core::queue::{Narrow, Native, Width};
use inkle_core::timer::{Coarse, Exact, Geometry, Then, Tick, Turn, Wheel};
use inkle_core::{Platform, RescheduleError, ScheduleError, TooLate};

use self::pair::{Pair, START};
use crate::dice::{Bytes, Dice};
use crate::{Effort, Tally};

fn play<G: Geometry, W: Width>(effort: Effort, late_by: u64, reach: usize) {
    for seed in effort.seeds() {
        // The counter wraps around soon after the start.
        let start = if seed % 2 == 0 { START } else { START - 1000 };
        Pair::<G, W, _>::new(Dice::new(seed), start, late_by, reach).play(effort.steps);
    }
}

/// What a fuzzer has chosen: the kind of wheel, and what is done with it.
pub fn fuzz(choices: &[u8]) {
    let Some((kind, choices)) = choices.split_first() else { return };
    let start = if kind & 1 == 0 { START } else { START - 1000 };
    let choices = Bytes(choices);
    match (kind >> 1) % 6 {
        0 => Pair::<Exact, Native, _>::new(choices, start, 0, 30).play(u32::MAX),
        1 => Pair::<Exact<2>, Native, _>::new(choices, start, 0, 15).play(u32::MAX),
        2 => Pair::<Exact<1>, Native, _>::new(choices, start, 0, 9).play(u32::MAX),
        3 => Pair::<Exact<3>, Narrow<2>, _>::new(choices, start, 0, 20).play(u32::MAX),
        4 => Pair::<Coarse, Native, _>::new(choices, start, 8, 30).play(u32::MAX),
        _ => Pair::<Coarse<4>, Native, _>::new(choices, start, 8, 15).play(u32::MAX),
    }
}

/// Fires each timer once, at its tick, in order.
pub fn exact<P: Platform>(effort: Effort) {
    play::<Exact, Native>(effort, 0, 30);
}

/// The same where most timers lie beyond the top level.
pub fn exact_of_two_levels<P: Platform>(effort: Effort) {
    play::<Exact<2>, Native>(effort, 0, 15);
    // Where there is room for the code of one more; the bags have it everywhere.
    if usize::BITS >= 64 {
        play::<Exact<1>, Native>(effort, 0, 9);
    }
}

/// The same where generations wrap around after four timers of a slot.
pub fn exact_with_narrow_generations<P: Platform>(effort: Effort) {
    play::<Exact<3>, Narrow<2>>(effort, 0, 20);
}

/// Fires each timer once, at most an eighth of its delay late.
pub fn coarse<P: Platform>(effort: Effort) {
    play::<Coarse, Native>(effort, 8, 30);
    play::<Coarse<4>, Native>(effort, 8, 15);
}

/// Turns the wheel until nothing is left to be done now; how many have fired.
fn turn<T, const N: usize>(
    wheel: &Wheel<T, N>,
    now: Tick,
    action: impl FnMut(T) -> Then<T>,
) -> u32 {
    let Turn { fired, is_complete, .. } =
        wheel.try_drive().expect("nobody drives").advance(now, u32::MAX, action);
    assert!(is_complete);
    fired
}

/// One that fires again keeps its handle and its slot.
pub fn periods<P: Platform>(_effort: Effort) {
    let wheel = Wheel::<Tick, 1>::new(Tick::new(0));
    let beat = wheel.schedule(Tick::new(10), Tick::new(10)).unwrap().handle;
    let mut beats = 0;
    let again = |last: Tick| {
        beats += 1;
        Then::Again(last.after(10), last.after(10))
    };
    // Late: what was missed comes at once, and no beat is lost.
    assert_eq!(turn(&wheel, Tick::new(35), again), 3);
    assert_eq!((beats, wheel.next_deadline()), (3, Tick::new(40)));
    assert_eq!(wheel.schedule(Tick::new(1), Tick::new(1)), Err(ScheduleError::Full(Tick::new(1))));
    assert!(wheel.is_pending(beat));
    assert_eq!(wheel.cancel(beat), Ok(Tick::new(40)));
    assert_eq!(turn(&wheel, Tick::new(99), |_| Then::Done), 0);
}

/// What an action does to its own wheel.
pub fn actions_use_the_wheel<P: Platform>(_effort: Effort) {
    let wheel = Wheel::<u8, 4>::new(Tick::new(0));
    let victim = wheel.schedule(Tick::new(6), 2).unwrap().handle;
    let itself = wheel.schedule(Tick::new(5), 1).unwrap().handle;
    let later = wheel.schedule(Tick::new(70), 3).unwrap().handle;
    let mut order = Vec::<u8, 4>::new();
    let mut later_now = None;
    let fired = turn(&wheel, Tick::new(60), |number| {
        assert!(order.push(number).is_ok());
        assert_eq!(wheel.cancel(itself), Err(TooLate));
        assert_eq!(wheel.cancel(victim), Ok(2), "one that is due, but has not fired");
        later_now = Some(wheel.reschedule(later, Tick::new(61)).unwrap().handle);
        assert!(wheel.try_drive().is_none(), "the wheel is being driven");
        Then::Done
    });
    assert_eq!((fired, order.as_slice()), (1, &[1][..]));
    assert_eq!(wheel.cancel(later), Err(TooLate));
    let again = turn(&wheel, Tick::new(61), |number| {
        assert_eq!(number, 3);
        Then::Done
    });
    assert_eq!(again, 1);
    assert_eq!(later_now.map(|handle| wheel.cancel(handle)), Some(Err(TooLate)));
}

/// Slots of cancelled timers come back by tidying up, without a clock.
pub fn tidying<P: Platform>(_effort: Effort) {
    /// More than can be counted, where there is room.
    const MANY: usize = if usize::BITS < 64 { 50 } else { 300 };
    let wheel = Wheel::<u32, MANY>::new(Tick::new(0));
    let handles: Vec<_, MANY> =
        (0..MANY as u32).map(|n| wheel.schedule(Tick::new(1000), n).unwrap().handle).collect();
    let tidy = |budget| wheel.try_drive().unwrap().tidy(budget);
    assert!(tidy(u32::MAX).is_complete);
    for (number, handle) in handles.into_iter().enumerate() {
        assert_eq!(wheel.untidy(), number.min(255) as u32);
        assert_eq!(wheel.cancel(handle), Ok(number as u32));
    }
    assert_eq!(wheel.schedule(Tick::new(1), 0), Err(ScheduleError::Full(0)));
    // A third at a time.
    let turns = (1..).find(|_| tidy(MANY as u32 / 3 + 1).is_complete);
    assert_eq!((turns, wheel.untidy()), (Some(3), 0));
    assert!((0..MANY as u32).all(|n| wheel.schedule(Tick::new(1), n).is_ok()));
}

/// Ticks at the edges: what has passed, what is too far, a driver that rests as long as it may.
pub fn edges_of_time<P: Platform>(_effort: Effort) {
    type Small = Wheel<u8, 4>;
    let start = Tick::new(u32::MAX - 5);
    let wheel = Small::new(start);
    assert_eq!(wheel.next_deadline(), start.after(Small::REST));
    assert_eq!(wheel.schedule(start.after(u32::MAX), 9), Err(ScheduleError::TooFar(9)));
    let far = wheel.schedule(start.after(Small::REST), 1).unwrap().handle;
    assert_eq!(wheel.reschedule(far, start.after(u32::MAX)), Err(RescheduleError::TooFar));
    assert!(wheel.is_pending(far));
    let past = wheel.schedule(Tick::new(start.get().wrapping_sub(1 << 30)), 2).unwrap();
    assert!(past.is_first);
    assert_eq!(
        turn(&wheel, start, |number| {
            assert_eq!(number, 2);
            Then::Done
        }),
        1
    );
    // Back in time: nothing happens, and nothing is lost.
    assert_eq!(turn(&wheel, Tick::new(start.get().wrapping_sub(99)), |_| Then::Done), 0);
    // The driver comes only when it must, then late.
    let mut now = start;
    let mut turns = 0;
    while wheel.is_pending(far) {
        assert!(now.is_before(wheel.next_deadline()));
        now = wheel.next_deadline();
        turn(&wheel, now, |_| Then::Done);
        turns += 1;
    }
    assert_eq!(now, start.after(Small::REST));
    assert!(turns < 64, "{turns} turns for one timer");
    let late = wheel.schedule(now.after(1), 3).unwrap().handle;
    assert_eq!(turn(&wheel, now.after(1 << 28), |_| Then::Done), 1);
    assert!(!wheel.is_pending(late));
}

/// Handles of nothing, of another wheel, used twice.
pub fn strange_handles<P: Platform>(_effort: Effort) {
    let (large, small) = (Wheel::<u8, 9>::new(Tick::new(0)), Wheel::<u8, 1>::new(Tick::new(0)));
    let handles: Vec<_, 9> =
        (0..9).map(|n| large.schedule(Tick::new(5), n).unwrap().handle).collect();
    for handle in &handles {
        assert_eq!(small.cancel(*handle), Err(TooLate));
        assert_eq!(small.reschedule(*handle, Tick::new(3)), Err(RescheduleError::TooLate));
        assert!(!small.is_pending(*handle) && !small.is_firing(*handle));
    }
    assert!(small.schedule(Tick::new(7), 1).is_ok(), "a vain reschedule costs no slot");
    assert_eq!(turn(&large, Tick::new(5), |_| Then::Done), 9);
    assert!(handles.iter().all(|handle| large.cancel(*handle) == Err(TooLate)));
}

/// Values are dropped with their wheel, wherever they are.
pub fn values_of_a_dropped_wheel<P: Platform>(_effort: Effort) {
    let alive = Cell::new(0);
    let wheel = Wheel::<Tally<'_>, 6>::new(Tick::new(0));
    let schedule = |at| wheel.schedule(Tick::new(at), Tally::new(&alive)).ok().unwrap().handle;
    schedule(3);
    let cancelled = schedule(500);
    schedule(500);
    assert_eq!(turn(&wheel, Tick::new(4), |_| Then::Done), 1);
    drop(wheel.cancel(cancelled));
    // One in a bucket, one among the arrivals.
    schedule(6);
    assert_eq!(alive.get(), 2);
    drop(wheel);
    assert_eq!(alive.get(), 0);
}
