//! Every item of one iterator to each of several readers.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use inkle_core::error::TimedOut;

use super::serial::Turn;
use super::{CancelToken, Cancelled, Lock, locked};
use crate::platform::{Deadline, after};

/// Makes `count` iterators that each give all items of `iterable`, in order, at their own pace, in
/// any threads. (TH070)
///
/// What the fastest has taken and the slowest has not is kept, without bound; a reader that is dropped
/// holds nothing back (TH071). An item is cloned for all but its last reader.
///
/// ```
/// let mut readers = inkle::threading::tee(1..=3, 2).into_iter();
/// let (first, second) = (readers.next().unwrap(), readers.next().unwrap());
/// let sum = std::thread::spawn(move || second.sum::<i32>());
/// assert_eq!(first.collect::<Vec<_>>(), [1, 2, 3]);
/// assert_eq!(sum.join().unwrap(), 6);
/// ```
pub fn tee<I>(iterable: I, count: usize) -> Vec<Tee<I::IntoIter>>
where
    I: IntoIterator,
    I::Item: Clone,
{
    if count == 0 {
        return Vec::new();
    }
    let source = Some(iterable.into_iter());
    let state = State { source, readers: count, first: 0, items: VecDeque::new() };
    let shared = Arc::new(Shared { turn: Lock::new(), state: Mutex::new(state) });
    (0..count).map(|_| Tee { shared: Arc::clone(&shared), position: 0 }).collect()
}

/// A reader made by [`tee`], for one thread at a time.
///
/// [`next`](Iterator::next) waits without limit while another reader pulls an item from the iterator
/// or clones one; see [`next_until`](Self::next_until). If the iterator or a clone panics, the panic
/// goes to the reader that asked, and the next that asks tries again: nothing is skipped that had been
/// pulled.
///
/// ```
/// let readers = inkle::threading::tee("ab".chars(), 3);
/// assert!(readers.into_iter().all(|reader| reader.eq("ab".chars())));
/// ```
pub struct Tee<I: Iterator> {
    shared: Arc<Shared<I>>,
    /// How many items it has given.
    position: u64,
}

struct Shared<I: Iterator> {
    /// Whose turn it is. It can be waited for with a deadline, the mutex cannot.
    turn: Lock,
    /// Locked by whose turn it is.
    state: Mutex<State<I>>,
}

struct State<I: Iterator> {
    /// `None` after the end.
    source: Option<I>,
    readers: usize,
    /// The position of the first item kept.
    first: u64,
    /// With how many readers have yet to come by; it never falls along the queue, so an item that
    /// nobody waits for is at the front.
    items: VecDeque<(I::Item, usize)>,
}

impl<I: Iterator<Item: Clone>> State<I> {
    fn read(&mut self, position: u64) -> Option<I::Item> {
        let index = (position - self.first) as usize;
        if index == self.items.len() {
            let Some(item) = self.source.as_mut()?.next() else {
                self.source = None;
                return None;
            };
            self.items.push_back((item, self.readers));
        }
        let (item, waiting) = &mut self.items[index];
        if *waiting > 1 {
            let copy = item.clone();
            *waiting -= 1;
            return Some(copy);
        }
        self.first += 1;
        self.items.pop_front().map(|(item, _)| item)
    }
}

impl<I: Iterator> State<I> {
    /// A reader leaves. Returns what nobody else waits for, to be dropped elsewhere.
    fn leave(&mut self, position: u64) -> Vec<(I::Item, usize)> {
        self.readers -= 1;
        let index = (position - self.first) as usize;
        self.items.iter_mut().skip(index).for_each(|(_, waiting)| *waiting -= 1);
        let free = self.items.iter().take_while(|(_, waiting)| *waiting == 0).count();
        self.first += free as u64;
        self.items.drain(..free).collect()
    }
}

impl<I: Iterator<Item: Clone>> Tee<I> {
    /// The next item, or `None` at the end; waits for other readers until `deadline`. The iterator
    /// itself takes the time it takes.
    ///
    /// Errors: [`TimedOut`] if another reader was busy until then; nothing is skipped.
    ///
    /// ```
    /// use inkle::platform::Deadline;
    ///
    /// let mut reader = inkle::threading::tee(7..8, 1).remove(0);
    /// assert_eq!(reader.next_until(Deadline::PASSED), Ok(Some(7)));
    /// assert_eq!(reader.next_until(Deadline::PASSED), Ok(None));
    /// ```
    pub fn next_until(
        &mut self,
        deadline: impl Into<Deadline>,
    ) -> Result<Option<I::Item>, TimedOut> {
        self.shared.turn.acquire_until(deadline)?;
        Ok(self.pull())
    }

    /// As [`next_until`](Self::next_until), for at most `timeout`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let mut reader = inkle::threading::tee(7..8, 1).remove(0);
    /// assert_eq!(reader.next_timeout(Duration::ZERO), Ok(Some(7)));
    /// ```
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<I::Item>, TimedOut> {
        self.next_until(after(timeout))
    }

    /// As [`next_until`](Self::next_until), until `token` is cancelled instead of a deadline.
    ///
    /// Errors: [`Cancelled`] if its turn did not come.
    ///
    /// ```
    /// use inkle::threading::CancelToken;
    ///
    /// let mut reader = inkle::threading::tee(7..8, 1).remove(0);
    /// assert_eq!(reader.next_unless(&CancelToken::new()), Ok(Some(7)));
    /// ```
    pub fn next_unless(&mut self, token: &CancelToken<'_>) -> Result<Option<I::Item>, Cancelled> {
        self.shared.turn.acquire_unless(token)?;
        Ok(self.pull())
    }

    /// To be called when it is one's turn; ends it.
    fn pull(&mut self) -> Option<I::Item> {
        let _turn = Turn(&self.shared.turn);
        let item = locked(&self.shared.state).read(self.position);
        self.position += u64::from(item.is_some());
        item
    }
}

impl<I: Iterator<Item: Clone>> Iterator for Tee<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        // Without a deadline it cannot time out.
        self.next_until(Deadline::NEVER).ok().flatten()
    }
}

impl<I: Iterator> Drop for Tee<I> {
    fn drop(&mut self) {
        self.shared.turn.acquire();
        let turn = Turn(&self.shared.turn);
        let free = locked(&self.shared.state).leave(self.position);
        drop(turn);
        drop(free);
    }
}

impl<I: Iterator> fmt::Debug for Tee<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tee").field("position", &self.position).finish_non_exhaustive()
    }
}
