//! What is compared with what. A structure joins by an image in `tests/firmware/cost/src/bin` and a
//! line here.

use crate::figures::Metric::{self, Empty, Flash, Full, Put, Ram, Stack, Take, Window};

/// Something to be done, and who does it.
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) ours: &'static [Ours],
    /// Images and names of the peers.
    pub(crate) peers: &'static [(&'static str, &'static str)],
}

/// One of our structures: its image, its name, and why it is larger than a peer where it is.
pub(crate) struct Ours {
    pub(crate) image: &'static str,
    pub(crate) name: &'static str,
    pub(crate) why: &'static [(Metric, Reason)],
}

macro_rules! reasons {
    ($($name:ident = $letter:literal: $text:literal,)*) => {
        /// Why something is larger than with a peer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Reason {
            $(
                #[doc = $text]
                $name,
            )*
        }

        impl Reason {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its letter in the tables, and what it says.
            pub(crate) const fn letter_and_text(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$name => ($letter, $text),)*
                }
            }
        }
    };
}

reasons! {
    LockFree = "a": "Interrupts stay on. A peer that does it all in one critical section needs no \
        answer to an interrupt in the middle; here each step has one.",
    Exact = "b": "`Full`, `Empty` and `Closed` are exact, and nothing is lost or spurious when an \
        operation interrupts another. heapless's queue gives up for a push that it has interrupted, \
        answers `Full` or `Empty` that are not so, and cannot be closed. A word a slot, for values of \
        any width. On a Cortex-M0 an operation is one critical section.",
    TwoRings = "c": "Items of any size, copied while interrupts are on: one ring of free cells and one of \
        full ones around the items, so that each operation is a pop and a push of a word ring.",
    Handles = "d": "A `static` is split without `unsafe`, into handles that can be dropped and taken again; \
        each remembers how far the other has come; the ring can be closed.",
    Slices = "e": "Slices of any length, which may wrap around the end; bbqueue's peer grants what lies \
        in one piece, and the rest of the buffer waits.",
    Stable = "f": "Equal items leave in the order in which they came: each carries the number of its \
        arrival, eight bytes. And a comparison that panics leaves the heap as it was.",
    Section = "g": "One critical section, as the peers' too, with a lock word in it for machines with \
        several harts, and the work of (f).",
    Waiters = "h": "Any number of contexts and tasks may wait, with deadlines. embassy's peer remembers one \
        task, and a context cannot wait for it.",
    Kept = "i": "The item that is displaced comes back to the producer, and items of any size are whole \
        under interrupts that stay on: two cells for one item.",
    Links = "j": "Interrupts stay on, and a cell can be reused while another context still looks at it: \
        links with tags around the items.",
    Answers = "k": "Of any capacity, can be closed, and its answers are exact. heapless's queue says \
        `Full` or `Empty` while another context is in the middle of an operation; embassy's is one \
        critical section.",
    Loads = "l": "Every load and store, not only the exchange, is a critical section of its own with \
        this feature of portable-atomic.",
    Levels = "m": "A word ring a level over one pool of cells, so that interrupts are on while an item is \
        copied and while levels are looked through.",
    Wheel = "n": "Interrupts stay on, also while timers fire, and anybody may schedule and cancel meanwhile; \
        the peer's heap cannot cancel. 32 buckets a level, so that no operation depends on how many \
        timers are pending. Deadlines wrap around, and a step at a time can be done.",
    Contexts = "o": "A value in each context and a token that undoes the change, where the peer has one \
        word for all. A value of any size is whole to handlers and other cores, and interrupts stay on, \
        but for a moment in the first change of a context, which takes a number.",
}

use Reason::{
    Answers, Contexts, Exact, Handles, Kept, Levels, Links, Loads, LockFree, Section, Slices,
    Stable, TwoRings, Waiters, Wheel,
};

const MPMC: (&str, &str) = ("heapless_mpmc", "heapless `mpmc::Queue`");
const CHANNEL: (&str, &str) = ("embassy_channel", "embassy `Channel`");
const HEAP: (&str, &str) = ("heapless_heap", "heapless `BinaryHeap`, critical section");
const PRIORITY: (&str, &str) = ("embassy_priority", "embassy `PriorityChannel`");

const WHEEL: &[(Metric, Reason)] = &[
    (Flash, Wheel),
    (Ram, Wheel),
    (Put, Wheel),
    (Take, Wheel),
    (Full, Wheel),
    (Empty, Wheel),
    (Stack, Wheel),
];

pub(crate) const JOBS: &[Job] = &[
    Job {
        name: "bytes, many to many",
        ours: &[Ours {
            image: "inkle_word_ring",
            name: "`WordRing`",
            why: &[
                (Flash, Exact),
                (Ram, Exact),
                (Put, Exact),
                (Take, Exact),
                (Window, Exact),
                (Full, Exact),
                (Empty, Exact),
                (Stack, Exact),
            ],
        }],
        peers: &[
            ("heapless_mpmc_bytes", "heapless `mpmc::Queue`"),
            ("embassy_channel_bytes", "embassy `Channel`"),
        ],
    },
    Job {
        name: "words, many to many",
        ours: &[
            Ours {
                image: "inkle_fifo",
                name: "`Fifo`",
                why: &[
                    (Flash, TwoRings),
                    (Ram, TwoRings),
                    (Put, TwoRings),
                    (Take, TwoRings),
                    (Window, Exact),
                    (Full, TwoRings),
                    (Empty, TwoRings),
                    (Stack, TwoRings),
                ],
            },
            Ours {
                image: "inkle_fast_fifo",
                name: "`FastFifo`, threads only",
                why: &[
                    (Flash, Answers),
                    (Ram, Answers),
                    (Put, Answers),
                    (Take, Answers),
                    (Window, Answers),
                    (Full, Answers),
                    (Empty, Answers),
                    (Stack, Answers),
                ],
            },
        ],
        peers: &[MPMC, CHANNEL],
    },
    Job {
        name: "words, one to one",
        ours: &[Ours {
            image: "inkle_ring",
            name: "`spsc::Ring`",
            why: &[
                (Flash, Handles),
                (Ram, Handles),
                (Put, Handles),
                (Take, Handles),
                (Full, Handles),
                (Empty, Handles),
                (Stack, Handles),
            ],
        }],
        peers: &[("heapless_spsc", "heapless `spsc::Queue`")],
    },
    Job {
        name: "bytes, one to one, by four",
        ours: &[Ours {
            image: "inkle_ring_bytes",
            name: "`spsc::Ring`",
            why: &[
                (Flash, Slices),
                (Ram, Handles),
                (Put, Slices),
                (Take, Slices),
                (Full, Slices),
                (Empty, Slices),
                (Stack, Slices),
            ],
        }],
        peers: &[("bbqueue_bytes", "bbqueue `BBQueue`")],
    },
    Job {
        name: "the latest word",
        ours: &[Ours {
            image: "inkle_overwriting",
            name: "`spsc::Overwriting`",
            why: &[
                (Flash, Kept),
                (Ram, Kept),
                (Put, Kept),
                (Take, Kept),
                (Window, Kept),
                (Stack, Kept),
            ],
        }],
        peers: &[("embassy_signal", "embassy `Signal`")],
    },
    Job {
        name: "words, newest first",
        ours: &[Ours {
            image: "inkle_stack",
            name: "`Stack`",
            why: &[
                (Flash, Links),
                (Ram, Links),
                (Put, Links),
                (Take, Links),
                (Full, Links),
                (Empty, Links),
                (Stack, Links),
            ],
        }],
        peers: &[("heapless_vec", "heapless `Vec`, critical section")],
    },
    Job {
        name: "pointers, pushed and popped by their owner",
        ours: &[Ours { image: "inkle_deque", name: "`steal::Deque`", why: &[] }],
        peers: &[],
    },
    Job {
        name: "pointers, pushed by their owner and stolen",
        ours: &[Ours { image: "inkle_deque_steal", name: "`steal::Deque`", why: &[] }],
        peers: &[],
    },
    Job {
        name: "words, many to one, all at once",
        ours: &[Ours {
            image: "inkle_inbox",
            name: "`Inbox`",
            why: &[
                (Flash, Links),
                (Ram, Links),
                (Put, Links),
                (Take, Links),
                (Window, Links),
                (Full, Links),
                (Empty, Links),
                (Stack, Links),
            ],
        }],
        peers: &[MPMC, CHANNEL],
    },
    Job {
        name: "words, the most urgent of four levels first",
        ours: &[Ours {
            image: "inkle_levels",
            name: "`Levels`",
            why: &[
                (Flash, Levels),
                (Ram, Levels),
                (Put, Levels),
                (Take, Levels),
                (Full, Levels),
                (Empty, Levels),
                (Stack, Levels),
                (Window, Levels),
            ],
        }],
        peers: &[HEAP, PRIORITY],
    },
    Job {
        name: "words, smallest first",
        ours: &[Ours {
            image: "inkle_heap",
            name: "`Heap`",
            why: &[
                (Flash, Stable),
                (Ram, Stable),
                (Put, Stable),
                (Take, Stable),
                (Window, Section),
                (Full, Section),
                (Empty, Section),
                (Stack, Stable),
            ],
        }],
        peers: &[HEAP, PRIORITY],
    },
    Job {
        name: "places for words",
        ours: &[Ours { image: "inkle_slab", name: "`Slab`", why: &[] }],
        peers: &[],
    },
    Job {
        name: "numbers of places",
        ours: &[Ours { image: "inkle_pool", name: "`Pool`", why: &[] }],
        peers: &[],
    },
    Job {
        name: "words, where some wait",
        ours: &[Ours {
            image: "inkle_channel",
            name: "`Channel` over `Fifo`",
            why: &[
                (Flash, TwoRings),
                (Ram, Waiters),
                (Put, TwoRings),
                (Take, TwoRings),
                (Full, TwoRings),
                (Empty, TwoRings),
                (Stack, TwoRings),
            ],
        }],
        peers: &[CHANNEL],
    },
    Job {
        name: "timers, scheduled and fired",
        ours: &[
            Ours { image: "inkle_wheel", name: "`Wheel` of `Exact<3>`", why: WHEEL },
            Ours { image: "inkle_wheel_coarse", name: "`Wheel` of `Coarse<4>`", why: WHEEL },
        ],
        // Not embassy's queue of timers: its items are the wakers of its own executor's tasks.
        peers: &[("heapless_timers", "heapless `BinaryHeap`, critical section")],
    },
    Job {
        name: "a timer, scheduled and cancelled, its slot given back",
        ours: &[Ours { image: "inkle_wheel_cancel", name: "`Wheel` of `Exact<3>`", why: &[] }],
        peers: &[],
    },
    Job {
        name: "a lock, taken and released",
        ours: &[Ours {
            image: "inkle_lock",
            name: "`Lock`",
            why: &[(Flash, Waiters), (Stack, Waiters)],
        }],
        peers: &[("embassy_mutex", "embassy `Mutex`")],
    },
    Job {
        name: "a word behind a mutex, written and read",
        ours: &[Ours { image: "inkle_mutex", name: "`Mutex`", why: &[] }],
        peers: &[],
    },
    Job {
        name: "a word, written by one and read by many",
        ours: &[Ours { image: "inkle_rw_lock", name: "`RwLock`", why: &[] }],
        peers: &[],
    },
    Job {
        name: "a lock, taken twice by its owner and released twice",
        ours: &[Ours { image: "inkle_rlock", name: "`RLock`", why: &[] }],
        peers: &[],
    },
    Job {
        name: "a word, made once and read",
        ours: &[Ours { image: "inkle_once", name: "`Once`", why: &[] }],
        peers: &[],
    },
    Job {
        name: "a look whether to stop",
        ours: &[Ours { image: "inkle_cancel_token", name: "`CancelToken`", why: &[] }],
        peers: &[],
    },
    Job {
        name: "a permit, released and taken",
        ours: &[Ours {
            image: "inkle_semaphore",
            name: "`Semaphore`",
            why: &[(Flash, Waiters), (Ram, Waiters), (Put, LockFree), (Take, Loads)],
        }],
        peers: &[("embassy_semaphore", "embassy `GreedySemaphore`")],
    },
    Job {
        name: "an event, set, seen and cleared",
        ours: &[Ours {
            image: "inkle_event",
            name: "`Event`",
            why: &[(Flash, Waiters), (Ram, Waiters), (Put, Loads), (Take, Loads)],
        }],
        peers: &[("embassy_event", "embassy `Signal`")],
    },
    Job {
        name: "a notification, and a look before a sleep",
        ours: &[Ours { image: "inkle_event_count", name: "`EventCount`", why: &[] }],
        peers: &[],
    },
    Job {
        name: "a context variable, set and read",
        ours: &[Ours {
            image: "inkle_context",
            name: "`ContextVar`",
            why: &[
                (Flash, Contexts),
                (Ram, Contexts),
                (Put, Contexts),
                (Take, Contexts),
                (Window, Contexts),
                (Stack, Contexts),
            ],
        }],
        // No crate has the like without an allocator.
        peers: &[("plain_cell", "a `Cell`, critical section, no contexts")],
    },
    Job {
        name: "a context variable, set and reset, and read",
        ours: &[Ours { image: "inkle_context_reset", name: "`ContextVar`", why: &[] }],
        peers: &[],
    },
    Job {
        name: "a context entered for a store, and one of four values copied",
        ours: &[Ours { image: "inkle_context_run", name: "`Context`", why: &[] }],
        peers: &[],
    },
];

/// Our structures, and a plain ring in one critical section an operation that does the same.
pub(crate) const WHOLE: &[(&str, &str, &str)] = &[
    ("inkle_word_ring", "`WordRing` of bytes", "whole_word_ring"),
    ("inkle_fifo", "`Fifo` of words", "whole_fifo"),
    ("inkle_fifo_large", "`Fifo` of 64 bytes an item", "whole_fifo_large"),
];
