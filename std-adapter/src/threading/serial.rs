//! One iterator for many threads.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use inkle_core::error::TimedOut;

use super::{CancelToken, Cancelled, Lock, locked};
use crate::platform::{Deadline, after};

/// Makes an iterator that any number of threads may pull from: each item goes to exactly one of them.
/// Nothing is buffered or copied. (TH068)
///
/// Python's decorator for functions that return iterators (TH069) is a call of this on what they
/// return. Generators' `send`, `throw` and `close` have no counterpart.
///
/// ```
/// use inkle::threading::{self, serialize};
///
/// let numbers = serialize(1..=1000);
/// let sums: Vec<u32> = threading::scope(|scope| {
///     let threads: Vec<_> = (0..4).map(|_| {
///         let numbers = numbers.clone();
///         scope.spawn(move || numbers.sum::<u32>()).unwrap()
///     }).collect();
///     threads.into_iter().map(|thread| thread.join().unwrap()).collect()
/// }).unwrap();
/// assert_eq!(sums.iter().sum::<u32>(), 500_500);
/// ```
pub fn serialize<I: IntoIterator>(iterable: I) -> Serialized<I::IntoIter> {
    let iter = Mutex::new(Some(iterable.into_iter()));
    Serialized { shared: Arc::new(Shared { turn: Lock::new(), iter }) }
}

/// What [`serialize`] makes. Clones pull from the same iterator.
///
/// Waiting for one's turn is without limit in [`next`](Iterator::next); see
/// [`next_until`](Self::next_until). If the iterator panics, the panic goes to the thread that asked;
/// the others go on asking the iterator. It is not asked again after its end, and dropped there. An
/// iterator that asks for its own next item waits for ever.
///
/// ```
/// let mut left = inkle::threading::serialize(["warp", "weft"]);
/// let mut right = left.clone();
/// assert_eq!((left.next(), right.next(), left.next()), (Some("warp"), Some("weft"), None));
/// ```
pub struct Serialized<I> {
    shared: Arc<Shared<I>>,
}

struct Shared<I> {
    /// Whose turn it is. It can be waited for with a deadline, the mutex cannot.
    turn: Lock,
    /// Locked by whose turn it is. `None` after the end.
    iter: Mutex<Option<I>>,
}

impl<I: Iterator> Serialized<I> {
    /// The next item, or `None` at the end; waits for its turn until `deadline`. The iterator itself
    /// takes the time it takes.
    ///
    /// Errors: [`TimedOut`] if its turn did not come.
    ///
    /// ```
    /// use inkle::platform::Deadline;
    ///
    /// let numbers = inkle::threading::serialize(7..8);
    /// assert_eq!(numbers.next_until(Deadline::PASSED), Ok(Some(7)));
    /// assert_eq!(numbers.next_until(Deadline::PASSED), Ok(None));
    /// ```
    pub fn next_until(&self, deadline: impl Into<Deadline>) -> Result<Option<I::Item>, TimedOut> {
        self.shared.turn.acquire_until(deadline)?;
        Ok(self.pull())
    }

    /// As [`next_until`](Self::next_until), for at most `timeout`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let numbers = inkle::threading::serialize(7..8);
    /// assert_eq!(numbers.next_timeout(Duration::ZERO), Ok(Some(7)));
    /// ```
    pub fn next_timeout(&self, timeout: Duration) -> Result<Option<I::Item>, TimedOut> {
        self.next_until(after(timeout))
    }

    /// As [`next_until`](Self::next_until), until `token` is cancelled instead of a deadline.
    ///
    /// Errors: [`Cancelled`] if its turn did not come.
    ///
    /// ```
    /// use inkle::threading::CancelToken;
    ///
    /// let numbers = inkle::threading::serialize(7..8);
    /// assert_eq!(numbers.next_unless(&CancelToken::new()), Ok(Some(7)));
    /// ```
    pub fn next_unless(&self, token: &CancelToken<'_>) -> Result<Option<I::Item>, Cancelled> {
        self.shared.turn.acquire_unless(token)?;
        Ok(self.pull())
    }

    /// To be called when it is one's turn; ends it.
    fn pull(&self) -> Option<I::Item> {
        let _turn = Turn(&self.shared.turn);
        let mut iter = locked(&self.shared.iter);
        let item = iter.as_mut().and_then(Iterator::next);
        if item.is_none() {
            *iter = None;
        }
        item
    }
}

impl<I: Iterator> Iterator for Serialized<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        // Without a deadline it cannot time out.
        self.next_until(Deadline::NEVER).ok().flatten()
    }
}

impl<I> Clone for Serialized<I> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<I> fmt::Debug for Serialized<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serialized").finish_non_exhaustive()
    }
}

/// An acquired lock, to be released also when the iterator panics.
pub(super) struct Turn<'a>(pub(super) &'a Lock);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // It was acquired: no error.
        let _ = self.0.release();
    }
}
