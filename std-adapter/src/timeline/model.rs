//! What was recorded: plain data.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// What was recorded; see [`record`](super::record).
///
/// ```
/// use std::time::Duration;
/// use inkle::timeline::{Bar, Lane, State, Timeline};
///
/// // By hand, for a machine that does the work.
/// let bar = Bar {
///     name: "weave".into(),
///     state: State::Done,
///     submitted: None,
///     begin: Duration::from_millis(5),
///     end: Duration::from_millis(25),
///     depth: 0,
/// };
/// let lane = Lane { process: std::process::id(), name: "loom 1".to_owned(), bars: vec![bar] };
/// let mut timeline = Timeline { length: Duration::from_millis(30), ..Timeline::default() };
/// timeline.lanes.push(lane);
/// assert!(timeline.to_svg().contains("weave"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// When the recording began, by the machine's monotonic clock. All other times count from here.
    pub began: Duration,
    /// How long it was.
    pub length: Duration,
    /// One for each thread that did something, the oldest first.
    pub lanes: Vec<Lane>,
}

/// What one thread did; see [`Timeline`] for an example.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    /// The number of its process.
    pub process: u32,
    /// The thread's name.
    pub name: String,
    /// In the order in which they were begun.
    pub bars: Vec<Bar>,
}

/// A task, or a [span](super::span); see [`Timeline`] for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// What was given, or the name of the function, or of the one that the closure is in.
    pub name: Cow<'static, str>,
    /// What became of it.
    pub state: State,
    /// When it was submitted, if it was.
    pub submitted: Option<Duration>,
    /// When it began; or was cancelled.
    pub begin: Duration,
    /// When it ended.
    pub end: Duration,
    /// How many others of the lane it lies in.
    pub depth: usize,
}

/// What became of a task.
///
/// ```
/// assert_eq!(inkle::timeline::State::Panicked.to_string(), "panicked");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It came to its end.
    Done,
    /// It came to its end, after it was asked to [stop](crate::concurrent::Future::stop).
    Stopped,
    /// It panicked.
    Panicked,
    /// It was cancelled before it began, by the thread in whose lane this is.
    Cancelled,
    /// It had not ended when the recording was stopped.
    Running,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Panicked => "panicked",
            Self::Cancelled => "cancelled",
            Self::Running => "running",
        })
    }
}

impl Bar {
    /// How long it took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.end.saturating_sub(self.begin)
    }

    /// How long it had waited to be begun, if it was submitted.
    #[must_use]
    pub fn waited(&self) -> Option<Duration> {
        self.submitted.map(|submitted| self.begin.saturating_sub(submitted))
    }
}

impl Timeline {
    /// Takes in the lanes of `other`, a recording of another process of this machine, or of another time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::timeline::Timeline;
    ///
    /// let at = |began, length| Timeline {
    ///     began: Duration::from_secs(began),
    ///     length: Duration::from_secs(length),
    ///     ..Timeline::default()
    /// };
    /// let mut timeline = at(100, 5);
    /// timeline.add(at(98, 4));
    /// assert_eq!((timeline.began, timeline.length), (Duration::from_secs(98), Duration::from_secs(7)));
    /// ```
    pub fn add(&mut self, mut other: Self) {
        let began = self.began.min(other.began);
        let end = (self.began + self.length).max(other.began + other.length);
        self.shift(began);
        other.shift(began);
        self.lanes.append(&mut other.lanes);
        self.length = end - began;
    }

    /// Counts from `began`, which is not later.
    fn shift(&mut self, began: Duration) {
        let by = self.began - began;
        self.began = began;
        for bar in self.lanes.iter_mut().flat_map(|lane| &mut lane.bars) {
            bar.begin += by;
            bar.end += by;
            bar.submitted = bar.submitted.map(|submitted| submitted + by);
        }
    }

    /// From each moment on, how many tasks wait: of those that were begun or cancelled later.
    pub(super) fn waiting(&self) -> Vec<(Duration, i64)> {
        let bars = self.lanes.iter().flat_map(|lane| &lane.bars);
        let waits = bars.filter_map(|bar| bar.submitted.map(|submitted| (submitted, bar.begin)));
        let mut steps: Vec<_> = waits.flat_map(|(from, to)| [(from, 1), (to, -1)]).collect();
        steps.sort_unstable_by_key(|&(at, step)| (at, -step));
        let mut waiting = Vec::new();
        let mut count = 0;
        for (at, step) in steps {
            count += step;
            match waiting.last_mut() {
                Some((last, number)) if *last == at => *number = count,
                _ => waiting.push((at, count)),
            }
        }
        waiting
    }
}
