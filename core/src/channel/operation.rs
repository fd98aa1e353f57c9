//! Operations of a channel as values: futures to await, arms of a [`Select`](crate::select::Select).

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::Channel;
use crate::error::{GetError, PutError};
use crate::platform::Platform;
use crate::queue::Queue;
use crate::select::{Arm, Attempt};
use crate::wait_queue::{WaitQueue, Waiter};

/// A [`put`](Channel::put) to await or to select; see [`Channel::put_async`].
#[must_use = "nothing is put before this is awaited or selected"]
pub struct Put<'a, Q: Queue, P: Platform> {
    channel: &'a Channel<Q, P>,
    item: Option<Q::Item>,
    result: Option<Result<(), PutError<Q::Item>>>,
    waiter: Waiter,
}

/// A [`get`](Channel::get) to await or to select; see [`Channel::get_async`].
#[must_use = "nothing is taken before this is awaited or selected"]
pub struct Get<'a, Q: Queue, P: Platform> {
    channel: &'a Channel<Q, P>,
    result: Option<Result<Q::Item, GetError>>,
    waiter: Waiter,
}

/// A [`join`](Channel::join) to await or to select; see [`Channel::join_async`].
#[must_use = "this waits for nothing before it is awaited or selected"]
pub struct Join<'a, Q: Queue, P: Platform> {
    channel: &'a Channel<Q, P>,
    result: Option<()>,
    waiter: Waiter,
}

impl<Q: Queue, P: Platform> Channel<Q, P> {
    /// [`put`](Self::put) for a task: waits for room without holding up its thread.
    ///
    /// Dropped before it is ready it has put nothing, and the item is dropped with it
    /// ([`Put::into_item`] saves it). Errors, ordering and source: as `put`. Progress: each poll is the
    /// queue's operation, and if there is no room a short lock. Interrupt-safe: to be polled in a
    /// handler, if the platform's [`masked`](Platform::masked) keeps handlers out. Allocates nothing;
    /// any runtime.
    pub fn put_async(&self, item: Q::Item) -> Put<'_, Q, P> {
        Put { channel: self, item: Some(item), result: None, waiter: Waiter::new() }
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
    pub fn get_async(&self) -> Get<'_, Q, P> {
        Get { channel: self, result: None, waiter: Waiter::new() }
    }

    /// [`join`](Self::join) for a task: waits until all is done without holding up its thread.
    ///
    /// Progress and the rest: as [`put_async`](Self::put_async). Source: as `join`.
    pub fn join_async(&self) -> Join<'_, Q, P> {
        Join { channel: self, result: None, waiter: Waiter::new() }
    }
}

impl<Q: Queue, P: Platform> Put<'_, Q, P> {
    /// The result, once a select has said that this is done. Only the first call gives it.
    pub fn take(&mut self) -> Option<Result<(), PutError<Q::Item>>> {
        self.result.take()
    }

    /// The item, if it has not been put: for whoever gives up.
    pub fn into_item(mut self) -> Option<Q::Item> {
        self.item.take()
    }
}

impl<Q: Queue, P: Platform> Get<'_, Q, P> {
    /// The result, once a select has said that this is done. Only the first call gives it.
    pub fn take(&mut self) -> Option<Result<Q::Item, GetError>> {
        self.result.take()
    }
}

/// What the three have in common: where they wait, how they try, what they do when polled and dropped.
macro_rules! operation {
    ($name:ident, $output:ty, $queue:ident, |$this:ident| $once:expr) => {
        impl<Q: Queue, P: Platform> Future for $name<'_, Q, P> {
            type Output = $output;

            /// Polled again after it was ready, it begins anew; a put has nothing to put then and pends
            /// for ever.
            fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
                // SAFETY: nothing is moved out of the pin but the item and the result, which nobody
                // points to; the waiter stays where it is.
                let $this = unsafe { self.get_unchecked_mut() };
                if let Some(result) = $this.result.take() {
                    return Poll::Ready(result);
                }
                let (queue, waiter) = (&$this.channel.$queue, &$this.waiter);
                // SAFETY: this is the one queue that the waiter ever enters; it is pinned, and leaves
                // when dropped.
                unsafe { queue.poll(waiter, context.waker(), || $once) }
            }
        }

        impl<Q: Queue, P: Platform> Arm<P> for $name<'_, Q, P> {}

        impl<Q: Queue, P: Platform> Attempt<P> for $name<'_, Q, P> {
            fn attempt(&mut self) -> bool {
                let $this = self;
                if $this.result.is_none() {
                    $this.result = $once;
                }
                $this.result.is_some()
            }

            fn wait_queue(&self) -> &WaitQueue<P> {
                &self.channel.$queue
            }

            fn waiter(&self) -> &Waiter {
                &self.waiter
            }
        }

        impl<Q: Queue, P: Platform> Drop for $name<'_, Q, P> {
            fn drop(&mut self) {
                self.channel.$queue.leave(&self.waiter);
            }
        }

        impl<Q: Queue, P: Platform> fmt::Debug for $name<'_, Q, P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let done = &self.result.is_some();
                f.debug_struct(stringify!($name)).field("done", done).finish_non_exhaustive()
            }
        }
    };
}

operation!(Put, Result<(), PutError<Q::Item>>, not_full, |this| this.channel.put_once(&mut this.item));
operation!(Get, Result<Q::Item, GetError>, not_empty, |this| this.channel.get_once());
operation!(Join, (), all_done, |this| this.channel.join_once());
