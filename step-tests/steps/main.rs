//! Operations of the core, stopped at each of their steps: lock-free and interrupt-safe as something that
//! can be tried. `tried.rs` says what is tried, `promises.rs` that everything is which the docs promise.
#![allow(unreachable_pub, reason = "in a binary nothing is reachable from outside")]
#![allow(clippy::unit_arg, reason = "what answers nothing says so")]

mod beside;
mod channels;
mod contexts;
mod counts;
mod declared;
mod engine;
mod events;
mod forks;
mod ground;
mod items;
mod known_bad;
mod locks;
mod modelled;
mod models;
mod promises;
mod queues;
mod robust;
mod schedules;
mod spsc;
mod subject;
mod timers;
mod tried;
mod worker;

/// A test for each, and the list of all.
macro_rules! subjects {
    ($($module:ident: $($name:ident)*;)*) => {
        $(mod $module {$(
            #[test]
            fn $name() {
                super::super::$module::$name().check();
            }
        )*})*
        /// The same by schedules.
        mod scheduled {
            $(mod $module {$(
                #[test]
                fn $name() {
                    super::super::super::$module::$name().interleave();
                }
            )*})*
        }
        /// All of them.
        pub fn all() -> Vec<crate::tried::Plan> {
            vec![$($(super::$module::$name().plan()),*),*]
        }
        /// The same, with what may wait for ever.
        pub fn all_with_blocking() -> Vec<crate::tried::Plan> {
            vec![$($(super::$module::$name().plan_with_blocking()),*),*]
        }
    };
}

mod stopped {
    subjects! {
        queues: word_ring fifo stack inbox inbox_shared levels fast_fifo heap deque;
        spsc: handles ring overwriting;
        counts: pool slab event_count event_count_alone wide_counter roster;
        locks: lock lock_tasks rlock semaphore semaphore_tasks bounded_semaphore mutex rw_lock rw_lock_tasks condition condition_waits;
        events: event event_alone event_tasks latch latch_tasks once_alone once_made once_full once_tasks
            promise promise_alone promise_tasks barrier barrier_tasks cancel_token cancel_token_tasks
            outcome outcome_tasks;
        channels: channel_threads channel_tasks elastic;
        contexts: context;
        forks: nest;
        timers: timer_wheel timers;
        robust: lock rlock bell_rung bell_alone barrier survivors records;
    }
}
