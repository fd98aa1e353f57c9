//! Who lives: the number of a process, and the ground that can tell whether it is alive.

use core::num::NonZeroU32;

use crate::platform::Platform;

/// The number of one life of one process: of 30 bits, not 0, and no other process has it at the same time.
///
/// A process that ends may leave its number to another one. So that this is not taken for it, a ground
/// mixes in what tells them apart, for instance the time when the process began.
///
/// ```
/// use inkle_core::robust::Life;
///
/// assert_eq!(Life::new(0), None);
/// assert_eq!(Life::new(1 << 30), None);
/// assert_eq!(Life::new(42).map(Life::bits), Some(42));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Life(NonZeroU32);

impl Life {
    /// As many bits as a life has.
    pub const BITS: u32 = 30;

    /// The life with these bits; `None` for 0 and for more than [`BITS`](Self::BITS).
    #[must_use]
    pub const fn new(bits: u32) -> Option<Self> {
        match NonZeroU32::new(bits) {
            Some(bits) if bits.get() >> Self::BITS == 0 => Some(Self(bits)),
            _ => None,
        }
    }

    /// Its bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0.get()
    }
}

/// A ground whose processes may die, and which can tell.
///
/// Its words lie in shared memory, so it is [`SHARED`](Platform::SHARED); its
/// [`current`](Platform::current) is unique among all threads of all processes; it has a clock.
///
/// ```
/// use inkle_core::atomic::AtomicU32;
/// use inkle_core::platform::{Deadline, NoBoard, Platform, Spin, Wake};
/// use inkle_core::robust::{Life, Lock, Mortal};
///
/// /// A ground with one process, for the example: it is alive as long as anybody can ask.
/// struct Alone;
///
/// impl Platform for Alone {
///     const SHARED: bool = true;
///     fn now() -> u64 {
///         Spin::<NoBoard>::now()
///     }
///     fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Wake {
///         Spin::<NoBoard>::wait(word, expected, deadline)
///     }
///     fn wake(_word: *const AtomicU32, _count: u32) {}
///     fn current() -> usize {
///         1
///     }
///     fn relax(_round: u32) -> bool {
///         false
///     }
/// }
///
/// impl Mortal for Alone {
///     fn life() -> Life {
///         Life::new(1).expect("a number of 30 bits")
///     }
///     fn is_alive(_life: Life) -> bool {
///         true
///     }
/// }
///
/// static LOCK: Lock<Alone> = Lock::new();
/// assert!(!LOCK.acquire().is_abandoned());
/// assert_eq!(LOCK.holder(), Some(Alone::life()));
/// ```
pub trait Mortal: Platform {
    /// The life of the calling process.
    fn life() -> Life;

    /// Whether that process is still alive. One that has ended and was not reaped yet is not.
    ///
    /// When in doubt: `true`. A wrong `false` takes a lock away from who holds it.
    fn is_alive(life: Life) -> bool;
}
