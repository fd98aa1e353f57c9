//! Floor 4: wait for the first of several operations.
//!
//! An [operation](crate::operation) that can wait is a value: a future to await, or one of the arms of a
//! [`Select`]. Nothing is allocated and
//! there is no limit to the number of arms: each arm carries its own place in the list of those who
//! wait.

use crate::atomic::{AtomicU32, Ordering};
use crate::error::TimedOut;
use crate::platform::{Deadline, Platform, Wake};
use crate::waiting::{Place, Waiter, Whom};

/// Something that a [`Select`] can wait for: an [`Operation`](crate::operation::Operation) of any kind.
pub trait Arm<P: Platform> {
    /// Tries; `true` if it is done and holds its result.
    fn attempt(&mut self) -> bool;
    /// Where to wait for the next try, and who waits.
    fn place(&self) -> (Place<'_, P>, &Waiter);
    /// The select has ended, and this waits no longer.
    fn stop(&mut self);
}

/// Waits for the first of several operations, fairly.
///
/// The arm that was served last is tried last in the next round, so no arm that is ready again and
/// again keeps another one from being served. Exactly one arm is carried out a call; the others have
/// taken and given nothing.
///
/// ```
/// use inkle_core::channel::Channel;
/// use inkle_core::platform::{Deadline, NoBoard, Spin};
/// use inkle_core::queue::word::WordRing;
/// use inkle_core::select::Select;
///
/// type Keys = Channel<WordRing<u8, 4>, Spin<NoBoard>>;
/// static LEFT: Keys = Channel::new(WordRing::new());
/// static RIGHT: Keys = Channel::new(WordRing::new());
///
/// LEFT.put(1).unwrap();
/// LEFT.put(2).unwrap();
/// RIGHT.put(3).unwrap();
///
/// let mut select = Select::new();
/// let mut seen = [0; 3];
/// for seen in &mut seen {
///     let (mut left, mut right) = (LEFT.get_async(), RIGHT.get_async());
///     *seen = match select.wait(&mut [&mut left, &mut right], Deadline::NEVER) {
///         Ok(0) => left.take().unwrap().unwrap(),
///         _ => right.take().unwrap().unwrap(),
///     };
/// }
/// assert_eq!(seen, [1, 3, 2]);
/// ```
#[derive(Debug, Default)]
pub struct Select {
    /// Where the next round begins.
    next: usize,
}

impl Select {
    /// A select that begins with the first arm.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: 0 }
    }

    /// Waits until one of the arms is done and gives its number; the arm holds its result. An arm that
    /// is done already counts at once. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`], also at once if there are no arms; then nothing was done.
    ///
    /// Progress: blocking. Interrupt-safe: no. Ordering: that of the operation which was carried out.
    /// Source: QU034.
    pub fn wait<P: Platform>(
        &mut self,
        arms: &mut [&mut dyn Arm<P>],
        deadline: impl Into<Deadline>,
    ) -> Result<usize, TimedOut> {
        let result = self.block(arms, deadline.into());
        arms.iter_mut().for_each(|arm| arm.stop());
        result
    }

    fn block<P: Platform>(
        &mut self,
        arms: &mut [&mut dyn Arm<P>],
        deadline: Deadline,
    ) -> Result<usize, TimedOut> {
        if let Some(done) = self.attempt(arms) {
            return Ok(done);
        }
        if arms.is_empty() || deadline.has_passed::<P>() {
            return Err(TimedOut);
        }
        let mut round = 0;
        while P::relax(round) {
            if let Some(done) = self.attempt(arms) {
                return Ok(done);
            }
            round += 1;
        }
        // Counts notifications. Declared before `Entered`, so dropped after it.
        let word = AtomicU32::new(0);
        let mut entered = Entered { arms, word: &word };
        entered.enter(|_, _| true);
        let mut wake = Wake::Woken;
        loop {
            // Relaxed: the lock under which `owes` looks orders it. Read before that, so that a
            // notification after the look finds us awake.
            let seen = word.load(Ordering::Relaxed);
            if let Some(done) = self.attempt(entered.arms) {
                return Ok(done);
            }
            // An arm that was told in vain waits on, and looks once more after it has entered.
            if entered.enter(|place, waiter| place.owes(waiter)) {
                continue;
            }
            if wake == Wake::TimedOut {
                return Err(TimedOut);
            }
            wake = P::wait(&word, seen, deadline);
        }
    }

    /// Tries each arm once.
    fn attempt<P: Platform>(&mut self, arms: &mut [&mut dyn Arm<P>]) -> Option<usize> {
        let first = if self.next < arms.len() { self.next } else { 0 };
        let (before, after) = arms.split_at_mut_checked(first)?;
        let mut turn = after.iter_mut().chain(before).enumerate();
        let done = turn.find_map(|(turn, arm)| arm.attempt().then_some(turn))?;
        let place = first.wrapping_add(done);
        let done = if place < arms.len() { place } else { place.wrapping_sub(arms.len()) };
        self.next = done.wrapping_add(1);
        Some(done)
    }
}

/// Arms that may be in the lists of those who wait. They leave when this is dropped, also by a panic
/// in somebody's comparison.
struct Entered<'a, 'b, P: Platform> {
    arms: &'a mut [&'b mut dyn Arm<P>],
    word: &'a AtomicU32,
}

impl<P: Platform> Entered<'_, '_, P> {
    /// Enters the arms that are `out`; says whether there were any.
    fn enter(&mut self, out: fn(Place<'_, P>, &Waiter) -> bool) -> bool {
        let mut any = false;
        for arm in self.arms.iter() {
            let (place, waiter) = arm.place();
            if out(place, waiter) {
                // SAFETY: `out` says that it is in no list; the arm is borrowed, so it stays where it
                // is, and leaves when we are dropped, before the borrow and the word end.
                unsafe { place.enter(waiter, Whom::Thread(self.word)) };
                any = true;
            }
        }
        any
    }
}

impl<P: Platform> Drop for Entered<'_, '_, P> {
    fn drop(&mut self) {
        for arm in self.arms.iter() {
            let (place, waiter) = arm.place();
            place.leave(waiter);
        }
    }
}
