//! The outcome of work: finish, cancel, wait, hook and take in pairs. Its value lies in loom's cell, and a
//! plain number in it, so who looks too early, and who takes while a hook looks, is a data race; it is
//! counted where it is dropped. Hooks log that they were told.

use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

use inkle_core::error::OutcomeError;
use inkle_core::platform::Deadline;
use inkle_core::sync::{CancelToken, Hook, Outcome, Reason};
use loom::thread::spawn;

use Op::{
    Async, Cancel, CancelToken as CancelWait, Claimed, Dropped, Enter, Get, GiveUp, Own, OwnAsync,
    Poll, Resume, Say, Settle, Soon, Unless, Work,
};

use super::{SLOW, THREE};
use crate::kit::{self, Loom, Model, Plain, SOON, Stage, Unfenced, block_on, poll_once, timeouts};

pub const MODELS: &[Model] = &[
    // Two threads: work and cancel against each other.
    Model::full("work_work", || play(&[&[Work, Get], &[Work, Get]])),
    Model::full("work_cancel", || play(&[&[Work, Get], &[Cancel, Get]])),
    Model::full("cancel_cancel", || play(&[&[Cancel, Get], &[Cancel, Poll]])),
    Model::full("give_up_cancel", || play(&[&[GiveUp, Get], &[Cancel, Get]])),
    Model::full("give_up_work", || play(&[&[GiveUp, Work], &[Work, Get]])),
    Model::full("resume", || play(&[&[Claimed, Resume], &[Cancel, Get]])),
    // Against those who wait.
    Model::full("work_get", || play(&[&[Work], &[Get, Get]])),
    Model::full("work_poll", || play(&[&[Work], &[Poll, Poll]])),
    Model::full("work_soon", || play(&[&[Work], &[Poll, Soon]])),
    Model::bounded("work_async", 4, SLOW, || play(&[&[Work], &[Async]])),
    Model::bounded("work_dropped", 4, SLOW, || play(&[&[Work], &[Dropped, Poll]])),
    Model::bounded("work_unless", 3, SLOW, || play(&[&[Work], &[Unless]])),
    Model::bounded("call_off_unless", 3, SLOW, || play(&[&[CancelWait, Work], &[Unless]])),
    Model::full("cancel_get", || play(&[&[Say], &[Get]])),
    Model::full("cancel_soon", || play(&[&[Say], &[Soon, Poll]])),
    Model::bounded("cancel_async", 4, SLOW, || play(&[&[Say], &[Async]])),
    Model::bounded("cancel_unless", 3, SLOW, || play(&[&[Say], &[Unless]])),
    Model::full("give_up_get", || play(&[&[GiveUp], &[Get]])),
    Model::bounded("give_up_async", 4, SLOW, || play(&[&[GiveUp], &[Async]])),
    // Against hooks.
    Model::full("work_hook", || play(&[&[Work], &[Enter(0)]])),
    Model::full("work_hooks", || play(&[&[Work], &[Enter(0), Enter(1)]])),
    Model::full("cancel_hooks", || play(&[&[Say], &[Enter(0), Enter(1)]])),
    Model::full("give_up_hook", || play(&[&[GiveUp], &[Enter(0)]])),
    Model::bounded("hook_hook", 5, SLOW, || play(&[&[Enter(0), Work], &[Enter(1)]])),
    Model::bounded("hook_hook_2", 4, SLOW, || play(&[&[Enter(0), Work], &[Enter(1), Enter(2)]])),
    Model::bounded("hook_cancel", 5, SLOW, || play(&[&[Enter(0), Work], &[Enter(1), Cancel]])),
    Model::bounded("hook_get", 4, SLOW, || play(&[&[Enter(0), Work], &[Get]])),
    Model::bounded("hook_async", 4, SLOW, || play(&[&[Enter(0), Work], &[Async]])),
    Model::bounded("hook_soon", 4, SLOW, || play(&[&[Enter(0), Work], &[Soon]])),
    Model::full("hook_unfenced", hook_unfenced),
    // Against the owner, who waits for hooks.
    Model::bounded("work_own", 5, SLOW, || play(&[&[Work], &[Own]])),
    Model::bounded("hook_own", 4, SLOW, || play(&[&[Enter(0), Work], &[Own]])),
    Model::bounded("own_hook", 4, SLOW, || play(&[&[Work], &[Enter(0), Own]])),
    Model::bounded("own_hooks", 4, SLOW, || play(&[&[Enter(0), Work], &[Enter(1), Own]])),
    Model::bounded("own_async", 3, SLOW, || play(&[&[Enter(0), Work], &[OwnAsync]])),
    Model::bounded("cancel_settle", 4, SLOW, || play(&[&[Enter(0), Cancel], &[Settle]])),
    // Sleeps that end early.
    Model::full("early_get", || early(&[&[Work], &[Get]])),
    Model::full("early_soon", || early(&[&[Work], &[Soon, Soon]])),
    Model::bounded("early_async", 3, SLOW, || early(&[&[Work], &[Async]])),
    Model::full("early_cancel", || early(&[&[Say], &[Soon]])),
    Model::bounded("early_own", 3, SLOW, || early(&[&[Enter(0), Work], &[Own]])),
    // Three threads.
    Model::bounded("getters_2", 3, THREE, || play(&[&[Work], &[Get], &[Get]])),
    Model::bounded("tasks_2", 3, THREE, || play(&[&[Work], &[Async], &[Async]])),
    Model::bounded("task_and_thread", 3, THREE, || play(&[&[Say], &[Async], &[Get]])),
    Model::bounded("workers_2", 3, THREE, || play(&[&[Get], &[Work], &[Work]])),
    Model::bounded("work_cancel_get", 3, THREE, || play(&[&[Get], &[Work], &[Cancel]])),
    Model::bounded("work_cancel_hook", 3, THREE, || play(&[&[Enter(0)], &[Work], &[Cancel]])),
    Model::bounded("work_hook_hook", 3, THREE, || play(&[&[Work], &[Enter(0)], &[Enter(1)]])),
    Model::bounded("work_hook_get", 3, THREE, || play(&[&[Work], &[Enter(0)], &[Get]])),
    Model::bounded("work_hook_own", 3, THREE, || play(&[&[Own], &[Work], &[Enter(0)]])),
    Model::bounded("work_cancel_own", 3, THREE, || play(&[&[Enter(0), Own], &[Work], &[Cancel]])),
];

#[derive(Clone, Copy)]
enum Op {
    /// `claim` and `finish`, if it can be claimed.
    Work,
    /// `claim`, and the claim is dropped.
    GiveUp,
    /// `claim`, and the claim is forgotten, for `Resume` to finish with; both do nothing if it cannot be
    /// claimed.
    Claimed,
    Resume,
    Cancel,
    /// Writes a plain number and cancels; in models where it is the only one to end the work.
    Say,
    Get,
    /// `get_until` a deadline that may pass; one that has passed.
    Soon,
    Poll,
    Async,
    /// `get_async`, polled once and dropped.
    Dropped,
    /// `get_unless` the token that `CancelToken` cancels.
    Unless,
    CancelToken,
    /// Enters the hook with this number.
    Enter(usize),
    Settle,
    /// Waits until it is settled and takes the value; in models where nobody else looks but hooks.
    Own,
    OwnAsync,
}

/// The value, with something in it to read and to write.
struct Value {
    plain: Plain,
    /// Counts the values there are.
    _count: Arc<()>,
}

const VALUE: u32 = 7;

/// A hook, and what it needs.
#[repr(C)]
struct Bell {
    hook: Hook,
    number: usize,
    /// Written before it enters.
    before: Plain,
    outcome: Arc<Outcome<Value, Loom>>,
    told: Arc<Mutex<Vec<usize>>>,
}

// SAFETY: a model's threads are one, and what its hooks share is checked by loom's cells.
unsafe impl Send for Bell {}
// SAFETY: as above.
unsafe impl Sync for Bell {}

impl Bell {
    /// `looks`: whether the value is there to be looked at.
    fn ring(&self, looks: bool) {
        assert_eq!(self.before.get(), 1);
        if looks {
            if let Ok(value) = self.outcome.try_get() {
                assert_eq!(value.plain.get(), VALUE);
            }
        }
        assert!(self.outcome.phase().is_done());
        self.told.lock().unwrap().push(self.number);
    }

    /// # Safety
    ///
    /// It is the hook of a `Bell`.
    unsafe fn tell(hook: NonNull<Hook>) {
        // SAFETY: the hook is the first field, and the stage keeps it alive until all have joined.
        unsafe { hook.cast::<Self>().as_ref() }.ring(true);
    }
}

struct Working {
    outcome: Arc<Outcome<Value, Loom>>,
    bells: [Bell; 3],
    told: Arc<Mutex<Vec<usize>>>,
    token: CancelToken<'static, Loom>,
    count: Arc<()>,
    /// Written by `Say` before it cancels.
    before: Plain,
    says: bool,
    /// Somebody takes the value as soon as it is settled.
    owned: bool,
    /// Whether `Claimed` has a claim.
    claimed: Plain,
}

/// What one operation did, to be summed up.
const TOOK: i32 = 1;
const FINISHED: i32 = 100;
const CANCELLED: i32 = 10_000;

impl Working {
    fn value(&self) -> Value {
        Value { plain: Plain::new(VALUE), _count: self.count.clone() }
    }

    fn own(&self) -> i32 {
        assert!(self.outcome.is_settled());
        // SAFETY: it is settled, and nobody looks but hooks.
        match unsafe { self.outcome.take() } {
            Some(value) => {
                assert_eq!(value.plain.add(1), VALUE);
                TOOK
            }
            None => 0,
        }
    }
}

impl Stage for Working {
    type Op = Op;

    fn run(&self, op: Op) -> i32 {
        let outcome = &*self.outcome;
        let result = match op {
            Work => {
                return match outcome.claim() {
                    Some(claim) => {
                        claim.finish(self.value());
                        FINISHED
                    }
                    None => 0,
                };
            }
            GiveUp => return if outcome.claim().is_some() { CANCELLED } else { 0 },
            Claimed => {
                if let Some(claim) = outcome.claim() {
                    std::mem::forget(claim);
                    self.claimed.set(1);
                }
                return 0;
            }
            Resume => {
                if self.claimed.get() == 0 {
                    return 0;
                }
                // SAFETY: it was forgotten, by this thread.
                unsafe { outcome.claimed() }.finish(self.value());
                return FINISHED;
            }
            Cancel => return if outcome.cancel() { CANCELLED } else { 0 },
            Say => {
                self.before.set(1);
                assert!(outcome.cancel());
                return CANCELLED;
            }
            CancelWait => {
                self.token.cancel(Reason::REQUESTED);
                return 0;
            }
            Enter(number) => {
                let bell = &self.bells[number];
                bell.before.set(1);
                // SAFETY: each enters once, and lives until all have joined.
                if !unsafe { outcome.hook(NonNull::from(&bell.hook)) } {
                    // First, so that nothing but the hook itself orders it.
                    if self.says {
                        assert_eq!(self.before.get(), 1);
                    }
                    bell.ring(!self.owned);
                }
                return 0;
            }
            Settle => {
                outcome.settle_until(Deadline::NEVER).unwrap();
                return 0;
            }
            Own => {
                outcome.settle_until(Deadline::NEVER).unwrap();
                return self.own();
            }
            OwnAsync => {
                block_on(outcome.settle_async());
                return self.own();
            }
            Get => outcome.get(),
            Soon => outcome.get_until(SOON),
            Poll => outcome.get_until(Deadline::PASSED),
            Async => block_on(outcome.get_async()),
            Dropped => poll_once(outcome.get_async()).unwrap_or(Err(OutcomeError::NotDone)),
            Unless => outcome.get_unless(&self.token),
        };
        match result {
            Ok(value) => assert_eq!(value.plain.get(), VALUE),
            Err(OutcomeError::Cancelled) if self.says => assert_eq!(self.before.get(), 1),
            Err(_) => {}
        }
        0
    }
}

fn play(scripts: &'static [&'static [Op]]) {
    let outcome = Arc::new(Outcome::new());
    let told = Arc::default();
    let stage = Working {
        bells: [0, 1, 2].map(|number| Bell {
            // SAFETY: it is used for hooks of bells only.
            hook: Hook::new(|hook| unsafe { Bell::tell(hook) }),
            number,
            before: Plain::new(0),
            outcome: Arc::clone(&outcome),
            told: Arc::clone(&told),
        }),
        outcome,
        told,
        token: CancelToken::new(),
        count: Arc::new(()),
        before: Plain::new(0),
        says: scripts.iter().any(|script| matches!(script[0], Say)),
        owned: scripts.iter().copied().flatten().any(|op| matches!(op, Own | OwnAsync)),
        claimed: Plain::new(0),
    };
    let (stage, did) = kit::play(stage, scripts);
    let Working { outcome, bells, told, count, .. } = stage;
    // Each once, and those of one thread in its order.
    let told = told.lock().unwrap().clone();
    for script in scripts {
        let entered = script.iter().filter_map(|op| match op {
            Enter(number) => Some(*number),
            _ => None,
        });
        let entered: Vec<usize> = entered.collect();
        let of_it: Vec<usize> = told.iter().copied().filter(|it| entered.contains(it)).collect();
        assert_eq!(of_it, entered);
    }
    assert!(outcome.is_settled());
    let took = did % FINISHED;
    match did - took {
        FINISHED => {
            // There unless somebody took it, and dropped once.
            assert_eq!(Arc::strong_count(&count), 2 - took as usize);
            assert!(outcome.claim().is_none() && !outcome.cancel());
        }
        CANCELLED => {
            assert_eq!(took, 0);
            assert!(matches!(outcome.try_get(), Err(OutcomeError::Cancelled)));
            assert!(outcome.claim().is_none());
        }
        _ => panic!("finished or cancelled once"),
    }
    drop(bells);
    drop(Arc::into_inner(outcome).expect("all have joined").into_inner());
    assert_eq!(Arc::strong_count(&count), 1);
}

fn early(scripts: &'static [&'static [Op]]) {
    timeouts(1);
    play(scripts);
}

/// The links of the chain are seen without the platform's fences.
fn hook_unfenced() {
    let outcome = Arc::new(Outcome::<u32, Unfenced>::new());
    let hook = Arc::new(Hook::new(|_| {}));
    let other = {
        let outcome = outcome.clone();
        spawn(move || outcome.claim().expect("nobody else claims it").finish(VALUE))
    };
    // SAFETY: it enters once, and lives until both have joined.
    unsafe { outcome.hook(NonNull::from(&*hook)) };
    other.join().unwrap();
}
