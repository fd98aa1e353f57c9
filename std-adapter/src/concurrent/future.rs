//! The handle of a result to come.
//!
//! # Why it has one owner
//!
//! Python shares futures, and everybody is given the same object. Here the result belongs to whoever has
//! the future: he looks at it by reference, as often as he likes ([`Future::result`]), or takes it out,
//! once for all ([`Future::join`], `future.await`), which takes the future too. So there is no "somebody
//! else has taken it", and no `T: Clone`. To share one, put it into an [`Arc`]: all but taking it needs
//! only a reference.
//!
//! Callbacks see the value while the future's owner may want to move it out. So moving waits until those
//! that came before have returned.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use inkle_core::sync::{GetOutcome, Phase, SettleOutcome};

use super::callback::{give, look, show};
use super::cell::{Root, Settled, Shared};
use super::held::Held;
use super::stop::CallOff;
use super::{FutureError, here};
use crate::platform::{Deadline, Private, after};
use crate::threading::{CancelToken, Panic};

/// The result of work that an executor does: look at it, wait for it, call it off, await it.
///
/// Dropping it changes nothing: the work is done all the same, and its result is dropped. (CF004 to CF016)
///
/// ```
/// use inkle::concurrent::{Executor, Inline, Spawn};
///
/// let executor = Inline::new();
/// let future = executor.submit(|| vec![1, 2, 3]).unwrap();
/// assert_eq!(future.result().unwrap().len(), 3);
/// let numbers: Vec<i32> = future.join().unwrap();
/// # assert_eq!(numbers, [1, 2, 3]);
/// ```
#[must_use = "it is the only way to the result"]
pub struct Future<T> {
    pub(super) shared: Arc<dyn Shared<T>>,
    /// What it hangs on, if that is other work than its own.
    root: Option<Arc<dyn Root>>,
    /// As shared and sent as a value: see `Cell`.
    value: std::marker::PhantomData<T>,
}

impl<T: Send + 'static> Future<T> {
    pub(super) fn new(shared: Arc<dyn Shared<T>>) -> Self {
        Self::of(shared, None)
    }

    /// As [`new`](Self::new), of a future that hangs on other work.
    pub(super) fn of(shared: Arc<dyn Shared<T>>, root: Option<Arc<dyn Root>>) -> Self {
        Self { shared, root, value: std::marker::PhantomData }
    }

    /// The result; waits without limit until the work is done. Ask as often as you like. (CF007)
    ///
    /// On a worker of a pool that has not begun this work yet, the worker does it here and now: a task that
    /// waits for another one of its pool does not wait for ever. (CF043)
    ///
    /// Errors: what became of the work instead, see [`FutureError`]; [`FutureError::SelfWait`] in the work
    /// itself. Blocks.
    ///
    /// ```
    /// use inkle::concurrent::task;
    /// use inkle::threading;
    ///
    /// let (task, future) = task(|| "woven".to_owned());
    /// threading::spawn(|| task.run()).unwrap();
    /// assert_eq!(future.result().unwrap(), "woven");
    /// assert_eq!(future.result().unwrap(), "woven");
    /// ```
    pub fn result(&self) -> Result<&T, FutureError> {
        self.result_until(Deadline::NEVER)
    }

    /// As [`result`](Self::result), if it is there now. Does not block.
    ///
    /// Errors: also [`FutureError::NotDone`].
    pub fn try_result(&self) -> Result<&T, FutureError> {
        look(self.shared.outcome())
    }

    /// As [`result`](Self::result), until `deadline`. A deadline that has passed polls. With a deadline no
    /// worker does the work itself: that could take longer.
    ///
    /// Errors: also [`FutureError::TimedOut`].
    pub fn result_until(&self, deadline: impl Into<Deadline>) -> Result<&T, FutureError> {
        self.wait_until(deadline.into())?;
        self.try_result()
    }

    /// As [`result`](Self::result), for at most `timeout`. See [`result_until`](Self::result_until).
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::concurrent::{FutureError, promise};
    ///
    /// let (promise, future) = promise::<u32>();
    /// assert!(matches!(future.result_timeout(Duration::ZERO), Err(FutureError::TimedOut)));
    /// # drop(promise);
    /// ```
    pub fn result_timeout(&self, timeout: Duration) -> Result<&T, FutureError> {
        self.result_until(after(timeout))
    }

    /// As [`result`](Self::result), until `token` is cancelled. (TH077)
    ///
    /// Errors: also [`FutureError::CalledOff`].
    ///
    /// ```
    /// use inkle::concurrent::{FutureError, promise};
    /// use inkle::threading::{CancelToken, Reason};
    ///
    /// let (promise, future) = promise::<u32>();
    /// let token = CancelToken::new();
    /// token.cancel(Reason::REQUESTED);
    /// assert!(matches!(future.result_unless(&token), Err(FutureError::CalledOff(_))));
    /// # drop(promise);
    /// ```
    pub fn result_unless(&self, token: &CancelToken<'_>) -> Result<&T, FutureError> {
        let waited = self.wait(false, || self.shared.outcome().get_unless(token).map(drop))?;
        waited.map_err(FutureError::from).or_else(final_only)?;
        self.try_result()
    }

    /// Waits as [`result`](Self::result), and gives the panic, if the work panicked. (CF008)
    ///
    /// Errors: as `result`, but for that one.
    ///
    /// ```
    /// use inkle::concurrent::task;
    ///
    /// let (task, future) = task(|| panic!("out of yarn"));
    /// task.run();
    /// let panic = future.exception().unwrap().unwrap();
    /// assert_eq!(panic.message(), Some("out of yarn"));
    /// ```
    pub fn exception(&self) -> Result<Option<Arc<Panic>>, FutureError> {
        self.exception_until(Deadline::NEVER)
    }

    /// As [`exception`](Self::exception), until `deadline`.
    ///
    /// Errors: also [`FutureError::TimedOut`].
    pub fn exception_until(
        &self,
        deadline: impl Into<Deadline>,
    ) -> Result<Option<Arc<Panic>>, FutureError> {
        match self.result_until(deadline) {
            Ok(_) => Ok(None),
            Err(FutureError::Panicked(panic)) => Ok(Some(panic)),
            Err(error) => Err(error),
        }
    }

    /// As [`exception`](Self::exception), for at most `timeout`.
    pub fn exception_timeout(&self, timeout: Duration) -> Result<Option<Arc<Panic>>, FutureError> {
        self.exception_until(after(timeout))
    }

    /// Waits as [`result`](Self::result), and moves the result out. Waits also for callbacks that look at
    /// it.
    ///
    /// Errors: as `result`.
    ///
    /// ```
    /// use inkle::concurrent::{Inline, Spawn};
    ///
    /// let name: String = Inline::new().submit(|| "Ada".to_owned()).unwrap().join().unwrap();
    /// ```
    pub fn join(self) -> Result<T, FutureError> {
        self.wait_until(Deadline::NEVER)?;
        self.settle()?;
        self.take()
    }

    /// As [`join`](Self::join), if the result is there before `deadline`.
    ///
    /// Errors: the future comes back. What became of the work instead of a result is no error here.
    ///
    /// ```
    /// use inkle::concurrent::promise;
    /// use inkle::platform::Deadline;
    ///
    /// let (promise, future) = promise();
    /// let future = future.join_until(Deadline::PASSED).unwrap_err();
    /// promise.set_result(7).unwrap();
    /// assert_eq!(future.join_until(Deadline::PASSED).unwrap().unwrap(), 7);
    /// ```
    pub fn join_until(self, deadline: impl Into<Deadline>) -> Result<Settled<T>, Self> {
        let done = self.wait_until(deadline.into()).is_ok();
        if done && self.settle().is_ok() { Ok(self.take()) } else { Err(self) }
    }

    /// As [`join_until`](Self::join_until), for at most `timeout`.
    pub fn join_timeout(self, timeout: Duration) -> Result<Settled<T>, Self> {
        self.join_until(after(timeout))
    }

    /// Sees to it that the work is never begun; `false` if it has begun, or is done. Work that runs is not
    /// stopped by this, but by [`stop`](Self::stop). Everybody who waits is told at once. Does not block, but
    /// calls the callbacks. (CF005, CF016)
    ///
    /// ```
    /// use inkle::concurrent::{FutureError, task};
    ///
    /// let (task, future) = task(|| 7);
    /// assert!(future.cancel() && future.cancel());
    /// assert!(future.is_done() && future.is_cancelled());
    /// assert!(matches!(future.result(), Err(FutureError::Cancelled)));
    /// assert!(!task.run());
    /// ```
    pub fn cancel(&self) -> bool {
        self.shared.call_off(CallOff::Pending)
    }

    /// [Cancels](Self::cancel) the work, or if it runs, asks it to stop: the token is cancelled that it
    /// sees by [`with_token`](super::with_token), for [`Reason::REQUESTED`](crate::threading::Reason). Whether
    /// one or the other: `false` if the work is done. Never waits for the work. (CF065)
    ///
    /// Work that runs is not ended from outside, it ends itself. So the future stays
    /// [running](Self::is_running) until then, and has the result that the work gives: a value, if it stops
    /// early or does not look, or a panic. It is not [cancelled](Self::is_cancelled). Whoever wants to tell
    /// the two apart has the work say so in its result.
    ///
    /// Of a pool of processes (`multiprocessing`) it is ended from outside: the process is killed, and
    /// the future is cancelled, unless the result is there first.
    ///
    /// A future that is made of others ([`map`](Self::map), [`join_all`](super::join_all), ...) is cancelled,
    /// and those that it waits for are stopped.
    ///
    /// ```
    /// use inkle::concurrent::{Spawn, ThreadPoolExecutor, with_token};
    ///
    /// let executor = ThreadPoolExecutor::new(1).unwrap();
    /// let count = executor.submit(|| {
    ///     let stopped = || with_token(|token| token.is_some_and(|token| token.is_cancelled()));
    ///     (0_u64..).take_while(|_| !stopped()).count()
    /// });
    /// let count = count.unwrap();
    /// while !count.is_running() {
    ///     std::thread::yield_now();
    /// }
    /// assert!(!count.cancel(), "it runs");
    /// assert!(count.stop());
    /// println!("counted to {}", count.join().unwrap());
    /// ```
    pub fn stop(&self) -> bool {
        self.shared.call_off(CallOff::Running)
    }

    /// Whether the work was cancelled. (CF006)
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self.try_result(), Err(FutureError::Cancelled))
    }

    /// Whether the work has begun and is not done. (CF006)
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.shared.outcome().phase() == Phase::Running
    }

    /// Whether there is a result, or there will be none. (CF006)
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.shared.outcome().phase().is_done()
    }

    /// Has `callback` called once, with the result, by the thread that ends the work or cancels it; in the
    /// calling thread, now, if all that is over. Callbacks are called one after another in the order in
    /// which they were added, after those who wait were told. (CF010, CF011, CF013)
    ///
    /// A panic in `callback` goes to the [panic hook](crate::threading::set_panic_hook) and no further:
    /// later callbacks are called all the same. (CF012)
    ///
    /// ```
    /// use inkle::concurrent::task;
    ///
    /// let (task, future) = task(|| 6 * 7);
    /// future.add_done_callback(|result| assert_eq!(result.unwrap(), &42));
    /// task.run();
    /// ```
    pub fn add_done_callback<G>(&self, callback: G)
    where
        G: FnOnce(Result<&T, FutureError>) + Send + 'static,
        T: Sync,
    {
        show(&*self.shared, callback);
    }

    /// Gives the result to `function` when it is there, as the last of the callbacks.
    pub(super) fn finally<G>(self, function: G)
    where
        G: FnOnce(Settled<T>) + Send + 'static,
    {
        // SAFETY: this is the owner, and the future ends here.
        unsafe { give(self.shared, function) };
    }

    /// Waits until the work is done. The error is of the wait.
    pub(super) fn wait_until(&self, deadline: Deadline) -> Result<(), FutureError> {
        if self.is_done() {
            return Ok(());
        }
        if deadline == Deadline::PASSED {
            return Err(FutureError::TimedOut);
        }
        let wait = || self.shared.outcome().get_until(deadline).map(drop);
        let waited = self.wait(deadline == Deadline::NEVER, wait)?;
        waited.map_err(FutureError::from).or_else(final_only)
    }

    /// Waits by `wait`, if it is to be; `here`: a worker may do the work itself.
    fn wait<R>(&self, here: bool, wait: impl FnMut() -> R) -> Result<R, FutureError> {
        if here::is_inside(self.address()) && !self.is_done() {
            return Err(FutureError::SelfWait);
        }
        Ok(here::wait(|| self.is_done(), |home| here && self.run_here(home), wait))
    }

    /// What it hangs on.
    pub(super) fn root(&self) -> Arc<dyn Root> {
        self.root.clone().unwrap_or_else(|| self.shared.clone().root())
    }

    /// Does some of what it hangs on, on a worker of the pool with this number; whether there was any.
    pub(super) fn run_here(&self, home: usize) -> bool {
        match &self.root {
            Some(root) => root.run_here(home),
            None => self.shared.run_here(home),
        }
    }

    /// Waits until callbacks of work that is done have returned.
    fn settle(&self) -> Result<(), FutureError> {
        let outcome = self.shared.outcome();
        if outcome.is_settled() {
            return Ok(());
        }
        let settle = || outcome.settle_until(Deadline::NEVER);
        if here::is_inside(self.address()) {
            return Err(FutureError::SelfWait);
        }
        // Without a deadline it does not time out.
        let _ = here::wait(|| outcome.is_settled(), |_| false, settle);
        Ok(())
    }

    /// Moves out what is settled.
    fn take(self) -> Settled<T> {
        // SAFETY: it is settled, so no callback looks; whoever looks otherwise borrows the future, which
        // ends here.
        let result = unsafe { self.shared.outcome().take() };
        result.unwrap_or(Err(FutureError::Cancelled))
    }

    /// What tells it from all others.
    pub(super) fn address(&self) -> usize {
        &raw const *self.shared.outcome() as usize
    }
}

/// Takes what became of the work for no error of the wait.
fn final_only(error: FutureError) -> Result<(), FutureError> {
    if error.is_final() { Ok(()) } else { Err(error) }
}

impl<T: Send + 'static> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Future").field("phase", &self.shared.outcome().phase()).finish()
    }
}

impl<T: Send + 'static> IntoFuture for Future<T> {
    type Output = Result<T, FutureError>;
    type IntoFuture = Joining<T>;

    /// [`join`](Future::join) to await, in any runtime.
    fn into_future(self) -> Joining<T> {
        Joining {
            held: Held::new(self.shared.clone(), |outcome| outcome.settle_async()),
            future: Some(self),
        }
    }
}

impl<'a, T: Send + Sync + 'static> IntoFuture for &'a Future<T> {
    type Output = Result<&'a T, FutureError>;
    type IntoFuture = Watching<'a, T>;

    /// [`result`](Future::result) to await, in any runtime.
    fn into_future(self) -> Watching<'a, T> {
        Watching { operation: self.shared.outcome().get_async() }
    }
}

/// `future.await`: gives the result itself. Dropped before it is ready, the work goes on and its result is
/// dropped.
///
/// ```
/// use inkle::concurrent::{FutureError, promise};
///
/// async fn twice(future: inkle::concurrent::Future<u32>) -> Result<u32, FutureError> {
///     Ok(2 * future.await?)
/// }
/// # let (promise, future) = promise();
/// # promise.set_result(21).unwrap();
/// # let twice = std::pin::pin!(twice(future));
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # assert!(std::future::Future::poll(twice, &mut context).is_ready());
/// ```
#[must_use = "nothing is waited for before this is awaited"]
pub struct Joining<T: Send + 'static> {
    held: Held<T, SettleOutcome<'static, Settled<T>, Private>>,
    /// `None` once it has given its result.
    future: Option<Future<T>>,
}

/// `(&future).await`: gives a reference to the result.
///
/// ```
/// use inkle::concurrent::{FutureError, Future};
///
/// async fn length(future: &Future<String>) -> Result<usize, FutureError> {
///     Ok(future.await?.len())
/// }
/// # let _ = length;
/// ```
#[must_use = "nothing is waited for before this is awaited"]
pub struct Watching<'a, T> {
    operation: GetOutcome<'a, Settled<T>, Private>,
}

impl<T: Send + 'static> fmt::Debug for Joining<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joining").field("future", &self.future).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Watching<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watching").field("operation", &self.operation).finish()
    }
}

impl<T: Send + 'static> std::future::Future for Joining<T> {
    type Output = Result<T, FutureError>;

    /// Panics: if it was ready before.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: what is pinned stays where it is; only the future is moved out, which nobody points to.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: as above.
        if !unsafe { Pin::new_unchecked(&mut this.held) }.is_ready(context) {
            return Poll::Pending;
        }
        match this.future.take() {
            Some(future) => Poll::Ready(future.take()),
            None => panic!("polled again after it was ready"),
        }
    }
}

impl<'a, T> std::future::Future for Watching<'a, T> {
    type Output = Result<&'a T, FutureError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the operation is pinned with us, and never moved out.
        let operation = unsafe { self.map_unchecked_mut(|this| &mut this.operation) };
        operation.poll(context).map(|result| match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(error.clone()),
            Err(error) => Err(error.into()),
        })
    }
}
