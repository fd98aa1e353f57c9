//! `inkle::concurrent`, but for its pools: the facts of the specification's section 6, each hang that Python
//! has had among them, and what goes beyond it.

mod bad_input;
mod callbacks;
mod combinators;
mod gather;
mod map;
mod runtimes;
mod states;
mod tasks;

use std::sync::{Arc, Mutex};

use inkle::concurrent::{
    Executor, FutureError, Pending, Spawn, SubmitCause, SubmitError, Task, TimedOut,
};
use inkle::platform::Deadline;
use inkle::threading::{self, Latch, Thread};

/// A thread for each task.
#[derive(Default)]
struct Threads {
    started: Mutex<Vec<Thread<()>>>,
    closed: Mutex<bool>,
}

impl Executor for Threads {
    fn shutdown(&self, _: Pending, deadline: Deadline) -> Result<(), TimedOut> {
        *self.closed.lock().unwrap() = true;
        for thread in self.started.lock().unwrap().drain(..) {
            thread.join_until(deadline).map_err(|_| TimedOut)?;
        }
        Ok(())
    }
}

impl Spawn for Threads {
    fn execute(&self, task: Task) -> Result<(), SubmitError<Task>> {
        if *self.closed.lock().unwrap() {
            return Err(SubmitError::new(SubmitCause::ShutDown, task));
        }
        let slot = Arc::new(Mutex::new(Some(task)));
        let own = slot.clone();
        let run = move || {
            let task = own.lock().unwrap().take().unwrap();
            task.run();
        };
        match threading::spawn(run) {
            Ok(thread) => {
                self.started.lock().unwrap().push(thread);
                Ok(())
            }
            Err(error) => {
                let cause = SubmitCause::Refused(error.cause().to_string().into_error());
                Err(SubmitError::new(cause, slot.lock().unwrap().take().unwrap()))
            }
        }
    }
}

trait IntoError {
    fn into_error(self) -> Arc<dyn std::error::Error + Send + Sync>;
}

impl IntoError for String {
    fn into_error(self) -> Arc<dyn std::error::Error + Send + Sync> {
        Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(self))
    }
}

/// Keeps its tasks until told.
#[derive(Default)]
struct Shelf(Mutex<Vec<Task>>);

impl Shelf {
    fn run(&self) -> usize {
        let tasks: Vec<Task> = self.0.lock().unwrap().drain(..).collect();
        tasks.into_iter().filter_map(|task| task.run().then_some(())).count()
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Executor for Shelf {
    fn shutdown(&self, pending: Pending, _: Deadline) -> Result<(), TimedOut> {
        match pending {
            Pending::Run => drop(self.run()),
            Pending::Cancel => self.0.lock().unwrap().clear(),
        }
        Ok(())
    }
}

impl Spawn for Shelf {
    fn execute(&self, task: Task) -> Result<(), SubmitError<Task>> {
        self.0.lock().unwrap().push(task);
        Ok(())
    }
}

/// Work that runs until it is let go of.
fn gate() -> (Arc<Latch>, impl FnOnce() + Send + 'static) {
    let open = Arc::new(Latch::new(1));
    let own = open.clone();
    (open, move || own.wait())
}

fn is_cancelled<T>(result: Result<T, FutureError>) -> bool {
    matches!(result, Err(FutureError::Cancelled))
}

fn message<T: std::fmt::Debug>(result: Result<T, FutureError>) -> String {
    match result {
        Err(FutureError::Panicked(panic)) => panic.message().unwrap_or_default().to_owned(),
        other => panic!("no panic but {other:?}"),
    }
}
