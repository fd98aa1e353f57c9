//! Tasks that borrow: they are all done before what they borrow goes.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;
use std::thread;

use super::here::{self, Place};
use super::pool::{Branch, Forking, undoing};
use super::{Task, ThreadPoolExecutor};
use crate::contextvars::{Inherited, is_empty_here};
use crate::threading::drop_quietly;

/// Where tasks that borrow are [spawned](Self::spawn): see [`ThreadPoolExecutor::scope`].
///
/// It stays with its thread. A task that has tasks of its own opens a scope of its own.
pub struct Scope<'scope, 'env: 'scope> {
    /// `None` if the caller is no worker: then each task is called at once.
    forking: Option<Forking<'scope, Task>>,
    /// What the scope was opened in, which stays longer than its tasks.
    place: Place,
    youngest: Cell<Option<NonNull<dyn Part<'scope> + 'scope>>>,
    /// That of the first task that panicked.
    panic: Cell<Option<Box<dyn Any + Send>>>,
    scope: PhantomData<Cell<&'scope ()>>,
    env: PhantomData<Cell<&'env ()>>,
}

/// A task that is to be settled.
struct Spawned<'scope, F: FnOnce(bool) -> thread::Result<()>> {
    branch: Branch<F, ()>,
    older: Option<NonNull<dyn Part<'scope> + 'scope>>,
}

/// One of any type.
trait Part<'scope> {
    fn older(&self) -> Option<NonNull<dyn Part<'scope> + 'scope>>;

    /// How it has ended. If nobody has begun it, it is called here, or dropped.
    ///
    /// # Safety
    ///
    /// The caller is the worker that has forked it with this, and calls this once.
    unsafe fn settle(&self, forking: &Forking<'_, Task>, call: bool) -> thread::Result<()>;
}

impl<'scope, F: FnOnce(bool) -> thread::Result<()> + Send> Part<'scope> for Spawned<'scope, F> {
    fn older(&self) -> Option<NonNull<dyn Part<'scope> + 'scope>> {
        self.older
    }

    #[inline]
    unsafe fn settle(&self, forking: &Forking<'_, Task>, call: bool) -> thread::Result<()> {
        // SAFETY: the caller's promise.
        match unsafe { forking.settle(&self.branch) } {
            Ok(work) if call => work(false),
            Ok(work) => {
                drop_quietly(work);
                Ok(())
            }
            Err(result) => result,
        }
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Has `function` called by whoever has nothing else to do, or at the end of the scope by the one that has
    /// opened it. It may borrow whatever lives longer than the scope.
    ///
    /// Costs an allocation of the size of the function, and a fence. Does not block, but if very many wait, it
    /// is called at once.
    #[inline]
    pub fn spawn<F: FnOnce() + Send + 'scope>(&'scope self, function: F) {
        // A word, as there mostly is none.
        let context = (!is_empty_here()).then(|| Box::new(Inherited::from_here()));
        let place = self.place;
        let work = move |taken: bool| {
            catch_unwind(AssertUnwindSafe(|| {
                if !taken && context.is_none() && is_empty_here() {
                    return undoing::<true, _>(function);
                }
                let call = || context.map_or(Inherited::NONE, |context| *context).run(function);
                // SAFETY: the place's thread stays there until this has been settled.
                if taken { unsafe { here::in_place_of(place, call) } } else { call() }
            }))
        };
        match &self.forking {
            Some(forking) => self.fork(forking, work),
            None => self.note(work(false)),
        }
    }

    #[inline]
    fn fork<F>(&self, forking: &Forking<'_, Task>, work: F)
    where
        F: FnOnce(bool) -> thread::Result<()> + Send + 'scope,
    {
        let older = self.youngest.get();
        let spawned = Box::new(Spawned { branch: forking.branch(work), older });
        let spawned = NonNull::from(Box::leak(spawned));
        // First, so that it is settled whatever panics.
        self.youngest.set(Some(spawned));
        // SAFETY: it stays until `settle`, on this thread, before the scope ends.
        if !unsafe { forking.fork(&spawned.as_ref().branch) } {
            self.settle(forking, true);
        }
    }

    /// The youngest; whether there was one.
    #[inline]
    fn settle(&self, forking: &Forking<'_, Task>, call: bool) -> bool {
        let Some(part) = self.youngest.get() else { return false };
        // SAFETY: it was leaked in `fork`, by this thread; and it leaves the list here.
        let result = unsafe {
            self.youngest.set(part.as_ref().older());
            part.as_ref().settle(forking, call)
        };
        // SAFETY: nobody else knows of it any more.
        drop(unsafe { Box::from_raw(part.as_ptr()) });
        self.note(result);
        true
    }

    #[inline]
    fn settle_all(&self, call: bool) {
        if let Some(forking) = &self.forking {
            while self.settle(forking, call) {}
        }
    }

    #[inline]
    fn note(&self, result: thread::Result<()>) {
        if let Err(payload) = result {
            let first = self.panic.take().unwrap_or(payload);
            self.panic.set(Some(first));
        }
    }
}

/// The end of a scope. If the body panics, what nobody has begun is dropped, and the end of the others is
/// waited for.
struct End<'e, 'scope, 'env>(&'e Scope<'scope, 'env>);

impl Drop for End<'_, '_, '_> {
    #[inline]
    fn drop(&mut self) {
        self.0.settle_all(false);
        if let Some(payload) = self.0.panic.take() {
            drop_quietly(payload);
        }
    }
}

impl ThreadPoolExecutor {
    /// Calls `body`, which [spawns](Scope::spawn) tasks that may borrow, and returns its result when all of
    /// them are done. In a task of this executor a task costs an allocation and a fence, and no future.
    ///
    /// For work of several kinds, or of which only its course tells how much there is; what can be halved goes
    /// by [`join`](Self::join), [`for_each`](Self::for_each) and [`map_vec`](Self::map_vec), which allocate
    /// nothing. Results go where the tasks write them. The tasks begin in any order, in as many threads as there
    /// are, so none may wait for another one.
    ///
    /// What `join` says of waiting, contexts, tokens, and where it is called, holds here too: `body` and each
    /// task are called in a copy of the context; outside of the executor's tasks `body` is a task of its own.
    ///
    /// Panics: as `body` does, when those that have begun have ended, and the others are not called; or as the
    /// first of the tasks does that panics, when all have ended. Progress: blocking.
    ///
    /// ```
    /// use inkle::concurrent::ThreadPoolExecutor;
    ///
    /// let text = "warp and weft, warp and weft";
    /// let (mut words, mut letters) = (0, 0);
    /// ThreadPoolExecutor::new(2)?.scope(|scope| {
    ///     scope.spawn(|| words = text.split(' ').count());
    ///     scope.spawn(|| letters = text.chars().filter(|letter| letter.is_alphabetic()).count());
    /// });
    /// assert_eq!((words, letters), (6, 22));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn scope<'env, R: Send>(
        &self,
        body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R + Send,
    ) -> R {
        match self.forking() {
            None => self.as_task(|| Scope::open(self.forking(), body)),
            forking => Scope::open(forking, body),
        }
    }
}

impl<'env> Scope<'_, 'env> {
    #[inline]
    fn open<'s, R>(
        forking: Option<Forking<'s, Task>>,
        body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
    ) -> R
    where
        'env: 's,
    {
        let opened = || {
            let scope = Scope {
                forking,
                place: here::place(),
                youngest: Cell::new(None),
                panic: Cell::new(None),
                scope: PhantomData,
                env: PhantomData,
            };
            let end = End(&scope);
            let result = body(&scope);
            scope.settle_all(true);
            let panic = scope.panic.take();
            drop(end);
            panic.map_or(Ok(result), Err)
        };
        let result = if is_empty_here() {
            undoing::<true, _>(opened)
        } else {
            Inherited::from_here().run(opened)
        };
        result.unwrap_or_else(|payload| resume_unwind(payload))
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("is_empty", &self.youngest.get().is_none()).finish()
    }
}
