//! [`Roster`]: pools of loom's threads around it. Each job is run once or handed back, jobs that wait
//! for one another all run, and at the end nobody is left. A lost wake-up, or a thread too few, is a
//! deadlock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use inkle_core::roster::{Limits, Next, Placed, Refused, Roster};
use inkle_core::sync::Event;
use loom::thread::{JoinHandle, spawn};

use Op::{Close, Fork, ForkAlone, GrowTo, Job, Meet, Refuse, Revoke, ShrinkTo, Visit, Wait};

use crate::kit::{Loom, Model, timeouts, until_asleep};

const LARGE: &str = "one more: too many executions for the stock tier";

pub const MODELS: &[Model] = &[
    // Submit x next, sleep, leave. The first job starts the worker, the second meets it at every step
    // of its way to sleep.
    Model::bounded("push_sleep", 4, LARGE, || play(ONE, 0, &[&[Job, Job]])),
    Model::bounded("push_push_sleep", 3, LARGE, || play(ONE, 0, &[&[Job, Job, Job]])),
    Model::bounded("push_sleep_two", 2, LARGE, || play(TWO, 0, &[&[Job, Wait, Job, Job]])),
    Model::bounded("submitters", 2, LARGE, || play(ONE, 0, &[&[Job], &[Job]])),
    Model::bounded("submitters_two", 1, LARGE, || play(TWO, 0, &[&[Job], &[Job]])),
    // A worker that may leave at any sleep.
    Model::bounded("timeout_push", 4, LARGE, || play(ONE, 1, &[&[Job, Job]])),
    Model::bounded("timeout_push_push", 3, LARGE, || play(ONE, 1, &[&[Job, Job, Job]])),
    Model::bounded("timeout_two", 2, LARGE, || play(TWO, 1, &[&[Job, Job, Job]])),
    Model::bounded("timeout_least", 4, LARGE, || play(KEPT, 1, &[&[Job, Job]])),
    // Jobs that wait for each other: each gets a worker, whoever is idle or on the way.
    Model::bounded("meet", 3, LARGE, || play(TWO, 0, &[&[Meet, Meet]])),
    Model::bounded("meet_after_idle", 2, LARGE, || play(TWO, 0, &[&[Job, Wait, Meet, Meet]])),
    Model::bounded("meet_submitters", 1, LARGE, || play(TWO, 0, &[&[Meet], &[Meet]])),
    Model::bounded("meet_timeout", 2, LARGE, || play(TWO, 1, &[&[Meet, Meet]])),
    // Shutdown.
    Model::full("close_sleep", || play(ONE, 0, &[&[Job, Close]])),
    Model::bounded("close_submit", 3, LARGE, || play(ONE, 0, &[&[Job, Close], &[Job]])),
    Model::bounded("close_two", 2, LARGE, || play(TWO, 0, &[&[Job, Job, Close]])),
    Model::bounded("close_close", 3, LARGE, || play(ONE, 0, &[&[Job, Close], &[Close]])),
    Model::bounded("close_timeout", 3, LARGE, || play(ONE, 1, &[&[Job, Close], &[Job]])),
    Model::bounded("revoke", 3, LARGE, || play(ONE, 0, &[&[Job, Job, Revoke, Close]])),
    Model::bounded("revoke_submit", 1, LARGE, || play(ONE, 0, &[&[Job, Revoke], &[Job]])),
    Model::bounded("revoke_two", 2, LARGE, || play(TWO, 0, &[&[Job, Job, Job, Revoke]])),
    // A full queue, a refused thread.
    Model::bounded("full", 3, LARGE, || play(SHORT, 0, &[&[Job, Job, Job]])),
    Model::bounded("refuse", 3, LARGE, || play(ONE, 0, &[&[Refuse, Job, Job]])),
    Model::bounded("refuse_submit", 1, LARGE, || play(TWO, 0, &[&[Refuse], &[Job]])),
    // A worker that waits for another job is replaced.
    Model::bounded("visit", 2, LARGE, || play(ONE, 0, &[&[Visit, Meet]])),
    Model::bounded("visit_job", 2, LARGE, || play(ONE, 0, &[&[Visit, Job, Meet]])),
    Model::bounded("visit_timeout", 2, LARGE, || play(ONE, 1, &[&[Visit, Meet, Job]])),
    Model::bounded("visit_close", 2, LARGE, || play(ONE, 0, &[&[Visit, Meet, Close]])),
    Model::bounded("visit_submit", 1, LARGE, || play(ONE, 0, &[&[Visit], &[Visit]])),
    // A job that puts work aside for others, and does what nobody has taken.
    Model::bounded("fork", 3, LARGE, || play(TWO, 0, &[&[Fork]])),
    Model::bounded("fork_after_idle", 2, LARGE, || play(TWO, 0, &[&[Job, Wait, Fork]])),
    Model::bounded("fork_job", 2, LARGE, || play(TWO, 0, &[&[Fork, Job]])),
    Model::bounded("fork_meet", 2, LARGE, || play(TWO, 0, &[&[Fork, Meet, Meet]])),
    Model::bounded("fork_timeout", 2, LARGE, || play(TWO, 1, &[&[Job, Fork]])),
    Model::bounded("fork_close", 2, LARGE, || play(TWO, 0, &[&[Fork, Close]])),
    Model::bounded("fork_refused", 2, LARGE, || play(TWO, 0, &[&[ForkAlone, Job]])),
    // Limits that change.
    Model::bounded("grow", 2, LARGE, || play(ONE, 0, &[&[Meet, Meet, GrowTo(2)]])),
    Model::bounded("shrink", 2, LARGE, || play(TWO, 0, &[&[Job, Job, ShrinkTo(1), Job]])),
];

const ONE: Limits = Limits { most: 1, least: 0, spares: 1, queue: 4 };
const TWO: Limits = Limits { most: 2, ..ONE };
const KEPT: Limits = Limits { least: 1, ..ONE };
const SHORT: Limits = Limits { queue: 1, ..ONE };

#[derive(Clone, Copy)]
enum Op {
    /// Submits a job that does nothing.
    Job,
    /// Submits a job that says that it is here and waits for another one to say so.
    Meet,
    /// The same, but away while it waits.
    Visit,
    /// Submits a job that puts work aside, and does it itself in the end if nobody has taken it.
    Fork,
    /// The same, but no thread is to be had for it.
    ForkAlone,
    /// Waits until a worker sleeps.
    Wait,
    /// Submits a job; should it want a thread, there is none to be had.
    Refuse,
    Close,
    /// Takes all jobs that wait out of the queue.
    Revoke,
    GrowTo(u32),
    ShrinkTo(u32),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Plain,
    Meet,
    Visit,
    Fork,
    ForkAlone,
}

/// What a worker begins with.
enum First {
    Job(Work),
    Claim,
    Look,
}

/// What the model keeps beside the roster. Not loom's mutex: nothing of it is a scheduling point, and
/// no operation of loom's is made under it. The jobs are in it too: queues have models of their own.
struct Books {
    limits: Limits,
    jobs: VecDeque<Work>,
    threads: Vec<JoinHandle<()>>,
    accepted: usize,
    ran: usize,
    revoked: usize,
    meetings: usize,
    /// Work that lies aside.
    aside: usize,
}

struct Pool {
    roster: Roster<Loom>,
    books: Mutex<Books>,
    met: Event<Loom>,
}

impl Pool {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    fn limits(&self) -> Limits {
        self.books().limits
    }

    fn start(self: &Arc<Self>, first: First) {
        let pool = self.clone();
        let thread = spawn(move || {
            match first {
                First::Job(job) => pool.run(job),
                First::Claim => pool.run(pool.take()),
                First::Look => {}
            }
            let elsewhere = || pool.books().aside > 0;
            loop {
                match pool.roster.next(|| pool.limits(), Duration::from_secs(1), elsewhere) {
                    Next::Job => pool.run(pool.take()),
                    Next::Elsewhere => _ = pool.take_aside(),
                    Next::End => return,
                }
            }
        });
        self.books().threads.push(thread);
    }

    /// Does what lies aside.
    fn take_aside(&self) -> bool {
        let mut books = self.books();
        let taken = books.aside > 0;
        books.aside -= usize::from(taken);
        taken
    }

    /// The job of a claim.
    fn take(&self) -> Work {
        loop {
            // A statement of its own: the lock is not held while others run.
            let job = self.books().jobs.pop_front();
            match job {
                Some(job) => return job,
                None => loom::thread::yield_now(),
            }
        }
    }

    fn run(self: &Arc<Self>, job: Work) {
        if matches!(job, Work::Fork | Work::ForkAlone) {
            self.books().aside += 1;
            if self.roster.rouse(self.limits().most) {
                match job {
                    Work::Fork => self.start(First::Look),
                    _ => self.roster.not_roused(),
                }
            }
            // What there is to do meanwhile.
            loom::thread::yield_now();
            self.take_aside();
        } else if job != Work::Plain {
            let here = {
                let mut books = self.books();
                books.meetings += 1;
                books.meetings
            };
            if here == 2 {
                self.met.set();
            } else if job == Work::Meet {
                self.met.wait();
            } else {
                let away = self.roster.go_away(self.limits());
                if away == Some(true) {
                    self.start(First::Claim);
                }
                self.met.wait();
                if away.is_some() {
                    self.roster.came_back();
                }
            }
        }
        self.books().ran += 1;
    }

    fn submit(self: &Arc<Self>, job: Work, threads: bool) {
        let mut placed = self.roster.submit(self.limits());
        if placed == Ok(Placed::Start) {
            if threads {
                self.books().accepted += 1;
                return self.start(First::Job(job));
            }
            placed = self.roster.not_started();
        }
        match placed {
            Ok(placed) => {
                let mut books = self.books();
                books.accepted += 1;
                books.jobs.push_back(job);
                drop(books);
                match placed {
                    Placed::Queued => {}
                    Placed::Wake => self.roster.wake(),
                    Placed::Start => panic!("not twice"),
                }
            }
            Err(Refused::Closed | Refused::Full) => {}
        }
    }

    fn play(self: &Arc<Self>, op: Op) {
        match op {
            Job => self.submit(Work::Plain, true),
            Meet => self.submit(Work::Meet, true),
            Visit => self.submit(Work::Visit, true),
            Fork => self.submit(Work::Fork, true),
            ForkAlone => self.submit(Work::ForkAlone, true),
            Refuse => self.submit(Work::Plain, false),
            Wait => until_asleep(1),
            Close => _ = self.roster.close(),
            Revoke => {
                let count = self.roster.revoke(u32::MAX);
                (0..count).for_each(|_| _ = self.take());
                self.books().revoked += count as usize;
            }
            GrowTo(most) => {
                self.books().limits.most = most;
                while self.roster.start_for_queue(self.limits()) {
                    self.start(First::Claim);
                }
            }
            ShrinkTo(most) => {
                self.books().limits.most = most;
                self.roster.wake_all();
            }
        }
    }
}

/// Plays the scripts on a pool, with so many time-outs or wake-ups for no reason, shuts it down and
/// waits for its threads.
fn play(limits: Limits, early: usize, scripts: &'static [&'static [Op]]) {
    timeouts(early);
    let books = Books {
        limits,
        jobs: VecDeque::new(),
        threads: vec![],
        accepted: 0,
        ran: 0,
        revoked: 0,
        meetings: 0,
        aside: 0,
    };
    let pool =
        Arc::new(Pool { roster: Roster::new(), books: Mutex::new(books), met: Event::new() });
    let others: Vec<_> = scripts[1..]
        .iter()
        .map(|script| {
            let pool = pool.clone();
            spawn(move || script.iter().for_each(|op| pool.play(*op)))
        })
        .collect();
    scripts[0].iter().for_each(|op| pool.play(*op));
    others.into_iter().for_each(|other| other.join().unwrap());
    pool.roster.close();
    loop {
        // A statement of its own: the lock is not held while joining.
        let thread = pool.books().threads.pop();
        let Some(thread) = thread else { break };
        thread.join().unwrap();
    }
    let census = pool.roster.census();
    assert_eq!((census.queued, census.idle, census.active, census.away), (0, 0, 0, 0));
    let books = pool.books();
    assert_eq!(books.accepted, books.ran + books.revoked, "a job was lost or doubled");
    assert_eq!(books.aside, 0);
}
