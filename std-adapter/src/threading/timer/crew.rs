//! The threads that wait for the agenda's first entry and run what is due.
//!
//! One of them leads: it alone sleeps until the first entry is due, then takes it, hands the lead to
//! an idle one or, if there is none, to a new one, and runs the entry. So a slow function delays no
//! other timer, nothing is handed from thread to thread, and there are as many threads as functions
//! run at once, and one. A thread without work leaves after [`LINGER`]: while no timer is started,
//! there is no thread.
//!
//! If the system refuses a thread for the lead, those that are running functions take it up when they
//! are done: timers may then be late, none is lost.

use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use super::job::Job;
use crate::agenda::{Agenda, NEVER, Place};
use crate::contextvars::Context;
use crate::kernel::Platform;
use crate::platform::{Deadline, Private, after};
use crate::threading::{
    Builder, EventCount, SpawnCause, ThreadInfo, current, exit, get_ident, locked,
};

/// How long a thread without work stays.
const LINGER: Duration = Duration::from_millis(500);

static CREW: Mutex<Crew> = Mutex::new(Crew {
    agenda: Agenda::new(),
    entered: 0,
    led: false,
    idle: 0,
    running: Vec::new(),
    closed: false,
});

/// The leader sleeps here until the first entry has changed.
static FIRST: EventCount = EventCount::new();
/// The idle ones sleep here until the lead is free.
static LEAD: EventCount = EventCount::new();
/// The end of the process sleeps here until functions have returned.
static DONE: EventCount = EventCount::new();

struct Crew {
    agenda: Agenda<Box<dyn Job>>,
    /// How many jobs have been entered so far: their order, where deadlines are equal.
    entered: u64,
    /// Somebody waits for the first entry.
    led: bool,
    /// How many would take up the lead.
    idle: u32,
    /// Who runs a function that the end of the process waits for.
    running: Vec<ThreadInfo>,
    /// The process is ending.
    closed: bool,
}

impl Crew {
    /// Makes sure that somebody leads, or will as soon as the lock is free.
    fn have_leader(&mut self) -> Result<(), SpawnCause> {
        if self.led || self.agenda.is_empty() {
            return Ok(());
        }
        if self.idle > 0 {
            LEAD.notify(1);
            return Ok(());
        }
        // With the lock held: nobody can rely on a leader that never comes. The new thread takes the
        // lock only after its starter is sure of it.
        let builder = Builder::new().name("Timer").daemon(true).context(Context::new());
        let thread = builder.spawn(work);
        thread.map(|_| self.led = true).map_err(|error| error.cause)
    }
}

/// Enters a job. An error hands nothing back: the caller has kept what it needs.
pub(super) fn add(deadline: Deadline, job: Box<dyn Job>) -> Result<Place, SpawnCause> {
    static HOOKED: OnceLock<bool> = OnceLock::new();
    let hooked = *HOOKED.get_or_init(|| exit::before_joining(close));
    // Also before `close` is called: hooks that run earlier find the same, used before or not.
    if !hooked || exit::has_begun() {
        return Err(SpawnCause::Exiting);
    }
    let mut crew = locked(&CREW);
    if crew.closed {
        return Err(SpawnCause::Exiting);
    }
    let (time, number) = (deadline.nanos().unwrap_or(NEVER), crew.entered);
    crew.entered += 1;
    let is_first = crew.agenda.earliest().is_none_or(|earliest| time < earliest);
    let place = crew.agenda.add(time, 0, number, job);
    if let Err(cause) = crew.have_leader() {
        let job = crew.agenda.remove(place);
        drop(crew);
        drop(job);
        return Err(cause);
    }
    if is_first {
        FIRST.notify(1);
    }
    Ok(place)
}

/// Takes an entry back, unless its function has been taken to be run.
pub(super) fn remove(place: Place) -> Option<Box<dyn Job>> {
    let mut crew = locked(&CREW);
    let job = crew.agenda.remove(place);
    if crew.agenda.is_empty() {
        // The leader need not stay. Otherwise it finds out when it wakes for nothing.
        FIRST.notify(1);
    }
    job
}

/// What a thread of the crew does. The first thing is to lead: its starter has said so for it.
fn work() {
    while let Some(job) = lead() {
        job.run();
        let caller = get_ident();
        locked(&CREW).running.retain(|thread| thread.ident() != caller);
        DONE.notify(u32::MAX);
        if !follow() {
            return;
        }
    }
}

/// Waits for the first entry to be due, and takes it. Gives up the lead; `None` if there has been no
/// entry for a while.
fn lead() -> Option<Box<dyn Job>> {
    let mut patience = None;
    loop {
        let key = FIRST.prepare();
        let mut crew = locked(&CREW);
        if let Some((_, job)) = crew.agenda.take_due(Private::now()) {
            FIRST.cancel(key);
            if job.is_waited_for() {
                crew.running.push(current());
            }
            crew.led = false;
            // A refusal: see the head of this file.
            let _ = crew.have_leader();
            return Some(job);
        }
        let deadline = match crew.agenda.earliest() {
            Some(time) => {
                patience = None;
                Deadline::at(time)
            }
            None => *patience.get_or_insert_with(|| after(LINGER)),
        };
        if crew.agenda.is_empty() && deadline.has_passed::<Private>() {
            FIRST.cancel(key);
            crew.led = false;
            return None;
        }
        drop(crew);
        FIRST.wait(key, deadline);
    }
}

/// Waits for the lead and takes it. Whether it came in time.
fn follow() -> bool {
    locked(&CREW).idle += 1;
    let take = || {
        let mut crew = locked(&CREW);
        let free = !crew.led && !crew.agenda.is_empty();
        if free {
            crew.led = true;
            crew.idle -= 1;
        }
        free.then_some(())
    };
    if LEAD.block(after(LINGER), take).is_some() {
        return true;
    }
    let mut crew = locked(&CREW);
    crew.idle -= 1;
    // Whoever has relied on this thread has done so under the lock: look once more.
    let needed = !crew.led && !crew.agenda.is_empty();
    crew.led |= needed;
    needed
}

/// The end of the process: nothing more is taken to be run, and what runs is waited for.
fn close(deadline: Deadline) -> Vec<ThreadInfo> {
    let mut crew = locked(&CREW);
    crew.closed = true;
    let jobs = crew.agenda.take_all();
    drop(crew);
    jobs.into_iter().for_each(|job| job.cancel());
    let caller = get_ident();
    let running = || -> Vec<ThreadInfo> {
        let crew = locked(&CREW);
        crew.running.iter().filter(|thread| thread.ident() != caller).cloned().collect()
    };
    let quiet = DONE.block(deadline, || running().is_empty().then_some(()));
    if quiet.is_some() { Vec::new() } else { running() }
}
