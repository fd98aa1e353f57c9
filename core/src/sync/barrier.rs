//! A barrier: everybody waits until all have come, round after round.
//!
//! # Layout
//!
//! One word: `broken << 31 | parity << 30 | stage << 28 | before << 27 | count[1] << 13 | count[0]`.
//!
//! Rounds are told apart by their parity. `parity`, `stage` and `count[parity]` are those of the round
//! that was opened last: it is filling, or it has passed, or it has failed. The other count and `before`
//! are of the round before it, which is over: how many have not left it yet, and whether it failed.
//! `broken` refuses whoever comes.
//!
//! # Invariants
//!
//! 1. `count` is how many have arrived in a round and not left it. Who has arrived leaves once, and learns
//!    how its round ended in the same exchange.
//! 2. A round ends once, by an exchange from `FILLING`.
//! 3. A round is opened by its first arrival, when the one before it is over and the one before that,
//!    whose parity it takes, is empty. So what a waiter reads of its own parity is about its own round,
//!    however late it comes, and no round waits for those who have yet to leave the last one.
//! 4. `FILLING` with a full count: the last one to come is running its action.
//!
//! By 3 an arrival waits only for an action that is running, and for those who have yet to leave the
//! round before the last one: there must be more threads than parties, or two rounds reset in a row.
//!
//! # Linearization points
//!
//! Each operation's exchange of the word.
//!
//! # Why no wake-up is lost
//!
//! Whoever ends a round, breaks, resets, or leaves a round last whose parity is wanted, exchanges the word
//! and then notifies all; a waiter is counted in the wait queue, then looks at the word.
//!
//! # Progress and cost
//!
//! Three exchanges a wait that sleeps, of which two are the wait queue's. The last to come: one, and the
//! notification.

use core::fmt;
use core::time::Duration;

use crate::atomic::{AtomicU32, Ordering, PlainU32};
use crate::error::{BarrierError, Cancelled};
use crate::operation::{Attempt, Operation};
use crate::platform::{Deadline, Platform};
use crate::sync::CancelToken;
use crate::waiting::WaitQueue;

const COUNT_BITS: u32 = 13;
const COUNT: u32 = (1 << COUNT_BITS) - 1;
const BEFORE_FAILED: u32 = 1 << 27;
const STAGE: u32 = 3 << 28;
const FILLING: u32 = 0;
const PASSED: u32 = 1 << 28;
const FAILED: u32 = 2 << 28;
const ODD: u32 = 1 << 30;
const BROKEN: u32 = 1 << 31;

/// Which of two rounds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parity {
    Even,
    Odd,
}

use Parity::{Even, Odd};

impl Parity {
    fn other(self) -> Self {
        match self {
            Even => Odd,
            Odd => Even,
        }
    }

    /// One of those counted in a round of this parity.
    fn one(self) -> u32 {
        match self {
            Even => 1,
            Odd => 1 << COUNT_BITS,
        }
    }
}

/// The word, taken apart.
#[derive(Clone, Copy)]
struct Word(u32);

impl Word {
    /// The parity of the round that was opened last.
    fn parity(self) -> Parity {
        if self.0 & ODD == 0 { Even } else { Odd }
    }

    /// The stage of that round.
    fn stage(self) -> u32 {
        self.0 & STAGE
    }

    fn with_stage(self, stage: u32) -> Self {
        Self(self.0 & !STAGE | stage)
    }

    fn is_broken(self) -> bool {
        self.0 & BROKEN != 0
    }

    /// How many are in a round.
    fn count(self, parity: Parity) -> u32 {
        match parity {
            Even => self.0 & COUNT,
            Odd => self.0 >> COUNT_BITS & COUNT,
        }
    }

    /// One less in a round that has somebody in it.
    fn without_one(self, parity: Parity) -> Self {
        Self(self.0.wrapping_sub(parity.one()))
    }

    /// One more in the round that was opened last, which is not full.
    fn with_one(self) -> Self {
        Self(self.0.wrapping_add(self.parity().one()))
    }

    /// How the round of somebody who is in it has ended, if it has.
    fn end(self, parity: Parity) -> Option<Result<(), BarrierError>> {
        let failed = match self.stage() {
            _ if parity != self.parity() => self.0 & BEFORE_FAILED != 0,
            FILLING => return None,
            stage => stage == FAILED,
        };
        Some(if failed { Err(BarrierError::Broken) } else { Ok(()) })
    }

    /// The next round opened, if the last one is over and nobody is in the one before it.
    fn opened(self) -> Option<Self> {
        let next = self.parity().other();
        if self.stage() == FILLING || self.count(next) != 0 {
            return None;
        }
        let before = if self.stage() == FAILED { BEFORE_FAILED } else { 0 };
        let word = self.with_stage(FILLING).0 & !BEFORE_FAILED | before;
        Some(Self(word ^ ODD))
    }

    /// The round that is filling, if there is anybody in it, has failed.
    fn failed(self) -> Self {
        if self.stage() == FILLING && self.count(self.parity()) != 0 {
            self.with_stage(FAILED)
        } else {
            self
        }
    }
}

/// Where so many threads or tasks wait until all of them have come, again and again.
///
/// Who comes last may run an action before anybody goes on. If somebody who has arrived gives up, the
/// barrier is *broken*: all who wait, and all who come later, are told so, until it is
/// [`reset`](Self::reset).
///
/// It may be used by more threads than it has parties: whoever comes first makes up a round. Nobody who
/// is slow to leave a round holds up the next one; only the one after that, and only if others have
/// filled the next meanwhile.
///
/// In memory that processes share: a process that is killed while it waits stays counted. Its round can
/// be broken and reset, but the second round after it does not begin. There take that of
/// [`robust`](crate::robust).
///
/// ```
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::Barrier;
///
/// let barrier: Barrier<Spin<NoBoard>> = Barrier::new(1).unwrap();
/// let mut rounds = 0;
/// for _ in 0..3 {
///     assert_eq!(barrier.wait_with(|| rounds += 1), Ok(0));
/// }
/// assert_eq!(rounds, 3);
/// barrier.abort();
/// assert!(barrier.wait().is_err());
/// ```
#[repr(C)]
pub struct Barrier<P> {
    changed: WaitQueue<P>,
    word: AtomicU32,
    /// Never written, and an atomic for others' sake: see [`crate::robust`].
    parties: PlainU32,
}

impl<P: Platform> Barrier<P> {
    /// As many parties as a barrier can have.
    pub const MAX_PARTIES: u32 = COUNT;

    const_fn! {
        /// A barrier for so many parties; `None` for 0 or more than
        /// [`MAX_PARTIES`](Self::MAX_PARTIES) (TH060).
        #[must_use]
        pub const fn new(parties: u32) -> Option<Self> {
            if parties == 0 || parties > COUNT {
                return None;
            }
            Some(Self { changed: WaitQueue::new(), word: AtomicU32::new(FILLING), parties: PlainU32::new(parties) })
        }
    }

    /// Waits until all have come, and gives the caller's number in the order of arrival: each of 0 to
    /// `parties - 1` once a round. The last number is that of the one who came last.
    ///
    /// Errors: [`BarrierError::Broken`] (TH064 to TH066). Progress: blocking. Interrupt-safe: no.
    /// Ordering: what each party did before it came is visible to all after it. Source: TH060, TH061.
    pub fn wait(&self) -> Result<u32, BarrierError> {
        self.wait_until(Deadline::NEVER)
    }

    /// As [`wait`](Self::wait), until `deadline`. A deadline that has passed breaks the barrier unless
    /// the caller is the last one to come.
    ///
    /// Errors: [`BarrierError::TimedOut`], and the barrier is broken for all; or
    /// [`BarrierError::Broken`]. Source: TH064.
    pub fn wait_until(&self, deadline: impl Into<Deadline>) -> Result<u32, BarrierError> {
        self.block(deadline.into(), None::<fn()>)
    }

    /// As [`wait`](Self::wait), for at most `timeout`. See [`wait_until`](Self::wait_until).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<u32, BarrierError> {
        self.wait_until(Deadline::after::<P>(timeout))
    }

    /// As [`wait`](Self::wait), until `token` is cancelled. A token that is cancelled already wins, and
    /// then the caller has not come and breaks nothing.
    ///
    /// Errors: [`BarrierError::Cancelled`], and if the caller had arrived the barrier is broken for all;
    /// or [`BarrierError::Broken`]. Source: TH077.
    pub fn wait_unless(&self, token: &CancelToken<'_, P>) -> Result<u32, BarrierError> {
        self.unless(token, None::<fn()>)
    }

    /// As [`wait`](Self::wait); if the caller comes last, it runs `action` before anybody goes on.
    /// `action` of all others is dropped unused.
    ///
    /// While it runs the round is not complete: if meanwhile somebody gives up, or the barrier is aborted
    /// or reset, it is broken for all, also for the one who ran the action. If the action panics the
    /// barrier is broken and the panic goes through.
    ///
    /// Errors and the rest: as [`wait`](Self::wait). Source: TH062, TH063.
    pub fn wait_with(&self, action: impl FnOnce()) -> Result<u32, BarrierError> {
        self.block(Deadline::NEVER, Some(action))
    }

    /// As [`wait_with`](Self::wait_with), until `deadline`. See [`wait_until`](Self::wait_until).
    pub fn wait_with_until(
        &self,
        deadline: impl Into<Deadline>,
        action: impl FnOnce(),
    ) -> Result<u32, BarrierError> {
        self.block(deadline.into(), Some(action))
    }

    /// As [`wait_with`](Self::wait_with), for at most `timeout`. See [`wait_until`](Self::wait_until).
    pub fn wait_with_timeout(
        &self,
        timeout: Duration,
        action: impl FnOnce(),
    ) -> Result<u32, BarrierError> {
        self.wait_with_until(Deadline::after::<P>(timeout), action)
    }

    /// As [`wait_with`](Self::wait_with), until `token` is cancelled. See
    /// [`wait_unless`](Self::wait_unless).
    pub fn wait_with_unless(
        &self,
        token: &CancelToken<'_, P>,
        action: impl FnOnce(),
    ) -> Result<u32, BarrierError> {
        self.unless(token, Some(action))
    }

    /// [`wait`](Self::wait) to await or to select. It arrives at the first poll. Dropped after that and
    /// before it is done, it breaks the barrier.
    ///
    /// Progress: each poll is lock-free, and if it has to wait takes a short lock on the list of waiters.
    /// Interrupt-safe: to be polled in a handler, if the platform's [`masked`](Platform::masked) keeps
    /// handlers out.
    pub fn wait_async(&self) -> WaitBarrier<'_, P> {
        self.operation(None)
    }

    /// [`wait_with`](Self::wait_with) to await or to select. See [`wait_async`](Self::wait_async).
    pub fn wait_with_async<F: FnOnce()>(&self, action: F) -> WaitBarrier<'_, P, F> {
        self.operation(Some(action))
    }

    /// Breaks the barrier: whoever waits, and whoever comes before the next [`reset`](Self::reset), gets
    /// [`BarrierError::Broken`].
    ///
    /// Progress: lock-free, and with tasks waiting a short lock. Interrupt-safe: yes, if the platform's
    /// `wake` is, and with tasks if its [`masked`](Platform::masked) keeps handlers out. Ordering:
    /// release; whoever is told sees what came before. Source: TH065.
    pub fn abort(&self) {
        self.exchange(|word| Some(Word(word.failed().0 | BROKEN)));
        self.changed.notify_after_rmw(u32::MAX);
    }

    /// Begins anew: whoever waits gets [`BarrierError::Broken`], whoever comes then does not, also if the
    /// barrier was broken.
    ///
    /// Progress, interrupt safety, ordering: as [`abort`](Self::abort). Source: TH066.
    pub fn reset(&self) {
        self.exchange(|word| Some(Word(word.failed().0 & !BROKEN)));
        self.changed.notify_after_rmw(u32::MAX);
    }

    /// Whether the barrier is broken: a snapshot. Source: TH067.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.look().is_broken()
    }

    /// How many have to come. Source: TH067.
    #[must_use]
    pub fn parties(&self) -> u32 {
        // Relaxed: nobody writes it.
        self.parties.load(Ordering::Relaxed)
    }

    /// How many have come and wait for others: a snapshot, 0 unless a round is filling. Source: TH067.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        let word = self.look();
        if word.stage() == FILLING { word.count(word.parity()) } else { 0 }
    }

    /// A snapshot.
    fn look(&self) -> Word {
        // Relaxed: a snapshot orders nothing, and whoever decides by it exchanges it.
        Word(self.word.load(Ordering::Relaxed))
    }

    /// Makes the word what `next` says, unless that is `None`; gives what it was, and what it is.
    fn exchange(&self, next: impl Fn(Word) -> Option<Word>) -> (Word, Option<Word>) {
        let mut word = self.look();
        loop {
            let Some(new) = next(word) else { return (word, None) };
            // Acquire and Release, each pairs with the other here: of arrivals, whose last one sees what
            // came before all the others; of the end of a round with those who leave it, or come later.
            match self.word.compare_exchange_weak(
                word.0,
                new.0,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return (word, Some(new)),
                Err(now) => word = Word(now),
            }
        }
    }

    /// Comes. `None` if the round cannot be joined yet.
    fn arrive(&self, acts: bool) -> Option<Stand> {
        let is_last = |word: Word| word.count(word.parity()) == self.parties();
        let (before, after) = self.exchange(|word| {
            if word.is_broken() {
                return None;
            }
            let word = if word.stage() == FILLING { word } else { word.opened()? };
            if is_last(word) {
                return None;
            }
            let word = word.with_one();
            let passes = is_last(word) && !acts;
            Some(if passes { word.without_one(word.parity()).with_stage(PASSED) } else { word })
        });
        let Some(after) = after else {
            return before.is_broken().then_some(Stand::Done(Err(BarrierError::Broken)));
        };
        if after.stage() == PASSED {
            self.changed.notify_after_rmw(u32::MAX);
            return Some(Stand::Done(Ok(self.last())));
        }
        let (parity, index) = (after.parity(), after.count(after.parity()).wrapping_sub(1));
        Some(if is_last(after) { Stand::Last(parity) } else { Stand::Waits(parity, index) })
    }

    /// The number of the one who comes last.
    fn last(&self) -> u32 {
        self.parties().wrapping_sub(1)
    }

    /// Leaves a round if it is over; else, if `end` is given, ends it so and leaves. Gives the word as it
    /// was before.
    fn leave(&self, parity: Parity, end: Option<u32>) -> Word {
        let (before, after) = self.exchange(|word| {
            let left = word.without_one(parity);
            match (word.end(parity), end) {
                (Some(_), _) => Some(left),
                (None, Some(FAILED)) => Some(Word(left.with_stage(FAILED).0 | BROKEN)),
                (None, Some(stage)) => Some(left.with_stage(stage)),
                (None, None) => None,
            }
        });
        if let Some(after) = after {
            // Others wait for the end; if it was over already, somebody may wait for its parity.
            let was_over = before.end(parity).is_some();
            if !was_over || (before.opened().is_none() && after.opened().is_some()) {
                self.changed.notify_after_rmw(u32::MAX);
            }
        }
        before
    }

    fn operation<F: FnOnce()>(&self, action: Option<F>) -> WaitBarrier<'_, P, F> {
        Operation::new(Arriving::new(self, action), self.changed.place())
    }

    fn block(
        &self,
        deadline: Deadline,
        action: Option<impl FnOnce()>,
    ) -> Result<u32, BarrierError> {
        let mut arriving = Arriving::new(self, action);
        let result = self.changed.block(deadline, || arriving.go_on());
        result.unwrap_or_else(|| arriving.give_up().unwrap_or(Err(BarrierError::TimedOut)))
    }

    fn unless(
        &self,
        token: &CancelToken<'_, P>,
        action: Option<impl FnOnce()>,
    ) -> Result<u32, BarrierError> {
        let mut arriving = self.operation(action);
        arriving.unless(token).unwrap_or_else(|Cancelled(reason)| {
            arriving.what.give_up().unwrap_or(Err(BarrierError::Cancelled(reason)))
        })
    }
}

impl<P: Platform> fmt::Debug for Barrier<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.parties())
            .field("waiting", &self.waiting())
            .field("broken", &self.is_broken())
            .finish()
    }
}

/// A barrier being waited at; see [`Barrier::wait_async`].
pub type WaitBarrier<'a, P, F = fn()> = Operation<'a, Arriving<'a, P, F>, P>;

/// How far somebody has come.
#[derive(Clone, Copy)]
enum Stand {
    /// Not there yet.
    Away,
    /// Counted in the round of this parity, and the one with this number.
    Waits(Parity, u32),
    /// Counted as the last one: the action is to be run.
    Last(Parity),
    /// Not counted any more.
    Done(Result<u32, BarrierError>),
}

/// See [`WaitBarrier`].
pub struct Arriving<'a, P: Platform, F> {
    barrier: &'a Barrier<P>,
    action: Option<F>,
    stand: Stand,
}

debug_name!(impl[P: Platform, F] Arriving<'_, P, F>: "Arriving";);

impl<'a, P: Platform, F: FnOnce()> Arriving<'a, P, F> {
    fn new(barrier: &'a Barrier<P>, action: Option<F>) -> Self {
        Self { barrier, action, stand: Stand::Away }
    }

    /// One try.
    fn go_on(&mut self) -> Option<Result<u32, BarrierError>> {
        if let Stand::Away | Stand::Done(_) = self.stand {
            self.stand = self.barrier.arrive(self.action.is_some())?;
        }
        let (end, index) = match self.stand {
            Stand::Away => return None,
            Stand::Done(result) => return Some(result),
            Stand::Waits(parity, index) => (self.barrier.leave(parity, None).end(parity)?, index),
            Stand::Last(parity) => {
                self.act();
                // Not over as far as we know: then it has passed by this.
                let end = self.barrier.leave(parity, Some(PASSED)).end(parity);
                (end.unwrap_or(Ok(())), self.barrier.last())
            }
        };
        let result = end.map(|()| index);
        self.stand = Stand::Done(result);
        Some(result)
    }

    /// Runs the action. If it panics, the barrier is broken.
    fn act(&mut self) {
        let action = self.action.take();
        let broken = Broken(self);
        if let Some(action) = action {
            action();
        }
        core::mem::forget(broken);
    }
}

impl<P: Platform, F> Arriving<'_, P, F> {
    /// Leaves the barrier broken if we have arrived and the round is not over: `None`. If it is over,
    /// gives what came of it.
    fn give_up(&mut self) -> Option<Result<u32, BarrierError>> {
        let (parity, index) = match self.stand {
            Stand::Away | Stand::Done(_) => return None,
            Stand::Waits(parity, index) => (parity, index),
            Stand::Last(parity) => (parity, self.barrier.last()),
        };
        self.stand = Stand::Away;
        let end = self.barrier.leave(parity, Some(FAILED)).end(parity)?;
        Some(end.map(|()| index))
    }
}

impl<P: Platform, F> Drop for Arriving<'_, P, F> {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// Gives up when dropped, that is when an action panics.
struct Broken<'s, 'a, P: Platform, F>(&'s mut Arriving<'a, P, F>);

impl<P: Platform, F> Drop for Broken<'_, '_, P, F> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

impl<'a, P: Platform, F: FnOnce()> Attempt for Arriving<'a, P, F> {
    type Output = Result<u32, BarrierError>;

    fn attempt(&mut self, _waited: bool) -> Option<Result<u32, BarrierError>> {
        self.go_on()
    }
}
