//! A value, and beside it what borrows it: tasks that wait, guards that are held.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::items::Lender;
use crate::subject::{Answer, Operation, op};

/// A task.
pub type Task = Pin<Box<dyn Future<Output = Answer>>>;

/// See the module.
pub struct Beside<T: 'static, G = ()> {
    tasks: RefCell<Vec<Task>>,
    guards: RefCell<Vec<G>>,
    value: Lender<T>,
}

impl<T: 'static, G> Beside<T, G> {
    /// A value alone.
    pub fn alone(value: T) -> Self {
        Self { tasks: RefCell::default(), guards: RefCell::default(), value: Lender::new(value) }
    }

    /// With a task, which is polled once and then waits, if it has to.
    pub fn with_task(self, task: impl FnOnce(&'static T) -> Task) -> Self {
        let mut task = task(self.value.get());
        assert!(poll(&mut task).is_pending(), "nothing to wait for");
        self.tasks.borrow_mut().push(task);
        self
    }

    /// The value.
    pub fn value(&self) -> &'static T {
        self.value.get()
    }

    /// Keeps what borrows the value.
    pub fn keep(&self, guard: Option<G>) -> bool {
        let some = guard.is_some();
        self.guards.borrow_mut().extend(guard);
        some
    }

    /// What was kept last.
    pub fn kept(&self) -> Option<G> {
        self.guards.borrow_mut().pop()
    }

    /// The value, when nobody waits any more and nothing is held.
    pub fn end(self) -> T {
        let Self { tasks, guards, value } = self;
        drop((tasks, guards));
        // SAFETY: all that was lent is gone, with what kept it.
        unsafe { value.take() }
    }
}

fn poll(task: &mut Task) -> Poll<Answer> {
    task.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls a new task once and drops it.
pub fn once(mut task: Task) -> Answer {
    match poll(&mut task) {
        Poll::Ready(answer) => answer,
        Poll::Pending => "waits".into(),
    }
}

/// What a task that waits may do: it goes on, or is dropped.
pub fn tasks<T, G>(waits_for: &'static [&'static str]) -> [Operation<Beside<T, G>>; 2] {
    [
        op("poll the task", |beside: &Beside<T, G>, _| {
            // It may be in the hands of another poll.
            let task = beside.tasks.borrow_mut().pop();
            task.map_or("nobody".into(), |mut task| match poll(&mut task) {
                Poll::Ready(answer) => answer,
                Poll::Pending => {
                    beside.tasks.borrow_mut().push(task);
                    "waits".into()
                }
            })
        })
        .role("task")
        .waits_for(waits_for),
        op("drop the task", |beside: &Beside<T, G>, _| {
            let task = beside.tasks.borrow_mut().pop();
            format!("{:?}", task.map(drop))
        })
        .role("task")
        .waits_for(waits_for),
    ]
}
