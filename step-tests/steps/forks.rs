//! Fork and join.

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::sync::Arc;

use inkle_core::fork::{Branch, Host, Nest, Settled};

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

type Kept = Branch<Steps, 2, Box<dyn FnOnce(bool) + Send>, ()>;

/// The owner's nest, one for each thief, and how many branches were forked and done.
pub struct Nests {
    nests: Lender<[Nest<Steps, 2>; 8]>,
    forked: Cell<u32>,
    done: Arc<Counter>,
    /// Those that were forked and not settled, the youngest last.
    kept: RefCell<Vec<NonNull<Kept>>>,
}

impl Nests {
    fn settle(&self) -> bool {
        let Some(branch) = self.kept.borrow_mut().pop() else { return false };
        // SAFETY: "fork" has leaked it, and it is settled and freed here, by the owner.
        let settled = unsafe { self.nests.get()[0].settle(&Looking, branch.as_ref()) };
        match settled {
            Settled::Back(work) => work(false),
            Settled::Done(()) => (),
            Settled::Unwound => unreachable!("it does not panic"),
        }
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(branch.as_ptr()) });
        true
    }
}

pub fn nest() -> Subject<Nests> {
    Subject::new(
        "Nest",
        &["fork/mod.rs", "fork/branch.rs"],
        vec![("empty", || Nests {
            nests: Lender::new([const { Nest::new() }; 8]),
            forked: Cell::new(0),
            done: Arc::new(Counter(Cell::new(0))),
            kept: RefCell::default(),
        })],
        vec![
            op("join", |all: &Nests, n| {
                all.forked.set(all.forked.get() + 1);
                let done = &*all.done;
                let branch = move |_taken| {
                    done.add();
                    n
                };
                // SAFETY: those of the role "owner" run one at a time, and the nests outlive the run.
                say(unsafe { all.nests.get()[0].join(&Looking, || n + 1, branch) })
            })
            .role("owner"),
            op("fork", |all: &Nests, _| {
                all.forked.set(all.forked.get() + 1);
                let done = Arc::clone(&all.done);
                let nest = &all.nests.get()[0];
                let branch: Kept = Branch::new(nest, Box::new(move |_taken| done.add()));
                let branch = NonNull::from(Box::leak(Box::new(branch)));
                all.kept.borrow_mut().push(branch);
                // SAFETY: as above; it stays until it is settled.
                unsafe { nest.fork(&Looking, branch.as_ref()) };
                // Whether there was room depends on the thieves.
                String::new()
            })
            .role("owner")
            .wait_free(6),
            op("settle", |all: &Nests, _| {
                all.settle();
                String::new()
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
                let _ = all.nests.get()[0].is_empty();
                String::new()
            }),
        ],
        |all| {
            while all.settle() {}
            assert_eq!(all.done.0.get(), all.forked.get(), "each branch is done once");
            assert!(all.nests.get().iter().all(|nest| nest.steal().is_none()));
            // SAFETY: the run is over.
            let _ = unsafe { all.nests.take() };
            String::new()
        },
    )
    .then(3)
}
