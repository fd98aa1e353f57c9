//! The recording itself.
//!
//! # Layout
//!
//! A recording has a number. Each thread has a track for the recording that it has last taken part in: a
//! queue that it alone pushes into, and that the end of the recording empties. The list of tracks has a
//! lock, which a thread takes once.
//!
//! # Invariants
//!
//! 1. A beginning and its end go to the same track: they are on the same thread, and the end is left out
//!    if the thread's track is of another recording by then. An end has the number of its beginning.
//! 2. What comes after the end of the recording stays in a track that nobody looks at any more.
//!
//! # Progress
//!
//! Beginning and ending: lock-free, but for a thread's first.

use std::borrow::Cow;
use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::thread::panicking;
use std::time::Duration;

use inkle_core::atomic::{AtomicUsize, Ordering};
use inkle_core::queue::Queue;

use super::{Bar, Lane, State, Timeline};
use crate::os;
use crate::queue::{Fifo, growing};
use crate::threading::{get_ident, locked, name_here};

/// The number of the recording that goes on; 0 is none.
static RECORDING: AtomicUsize = AtomicUsize::new(0);
static CURRENT: Mutex<Current> = Mutex::new(Current { last: 0, session: None });

struct Current {
    /// How many recordings there were.
    last: usize,
    session: Option<Session>,
}

struct Session {
    began: u64,
    tracks: Vec<Arc<Track>>,
}

/// What a thread has to tell.
struct Track {
    recording: usize,
    ident: u64,
    name: String,
    /// How many have begun. Only its thread looks at it.
    begun: AtomicUsize,
    events: Fifo<Event>,
}

struct Event {
    at: u64,
    what: What,
}

enum What {
    Begun { name: Cow<'static, str>, submitted: Option<u64> },
    Ended { number: usize, state: State },
    Cancelled { name: Cow<'static, str>, submitted: u64 },
}

thread_local! {
    static TRACK: RefCell<Option<Arc<Track>>> = const { RefCell::new(None) };
}

/// Records from now on what the threads do. Takes a short lock. One recording at a time.
///
/// Errors: [`AlreadyRecording`].
///
/// ```
/// use inkle::timeline;
///
/// let recorder = timeline::record().unwrap();
/// assert!(timeline::record().is_err());
/// timeline::span("weave");
/// let timeline = recorder.stop();
/// assert_eq!(timeline.lanes[0].bars[0].name, "weave");
/// ```
pub fn record() -> Result<Recorder, AlreadyRecording> {
    let mut current = locked(&CURRENT);
    if current.session.is_some() {
        return Err(AlreadyRecording);
    }
    current.last += 1;
    current.session = Some(Session { began: os::now(), tracks: Vec::new() });
    // Relaxed: a thread that sees it later begins later, and whoever sees it takes the lock.
    RECORDING.store(current.last, Ordering::Relaxed);
    Ok(Recorder { recording: current.last })
}

/// A recording that goes on; see [`record`]. Dropped, it ends and nothing is kept.
#[derive(Debug)]
#[must_use = "dropped, it keeps nothing"]
pub struct Recorder {
    recording: usize,
}

impl Recorder {
    /// Ends it. What goes on is in the timeline as [`State::Running`]; of what other threads begin or end
    /// at this moment some may be missing. Takes a short lock.
    pub fn stop(self) -> Timeline {
        let session = self.end();
        let now = os::now();
        let began = session.as_ref().map_or(now, |session| session.began);
        let mut tracks = session.map_or_else(Vec::new, |session| session.tracks);
        tracks.sort_by_key(|track| track.ident);
        let lanes = tracks.iter().map(|track| track.lane(began, now)).collect();
        Timeline { began: Duration::from_nanos(began), length: since(began, now), lanes }
    }

    /// What was recorded, unless it was given before.
    fn end(&self) -> Option<Session> {
        let mut current = locked(&CURRENT);
        if current.last != self.recording {
            // After the end of this one another has begun.
            return None;
        }
        // Relaxed: whoever has seen it set writes in vain.
        RECORDING.store(0, Ordering::Relaxed);
        current.session.take()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end();
    }
}

impl Track {
    fn push(&self, at: u64, what: What) {
        // It grows, and nobody closes it.
        let pushed = self.events.try_push(Event { at, what });
        debug_assert!(pushed.is_ok());
    }

    /// All that was told.
    fn lane(&self, began: u64, now: u64) -> Lane {
        let mut bars: Vec<Bar> = Vec::new();
        let mut begun = 0;
        // By number, with the place among the bars. Mostly the last one ends first.
        let mut open: Vec<(usize, usize)> = Vec::new();
        while let Ok(Event { at, what }) = self.events.try_pop() {
            // Somebody may have told more since the end.
            let at = since(began, at.min(now));
            let is_free =
                |depth: &usize| open.iter().all(|&(_, place)| bars[place].depth != *depth);
            let depth = (0..).find(is_free).unwrap_or(0);
            let bar = |name, state, submitted: Option<u64>, end| {
                let submitted = submitted.map(|submitted| since(began, submitted));
                Bar { name, state, submitted, begin: at, end, depth }
            };
            match what {
                What::Begun { name, submitted } => {
                    open.push((begun, bars.len()));
                    begun += 1;
                    bars.push(bar(name, State::Running, submitted, since(began, now)));
                }
                What::Ended { number, state } => {
                    if let Some(ended) = open.iter().rposition(|&(open, _)| open == number) {
                        let (_, place) = open.remove(ended);
                        bars[place].state = state;
                        bars[place].end = at;
                    }
                }
                What::Cancelled { name, submitted } => {
                    bars.push(bar(name, State::Cancelled, Some(submitted), at));
                }
            }
        }
        Lane { process: std::process::id(), name: self.name.clone(), bars }
    }
}

fn since(began: u64, at: u64) -> Duration {
    Duration::from_nanos(at.saturating_sub(began))
}

/// What has begun on this thread.
pub(crate) struct Open {
    recording: usize,
    number: usize,
    /// It ends on the thread that it has begun on.
    here: PhantomData<*const ()>,
}

impl Open {
    #[inline(never)]
    pub(crate) fn end(self, state: State) {
        let at = os::now();
        // Where the thread's values are gone nothing has begun.
        let _ = TRACK.try_with(|own| match &*own.borrow() {
            Some(track) if track.recording == self.recording => {
                track.push(at, What::Ended { number: self.number, state });
            }
            _ => {}
        });
    }
}

/// The number of the recording; `None` if there is none.
#[inline]
fn recording() -> Option<usize> {
    // Relaxed: see `record`.
    let number = RECORDING.load(Ordering::Relaxed);
    (number != 0).then_some(number)
}

/// The time, if something is recorded.
#[inline]
pub(crate) fn now() -> Option<u64> {
    recording().map(|_| os::now())
}

/// Tells that something begins, if it is recorded.
#[inline]
pub(crate) fn begin(
    name: impl FnOnce() -> Cow<'static, str>,
    submitted: Option<u64>,
) -> Option<Open> {
    let recording = recording()?;
    let begun = |track: &Track| {
        // Relaxed, and no read-modify-write: this thread's own.
        let number = track.begun.load(Ordering::Relaxed);
        track.begun.store(number + 1, Ordering::Relaxed);
        track.push(os::now(), What::Begun { name: name(), submitted });
        number
    };
    let number = on_track(recording, begun)?;
    Some(Open { recording, number, here: PhantomData })
}

/// Tells that something that was submitted is never begun, if it is recorded.
#[inline]
pub(crate) fn cancelled(name: impl FnOnce() -> Cow<'static, str>, submitted: u64) {
    if let Some(recording) = recording() {
        let what =
            |track: &Track| track.push(os::now(), What::Cancelled { name: name(), submitted });
        on_track(recording, what);
    }
}

/// Calls `push` with the thread's track; `None` if the recording is over.
#[inline(never)]
fn on_track<R>(recording: usize, push: impl FnOnce(&Track) -> R) -> Option<R> {
    let own = |own: &RefCell<Option<Arc<Track>>>| {
        let is_its = |track: &Arc<Track>| track.recording == recording;
        if !own.borrow().as_ref().is_some_and(is_its) {
            // A statement of its own: the old one goes when it is borrowed no more.
            let old = own.replace(Some(enter(recording)?));
            drop(old);
        }
        own.borrow().as_deref().map(push)
    };
    TRACK.try_with(own).ok().flatten()
}

/// A new track.
#[cold]
fn enter(recording: usize) -> Option<Arc<Track>> {
    let track = Arc::new(Track {
        recording,
        ident: get_ident(),
        name: name_here(),
        begun: AtomicUsize::new(0),
        events: growing(),
    });
    let mut current = locked(&CURRENT);
    let Current { last, session: Some(session) } = &mut *current else { return None };
    if *last != recording {
        return None;
    }
    session.tracks.push(Arc::clone(&track));
    Some(track)
}

/// A bar of your own in the calling thread's lane, until it is dropped. While nothing is recorded it costs
/// one load. Progress: lock-free, but for a thread's first bar.
///
/// ```
/// use inkle::timeline::{self, State};
///
/// let recorder = timeline::record().unwrap();
/// {
///     let _warp = timeline::span("warp");
///     timeline::span(format!("thread {}", 7));
/// }
/// let timeline = recorder.stop();
/// let bars = &timeline.lanes[0].bars;
/// assert_eq!((bars[0].depth, bars[0].state), (0, State::Done));
/// assert_eq!((bars[1].depth, &*bars[1].name), (1, "thread 7"));
/// ```
#[inline]
pub fn span(name: impl Into<Cow<'static, str>>) -> Span {
    Span(begin(|| name.into(), None))
}

/// Ends its bar when it is dropped; see [`span`].
pub struct Span(Option<Open>);

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            open.end(if panicking() { State::Panicked } else { State::Done });
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Span").field("recorded", &self.0.is_some()).finish()
    }
}

/// There is one recording at a time, and one goes on.
///
/// ```
/// use inkle::timeline;
///
/// let recorder = timeline::record().unwrap();
/// println!("{}", timeline::record().unwrap_err());
/// # drop(recorder);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyRecording;

impl fmt::Display for AlreadyRecording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("something is recorded already")
    }
}

impl Error for AlreadyRecording {}
