//! Measures the contenders of a row interleaved and compares them round by round.
//!
//! A machine drifts: clock rate, neighbours, where the scheduler puts threads. So nobody is
//! measured alone. In each round every contender runs once, one after the other; the ratio of two
//! is taken inside a round, and the median over the rounds.

use std::time::{Duration, Instant};

use crate::stats::Spread;

/// How much work a measurement is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effort {
    /// How often each contender runs.
    pub(crate) rounds: usize,
    /// About how long each time.
    pub(crate) slice: Duration,
}

/// What the house asks of one of its own: at most `ratio` times the time of `against`.
#[derive(Clone, Copy)]
pub(crate) struct Bar {
    pub(crate) ratio: f64,
    /// The peer by name; `None` is the best one of the row.
    pub(crate) against: Option<&'static str>,
}

impl Bar {
    /// At least as fast as the best peer of the row.
    pub(crate) const AS_FAST: Self = Self { ratio: 1.0, against: None };
}

/// On whose side a contender stands.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Ours(Option<Bar>),
    Peer,
}

/// Does a number of operations and says how long they took.
pub(crate) type Run = fn(u64) -> Duration;

/// The same, with what it keeps from one round to the next.
pub(crate) type Kept = Box<dyn FnMut(u64) -> Duration>;

/// A competitor.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) side: Side,
    pub(crate) run: Kept,
}

/// Contenders for the same work.
pub(crate) struct Row {
    pub(crate) group: &'static str,
    pub(crate) shape: &'static str,
    pub(crate) contenders: Vec<Contender>,
}

/// One of ours against each peer of its row.
pub(crate) struct Duel {
    pub(crate) ours: &'static str,
    pub(crate) bar: Option<Bar>,
    /// Time of ours / time of the peer.
    pub(crate) ratios: Vec<(&'static str, Spread)>,
}

impl Duel {
    /// The peer that is hardest to beat.
    pub(crate) fn hardest(&self) -> (&'static str, Spread) {
        self.hardest_of(|_| true)
    }

    /// The peer that the bar is about.
    pub(crate) fn rival(&self, bar: Bar) -> (&'static str, Spread) {
        self.hardest_of(|peer| bar.against.is_none_or(|name| name == peer))
    }

    fn hardest_of(&self, counts: impl Fn(&str) -> bool) -> (&'static str, Spread) {
        *self
            .ratios
            .iter()
            .filter(|(peer, _)| counts(peer))
            .max_by(|a, b| a.1.median.total_cmp(&b.1.median))
            .expect("every row has the peer that its bar names")
    }
}

/// What a row came to.
pub(crate) struct Figures {
    pub(crate) group: &'static str,
    pub(crate) shape: &'static str,
    pub(crate) duels: Vec<Duel>,
    /// Nanoseconds an operation.
    pub(crate) raw: Vec<(&'static str, Spread)>,
}

/// Runs a row.
pub(crate) fn measure(mut row: Row, effort: &Effort) -> Figures {
    let contenders = &mut row.contenders;
    let counts: Vec<u64> =
        contenders.iter_mut().map(|c| calibrate(&mut c.run, effort.slice)).collect();
    let mut times = vec![Vec::with_capacity(effort.rounds); contenders.len()];
    for round in 0..effort.rounds {
        for turn in 0..contenders.len() {
            // Somebody else begins each time, so that nobody always runs behind the same one.
            let who = (round + turn) % contenders.len();
            let time = (contenders[who].run)(counts[who]);
            times[who].push(time.as_secs_f64() * 1e9 / counts[who] as f64);
        }
    }
    let duels = (0..contenders.len()).filter_map(|who| duel(contenders, &times, who)).collect();
    let raw = contenders.iter().zip(times).map(|(c, times)| (c.name, Spread::of(times))).collect();
    Figures { group: row.group, shape: row.shape, duels, raw }
}

/// Compares contender `who` with every peer; `None` if it is a peer itself.
fn duel(contenders: &[Contender], times: &[Vec<f64>], who: usize) -> Option<Duel> {
    let Side::Ours(bar) = contenders[who].side else {
        return None;
    };
    let ratios = contenders
        .iter()
        .zip(times)
        .filter(|(contender, _)| matches!(contender.side, Side::Peer))
        .map(|(peer, theirs)| {
            let rounds = times[who].iter().zip(theirs).map(|(ours, theirs)| ours / theirs);
            (peer.name, Spread::of(rounds.collect()))
        })
        .collect();
    Some(Duel { ours: contenders[who].name, bar, ratios })
}

/// With all that is not counted a measurement takes no more than this many times its slice.
const UNCOUNTED: u32 = 20;

/// How many operations fill a slice. Also warms the contender up.
fn calibrate(run: &mut Kept, slice: Duration) -> u64 {
    let mut count = 8;
    loop {
        let start = Instant::now();
        let time = run(count);
        // What is made once is made in the first, which may take long for that.
        let whole = if count == 8 { Duration::ZERO } else { start.elapsed() / UNCOUNTED };
        let time = time.max(whole);
        if time * 4 >= slice {
            let fitting = count as f64 * slice.as_secs_f64() / time.as_secs_f64();
            // A multiple of every number of threads in use, also if one operation fills the slice.
            return (fitting as u64).max(1).next_multiple_of(8);
        }
        count *= 4;
    }
}
