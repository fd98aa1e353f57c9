//! The kernel's models: one binary for both tiers. See this package's README.
#![allow(unreachable_pub, reason = "in a binary nothing is reachable from outside")]

mod kit;

mod canaries;
mod channel;
mod elastic;
mod event_count;
mod fast;
mod fifo;
mod heap;
mod levels;
mod shapes;
mod slab;
mod sync;
mod word;

/// All models by module; a model's full name is `module::name`.
const ALL: &[(&str, &[kit::Model])] = &[
    ("canaries", canaries::MODELS),
    ("channel", channel::MODELS),
    ("elastic", elastic::MODELS),
    ("event_count", event_count::MODELS),
    ("fast", fast::MODELS),
    ("fifo", fifo::MODELS),
    ("heap", heap::MODELS),
    ("levels", levels::MODELS),
    ("slab", slab::MODELS),
    ("sync::condition", sync::condition::MODELS),
    ("sync::event", sync::event::MODELS),
    ("sync::lock", sync::lock::MODELS),
    ("sync::semaphore", sync::semaphore::MODELS),
    ("word", word::MODELS),
];

fn main() -> std::process::ExitCode {
    kit::run(ALL)
}
