//! The core's own test bodies: no standard library, no allocator, no threads, and little memory, so
//! that the host and every image of the firmware run the same ones.
//!
//! [`cases!`] is the one list. A structure joins it by one line here; then `cargo test` runs its case
//! on every ground of the host, and the images run it on every board. The list has groups: each is an
//! image of its own, because flash is short.
//!
//! A case tries many capacities where there is room for the code of each, few on a small machine
//! (`target_pointer_width`).
#![no_std]

use core::marker::PhantomData;

use inkle_core::Platform;

mod alarms;
pub mod bag;
pub mod chains;
pub mod channel;
pub mod context;
pub mod dice;
pub mod elastic;
mod model;
pub mod priority;
pub mod queues;
pub mod select;
pub mod slab;
pub mod spsc;
pub mod steal;
pub mod sync;
mod tally;
pub mod tasks;
pub mod time;
pub mod wheel;

use dice::Dice;
use tally::Tally;

/// How much to do.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Operations of a random sequence.
    pub steps: u32,
    /// How many such sequences.
    pub seeds: u64,
}

impl Effort {
    /// For a machine with an operating system.
    pub const HOST: Self = Self { steps: 20_000, seeds: 4 };
    /// For a small machine, maybe an emulated one.
    pub const SMALL: Self = Self { steps: 500, seeds: 2 };

    /// The seeds.
    fn seeds(self) -> impl Iterator<Item = u64> {
        1..=self.seeds
    }
}

/// A test body and its name.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its module and function.
    pub name: &'static str,
    /// Panics if something is wrong.
    pub run: fn(Effort),
}

/// The list: calls the macro `$then` of this crate with every case, in groups.
#[macro_export]
macro_rules! cases {
    ($then:ident $context:tt) => {
        $crate::$then! { $context
            /// Queues, and the slabs beneath them.
            QUEUES {
                queues::word_ring,
                queues::word_ring_with_laps_of_two_bits,
                queues::word_ring_with_laps_of_three_bits,
                queues::fifo,
                queues::fast_fifo,
                queues::fast_fifo_with_laps_of_two_bits,
                queues::spsc_ring,
                queues::spsc_ring_with_laps_of_two_bits,
                queues::guarded,
                queues::storage_from_elsewhere,
                queues::values_survive_the_word,
                chains::stack,
                chains::stack_with_a_narrow_tag,
                chains::inbox,
                chains::inbox_with_a_narrow_tag,
                chains::forced_word_ring,
                chains::forced_fifo,
                chains::the_first_arrival,
                chains::cells_of_a_batch,
                chains::forced_pushes_and_close,
                chains::items_of_no_size_and_large_ones,
                priority::heap,
                priority::levels,
                priority::the_highest_first,
                priority::items_of_no_size_and_large_ones_by_rank,
                priority::a_level_is_one_of_them,
                spsc::ring,
                spsc::ring_with_laps_of_two_bits,
                spsc::ring_with_laps_of_three_bits,
                spsc::ring_of_nothing,
                spsc::ring_of_large_items,
                spsc::overwriting,
                spsc::overwriting_with_laps_of_two_bits,
                spsc::overwriting_with_laps_of_three_bits,
                spsc::overwriting_of_nothing,
                spsc::overwriting_of_large_items,
                spsc::rings_of_one,
                spsc::overtaken_by_any_distance,
                spsc::overtaken_by_all_laps,
                spsc::forgotten_handles,
                spsc::the_ring_beside_its_handles,
                spsc::a_ring_as_an_iterator,
                steal::both_ends,
                steal::over_the_end_of_the_positions,
                steal::one_owner_at_a_time,
                slab::slab,
                slab::pool,
            }
            /// All else.
            OTHERS {
                sync::lock,
                sync::condition,
                sync::event,
                sync::semaphore,
                sync::bounded_semaphore,
                sync::rlock,
                sync::barrier,
                sync::cancel_token,
                sync::latch,
                sync::values_behind_locks,
                sync::values_set_once,
                sync::event_count,
                channel::of_word_ring,
                channel::of_fifo,
                channel::of_fast_fifo,
                channel::of_stack,
                channel::of_inbox,
                channel::of_spsc_ring,
                channel::of_heap,
                channel::of_levels,
                channel::forced_and_peeked,
                tasks::awaited_put_and_get,
                tasks::a_dropped_future_takes_nothing,
                tasks::awaited_join,
                select::the_first_of_several,
                elastic::grows_and_shrinks,
                wheel::exact,
                wheel::exact_of_two_levels,
                wheel::exact_with_narrow_generations,
                wheel::coarse,
                wheel::periods,
                wheel::actions_use_the_wheel,
                wheel::tidying,
                wheel::edges_of_time,
                wheel::strange_handles,
                wheel::values_of_a_dropped_wheel,
                context::values_and_tokens,
                context::values_of_all_kinds,
                context::contexts,
                context::no_slot_left,
                context::futures_in_contexts,
                context::switched_tasks,
                context::against_arrays,
                time::a_timeout_takes_its_time,
                time::a_deadline_that_has_passed_polls,
                time::a_counter_that_wraps,
                time::a_clock_that_wraps_during_a_wait,
                time::a_clock_that_stands_still_during_a_wait,
            }
        }
    };
}

/// One `#[test]` for each case, on the ground `$ground`.
#[macro_export]
macro_rules! host_tests {
    ($ground:ty) => {
        $crate::cases! { __host_tests($ground) }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __host_tests {
    (($ground:ty) $($(#[$doc:meta])* $group:ident { $($module:ident::$case:ident,)* })*) => {$($(
        #[test]
        fn $case() {
            $crate::$module::$case::<$ground>($crate::Effort::HOST);
        }
    )*)*};
}

/// The cases on the ground `P`.
#[derive(Debug)]
pub struct Cases<P>(PhantomData<P>);

macro_rules! table {
    (($ground:ident) $($(#[$doc:meta])* $group:ident { $($module:ident::$case:ident,)* })*) => {
        impl<$ground: Platform> Cases<$ground> {$(
            $(#[$doc])*
            pub const $group: &'static [Case] = &[$(Case {
                name: concat!(stringify!($module), "::", stringify!($case)),
                run: $module::$case::<$ground>,
            },)*];
        )*}
    };
}
use table as __table;
cases! { __table(P) }
