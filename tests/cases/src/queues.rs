//! First in, first out, at several capacities.

use inkle_core::Platform;
use inkle_core::queue::fifo::{FastFifo, Fifo};
use inkle_core::queue::spsc::Ring;
use inkle_core::queue::word::{WordRing, WordRingIn, WordSlot};
use inkle_core::queue::{Container, Guarded, Narrow, Storage};
use spin::relax::Spin;

use crate::Effort;
use crate::model::{Model, Order::OldestFirst, compare, nothing};

/// The widest item that fits into a word ring's slot here.
#[cfg(target_has_atomic = "64")]
pub(crate) type Word = u32;
/// The widest item that fits into a word ring's slot here.
#[cfg(not(target_has_atomic = "64"))]
pub(crate) type Word = u16;

/// A case over queues of several capacities: few of them where flash is short.
macro_rules! capacities {
    ($(#[$doc:meta])* $name:ident: $queue:ident<$item:ty $(, $width:ty)?>) => {
        $(#[$doc])*
        pub fn $name<P: Platform>(effort: Effort) {
            capacities!(@ effort, $queue<$item $(, $width)?>, 1 3);
            #[cfg(target_pointer_width = "64")]
            capacities!(@ effort, $queue<$item $(, $width)?>, 2 4 7 100);
        }
    };
    (@ $effort:ident, $queue:ident<$item:ty $(, $width:ty)?>,) => {};
    (@ $effort:ident, $queue:ident<$item:ty $(, $width:ty)?>, $one:literal $($more:literal)*) => {
        compare(&$queue::<$item, $one $(, $width)?>::new(), OldestFirst, $effort, &nothing);
        capacities!(@ $effort, $queue<$item $(, $width)?>, $($more)*);
    };
}

type NarrowFast<T, const N: usize> = FastFifo<T, N, Spin, Narrow<2>>;
type NarrowRing<T, const N: usize> = Ring<T, N, Spin, Narrow<2>>;

capacities!(
    /// The word ring.
    word_ring: WordRing<Word>
);
capacities!(
    /// Its laps wrap soon.
    word_ring_with_laps_of_two_bits: WordRing<Word, Narrow<2>>
);
capacities!(
    /// A little later.
    word_ring_with_laps_of_three_bits: WordRing<Word, Narrow<3>>
);
capacities!(
    /// The queue for items of any type.
    fifo: Fifo<u32>
);
capacities!(
    /// The one for threads.
    fast_fifo: FastFifo<u32>
);
capacities!(
    /// Its laps wrap soon.
    fast_fifo_with_laps_of_two_bits: NarrowFast<u32>
);
capacities!(
    /// The ring of two handles, as a queue.
    spsc_ring: Ring<u32>
);
capacities!(
    /// Its laps wrap soon.
    spsc_ring_with_laps_of_two_bits: NarrowRing<u32>
);

/// A plain list, to be guarded.
#[derive(Default)]
pub(crate) struct List(Model<u32>);

impl List {
    pub(crate) const fn new() -> Self {
        Self(Model::new())
    }
}

impl Container for List {
    type Item = u32;
    fn put(&mut self, item: u32) -> Result<(), u32> {
        self.0.push_back(item)
    }
    fn take(&mut self) -> Option<u32> {
        self.0.pop_front()
    }
    fn len(&self) -> usize {
        self.0.len()
    }
    fn capacity(&self) -> Option<usize> {
        Some(self.0.capacity())
    }
}

/// A container of one's own behind the platform's lock.
pub fn guarded<P: Platform>(effort: Effort) {
    compare(&Guarded::<List, P>::default(), OldestFirst, effort, &nothing);
}

/// A word ring over slots that somebody else keeps.
pub fn storage_from_elsewhere<P: Platform>(effort: Effort) {
    struct Slots<'a>(&'a [WordSlot]);
    // SAFETY: a shared reference to a slice always gives the same slots.
    unsafe impl Storage for Slots<'_> {
        type Slot = WordSlot;
        fn slots(&self) -> &[WordSlot] {
            self.0
        }
    }
    for capacity in [1, 2, 3, 5, 64] {
        let slots = [const { WordSlot::new() }; 64];
        let ring = WordRingIn::<Word, _>::with_storage(Slots(&slots[..capacity]));
        let ring = ring.expect("so many are possible");
        compare(&ring, OldestFirst, effort, &nothing);
    }
    let none = WordRingIn::<Word, _>::with_storage(Slots(&[]));
    assert!(none.is_none(), "no slots, no ring");
}

/// Every value that fits comes out as it went in.
pub fn values_survive_the_word<P: Platform>(_: Effort) {
    let bytes = WordRing::<u8, 2>::new();
    for byte in 0..=u8::MAX {
        assert_eq!(bytes.try_push(byte), Ok(()));
        assert_eq!(bytes.try_pop(), Ok(byte));
    }
    let signed = WordRing::<i8, 2>::new();
    for value in i8::MIN..=i8::MAX {
        assert_eq!(signed.try_push(value), Ok(()));
        assert_eq!(signed.try_pop(), Ok(value));
    }
    let units = WordRing::<(), 3>::new();
    assert_eq!((units.try_push(()), units.try_pop()), (Ok(()), Ok(())));
    let flags = WordRing::<bool, 1>::new();
    assert_eq!((flags.try_push(true), flags.try_pop()), (Ok(()), Ok(true)));
    #[cfg(target_has_atomic = "64")]
    {
        let floats = WordRing::<f32, 1>::new();
        for value in [0.0, -0.0, 1.5, f32::MAX, f32::NEG_INFINITY] {
            assert_eq!(floats.try_push(value).map_err(|_| ()), Ok(()));
            assert_eq!(floats.try_pop().map(f32::to_bits), Ok(value.to_bits()));
        }
        let letters = WordRing::<char, 1>::new();
        for letter in ['\0', 'я', '\u{10FFFF}'] {
            assert_eq!(letters.try_push(letter), Ok(()));
            assert_eq!(letters.try_pop(), Ok(letter));
        }
    }
}
