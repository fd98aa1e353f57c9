//! Fork and join.

use std::cell::Cell;

use inkle_core::fork::{Host, Nest};

use crate::ground::Steps;
use crate::items::Lender;
use crate::subject::{Subject, op, say};

/// Nobody has to be woken.
struct Looking;

impl Host for Looking {
    fn forked(&self, _is_followed: bool) {}

    fn block(&self, sleep: &mut dyn FnMut()) {
        sleep();
    }
}

/// What is counted of the branches, which other threads may do.
struct Counter(Cell<u32>);

// SAFETY: all threads of a run are one.
unsafe impl Sync for Counter {}

impl Counter {
    fn add(&self) {
        self.0.set(self.0.get() + 1);
    }
}

/// The owner's nest, one for each thief, and how many branches were forked and done.
pub struct Nests {
    nests: Lender<[Nest<Steps, 2>; 8]>,
    forked: Cell<u32>,
    done: Counter,
}

pub fn nest() -> Subject<Nests> {
    Subject::new(
        "Nest",
        &["fork/mod.rs", "fork/branch.rs"],
        vec![("empty", || Nests {
            nests: Lender::new([const { Nest::new() }; 8]),
            forked: Cell::new(0),
            done: Counter(Cell::new(0)),
        })],
        vec![
            op("join", |all: &Nests, n| {
                all.forked.set(all.forked.get() + 1);
                let done = &all.done;
                let branch = move |_taken| {
                    done.add();
                    n
                };
                // SAFETY: those of the role "owner" run one at a time, and the nests outlive the run.
                say(unsafe { all.nests.get()[0].join(&Looking, || n + 1, branch) })
            })
            .role("owner"),
            op("steal", |all: &Nests, n| {
                if let Some(taken) = all.nests.get()[0].steal() {
                    // SAFETY: each number of a run has a nest of its own, which outlives it.
                    unsafe { taken.run(&all.nests.get()[usize::from(n)]) };
                }
                // What there is depends on how far the owner has come.
                String::new()
            }),
            op("ring", |all: &Nests, _| say(all.nests.get()[0].ring())),
            op("is_empty", |all: &Nests, _| {
                all.nests.get()[0].is_empty();
                String::new()
            }),
        ],
        |all| {
            assert_eq!(all.done.0.get(), all.forked.get(), "each branch is done once");
            assert!(all.nests.get().iter().all(|nest| nest.steal().is_none()));
            // SAFETY: the run is over.
            let _ = unsafe { all.nests.take() };
            String::new()
        },
    )
    .then(3)
}
