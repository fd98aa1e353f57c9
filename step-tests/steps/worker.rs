//! A thread for what may never end.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use crate::engine::{self, Stuck};

type Job = Box<dyn FnOnce() + Send>;

/// Runs one job after the other on a thread of its own, and on a new one once that is stuck.
pub struct Worker(Sender<Job>);

impl Worker {
    pub fn new() -> Self {
        let (jobs, queue) = channel::<Job>();
        thread::spawn(move || queue.into_iter().for_each(|job| job()));
        Self(jobs)
    }

    /// What comes of the job; if it is stuck, why. A panic goes on here.
    pub fn run<R: Send + 'static>(
        &mut self,
        job: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Stuck> {
        let (done, news) = channel();
        let job = move || {
            let told = done.clone();
            // Whoever asked is there until it has heard.
            engine::watch(move |why| drop(told.send(Ok(Err(why)))));
            let result = catch_unwind(AssertUnwindSafe(job));
            drop(done.send(result.map(Ok)));
        };
        self.0.send(Box::new(job)).expect("the thread waits for jobs");
        match news.recv().expect("it tells of its end") {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(why)) => {
                *self = Self::new();
                Err(why)
            }
            Err(payload) => resume_unwind(payload),
        }
    }
}
