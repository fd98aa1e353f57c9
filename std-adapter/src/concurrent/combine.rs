//! Futures made of futures. None of them needs a thread: what is to be done is done by whoever ends the
//! future before, and cancelling the new future cancels those that it is made of.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::cell::{Revoke, Root, Settled};
use super::promise::linked;
use super::stop::CallOff;
use super::{Future, FutureError, Promise};
use crate::platform::{Deadline, after};
use crate::threading::{Timer, drop_quietly, locked};

impl<T: Send + 'static> Future<T> {
    /// The result of `function`, which is called with the result of this one, by whoever ends it. If there
    /// is none, `function` is dropped and the new future has the same error. (CF068)
    ///
    /// ```
    /// use inkle::concurrent::task;
    ///
    /// let (task, future) = task(|| 6);
    /// let future = future.map(|six| six * 7);
    /// task.run();
    /// assert_eq!(future.join().unwrap(), 42);
    /// ```
    pub fn map<U, G>(self, function: G) -> Future<U>
    where
        G: FnOnce(T) -> U + Send + 'static,
        U: Send + 'static,
    {
        let (promise, future) = linked(Some(self.shared.clone().revoker()), Some(self.root()));
        self.finally(move |result| promise.end_with(|| Ok(function(result?))));
        future
    }

    /// The result of the future that `function` gives, which is called with the result of this one, by
    /// whoever ends it. If there is none, `function` is dropped and the new future has the same error.
    /// (CF068)
    ///
    /// ```
    /// use inkle::concurrent::{Inline, Spawn, task};
    ///
    /// let (task, future) = task(|| 6);
    /// let future = future.then(|six| Inline::new().submit(move || six * 7).unwrap());
    /// task.run();
    /// assert_eq!(future.join().unwrap(), 42);
    /// ```
    pub fn then<U, G>(self, function: G) -> Future<U>
    where
        G: FnOnce(T) -> Future<U> + Send + 'static,
        U: Send + 'static,
    {
        let upstream = Upstream::new([&self]);
        let (promise, future) = linked(Some(upstream.clone()), Some(upstream.clone()));
        self.finally(move |result| {
            if promise.is_cancelled() {
                return drop_quietly((result, function));
            }
            let next = result.and_then(|value| {
                catch_unwind(AssertUnwindSafe(|| function(value))).map_err(FutureError::unwound)
            });
            match next {
                Ok(next) => {
                    upstream.replace(&next);
                    next.finally(move |result| {
                        // From the inside out, so that a long chain is not dropped in one go.
                        upstream.clear();
                        promise.end_with(|| result);
                    });
                }
                Err(error) => promise.end_with(|| Err(error)),
            }
        });
        future
    }

    /// The result, if it is there within `timeout` from now; else the new future says
    /// [`FutureError::Expired`], and this one is cancelled if it has not begun. Work that runs goes on.
    ///
    /// The time is counted by the [timers'](Timer) one thread for all of them. If that cannot be started the
    /// new future has [failed](FutureError::Failed).
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::concurrent::{FutureError, task};
    ///
    /// let (task, future) = task(|| ());
    /// let future = future.timeout(Duration::from_millis(1));
    /// assert!(matches!(future.result(), Err(FutureError::Expired)));
    /// assert!(!task.run());
    /// ```
    pub fn timeout(self, timeout: Duration) -> Future<T> {
        self.until(after(timeout))
    }

    /// As [`timeout`](Self::timeout), at a deadline.
    pub fn until(self, deadline: impl Into<Deadline>) -> Future<T> {
        let revoker = self.shared.clone().revoker();
        let (promise, future) = linked(Some(revoker.clone()), Some(self.root()));
        let race = Arc::new(Mutex::new(Some(promise)));
        let timer = Timer::start_at(deadline, {
            let race = race.clone();
            let revoker = revoker.clone();
            move || {
                let promise = locked(&race).take();
                if let Some(promise) = promise {
                    promise.fail(FutureError::Expired);
                    revoker.revoke(CallOff::Pending);
                }
            }
        });
        match timer {
            Ok(timer) => self.finally(move |result| {
                timer.cancel();
                let promise = locked(&race).take();
                if let Some(promise) = promise {
                    promise.end_with(|| result);
                }
            }),
            Err(error) => {
                let error = FutureError::failed(error.to_string());
                let promise = locked(&race).take();
                if let Some(promise) = promise {
                    promise.fail(error);
                }
                revoker.revoke(CallOff::Pending);
            }
        }
        future
    }
}

/// The results of all, in the order of the futures, once the last is there.
///
/// ```
/// use inkle::concurrent::{FutureError, join_all, task};
///
/// let (tasks, futures): (Vec<_>, Vec<_>) = (0..3).map(|n| task(move || 6 / n)).unzip();
/// let all = join_all(futures);
/// tasks.into_iter().for_each(|task| assert!(task.run()));
/// let all = all.join().unwrap();
/// assert!(matches!(all[0], Err(FutureError::Panicked(_))));
/// assert!(matches!(all[1..], [Ok(6), Ok(3)]));
/// ```
pub fn join_all<T: Send + 'static>(
    futures: impl IntoIterator<Item = Future<T>>,
) -> Future<Vec<Settled<T>>> {
    let futures: Vec<_> = futures.into_iter().collect();
    let upstream = Upstream::new(&futures);
    let (promise, all) = linked(Some(upstream.clone()), Some(upstream));
    let results = futures.iter().map(|_| Err(FutureError::NotDone)).collect();
    if futures.is_empty() {
        promise.end_with(|| Ok(results));
        return all;
    }
    let joining = Arc::new(Mutex::new((futures.len(), results, Some(promise))));
    for (place, future) in futures.into_iter().enumerate() {
        let joining = joining.clone();
        future.finally(move |result| {
            let (results, promise) = {
                let (left, results, promise) = &mut *locked(&joining);
                results[place] = result;
                *left -= 1;
                if *left > 0 {
                    return;
                }
                (std::mem::take(results), promise.take())
            };
            if let Some(promise) = promise {
                promise.end_with(|| Ok(results));
            }
        });
    }
    all
}

/// The first result that is there; the others are cancelled if they have not begun. If none of them gives
/// one, the error that came last; of no futures [`FutureError::Broken`].
///
/// ```
/// use inkle::concurrent::{first_success, task};
///
/// let (tasks, futures): (Vec<_>, Vec<_>) = (0..3).map(|n| task(move || 6 / n)).unzip();
/// let first = first_success(futures);
/// let run: Vec<bool> = tasks.into_iter().map(|task| task.run()).collect();
/// assert_eq!(run, [true, true, false]);
/// assert_eq!(first.join().unwrap(), 6);
/// ```
pub fn first_success<T: Send + 'static>(futures: impl IntoIterator<Item = Future<T>>) -> Future<T> {
    let futures: Vec<_> = futures.into_iter().collect();
    let upstream = Upstream::new(&futures);
    let (promise, first) = linked(Some(upstream.clone()), Some(upstream.clone()));
    let race = Arc::new(Mutex::new((futures.len(), Some(promise))));
    for future in futures {
        let (race, upstream) = (race.clone(), upstream.clone());
        future.finally(move |result| {
            let promise = {
                let (left, promise) = &mut *locked(&race);
                *left -= 1;
                if result.is_ok() || *left == 0 { promise.take() } else { None }
            };
            if let Some(promise) = promise {
                promise.end_with(|| result);
                upstream.revoke(CallOff::Pending);
            } else {
                drop_quietly(result);
            }
        });
    }
    first
}

impl<T: Send + 'static> Promise<T> {
    /// Ends it with what `function` gives, unless it is cancelled. A panic is the result too.
    fn end_with(mut self, function: impl FnOnce() -> Settled<T>) {
        if !self.set_running() {
            return drop_quietly(function);
        }
        let result = catch_unwind(AssertUnwindSafe(function));
        // It has begun, so nobody has cancelled it.
        let _ = self.end(result.unwrap_or_else(|payload| Err(FutureError::unwound(payload))));
    }
}

/// What a future is made of at the moment.
struct Upstream(Mutex<State>);

struct State {
    revoked: Option<CallOff>,
    of: Vec<Arc<dyn Revoke>>,
    /// What those hang on.
    roots: Roots,
}

type Roots = Arc<[Arc<dyn Root>]>;

impl Upstream {
    fn new<'a, T: Send + 'static>(of: impl IntoIterator<Item = &'a Future<T>>) -> Arc<Self> {
        let both = of.into_iter().map(|future| (future.shared.clone().revoker(), future.root()));
        let (of, roots): (_, Vec<_>) = both.unzip();
        Arc::new(Self(Mutex::new(State { revoked: None, of, roots: roots.into() })))
    }

    /// Goes on with another; if it was revoked meanwhile, so is that.
    fn replace<T: Send + 'static>(&self, next: &Future<T>) {
        let mut state = locked(&self.0);
        let old = (
            std::mem::replace(&mut state.of, vec![next.shared.clone().revoker()]),
            std::mem::replace(&mut state.roots, [next.root()].into()),
        );
        let revoked = state.revoked;
        drop(state);
        drop(old);
        if let Some(how) = revoked {
            self.revoke(how);
        }
    }
}

impl Upstream {
    /// Those who were there, with what they hang on.
    fn clear(&self) -> (Vec<Arc<dyn Revoke>>, Roots) {
        let mut state = locked(&self.0);
        (std::mem::take(&mut state.of), std::mem::take(&mut state.roots))
    }
}

impl Revoke for Upstream {
    fn revoke(&self, how: CallOff) {
        locked(&self.0).revoked = Some(how);
        let (of, _roots) = self.clear();
        of.iter().for_each(|one| one.revoke(how));
    }
}

impl Root for Upstream {
    fn run_here(&self, home: usize) -> bool {
        // A statement of its own: the lock is not held while work is done.
        let roots = locked(&self.0).roots.clone();
        let [only] = &*roots else { return roots.iter().any(|root| root.run_here(home)) };
        // Not by itself, so that a chain of any length fits on a stack.
        let (mut last, mut stands) = (None, only.clone());
        while let Some(next) = stands.delegate() {
            last = Some(std::mem::replace(&mut stands, next));
        }
        if let Some(last) = last {
            // The way there is not gone again.
            let mut state = locked(&self.0);
            if Arc::ptr_eq(&state.roots, &roots) {
                state.roots = [last].into();
            }
        }
        stands.run_here(home)
    }

    fn delegate(&self) -> Option<Arc<dyn Root>> {
        match &*locked(&self.0).roots {
            [only] => Some(only.clone()),
            _ => None,
        }
    }
}
