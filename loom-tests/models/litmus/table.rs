//! The shapes, after their usual names, at the orderings that matter.

use Op::{Add, Cas, Fence, Load, Store, Weak};
use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use inkle_core::atomic::Ordering;

use super::{Op, Row, compare, play, row};
use crate::kit::Model;

const X: usize = 0;
const Y: usize = 1;
const Z: usize = 2;

/// A model for each row.
macro_rules! rows {
    ($($row:expr;)*) => {
        pub const MODELS: &[Model] = &[$({
            const ROW: Row = $row;
            Model::shows(ROW.name, || play(&ROW), || compare(&ROW))
        }),*];
    };
}

rows! {
    // Coherence: the writes to one word have one order, and no thread sees it backwards.
    row("coherence_ww", &[&[Store(X, 1, Relaxed), Store(X, 2, Relaxed)], &[Load(X, Relaxed)]]);
    row("coherence_wr", &[&[Store(X, 1, Relaxed), Load(X, Relaxed)], &[Store(X, 2, Relaxed)]]);
    row("coherence_rw", &[&[Load(X, Relaxed), Store(X, 1, Relaxed)], &[Store(X, 2, Relaxed)]]);
    row("coherence_rr", &[
        &[Store(X, 1, Relaxed), Store(X, 2, Relaxed)],
        &[Load(X, Relaxed), Load(X, Relaxed)],
    ]);
    row("coherence_rr_of_two_writers", &[
        &[Store(X, 1, Relaxed), Load(X, Relaxed), Load(X, Relaxed)],
        &[Store(X, 2, Relaxed), Load(X, Relaxed), Load(X, Relaxed)],
    ]);

    // Atomicity: nothing comes between the two halves of a read-modify-write.
    row("add_add", &[&[Add(X, 1, Relaxed)], &[Add(X, 1, Relaxed)]]);
    row("add_store", &[&[Add(X, 1, Relaxed)], &[Store(X, 5, Relaxed)], &[Load(X, Relaxed)]])
    // Loom lets a store lie between the halves of a read-modify-write.
    .adds(&["0 - 0 | 100", "0 - 1 | 100", "0 - 5 | 100"]);
    row("add_between_stores", &[
        &[Store(X, 1, Relaxed), Add(X, 1, Relaxed)],
        &[Store(X, 4, Relaxed)],
        &[Load(X, Relaxed), Load(X, Relaxed)],
    ])
    // Loom lets a store lie between the halves of a read-modify-write.
    .adds(&["1 - 14 | 200", "1 - 41 | 100"]);
    row("add_overtakes_store", &[
        &[Load(Y, Relaxed), Add(X, 1, Relaxed)],
        &[Store(X, 5, Relaxed), Store(Y, 1, Relaxed)],
    ])
    // As above. And of the stores that have run it reads the newest, never one before that.
    .misses(&["10 - | 510"])
    .adds(&["00 - | 110"]);
    row("add_after_message", &[
        &[Load(Y, Acquire), Add(X, 1, Relaxed)],
        &[Store(X, 5, Relaxed), Store(Y, 1, Release)],
    ])
    // As above.
    .adds(&["00 - | 110"]);
    row("add_after_load", &[
        &[Load(X, Relaxed), Load(Y, Relaxed)],
        &[Load(X, Relaxed), Add(X, 1, Relaxed), Add(Y, 1, Relaxed)],
    ])
    // The second load hides the first from the add (loom issue 392).
    .stock_misses(&["10 000 | 110", "11 000 | 110"]);

    // Message passing.
    row("message_relaxed", &[
        &[Load(Y, Relaxed), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Relaxed)],
    ]);
    row("message_release", &[
        &[Load(Y, Relaxed), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Release)],
    ]);
    row("message_acquire", &[
        &[Load(Y, Acquire), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Relaxed)],
    ]);
    row("message_release_acquire", &[
        &[Load(Y, Acquire), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Release)],
    ]);
    row("message_by_add", &[
        &[Add(Y, 1, Acquire), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Add(Y, 1, Release)],
    ]);
    row("message_fences", &[
        &[Load(Y, Relaxed), Fence(Acquire), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Fence(Release), Store(Y, 1, Relaxed)],
    ]);
    row("message_release_fence_acquire", &[
        &[Load(Y, Acquire), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Fence(Release), Store(Y, 1, Relaxed)],
    ]);
    row("message_release_acquire_fence", &[
        &[Load(Y, Relaxed), Fence(Acquire), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Release)],
    ]);
    row("message_fences_seqcst", &[
        &[Load(Y, Relaxed), Fence(SeqCst), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Fence(SeqCst), Store(Y, 1, Relaxed)],
    ]);
    // A fence in the wrong place, or of the wrong kind.
    row("message_release_fence_late", &[
        &[Load(Y, Relaxed), Fence(Acquire), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Relaxed), Fence(Release)],
    ]);
    row("message_acquire_fence_early", &[
        &[Fence(Acquire), Load(Y, Relaxed), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Release)],
    ]);
    row("message_fences_swapped", &[
        &[Load(Y, Relaxed), Fence(Release), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Fence(Acquire), Store(Y, 1, Relaxed)],
    ]);
    row("message_seqcst_fences_late", &[
        &[Load(Y, Relaxed), Fence(SeqCst), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Relaxed), Fence(SeqCst)],
    ])
    // Stock: a fence is no scheduling point, so nothing runs between it and what comes before it.
    .stock_misses(&["10 - | 110"]);
    row("message_acquire_fence_of_other", &[
        // The middle thread has read the message, not the one that fences.
        &[Load(Z, Relaxed), Fence(Acquire), Load(X, Relaxed)],
        &[Load(Y, Relaxed), Store(Z, 1, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Release)],
    ]);

    // Release sequences: read-modify-writes carry a release on, other stores end it (since C++20
    // those of the same thread as well).
    row("sequence_by_add", &[
        &[Load(Y, Acquire), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Release)],
        &[Add(Y, 1, Relaxed)],
    ]);
    row("sequence_by_exchange", &[
        &[Load(Y, Acquire), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Release)],
        &[Cas(Y, 1, 2, Relaxed, Relaxed)],
    ]);
    row("sequence_of_fence_by_add", &[
        &[Load(Y, Relaxed), Fence(Acquire), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Fence(Release), Store(Y, 1, Relaxed)],
        &[Add(Y, 1, Relaxed)],
    ]);
    row("sequence_ended_by_store", &[
        &[Load(Y, Acquire), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Release)],
        &[Store(Y, 2, Relaxed)],
    ]);
    row("sequence_ended_by_own_store", &[
        &[Load(Y, Acquire), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Release), Store(Y, 2, Relaxed)],
    ]);

    // Store buffering.
    row("buffering_relaxed", &[
        &[Store(X, 1, Relaxed), Load(Y, Relaxed)],
        &[Store(Y, 1, Relaxed), Load(X, Relaxed)],
    ]);
    row("buffering_release_acquire", &[
        &[Store(X, 1, Release), Load(Y, Acquire)],
        &[Store(Y, 1, Release), Load(X, Acquire)],
    ]);
    row("buffering_weak_fences", &[
        &[Store(X, 1, Relaxed), Fence(AcqRel), Load(Y, Relaxed)],
        &[Store(Y, 1, Relaxed), Fence(AcqRel), Load(X, Relaxed)],
    ]);
    row("buffering_one_fence", &[
        &[Store(X, 1, Relaxed), Fence(SeqCst), Load(Y, Relaxed)],
        &[Store(Y, 1, Relaxed), Load(X, Relaxed)],
    ]);
    row("buffering_fences", &[
        &[Store(X, 1, Relaxed), Fence(SeqCst), Load(Y, Relaxed)],
        &[Store(Y, 1, Relaxed), Fence(SeqCst), Load(X, Relaxed)],
    ]);
    row("buffering_adds", &[
        &[Add(X, 1, AcqRel), Load(Y, Acquire)],
        &[Add(Y, 1, AcqRel), Load(X, Acquire)],
    ]);
    row("buffering_add_of_one_word", &[
        &[Store(X, 1, Relaxed), Add(Z, 1, AcqRel), Load(Y, Relaxed)],
        &[Store(Y, 1, Relaxed), Add(Z, 1, AcqRel), Load(X, Relaxed)],
    ]);
    row("buffering_fence_and_add", &[
        &[Store(X, 1, Relaxed), Fence(SeqCst), Load(Y, Relaxed)],
        &[Add(Y, 1, AcqRel), Load(X, Acquire)],
    ]);
    row("buffering_seqcst", &[
        &[Store(X, 1, SeqCst), Load(Y, SeqCst)],
        &[Store(Y, 1, SeqCst), Load(X, SeqCst)],
    ])
    // SeqCst accesses are taken for AcqRel.
    .adds(&["0 0 | 110"]);

    // Load buffering.
    row("load_buffering_relaxed", &[
        &[Load(X, Relaxed), Store(Y, 1, Relaxed)],
        &[Load(Y, Relaxed), Store(X, 1, Relaxed)],
    ])
    // A load never sees a store that comes after it in every order of running.
    .misses(&["1 1 | 110"]);
    row("load_buffering_acquire", &[
        &[Load(X, Acquire), Store(Y, 1, Relaxed)],
        &[Load(Y, Acquire), Store(X, 1, Relaxed)],
    ])
    // As above: an acquiring load that reads no release holds nothing back.
    .misses(&["1 1 | 110"]);
    row("load_buffering_release_acquire", &[
        &[Load(X, Relaxed), Store(Y, 1, Release)],
        &[Load(Y, Acquire), Store(X, 1, Relaxed)],
    ]);

    // As a slot is read and then given up, and stored to again: `queue::steal`'s steal and push.
    row("load_buffering_given_up", &[
        &[Load(X, Relaxed), Cas(Y, 0, 1, Release, Relaxed)],
        &[Load(Y, Acquire), Store(X, 1, Relaxed)],
    ]);
    row("load_buffering_given_up_relaxed", &[
        &[Load(X, Relaxed), Cas(Y, 0, 1, Relaxed, Relaxed)],
        &[Load(Y, Acquire), Store(X, 1, Relaxed)],
    ])
    // As above.
    .misses(&["10 1 | 110"]);
    row("load_buffering_reused_relaxed", &[
        &[Load(X, Relaxed), Cas(Y, 0, 1, Release, Relaxed)],
        &[Load(Y, Relaxed), Store(X, 1, Relaxed)],
    ])
    // As above.
    .misses(&["10 1 | 110"]);
    // As the last item is lost to another, and then the end put back: its steal and pop.
    row("load_buffering_put_back", &[
        &[Load(X, Acquire), Cas(Y, 0, 1, Release, Relaxed)],
        &[Cas(Y, 0, 1, Relaxed, Relaxed), Store(X, 1, Release)],
    ]);
    row("load_buffering_put_back_relaxed", &[
        &[Load(X, Acquire), Cas(Y, 0, 1, Release, Relaxed)],
        &[Cas(Y, 0, 1, Relaxed, Relaxed), Store(X, 1, Relaxed)],
    ])
    // As above.
    .misses(&["10 1 | 110"]);

    // Two words, two writers: whose write is the last.
    row("two_writes_relaxed", &[
        &[Store(X, 1, Relaxed), Store(Y, 2, Relaxed)],
        &[Store(Y, 1, Relaxed), Store(X, 2, Relaxed)],
    ]);
    row("two_writes_release", &[
        &[Store(X, 1, Release), Store(Y, 2, Release)],
        &[Store(Y, 1, Release), Store(X, 2, Release)],
    ]);
    row("two_writes_fences", &[
        &[Store(X, 1, Relaxed), Fence(SeqCst), Store(Y, 2, Relaxed)],
        &[Store(Y, 1, Relaxed), Fence(SeqCst), Store(X, 2, Relaxed)],
    ]);
    row("write_and_message", &[
        // The shape that is called S.
        &[Store(X, 2, Relaxed), Store(Y, 1, Release)],
        &[Load(Y, Acquire), Store(X, 1, Relaxed)],
    ]);
    row("write_and_read_fences", &[
        // The shape that is called R.
        &[Store(X, 1, Relaxed), Fence(SeqCst), Store(Y, 1, Relaxed)],
        &[Store(Y, 2, Relaxed), Fence(SeqCst), Load(X, Relaxed)],
    ]);
    row("write_and_read_release_acquire", &[
        &[Store(X, 1, Release), Store(Y, 1, Release)],
        &[Store(Y, 2, Release), Load(X, Acquire)],
    ]);
    row("writes_between_fences", &[
        // The order of the writes to Y orders the fences, by way of the message in Z.
        &[Load(Z, Acquire), Fence(SeqCst), Load(X, Relaxed)],
        &[Store(Y, 2, Relaxed), Store(Z, 1, Release)],
        &[Store(X, 1, Relaxed), Fence(SeqCst), Store(Y, 1, Relaxed)],
    ]);

    // Causality through a third thread.
    row("write_to_read_relaxed", &[
        &[Load(Y, Relaxed), Load(X, Relaxed)],
        &[Load(X, Relaxed), Store(Y, 1, Relaxed)],
        &[Store(X, 1, Relaxed)],
    ]);
    row("write_to_read_release_acquire", &[
        &[Load(Y, Acquire), Load(X, Relaxed)],
        &[Load(X, Relaxed), Store(Y, 1, Release)],
        &[Store(X, 1, Relaxed)],
    ]);
    row("write_to_read_of_message", &[
        &[Load(Z, Acquire), Load(X, Relaxed)],
        &[Load(Y, Acquire), Store(Z, 1, Release)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Release)],
    ]);
    row("read_to_write_relaxed", &[
        &[Load(X, Acquire), Load(Y, Acquire)],
        &[Store(Y, 1, Release), Load(X, Acquire)],
        &[Store(X, 1, Release)],
    ]);
    row("read_to_write_fences", &[
        &[Load(X, Relaxed), Fence(SeqCst), Load(Y, Relaxed)],
        &[Store(Y, 1, Relaxed), Fence(SeqCst), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed)],
    ]);

    // Independent reads of independent writes.
    row("independent_reads_acquire", &[
        &[Store(X, 1, Release)],
        &[Store(Y, 1, Release)],
        &[Load(X, Acquire), Load(Y, Acquire)],
        &[Load(Y, Acquire), Load(X, Acquire)],
    ]);
    row("independent_reads_fences", &[
        &[Store(X, 1, Relaxed)],
        &[Store(Y, 1, Relaxed)],
        &[Load(X, Relaxed), Fence(SeqCst), Load(Y, Relaxed)],
        &[Load(Y, Relaxed), Fence(SeqCst), Load(X, Relaxed)],
    ]);

    // Compare-exchanges that fail: with an older value, or, the weak ones, for no reason.
    row("exchange_once", &[
        &[Cas(X, 0, 1, Relaxed, Relaxed)],
        &[Cas(X, 0, 2, Relaxed, Relaxed)],
    ]);
    row("exchange_fails_acquiring", &[
        &[Cas(Y, 5, 6, Relaxed, Acquire), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Release)],
    ]);
    row("exchange_fails_relaxed", &[
        &[Cas(Y, 5, 6, Acquire, Relaxed), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Release)],
    ]);
    row("exchange_fails_stale", &[
        &[Load(Y, Relaxed), Cas(X, 1, 2, Relaxed, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Relaxed)],
    ])
    // Stock: no compare-exchange fails with an older value.
    .stock_misses(&["10 - | 110"]);
    row("exchange_fails_stale_not_after_acquire", &[
        &[Load(Y, Acquire), Cas(X, 1, 2, Relaxed, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Release)],
    ]);
    row("exchanges_fail_buffered", &[
        &[Store(X, 1, Relaxed), Cas(Y, 1, 2, Relaxed, Relaxed)],
        &[Store(Y, 1, Relaxed), Cas(X, 1, 2, Relaxed, Relaxed)],
    ])
    // Stock: no compare-exchange fails with an older value.
    .stock_misses(&["0 0 | 110"]);
    row("exchanges_fail_fenced", &[
        &[Store(X, 1, Relaxed), Fence(SeqCst), Cas(Y, 1, 2, Relaxed, Relaxed)],
        &[Store(Y, 1, Relaxed), Fence(SeqCst), Cas(X, 1, 2, Relaxed, Relaxed)],
    ]);
    row("weak_exchange_fails", &[
        &[Weak(X, 0, 1, Relaxed, Relaxed)],
        &[Weak(X, 0, 2, Relaxed, Relaxed)],
    ])
    // Stock: no weak compare-exchange fails for no reason.
    .stock_misses(&["0 0 | 000", "0 0 | 100", "0 0 | 200"]);
    row("weak_exchange_fails_acquiring", &[
        &[Weak(Y, 1, 2, Relaxed, Acquire), Load(X, Relaxed)],
        &[Store(X, 1, Relaxed), Store(Y, 1, Release)],
    ])
    // Stock: no weak compare-exchange fails for no reason.
    .stock_misses(&["11 - | 110"]);
}
