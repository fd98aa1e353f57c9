//! One worker, as the pool sees it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::engine::News;
use super::job::{Job, Order};
use super::mailbox::{Letter, Post, Way};
use super::reply::Ending;
use super::worker::head;
use crate::concurrent::FutureError;
use crate::multiprocessing::process::Process;
use crate::platform::{Deadline, after};
use crate::subprocess::{Signal, Status};

/// The number of the initializer, as of a job.
const INITIALIZER: u64 = u64::MAX;

pub(super) struct Worker {
    process: Process<()>,
    has_ended: Arc<AtomicBool>,
    pub(super) post: Post,
    /// What it has been given and not answered; it does the first.
    pub(super) jobs: VecDeque<Job>,
    /// How many it may still be given.
    pub(super) left: u32,
    /// When the job that it does is to be done.
    pub(super) deadline: Deadline,
    /// It was killed because its job took too long.
    pub(super) is_late: bool,
    /// Nothing has to be done before jobs.
    is_ready: bool,
    pub(super) was_dismissed: bool,
    pub(super) has_answered: bool,
    /// What the initializer failed with.
    pub(super) spoilt: Option<FutureError>,
}

impl Worker {
    pub(super) fn new(
        process: Process<()>,
        has_ended: Arc<AtomicBool>,
        post: Post,
        most_jobs: Option<u32>,
    ) -> Self {
        Self {
            process,
            has_ended,
            post,
            jobs: VecDeque::new(),
            left: most_jobs.unwrap_or(u32::MAX),
            deadline: Deadline::NEVER,
            is_late: false,
            is_ready: true,
            was_dismissed: false,
            has_answered: false,
            spoilt: None,
        }
    }

    /// Has it do this first.
    pub(super) fn initialize(&mut self, order: &Order) {
        self.is_ready = false;
        self.put(INITIALIZER, order);
    }

    pub(super) fn has_room(&self, room: usize) -> bool {
        self.is_ready
            && self.jobs.len() < room
            && self.left > 0
            && !self.was_dismissed
            && !self.is_late
    }

    pub(super) fn give(&mut self, job: Job) {
        self.put(job.number, &job.order);
        self.left -= 1;
        self.jobs.push_back(job);
        if self.jobs.len() == 1 {
            self.start_clock();
        }
    }

    fn put(&mut self, number: u64, order: &Order) {
        let head = head(order.place);
        // There is room for as many as it is given at a time.
        if self.post.put(Way::Orders, number, head, &order.cargo, Deadline::PASSED).is_err() {
            // It is dying, or has spoilt what we share: what it was given is seen to when it is dead.
            self.kill();
        }
    }

    fn start_clock(&mut self) {
        let timeout = self.jobs.front().and_then(|job| job.timeout);
        self.deadline = timeout.map_or(Deadline::NEVER, after);
    }

    /// Takes its replies; how many jobs they end.
    pub(super) fn collect(&mut self, news: &mut Vec<News>) -> u64 {
        let mut ended = 0;
        loop {
            match self.post.get(Way::Replies, Deadline::PASSED) {
                Ok(Letter { number: INITIALIZER, head, received }) => {
                    match Ending::of(head, received).unit() {
                        Ok(()) => self.is_ready = true,
                        Err(error) => self.spoilt = Some(error),
                    }
                }
                Ok(Letter { number, head, received }) => {
                    // They come in the order of the orders. Anything else was not written by a worker of ours.
                    let Some(job) = self.jobs.pop_front().filter(|job| job.number == number) else {
                        self.kill();
                        return ended;
                    };
                    self.has_answered = true;
                    ended += 1;
                    self.start_clock();
                    news.push(News::Ended(job, Ending::of(head, received)));
                }
                Err(error) => {
                    if error == super::mailbox::PostError::Broken {
                        self.kill();
                    }
                    return ended;
                }
            }
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub(super) fn kill(&mut self) {
        self.signal(Signal::KILL);
    }

    /// It ends when it has done what it has.
    pub(super) fn dismiss(&mut self) {
        if !self.was_dismissed {
            self.was_dismissed = true;
            self.post.dismiss();
        }
    }

    pub(super) fn signal(&self, signal: Signal) {
        // If it is dead already, so be it.
        let _ = self.process.send_signal(signal);
    }

    /// How it ended, if it has.
    pub(super) fn status(&self) -> Option<Status> {
        // Acquire, pairs with the Release of whoever was told first.
        self.has_ended.load(Ordering::Acquire).then(|| self.process.wait())
    }
}
