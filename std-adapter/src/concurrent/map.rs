//! One function, many items: the results in the order of the items, or as they come.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::iter::{Fuse, FusedIterator};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use inkle_core::sync::Reason;

use super::cell::Settled;
use super::gather::Gather;
use super::{Future, FutureError, SubmitCause};
use crate::contextvars::Afresh;
use crate::platform::{Deadline, after};
use crate::threading::{CancelToken, drop_quietly};

/// Tells chunks that nobody wants their results any more.
#[derive(Clone)]
pub(super) struct Stop(Arc<CancelToken<'static>>);

impl Stop {
    pub(super) fn new() -> Self {
        Self(Arc::new(CancelToken::new()))
    }

    /// Calls `function` with each item of a chunk, until told to stop; none sees what another has set in its
    /// context.
    pub(super) fn run<A, R>(&self, chunk: Vec<A>, function: &impl Fn(A) -> R) -> Vec<Settled<R>> {
        let mut results = Vec::with_capacity(chunk.len());
        let mut items = chunk.into_iter();
        let context = Afresh::from_here();
        // One guard for as many items as do not panic: one for each would cost more than small work.
        loop {
            let until_panic = catch_unwind(AssertUnwindSafe(|| {
                for item in items.by_ref() {
                    context.again();
                    if self.0.is_cancelled() {
                        drop_quietly(item);
                        results.push(Err(FutureError::Cancelled));
                    } else {
                        results.push(Ok(function(item)));
                    }
                }
            }));
            match until_panic {
                Ok(()) => return results,
                Err(payload) => results.push(Err(FutureError::unwound(payload))),
            }
        }
    }
}

type Chunk<R> = Future<Vec<Settled<R>>>;
type Submit<'e, A, R> = dyn FnMut(Vec<A>, &Stop) -> Result<Chunk<R>, SubmitCause> + Send + 'e;

/// A [`map`](super::Spawn::map) that has not begun: how it is to be done.
///
/// Its [`Results`] are an iterator, with one `Result` for each item. An error is the result of its item
/// alone, and the iterator goes on behind it. So it is the caller who decides what an error means: collected
/// into a `Result` the first one ends all, for an iterator that is dropped cancels what has not begun.
/// (CF024 to CF030)
///
/// ```
/// use inkle::concurrent::{FutureError, Inline, Spawn};
///
/// let executor = Inline::new();
/// let sixth = |n: u32| 6 / n;
///
/// // Each by itself.
/// let each: Vec<_> = executor.map(sixth, [3, 0, 2]).into_iter().collect();
/// assert!(matches!(each[..], [Ok(2), Err(FutureError::Panicked(_)), Ok(3)]));
///
/// // All or nothing.
/// let all: Result<Vec<u32>, FutureError> = executor.map(sixth, [3, 0, 2]).into_iter().collect();
/// assert!(matches!(all, Err(FutureError::Panicked(_))));
/// ```
#[must_use = "nothing is submitted before it is iterated over"]
pub struct Map<'e, I: Iterator, R: Send + 'static> {
    items: Fuse<I>,
    submit: Box<Submit<'e, I::Item, R>>,
    chunk: usize,
    /// In items.
    buffer: usize,
    deadline: Deadline,
    ordered: bool,
}

impl<'e, I: Iterator, R: Send + 'static> Map<'e, I, R> {
    pub(super) fn new(
        items: I,
        submit: impl FnMut(Vec<I::Item>, &Stop) -> Result<Chunk<R>, SubmitCause> + Send + 'e,
    ) -> Self {
        Self {
            items: items.fuse(),
            submit: Box::new(submit),
            chunk: 1,
            buffer: usize::MAX,
            deadline: Deadline::NEVER,
            ordered: true,
        }
    }

    /// So many items are one piece of work: less to hand over, less to share out. Unless told otherwise 1.
    /// (CF030)
    ///
    /// Errors: [`ZeroSize`].
    ///
    /// ```
    /// use inkle::concurrent::{Inline, Spawn};
    ///
    /// let executor = Inline::new();
    /// let sum: u64 = executor.map(|n: u64| n * n, 0..1000).chunk_size(100)?.into_iter().flatten().sum();
    /// assert_eq!(sum, 332_833_500);
    /// # Ok::<(), inkle::concurrent::ZeroSize>(())
    /// ```
    pub fn chunk_size(self, items: usize) -> Result<Self, ZeroSize> {
        if items == 0 { Err(ZeroSize) } else { Ok(Self { chunk: items, ..self }) }
    }

    /// At most so many items, rounded up to whole chunks, are submitted and their results not taken: the
    /// next ones are asked for when results are taken, so the items may be endless. Unless told otherwise
    /// all are submitted at the start. (CF025)
    ///
    /// Errors: [`ZeroSize`].
    ///
    /// ```
    /// use inkle::concurrent::{Inline, Spawn};
    ///
    /// let executor = Inline::new();
    /// let mut squares = executor.map(|n: u64| n * n, 1..).buffer_size(4)?.into_iter();
    /// assert_eq!(squares.find(|square| *square.as_ref().unwrap() > 50).unwrap().unwrap(), 64);
    /// # Ok::<(), inkle::concurrent::ZeroSize>(())
    /// ```
    pub fn buffer_size(self, items: usize) -> Result<Self, ZeroSize> {
        if items == 0 { Err(ZeroSize) } else { Ok(Self { buffer: items, ..self }) }
    }

    /// All results must be there within this time from now; else there is one
    /// [`FutureError::TimedOut`] and no more, and what has not begun is cancelled. (CF026)
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::concurrent::{Inline, Spawn};
    ///
    /// let executor = Inline::new();
    /// let lengths = executor.map(|word: &str| word.len(), ["a", "b"]).timeout(Duration::from_secs(60));
    /// assert_eq!(lengths.into_iter().count(), 2);
    /// ```
    pub fn timeout(self, timeout: Duration) -> Self {
        self.until(after(timeout))
    }

    /// As [`timeout`](Self::timeout), at a deadline.
    pub fn until(self, deadline: impl Into<Deadline>) -> Self {
        Self { deadline: deadline.into(), ..self }
    }

    /// The results as they come, not in the order of the items.
    ///
    /// ```
    /// use inkle::concurrent::{Inline, Spawn};
    ///
    /// let executor = Inline::new();
    /// let longest = executor.map(|word: &str| word.len(), ["warp", "weaver"]).unordered();
    /// assert_eq!(longest.into_iter().flatten().max(), Some(6));
    /// ```
    pub fn unordered(self) -> Self {
        Self { ordered: false, ..self }
    }
}

impl<I: Iterator, R: Send + 'static> fmt::Debug for Map<'_, I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map")
            .field("chunk", &self.chunk)
            .field("buffer", &self.buffer)
            .field("ordered", &self.ordered)
            .finish_non_exhaustive()
    }
}

impl<'e, I: Iterator, R: Send + 'static> IntoIterator for Map<'e, I, R> {
    type Item = Settled<R>;
    type IntoIter = Results<'e, I, R>;

    /// Submits the first items.
    fn into_iter(self) -> Results<'e, I, R> {
        let waiting = if self.ordered {
            Waiting::InOrder(VecDeque::new())
        } else {
            Waiting::AsTheyCome(Gather::new())
        };
        let chunks = self.buffer.div_ceil(self.chunk);
        let mut results = Results {
            how: self,
            chunks,
            stop: Stop::new(),
            waiting,
            supply: Supply::Goes,
            ready: Vec::new().into_iter(),
        };
        results.fill();
        results
    }
}

/// The results of a [`Map`]. Dropped before the end, what has not begun is cancelled, and chunks that run
/// stop at their next item. (CF028)
pub struct Results<'e, I: Iterator, R: Send + 'static> {
    how: Map<'e, I, R>,
    /// How many may be submitted at a time.
    chunks: usize,
    stop: Stop,
    waiting: Waiting<R>,
    supply: Supply,
    /// Of the chunk that came last.
    ready: vec::IntoIter<Settled<R>>,
}

/// Whether there is more to submit.
enum Supply {
    Goes,
    /// The executor takes no more: to be told once, after all that it has taken.
    Refused(SubmitCause),
    Ended,
}

enum Waiting<R: Send + 'static> {
    InOrder(VecDeque<Part<R>>),
    AsTheyCome(Gather<Vec<Settled<R>>, Part<R>>),
}

/// A chunk that was submitted.
struct Part<R> {
    /// How many items it has.
    length: usize,
    chunk: Chunk<R>,
}

impl<R> Borrow<Chunk<R>> for Part<R> {
    fn borrow(&self) -> &Chunk<R> {
        &self.chunk
    }
}

impl<R: Send + 'static> Waiting<R> {
    fn len(&self) -> usize {
        match self {
            Self::InOrder(chunks) => chunks.len(),
            Self::AsTheyCome(chunks) => chunks.left(),
        }
    }

    fn push(&mut self, part: Part<R>) {
        match self {
            Self::InOrder(chunks) => chunks.push_back(part),
            Self::AsTheyCome(chunks) => chunks.push(part),
        }
    }

    /// The next one that is done.
    fn next(&mut self, deadline: Deadline) -> Option<Part<R>> {
        match self {
            Self::InOrder(chunks) => {
                chunks.front()?.chunk.wait_until(deadline).ok()?;
                chunks.pop_front()
            }
            Self::AsTheyCome(chunks) => chunks.next(deadline).map(|(_, part)| part),
        }
    }
}

impl<I: Iterator, R: Send + 'static> Results<'_, I, R> {
    /// Submits as many as may be.
    fn fill(&mut self) {
        while matches!(self.supply, Supply::Goes) && self.waiting.len() < self.chunks {
            let chunk: Vec<_> = self.how.items.by_ref().take(self.how.chunk).collect();
            let length = chunk.len();
            if length == 0 {
                self.supply = Supply::Ended;
                return;
            }
            match (self.how.submit)(chunk, &self.stop) {
                Ok(chunk) => self.waiting.push(Part { length, chunk }),
                Err(cause) => self.supply = Supply::Refused(cause),
            }
        }
    }

    /// Wants no more.
    fn end(&mut self) {
        self.stop.0.cancel(Reason::REQUESTED);
        let cancel = |part: Part<R>| {
            // Whether it still could be.
            let _ = part.chunk.cancel();
        };
        match std::mem::replace(&mut self.waiting, Waiting::InOrder(VecDeque::new())) {
            Waiting::InOrder(chunks) => chunks.into_iter().for_each(cancel),
            Waiting::AsTheyCome(chunks) => chunks.into_rest().for_each(|(_, part)| cancel(part)),
        }
    }
}

impl<I: Iterator, R: Send + 'static> Iterator for Results<'_, I, R> {
    type Item = Settled<R>;

    fn next(&mut self) -> Option<Settled<R>> {
        loop {
            if let Some(result) = self.ready.next() {
                return Some(result);
            }
            if self.waiting.len() == 0 {
                return match std::mem::replace(&mut self.supply, Supply::Ended) {
                    Supply::Refused(cause) => Some(Err(FutureError::failed(cause))),
                    Supply::Goes | Supply::Ended => None,
                };
            }
            let Some(Part { length, chunk }) = self.waiting.next(self.how.deadline) else {
                self.end();
                self.supply = Supply::Ended;
                return Some(Err(FutureError::TimedOut));
            };
            let results = chunk.join().unwrap_or_else(|error| {
                // The chunk as a whole: it was cancelled, or its worker is gone.
                (0..length).map(|_| Err(error.clone())).collect()
            });
            self.ready = results.into_iter();
            self.fill();
        }
    }
}

impl<I: Iterator, R: Send + 'static> FusedIterator for Results<'_, I, R> {}

impl<I: Iterator, R: Send + 'static> Drop for Results<'_, I, R> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<I: Iterator, R: Send + 'static> fmt::Debug for Results<'_, I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

/// A chunk, or a buffer, of nothing.
///
/// ```
/// use inkle::concurrent::{Inline, Spawn, ZeroSize};
///
/// let executor = Inline::new();
/// assert_eq!(executor.map(|n: u32| n, [1]).chunk_size(0).unwrap_err(), ZeroSize);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZeroSize;

impl fmt::Display for ZeroSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a chunk or a buffer has room for at least one item")
    }
}

impl Error for ZeroSize {}
