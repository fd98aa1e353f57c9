//! What the calling thread is in the midst of: whose worker it is, and what work it does.
//!
//! A worker that waits for a future must keep its pool alive, and work must not wait for itself. So each
//! wait of a future comes by here.
//!
//! # Invariant
//!
//! Frames lie on the stack of their thread, the innermost one in `INNERMOST`, each with a pointer to the
//! next outer one. A frame is taken off before it goes. Until then it is looked at by its own thread, and by
//! those who do a part of what that thread does ([`in_place_of`]) and waits for; they may even make its token.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ptr;
use std::sync::OnceLock;

use super::stop::Bell;
use crate::threading::CancelToken;

/// A pool, as a thread of it sees it: entered by [`as_worker`].
pub(crate) trait Worker {
    /// The number of the pool, which it has put on its tasks; not 0.
    fn home(&self) -> usize;
    /// Calls `wait`, which blocks the thread, and sees to it that others do the pool's work meanwhile.
    fn block(&self, wait: &mut dyn FnMut());
}

/// Work that is done or settled on this thread.
struct Frame {
    kind: Kind,
    outer: *const Frame,
    /// Of the work, once it was asked for.
    token: OnceLock<CancelToken<'static>>,
}

#[derive(Clone, Copy)]
enum Kind {
    /// A job of a pool, with the parent of its token.
    Job(*const CancelToken<'static>),
    /// Work that is done, with the address of its outcome.
    Work(usize, *const Bell),
    /// A callback, with the address of the outcome that it is of.
    Callback(usize),
}

impl Frame {
    /// From this one outwards.
    ///
    /// # Safety
    ///
    /// It is on this thread's stack, or null, and the frames are kept no longer than the innermost one
    /// stays.
    unsafe fn outwards<'f>(frame: *const Self) -> impl Iterator<Item = &'f Self> {
        // SAFETY: it is there until it has set the cell back (`within`), and those outside of it longer.
        std::iter::successors(unsafe { frame.as_ref() }, |frame| unsafe { frame.outer.as_ref() })
    }
}

/// How deep futures that are made of futures end one inside the other before the next has to wait for its
/// turn. A chain of any length fits on a stack.
const DEPTH: usize = 32;

thread_local! {
    static DEEP: Cell<usize> = const { Cell::new(0) };
    static LATER: RefCell<VecDeque<Box<dyn FnOnce()>>> = const { RefCell::new(VecDeque::new()) };
    static INNERMOST: Cell<*const Frame> = const { Cell::new(ptr::null()) };
    static WORKER: Cell<Option<*const dyn Worker>> = const { Cell::new(None) };
}

/// Sets a cell back when dropped.
struct Reset<T: Copy + 'static>(&'static std::thread::LocalKey<Cell<T>>, T);

impl<T: Copy> Drop for Reset<T> {
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}

/// Calls `f` in a frame of this kind. What the kind points to lives as long.
#[inline]
fn within<R>(kind: Kind, f: impl FnOnce() -> R) -> R {
    struct End<'f>(&'f Frame);
    impl Drop for End<'_> {
        #[inline]
        fn drop(&mut self) {
            INNERMOST.set(self.0.outer);
            if let (Kind::Work(_, bell), Some(_)) = (self.0.kind, self.0.token.get()) {
                // SAFETY: it lives at least as long as the frame, by the caller.
                unsafe { &*bell }.hide();
            }
        }
    }

    let frame = Frame { kind, outer: INNERMOST.get(), token: OnceLock::new() };
    // Goes before the frame and its token do.
    let _end = End(&frame);
    INNERMOST.set(&raw const frame);
    f()
}

/// What a thread is in the midst of.
#[derive(Clone, Copy)]
pub(super) struct Place(*const Frame);

// SAFETY: others look at the frames only as `in_place_of` has it; then a frame is read, but for its token,
// which any thread may make.
unsafe impl Send for Place {}

/// What the caller is in the midst of.
#[inline]
pub(super) fn place() -> Place {
    Place(INNERMOST.get())
}

/// Calls `f`, which does a part of what another thread is in the midst of.
///
/// # Safety
///
/// That thread stays there until `f` has returned.
pub(super) unsafe fn in_place_of<R>(place: Place, f: impl FnOnce() -> R) -> R {
    let _reset = Reset(&INNERMOST, INNERMOST.replace(place.0));
    f()
}

/// Calls `f`, which is a callback of the outcome at this address.
pub(super) fn inside<R>(outcome: usize, f: impl FnOnce() -> R) -> R {
    within(Kind::Callback(outcome), f)
}

/// Calls `f`, which does and ends the work with the outcome at this address; `bell` asks it to stop.
#[inline]
pub(super) fn doing<R>(outcome: usize, bell: &Bell, f: impl FnOnce() -> R) -> R {
    within(Kind::Work(outcome, bell), f)
}

/// Calls `f`, which does a job of a pool; `stop` asks all of them to stop.
#[inline]
pub(super) fn in_job<R>(stop: &CancelToken<'static>, f: impl FnOnce() -> R) -> R {
    within(Kind::Job(stop), f)
}

/// Whether the caller does, or settles, the work with the outcome at this address.
pub(super) fn is_inside(outcome: usize) -> bool {
    // SAFETY: kept no longer than this.
    unsafe { Frame::outwards(INNERMOST.get()) }.any(|frame| match frame.kind {
        Kind::Work(of, _) | Kind::Callback(of) => of == outcome,
        Kind::Job(_) => false,
    })
}

/// Shows `look` the token of the work that the caller does, or is called back by.
pub(super) fn with_token<R>(look: impl FnOnce(Option<&CancelToken<'_>>) -> R) -> R {
    let is_work = |frame: &&Frame| !matches!(frame.kind, Kind::Callback(_));
    // SAFETY: the frames stay until `look`, which is called further in, has returned.
    let Some(frame) = unsafe { Frame::outwards(INNERMOST.get()) }.find(is_work) else {
        return look(None);
    };
    if frame.token.get().is_none() {
        // SAFETY: as above.
        let stop = unsafe { Frame::outwards(frame) }.find_map(|frame| match frame.kind {
            // SAFETY: the pool's token lives as long as the frame.
            Kind::Job(stop) => Some(unsafe { &*stop }),
            _ => None,
        });
        let token =
            frame.token.get_or_init(|| stop.map_or_else(CancelToken::new, CancelToken::child));
        if let Kind::Work(_, bell) = frame.kind {
            // SAFETY: the bell lives as long as the frame, and the token stays in that until it is
            // hidden at its end (`within`).
            unsafe { (*bell).show(token) };
        }
    }
    look(frame.token.get().map(|token| token as _))
}

/// Whether the work that the caller does was asked to stop. Makes no token.
#[cfg(feature = "timeline")]
pub(super) fn is_asked_to_stop() -> bool {
    // SAFETY: kept no longer than this.
    let innermost = unsafe { Frame::outwards(INNERMOST.get()) }.next();
    innermost.is_some_and(|frame| match (frame.token.get(), frame.kind) {
        (Some(token), _) => token.is_cancelled(),
        // SAFETY: it lives at least as long as the frame.
        (None, Kind::Work(_, bell)) => unsafe { &*bell }.is_rung(),
        (None, _) => false,
    })
}

/// Calls `f` as a worker's doing: waits for futures inside of it go through `worker`.
pub(crate) fn as_worker<R>(worker: &dyn Worker, f: impl FnOnce() -> R) -> R {
    let worker: *const (dyn Worker + '_) = worker;
    // SAFETY: only the lifetime is changed; the cell is set back before `f`'s caller, who lent it, goes on.
    let worker: *const (dyn Worker + 'static) = unsafe { std::mem::transmute(worker) };
    let _reset = Reset(&WORKER, WORKER.get());
    WORKER.set(Some(worker));
    f()
}

/// The number of the caller's pool; 0 if it is no worker.
pub(super) fn home() -> usize {
    // SAFETY: as in `wait`.
    WORKER.get().map_or(0, |worker| unsafe { &*worker }.home())
}

/// Calls `f`, now, or if the caller is too deep in such calls, when the outermost of them is over.
pub(super) fn in_turn(f: impl FnOnce() + 'static) {
    let deep = DEEP.get();
    if deep == DEPTH {
        let mut f = Some(f);
        // Where the thread's values are gone already, the stack has to do.
        let later = LATER.try_with(|later| {
            if let Some(f) = f.take() {
                later.borrow_mut().push_back(Box::new(f));
            }
        });
        if later.is_err() {
            if let Some(f) = f {
                f();
            }
        }
        return;
    }
    let _reset = Reset(&DEEP, deep);
    DEEP.set(deep + 1);
    f();
    if deep == 0 {
        // A statement of its own: the queue is not borrowed while one is called.
        while let Ok(Some(next)) = LATER.try_with(|later| later.borrow_mut().pop_front()) {
            next();
        }
    }
}

/// Calls `wait`, which blocks the thread; a worker's as its pool wants it.
pub(super) fn block<R>(mut wait: impl FnMut() -> R) -> R {
    self::wait(|| false, |_| false, &mut wait)
}

/// Waits by `wait`, which blocks. A worker first calls `try_here`, with the number of its pool, as long as
/// that does something and what is waited for is not done; then `wait` blocks as its pool wants it.
pub(super) fn wait<R>(
    is_done: impl Fn() -> bool,
    mut try_here: impl FnMut(usize) -> bool,
    mut wait: impl FnMut() -> R,
) -> R {
    let Some(worker) = WORKER.get() else { return wait() };
    // SAFETY: whoever has set it lends it until it has set it back, and this is the same thread.
    let worker = unsafe { &*worker };
    while !is_done() {
        if try_here(worker.home()) {
            continue;
        }
        let mut result = None;
        worker.block(&mut || result = Some(wait()));
        match result {
            Some(result) => return result,
            // It has not called it.
            None => break,
        }
    }
    wait()
}

#[cfg(test)]
mod tests {
    use inkle_core::atomic::{AtomicUsize, Ordering};
    use std::cell::Cell;

    use super::super::task::task_of;
    use super::super::{Future, Task, as_completed, join_all, task};
    use super::{Worker, as_worker};
    use crate::platform::Deadline;

    /// Counts how often it had to block.
    struct Counting(usize, AtomicUsize);

    impl Worker for Counting {
        fn home(&self) -> usize {
            self.0
        }

        fn block(&self, wait: &mut dyn FnMut()) {
            self.1.fetch_add(1, Ordering::Relaxed);
            wait();
        }
    }

    #[test]
    fn cf043_a_worker_does_the_work_of_its_pool_that_it_waits_for() {
        let worker = Counting(7, AtomicUsize::new(0));
        let (task, future) = task_of(7, || 42);
        let deep = task_of(7, move || future.join().map_err(|_| ()));
        assert_eq!(as_worker(&worker, || deep.1.join()).ok(), Some(Ok(42)));
        assert_eq!(worker.1.load(Ordering::Relaxed), 0);
        // Both have been done: nothing is left of them but their tasks.
        assert!(!task.run() && !deep.0.run());
    }

    #[test]
    fn work_of_others_is_waited_for() {
        let worker = Counting(7, AtomicUsize::new(0));
        let (task, future) = task(|| 42);
        let task = Cell::new(Some(task));
        struct Other<'a>(&'a Counting, &'a Cell<Option<Task>>);
        impl Worker for Other<'_> {
            fn home(&self) -> usize {
                self.0.home()
            }
            fn block(&self, wait: &mut dyn FnMut()) {
                self.0.block(&mut || {
                    self.1.take().map(Task::run);
                    wait();
                });
            }
        }
        let result = as_worker(&Other(&worker, &task), || future.join());
        assert_eq!(result.ok(), Some(42));
        assert_eq!(worker.1.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn what_a_future_hangs_on_is_done_here_too() {
        let worker = Counting(7, AtomicUsize::new(0));
        let (_one, mapped) = task_of(7, || 1);
        let mapped = mapped.map(|n| n + 1).map(|n| n + 1);
        let (_two, chained) = task_of(7, || 1);
        let chained = chained.then(|n| {
            let (task, future) = task_of(7, move || n + 1);
            // It stays pending until somebody wants it.
            std::mem::forget(task);
            future
        });
        let (tasks, futures): (Vec<_>, Vec<_>) = (0..100).map(|n| task_of(7, move || n)).unzip();
        let all = join_all(futures);
        let (_others, futures): (Vec<_>, Vec<_>) = (0..3).map(|n| task_of(7, move || n)).unzip();
        as_worker(&worker, || {
            assert_eq!(mapped.join().ok(), Some(3));
            assert_eq!(chained.join().ok(), Some(2));
            assert_eq!(all.join().map(|all| all.len()).ok(), Some(100));
            assert_eq!(as_completed(futures, Deadline::NEVER).flatten().count(), 3);
        });
        assert_eq!(worker.1.load(Ordering::Relaxed), 0, "it never had to wait");
        assert!(tasks.into_iter().all(|task| !task.run()));
    }

    #[test]
    fn a_loop_of_futures_of_any_length_is_done_here() {
        /// Of a pool whose threads have all something else to do.
        fn step(down: u32) -> Future<u32> {
            let (task, future) = task_of(7, move || down);
            std::mem::forget(task);
            if down == 0 { future } else { future.then(|down| step(down - 1)) }
        }
        let worker = Counting(7, AtomicUsize::new(0));
        assert_eq!(as_worker(&worker, || step(20_000).join()).ok(), Some(0));
        assert_eq!(worker.1.load(Ordering::Relaxed), 0);
        let outer = step(20_000);
        as_worker(&worker, || (0..10_000).for_each(|_| assert!(outer.run_here(7))));
        assert!(outer.cancel() && outer.is_cancelled());
    }
}
