//! The thread of a pool: takes replies, hands out jobs, starts workers and buries them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::engine::{Engine, News};
use super::mailbox::Post;
use super::staff::Worker;
use super::worker::{Desk, serve};
use crate::concurrent::SubmitCause;
use crate::contextvars::Context;
use crate::multiprocessing::process;
use crate::platform::Deadline;
use crate::threading::{Builder, SpawnCause, SpawnError};

pub(super) fn start(engine: &Arc<Engine>) -> Result<(), SubmitCause> {
    let engine = Arc::clone(engine);
    let builder = Builder::new()
        .name(format!("{}-collector", engine.name))
        .daemon(engine.settings.daemon)
        .context(Context::new());
    match builder.spawn(move || run(&engine)) {
        Ok(_) => Ok(()),
        Err(SpawnError { cause: SpawnCause::Refused(error), .. }) => {
            Err(SubmitCause::Refused(Arc::new(error)))
        }
        // The name has been looked at.
        Err(_) => Err(SubmitCause::Exiting),
    }
}

/// What a look at the pool has found to be done while nobody is kept from it.
struct Found {
    news: Vec<News>,
    /// How many workers are to be started.
    hire: usize,
    is_over: bool,
    /// When to look again, whatever happens.
    next: Deadline,
}

impl Found {
    fn is_something(&self) -> bool {
        !self.news.is_empty() || self.hire > 0 || self.is_over
    }
}

fn run(engine: &Engine) {
    let mut next = Deadline::NEVER;
    loop {
        let look = || Some(look(engine)).filter(Found::is_something);
        // Rung by replies, by deaths, and by submitters whose jobs found nobody.
        let Some(found) = engine.bell.head().0.block(next, look) else {
            next = self::look(engine).next;
            continue;
        };
        next = found.next;
        found.news.into_iter().for_each(News::tell);
        (0..found.hire).for_each(|_| hire(engine));
        if found.is_over {
            engine.ended.set();
            return;
        }
    }
}

fn look(engine: &Engine) -> Found {
    let mut news = Vec::new();
    engine.with(|state| {
        state.collect(&mut news);
        state.bury_dead(&mut news);
        state.hand_out(&engine.settings);
        let next = state.hurry();
        let hire = state.vacancies(&engine.settings).min(state.waiting.len());
        Found { hire, is_over: state.is_over(), next, news }
    })
}

/// Starts a worker.
fn hire(engine: &Engine) {
    let started = start_worker(engine);
    let mut news = Vec::new();
    engine.with(|state| match started {
        Ok(worker) => state.welcome(worker, &engine.settings),
        Err(error) => state.refused(error, &mut news),
    });
    news.into_iter().for_each(News::tell);
}

fn start_worker(engine: &Engine) -> Result<Worker, String> {
    let settings = &engine.settings;
    let (post, theirs) = Post::pair().map_err(|error| error.to_string())?;
    let desk = Desk {
        post: theirs,
        bell: Arc::clone(&engine.bell),
        most_jobs: settings.most_jobs,
        most_memory: settings.most_memory,
    };
    let number = engine.with(|state| {
        state.counters.started += 1;
        state.counters.started
    });
    let process = process::Builder::new()
        .name(format!("{}_{}", engine.name, number - 1))
        .daemon(true)
        .spawn(serve, (desk,))
        .map_err(|error| error.to_string())?;
    let has_ended = Arc::new(AtomicBool::new(false));
    let (told, bell) = (Arc::clone(&has_ended), Arc::clone(&engine.bell));
    process.when_ended(move || {
        // Release, pairs with the Acquire of whoever finds that it has ended: how it has is known.
        told.store(true, Ordering::Release);
        bell.head().0.ring(u32::MAX);
    });
    Ok(Worker::new(process, has_ended, post, settings.most_jobs))
}
