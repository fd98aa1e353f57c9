//! The kernel's models: one binary for both tiers. See this package's README.
#![allow(unreachable_pub, reason = "in a binary nothing is reachable from outside")]

mod kit;

mod canaries;
mod channel;
mod context;
mod elastic;
mod event_count;
mod fast;
mod fifo;
mod force;
mod fork;
mod heap;
mod inbox;
mod levels;
mod lifo;
mod litmus;
mod mutants;
mod robust;
mod roster;
mod shapes;
mod slab;
mod spsc;
mod steal;
mod sync;
mod tasks;
mod timers;
mod wheel;
mod wide_counter;
mod word;

/// All models by module; a model's full name is `module::name`.
const ALL: &[(&str, &[kit::Model])] = &[
    ("canaries", canaries::MODELS),
    ("channel", channel::MODELS),
    ("context", context::MODELS),
    ("elastic", elastic::MODELS),
    ("event_count", event_count::MODELS),
    ("fast", fast::MODELS),
    ("fifo", fifo::MODELS),
    ("force", force::MODELS),
    ("fork", fork::MODELS),
    ("heap", heap::MODELS),
    ("inbox", inbox::MODELS),
    ("levels", levels::MODELS),
    ("lifo", lifo::MODELS),
    ("litmus", litmus::MODELS),
    ("mutants", mutants::MODELS),
    ("robust::barrier", robust::barrier::MODELS),
    ("robust::bell", robust::bell::MODELS),
    ("robust::lock", robust::lock::MODELS),
    ("robust::records", robust::records::MODELS),
    ("robust::rlock", robust::rlock::MODELS),
    ("roster", roster::MODELS),
    ("slab", slab::MODELS),
    ("spsc::overwriting", spsc::overwriting::MODELS),
    ("spsc::ring", spsc::ring::MODELS),
    ("spsc::shared", spsc::shared::MODELS),
    ("steal", steal::MODELS),
    ("sync::barrier", sync::barrier::MODELS),
    ("sync::cancel", sync::cancel::MODELS),
    ("sync::condition", sync::condition::MODELS),
    ("sync::event", sync::event::MODELS),
    ("sync::latch", sync::latch::MODELS),
    ("sync::lock", sync::lock::MODELS),
    ("sync::mutex", sync::mutex::MODELS),
    ("sync::once", sync::once::MODELS),
    ("sync::outcome", sync::outcome::MODELS),
    ("sync::promise", sync::promise::MODELS),
    ("sync::rw_lock", sync::rw_lock::MODELS),
    ("sync::rlock", sync::rlock::MODELS),
    ("sync::semaphore", sync::semaphore::MODELS),
    ("tasks", tasks::MODELS),
    ("timers", timers::MODELS),
    ("wheel", wheel::MODELS),
    ("wide_counter", wide_counter::MODELS),
    ("word", word::MODELS),
];

fn main() -> std::process::ExitCode {
    kit::run(ALL)
}
