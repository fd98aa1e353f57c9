//! `inkle::sched`: every fact of the specification's section 4, and what goes beyond it. Nearly all on
//! a virtual clock: a day takes no time.

mod clocks;
#[cfg(feature = "cron")]
mod cron;
mod jobs;
mod order;
mod runners;
mod running;
mod stop;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use inkle::sched::{RunError, Scheduler, VirtualClock};

const SECOND: Duration = Duration::from_secs(1);
const FAR: Duration = Duration::from_secs(3600);

/// A scheduler on a clock that jumps, and what its actions have written, each with its time.
fn diary() -> (Scheduler<VirtualClock>, VirtualClock, Diary) {
    let clock = VirtualClock::jumping();
    let diary = Diary { clock: clock.clone(), lines: Arc::default() };
    (Scheduler::with_clock(clock.clone()), clock, diary)
}

#[derive(Clone)]
struct Diary {
    clock: VirtualClock,
    lines: Arc<Mutex<Vec<(u64, u32)>>>,
}

impl Diary {
    /// An action that writes a number.
    fn note(&self, number: u32) -> impl FnMut() + Send + use<> {
        let Self { clock, lines } = self.clone();
        move || lines.lock().unwrap().push((clock.time().as_secs(), number))
    }

    fn take(&self) -> Vec<(u64, u32)> {
        std::mem::take(&mut self.lines.lock().unwrap())
    }

    fn numbers(&self) -> Vec<u32> {
        self.take().into_iter().map(|line| line.1).collect()
    }
}

/// The process has one panic hook: who sets it holds this.
static HOOK: Mutex<()> = Mutex::new(());

fn message(result: Result<(), RunError>) -> String {
    match result {
        Err(RunError::Panicked(panic)) => panic.message().unwrap_or("").to_owned(),
        other => panic!("{other:?}"),
    }
}

/// What an action does that only shows that it has run.
fn add(count: &AtomicU32) {
    count.fetch_add(1, Ordering::SeqCst);
}
