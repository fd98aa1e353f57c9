//! A barrier that knows who has come, so that it breaks when one of these dies.
//!
//! # Layout
//!
//! The state: `generation << 32 | failures << 11 | broken << 10 | count`. `generation` is how many rounds
//! are over, so it is the number of the one that is open, and `count` how many have come to that.
//! `failures` are those of the last rounds, the last one lowest. `broken` refuses whoever comes.
//!
//! The claims, one for each party: `generation << 32 | acts << 31 | life`. Who has come to that round with
//! this number, and whether it has an action. A claim of another round is nobody's.
//!
//! # Invariants
//!
//! 1. Whoever comes writes its claim in the place of the count, which is nobody's, and then the count goes
//!    on, by whoever sees the claim. So whoever is counted can be found, and if one dies in between others
//!    count it.
//! 2. A claim is written over only by who has seen, after looking at it, that the count still stood there:
//!    it was nobody's then. Nobody writes an older one into that place again, for the same reason.
//! 3. A round ends once, by the exchange that moves the generation. Nobody has to leave it, so the dead
//!    hold nobody up; who was in it finds among the failures how it ended. Who comes to look for that when
//!    21 rounds more are over, which takes more threads than parties or so many resets, cannot know any
//!    more, and is told that it is broken.
//! 4. An open round with a full count: the last one to come is running its action.
//!
//! # Linearization points
//!
//! To come: the exchange of the claim. All others: the exchange of the state.
//!
//! # Why no wake-up is lost
//!
//! Whoever ends a round rings the bell for all (`bell.rs`); if it dies before that, a burial rouses all.
//!
//! # Progress and cost
//!
//! Eight bytes for each party, and 16. Two exchanges each round and party, and those of the bell.

use core::fmt;
use core::time::Duration;

use super::{Bell, Life, Mortal, Survivor, until_next_look};
use crate::atomic::{AtomicWord, Ordering, PlainU32, Word};
use crate::error::BarrierError;
use crate::platform::Deadline;

const COUNT: Word = (1 << 10) - 1;
const BROKEN: Word = 1 << 10;
const FAILURES: u32 = 11;
/// Of so many rounds it is known how they ended.
const REMEMBERED: u32 = 21;
const GENERATION: u32 = 32;
const ACTS: Word = 1 << 31;
const LIFE: Word = (1 << Life::BITS) - 1;

/// How a round ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Passes,
    Fails,
}

use End::{Fails, Passes};

/// Whether whoever comes next is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Opens,
    Breaks,
}

use Then::{Breaks, Opens};

/// The state, taken apart.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State(Word);

impl State {
    fn generation(self) -> u32 {
        (self.0 >> GENERATION) as u32
    }

    fn failures(self) -> Word {
        self.0 >> FAILURES & ((1 << REMEMBERED) - 1)
    }

    fn count(self) -> u32 {
        (self.0 & COUNT) as u32
    }

    fn is_broken(self) -> bool {
        self.0 & BROKEN != 0
    }

    /// With one more counted.
    fn with_one(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// With the open round over.
    fn over(self, end: End, then: Then) -> Self {
        let failures = self.failures() << 1 | Word::from(end == Fails);
        let failures = failures << FAILURES & ((1 << GENERATION) - 1);
        let generation = Word::from(self.generation().wrapping_add(1)) << GENERATION;
        Self(generation | failures | if then == Breaks { BROKEN } else { 0 })
    }

    /// How that round has ended, if it has.
    fn end(self, generation: u32) -> Option<Result<(), BarrierError>> {
        let ago = self.generation().wrapping_sub(generation).checked_sub(1)?;
        let passed = ago < REMEMBERED && self.failures() >> ago & 1 == 0;
        Some(if passed { Ok(()) } else { Err(BarrierError::Broken) })
    }
}

/// One party's word, taken apart.
#[derive(Clone, Copy)]
struct Claim(Word);

impl Claim {
    fn new(generation: u32, acts: bool, life: Life) -> Self {
        let acts = if acts { ACTS } else { 0 };
        Self(Word::from(generation) << GENERATION | acts | Word::from(life.bits()))
    }

    /// Who it is, if it is of that round.
    fn of(self, generation: u32) -> Option<Life> {
        let is_of = (self.0 >> GENERATION) as u32 == generation;
        Life::new((self.0 & LIFE) as u32).filter(|_| is_of)
    }

    fn acts(self) -> bool {
        self.0 & ACTS != 0
    }
}

/// Where so many threads of any processes wait until all of them have come, again and again, and where they
/// are told if one of them dies meanwhile.
///
/// If a process dies of which a thread had come to a round that is not over, the barrier is *broken*, as if
/// that one had given up: all who wait, and all who come later, are told so until it is
/// [`reset`](Self::reset). The death of any other process changes nothing; one that was only expected is
/// waited for as before. It is told of deaths by [`bury`](Survivor::bury), and who waits asks by itself,
/// every second, whether the others are alive.
///
/// It may be used by more threads than it has parties: whoever comes first makes up a round. Whoever sleeps
/// through 21 rounds more after its own is told that it is broken, whatever came of it.
///
/// At most `N` parties, and 1,023.
///
/// ```
/// # mod alone { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/robust/alone.rs")); }
/// # use alone::Alone;
/// use inkle_core::error::BarrierError;
/// use inkle_core::platform::Deadline;
/// use inkle_core::robust::{Barrier, Mortal, Survivor};
///
/// let barrier: Barrier<Alone, 4> = Barrier::new(1).unwrap();
/// let mut rounds = 0;
/// for _ in 0..3 {
///     assert_eq!(barrier.wait_with(|| rounds += 1), Ok(0));
/// }
/// assert_eq!(rounds, 3);
///
/// // As if this process had died while it was in a round.
/// let result = barrier.wait_with(|| barrier.bury(Alone::life()));
/// assert_eq!(result, Err(BarrierError::Broken));
/// barrier.reset();
/// barrier.bury(Alone::life());
/// assert!(!barrier.is_broken(), "it had not come to this round");
/// ```
#[repr(C)]
pub struct Barrier<P, const N: usize> {
    state: AtomicWord,
    claims: [AtomicWord; N],
    bell: Bell<P>,
    /// Never written, and an atomic as all that others might write.
    parties: PlainU32,
}

impl<P: Mortal, const N: usize> Barrier<P, N> {
    /// As many parties as this barrier can have.
    pub const MAX_PARTIES: u32 = if N < COUNT as usize { N as u32 } else { COUNT as u32 };

    const_fn! {
        /// A barrier for so many parties; `None` for 0 or more than
        /// [`MAX_PARTIES`](Self::MAX_PARTIES) (TH060).
        #[must_use]
        pub const fn new(parties: u32) -> Option<Self> {
            if parties == 0 || parties > Self::MAX_PARTIES {
                return None;
            }
            Some(Self {
                state: AtomicWord::new(0),
                claims: array![AtomicWord::new(0); N],
                bell: Bell::new(),
                parties: PlainU32::new(parties),
            })
        }
    }

    /// Waits until all have come, and gives the caller's number in the order of arrival: each of 0 to
    /// `parties - 1` once a round. The last number is that of the one who came last.
    ///
    /// Errors: [`BarrierError::Broken`] (TH064 to TH066, MP044). Progress: blocking. Interrupt-safe: no.
    /// Ordering: what each party did before it came is visible to all after it. Source: TH060, TH061,
    /// MP038.
    pub fn wait(&self) -> Result<u32, BarrierError> {
        self.wait_until(Deadline::NEVER)
    }

    /// As [`wait`](Self::wait), until `deadline`. A deadline that has passed breaks the barrier unless
    /// the caller is the last one to come.
    ///
    /// Errors: [`BarrierError::TimedOut`], and if the caller had come the barrier is broken for all; or
    /// [`BarrierError::Broken`]. Source: TH064.
    pub fn wait_until(&self, deadline: impl Into<Deadline>) -> Result<u32, BarrierError> {
        self.block(deadline.into(), None::<fn()>)
    }

    /// As [`wait`](Self::wait), for at most `timeout`. See [`wait_until`](Self::wait_until).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<u32, BarrierError> {
        self.wait_until(Deadline::after::<P>(timeout))
    }

    /// As [`wait`](Self::wait); if the caller comes last, it runs `action` before anybody goes on.
    /// `action` of all others is dropped unused.
    ///
    /// While it runs the round is not complete: if meanwhile somebody gives up or dies, or the barrier is
    /// aborted or reset, it is broken for all, also for the one who ran the action. If the action panics
    /// the barrier is broken and the panic goes through.
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

    /// Breaks the barrier: whoever waits, and whoever comes before the next [`reset`](Self::reset), gets
    /// [`BarrierError::Broken`].
    ///
    /// Progress: lock-free. Interrupt-safe: yes, if the platform's `wake` is. Ordering: release; whoever is
    /// told sees what came before. Source: TH065.
    pub fn abort(&self) {
        self.end_any(Breaks);
    }

    /// Begins anew: whoever waits gets [`BarrierError::Broken`], whoever comes then does not, also if the
    /// barrier was broken.
    ///
    /// Progress, interrupt safety, ordering: as [`abort`](Self::abort). Source: TH066.
    pub fn reset(&self) {
        self.end_any(Opens);
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

    /// How many have come and wait for others: a snapshot. Source: TH067.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.look().count()
    }

    fn look(&self) -> State {
        // Acquire, pairs with the Release of `exchange`: what all who came to a round did before, for whoever
        // finds it over.
        State(self.state.load(Ordering::Acquire))
    }

    /// Makes the state `to` if it is `from`. An error is what it is.
    fn exchange(&self, from: State, to: State) -> Result<(), State> {
        // Release, pairs with the Acquire of `look` and of an error: the one that ends a round hands on
        // what all of those before it did, whose exchanges it saw when it looked. Acquire, pairs likewise:
        // an error may be acted on.
        self.state
            .compare_exchange(from.0, to.0, Ordering::Release, Ordering::Acquire)
            .map(drop)
            .map_err(State)
    }

    /// Ends the open round, whichever it is, as failed.
    fn end_any(&self, then: Then) {
        let mut state = self.look();
        while let Err(now) = self.exchange(state, state.over(Fails, then)) {
            state = now;
        }
        self.bell.ring_after_rmw(u32::MAX);
    }

    /// Ends that round, unless it is over: then how it ended.
    fn end(&self, generation: u32, end: End) -> Option<Result<(), BarrierError>> {
        let then = if end == Fails { Breaks } else { Opens };
        let mut state = self.look();
        loop {
            if let Some(ended) = state.end(generation) {
                return Some(ended);
            }
            match self.exchange(state, state.over(end, then)) {
                Ok(()) => break,
                Err(now) => state = now,
            }
        }
        self.bell.ring_after_rmw(u32::MAX);
        None
    }

    /// Comes. `None` while the action of a full round runs.
    fn arrive(&self, acts: bool) -> Option<Result<Place, BarrierError>> {
        loop {
            let state = self.look();
            let (generation, number) = (state.generation(), state.count());
            if state.is_broken() {
                return Some(Err(BarrierError::Broken));
            }
            if number >= self.parties() {
                return None;
            }
            // `None` only if somebody has written nonsense.
            let Some(claim) = self.claims.get(number as usize) else {
                return Some(Err(BarrierError::Broken));
            };
            // Acquire, pairs with the Release below: for the look after it, and of one whom we count, what it
            // did before it came.
            let there = Claim(claim.load(Ordering::Acquire));
            if there.of(generation).is_some() {
                self.count(state, there);
                continue;
            }
            // Invariant 2. If the claim we saw was of a later round, then so is what we see now.
            if self.look() != state {
                continue;
            }
            let ours = Claim::new(generation, acts, P::life());
            // Release, pairs with the Acquire above.
            let claimed =
                claim.compare_exchange(there.0, ours.0, Ordering::Release, Ordering::Relaxed);
            if claimed.is_ok() {
                self.count(state, ours);
                return Some(Ok(Place { generation, number }));
            }
        }
    }

    /// Counts one more than in `state`, with that claim; if it is the last one and does not act, the round
    /// passes. If the state is another one by now, it is counted already, or the round is over.
    fn count(&self, state: State, claim: Claim) {
        let state_with_one = state.with_one();
        let passes = state_with_one.count() == self.parties() && !claim.acts();
        let next = if passes { state.over(Passes, Opens) } else { state_with_one };
        if self.exchange(state, next).is_ok() && passes {
            self.bell.ring_after_rmw(u32::MAX);
        }
    }

    /// Who has come to the open round.
    fn lives(&self, state: State) -> impl Iterator<Item = Life> + '_ {
        // One more than are counted: see invariant 1.
        let claims = self.claims.iter().take((state.count() as usize).wrapping_add(1));
        // Relaxed: a claim says all there is to know.
        claims.filter_map(move |claim| Claim(claim.load(Ordering::Relaxed)).of(state.generation()))
    }

    fn block(
        &self,
        deadline: Deadline,
        mut action: Option<impl FnOnce()>,
    ) -> Result<u32, BarrierError> {
        let mut stay = Stay { barrier: self, place: None };
        loop {
            let until = until_next_look::<P>(deadline);
            if let Some(result) = self.bell.block(until, || stay.go_on(&mut action)) {
                return result;
            }
            if until == deadline {
                return stay.leave().unwrap_or(Err(BarrierError::TimedOut));
            }
            // The net.
            for life in self.lives(self.look()) {
                if !P::is_alive(life) {
                    self.bury(life);
                }
            }
        }
    }
}

/// Which number in which round.
#[derive(Clone, Copy)]
struct Place {
    generation: u32,
    number: u32,
}

/// Somebody who is to come, or has come; if it is dropped then, also by a panic, the barrier breaks.
struct Stay<'a, P: Mortal, const N: usize> {
    barrier: &'a Barrier<P, N>,
    place: Option<Place>,
}

impl<P: Mortal, const N: usize> Stay<'_, P, N> {
    /// One try.
    fn go_on(&mut self, action: &mut Option<impl FnOnce()>) -> Option<Result<u32, BarrierError>> {
        let barrier = self.barrier;
        let place = match self.place {
            Some(place) => place,
            None => match barrier.arrive(action.is_some())? {
                Ok(place) => place,
                Err(error) => return Some(Err(error)),
            },
        };
        self.place = Some(place);
        let end = match (barrier.look().end(place.generation), action) {
            (Some(end), _) => end,
            (None, action) if place.number.wrapping_add(1) == barrier.parties() => {
                if let Some(action) = action.take() {
                    action();
                }
                barrier.end(place.generation, Passes).unwrap_or(Ok(()))
            }
            (None, _) => return None,
        };
        self.place = None;
        Some(end.map(|()| place.number))
    }

    /// Gives up, and breaks the barrier if it has come and its round is open: `None` then, and if it has not
    /// come. Otherwise what came of the round.
    fn leave(&mut self) -> Option<Result<u32, BarrierError>> {
        let place = self.place.take()?;
        let end = self.barrier.end(place.generation, Fails)?;
        Some(end.map(|()| place.number))
    }
}

impl<P: Mortal, const N: usize> Drop for Stay<'_, P, N> {
    fn drop(&mut self) {
        self.leave();
    }
}

// SAFETY: atomic words of any value; a number is looked up among the claims, and no address.
unsafe impl<P: Mortal, const N: usize> Survivor for Barrier<P, N> {
    /// If it had come to a round that is not over, the barrier is broken.
    fn bury(&self, dead: Life) {
        let mut state = self.look();
        while self.lives(state).any(|life| life == dead) {
            match self.exchange(state, state.over(Fails, Breaks)) {
                Ok(()) => break,
                Err(now) => state = now,
            }
        }
        // Also if it had not: it may have ended a round and not rung.
        self.bell.rouse();
    }
}

impl<P: Mortal, const N: usize> fmt::Debug for Barrier<P, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.parties())
            .field("waiting", &self.waiting())
            .field("broken", &self.is_broken())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    include!("alone.rs");

    fn of<const N: usize>(parties: u32) -> Barrier<Alone, N> {
        Barrier::new(parties).expect("neither none nor too many")
    }

    #[test]
    fn th060_parties() {
        assert!(Barrier::<Alone, 4>::new(0).is_none() && Barrier::<Alone, 4>::new(5).is_none());
        assert_eq!((of::<4>(4).parties(), Barrier::<Alone, 2_000>::MAX_PARTIES), (4, 1_023));
    }

    #[test]
    fn th064_a_deadline_that_has_passed_breaks_it_unless_one_comes_last() {
        let barrier = of::<4>(2);
        assert_eq!(barrier.wait_until(Deadline::PASSED), Err(BarrierError::TimedOut));
        assert_eq!((barrier.is_broken(), barrier.waiting()), (true, 0));
        assert_eq!(barrier.wait_until(Deadline::PASSED), Err(BarrierError::Broken));
        barrier.reset();
        assert!(!barrier.is_broken());
        assert_eq!(of::<4>(1).wait_until(Deadline::PASSED), Ok(0));
    }

    #[test]
    fn rounds_are_told_apart_when_their_number_wraps() {
        let barrier = of::<1>(1);
        barrier.state.store(Word::from(u32::MAX) << GENERATION, Ordering::Relaxed);
        assert_eq!((barrier.wait(), barrier.wait()), (Ok(0), Ok(0)));
        assert_eq!(barrier.look().generation(), 1);
    }

    #[test]
    fn how_a_round_ended_is_known_for_some_rounds() {
        let mut state = State(0).over(Passes, Opens).over(Fails, Opens);
        assert_eq!(state.end(2), None);
        for _ in 2..REMEMBERED {
            state = state.over(Passes, Opens);
        }
        let broken = Some(Err(BarrierError::Broken));
        assert_eq!(
            (state.end(0), state.end(1), state.end(2)),
            (Some(Ok(())), broken, Some(Ok(())))
        );
        assert_eq!(state.over(Passes, Opens).end(0), broken, "no longer");
        assert_eq!(state.over(Fails, Breaks).over(Fails, Opens).0 & (BROKEN | COUNT), 0);
    }

    #[test]
    fn whatever_the_words_it_comes_to_an_end() {
        for bits in [0, Word::MAX, COUNT, BROKEN, 3, 1 << GENERATION, !BROKEN] {
            let barrier = of::<4>(3);
            barrier.state.store(bits, Ordering::Relaxed);
            for claim in &barrier.claims {
                claim.store(bits, Ordering::Relaxed);
            }
            assert!(barrier.wait_until(Deadline::PASSED).is_err());
            barrier.bury(Alone::life());
            barrier.reset();
            assert_eq!((barrier.is_broken(), barrier.waiting()), (false, 0));
        }
    }
}
