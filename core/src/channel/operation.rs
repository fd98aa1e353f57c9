//! Operations of a channel as values: to await, to select, to block on with a token.

use super::Channel;
use crate::error::{Cancelled, GetError, PutError};
use crate::operation::{Attempt, Operation};
use crate::platform::Platform;
use crate::queue::Queue;
use crate::sync::CancelToken;

/// A [`put`](Channel::put) as a value; see [`Channel::put_async`].
pub type Put<'a, Q, P> = Operation<'a, Putting<'a, Q, P>, P>;

/// A [`get`](Channel::get) as a value; see [`Channel::get_async`].
pub type Get<'a, Q, P> = Operation<'a, Getting<'a, Q, P>, P>;

/// A [`join`](Channel::join) as a value; see [`Channel::join_async`].
pub type Join<'a, Q, P> = Operation<'a, Joining<'a, Q, P>, P>;

/// See [`Put`].
pub struct Putting<'a, Q: Queue, P> {
    channel: &'a Channel<Q, P>,
    item: Option<Q::Item>,
}

/// See [`Get`].
pub struct Getting<'a, Q, P>(&'a Channel<Q, P>);

/// See [`Join`].
pub struct Joining<'a, Q, P>(&'a Channel<Q, P>);

debug_name! {
    impl[Q: Queue, P] Putting<'_, Q, P>: "Putting";
    impl[Q, P] Getting<'_, Q, P>: "Getting";
    impl[Q, P] Joining<'_, Q, P>: "Joining";
}

impl<Q: Queue, P: Platform> Channel<Q, P> {
    /// [`put`](Self::put) for a task: waits for room without holding up its thread.
    ///
    /// Dropped before it is ready it has put nothing, and the item is dropped with it
    /// ([`Put::into_item`] saves it). Errors, ordering and source: as `put`. Progress: each poll is the
    /// queue's operation, and if there is no room a short lock. Interrupt-safe: to be polled in a
    /// handler, if the platform's [`masked`](Platform::masked) keeps handlers out. Allocates nothing;
    /// any runtime.
    #[inline(always)]
    pub fn put_async(&self, item: Q::Item) -> Put<'_, Q, P> {
        Operation::new(Putting { channel: self, item: Some(item) }, self.not_full.place())
    }

    /// [`get`](Self::get) for a task: waits for an item without holding up its thread.
    ///
    /// Dropped before it is ready it has taken nothing. Errors, ordering and source: as `get`. Progress
    /// and the rest: as [`put_async`](Self::put_async).
    ///
    /// ```
    /// # use core::future::Future;
    /// # use core::pin::pin;
    /// # use core::task::{Context, Poll, Waker};
    /// use inkle_core::channel::Channel;
    /// use inkle_core::platform::{NoBoard, Spin};
    /// use inkle_core::queue::word::WordRing;
    ///
    /// type Keys = Channel<WordRing<char, 4>, Spin<NoBoard>>;
    ///
    /// async fn read_line(keys: &Keys) -> usize {
    ///     let mut length = 0;
    ///     while let Ok(key) = keys.get_async().await {
    ///         if key == '\n' {
    ///             break;
    ///         }
    ///         length += 1;
    ///     }
    ///     length
    /// }
    ///
    /// let keys = Keys::new(WordRing::new());
    /// let mut line = pin!(read_line(&keys));
    /// let mut context = Context::from_waker(Waker::noop());
    /// keys.put('a').unwrap();
    /// assert_eq!(line.as_mut().poll(&mut context), Poll::Pending);
    /// keys.put('\n').unwrap();
    /// assert_eq!(line.as_mut().poll(&mut context), Poll::Ready(1));
    /// ```
    #[inline(always)]
    pub fn get_async(&self) -> Get<'_, Q, P> {
        Operation::new(Getting(self), self.not_empty.place())
    }

    /// [`join`](Self::join) for a task: waits until all is done without holding up its thread.
    ///
    /// Progress and the rest: as [`put_async`](Self::put_async). Source: as `join`.
    pub fn join_async(&self) -> Join<'_, Q, P> {
        Operation::new(Joining(self), self.all_done.place())
    }

    /// Adds an item; waits for room until `token` is cancelled.
    ///
    /// Errors: [`PutError::Cancelled`], [`PutError::ShutDown`], with the item. Progress: blocking.
    /// Interrupt-safe: no. Source: QU005, TH077.
    pub fn put_unless(
        &self,
        item: Q::Item,
        token: &CancelToken<'_, P>,
    ) -> Result<(), PutError<Q::Item>> {
        let mut put = self.put_async(item);
        match (put.unless(token), put.into_item()) {
            (Ok(result), _) => result,
            (Err(Cancelled(reason)), Some(item)) => Err(PutError::Cancelled(item, reason)),
            // A cancelled put has put nothing: the item is there.
            (Err(_), None) => Ok(()),
        }
    }

    /// Takes the next item; waits for one until `token` is cancelled.
    ///
    /// Errors: [`GetError::Cancelled`], [`GetError::ShutDown`]. Progress: blocking. Interrupt-safe: no.
    /// Source: QU007, TH077.
    pub fn get_unless(&self, token: &CancelToken<'_, P>) -> Result<Q::Item, GetError> {
        let result = self.get_async().unless(token);
        result.unwrap_or_else(|Cancelled(reason)| Err(GetError::Cancelled(reason)))
    }

    /// As [`join`](Self::join), until `token` is cancelled.
    ///
    /// Errors: [`Cancelled`]. Source: QU011, TH077.
    pub fn join_unless(&self, token: &CancelToken<'_, P>) -> Result<(), Cancelled> {
        self.join_async().unless(token)
    }
}

impl<Q: Queue, P: Platform> Put<'_, Q, P> {
    /// The item, if it has not been put: for whoever gives up.
    pub fn into_item(mut self) -> Option<Q::Item> {
        self.what.item.take()
    }
}

impl<'a, Q: Queue, P: Platform> Attempt for Putting<'a, Q, P> {
    type Output = Result<(), PutError<Q::Item>>;

    /// Tried again after it was done, it has nothing to put and is never done.
    #[inline(always)]
    fn attempt(&mut self, _waited: bool) -> Option<Self::Output> {
        self.channel.put_once(&mut self.item)
    }
}

impl<'a, Q: Queue, P: Platform> Attempt for Getting<'a, Q, P> {
    type Output = Result<Q::Item, GetError>;

    #[inline(always)]
    fn attempt(&mut self, _waited: bool) -> Option<Self::Output> {
        self.0.get_once()
    }
}

impl<'a, Q: Queue, P: Platform> Attempt for Joining<'a, Q, P> {
    type Output = ();

    fn attempt(&mut self, _waited: bool) -> Option<()> {
        self.0.join_once()
    }
}
