//! The grounds of an operating system, for every primitive of [`inkle_core`].
//!
//! [`Private`] is for the threads of one process and is what this crate's own modules stand on.
//! [`Shared`] is for words in memory that several processes map. Both sleep on futexes with absolute
//! monotonic deadlines; elsewhere than on Linux `Private` parks threads by address and `Shared` does
//! not exist.

use std::time::{Duration, Instant};

use inkle_core::atomic::{AtomicU32, spin_loop};
pub use inkle_core::platform::{Deadline, Platform, Wake};

use crate::os;

/// The threads of this process.
///
/// ```
/// use inkle::kernel::sync::Lock;
/// use inkle::platform::Private;
///
/// static LOCK: Lock<Private> = Lock::new();
///
/// let guard = LOCK.guard();
/// assert!(std::thread::spawn(|| !LOCK.try_acquire()).join().unwrap());
/// drop(guard);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Private;

/// Everybody who maps the memory that a primitive lies in, in this process or another.
///
/// ```
/// use inkle::kernel::sync::Semaphore;
/// use inkle::platform::Shared;
///
/// // In real use this lies in a shared mapping.
/// let permits: Semaphore<Shared> = Semaphore::new(1);
/// permits.acquire();
/// permits.release(1).unwrap();
/// ```
#[cfg(all(target_os = "linux", not(feature = "portable")))]
#[derive(Clone, Copy, Debug)]
pub struct Shared;

/// Doubling pauses first: a reply that is about to come comes within a microsecond.
const SPINS: u32 = 3;
/// Pauses of the first spin.
const FIRST_SPIN: u32 = 4;
/// Then turns for whoever else wants this processor, about as long as it takes to wake a sleeper.
/// Giving the processor away is also the best way to wait on a free one: it leaves the contended
/// line alone for longer than pauses do, so that the other side gets more done at a time.
const YIELDS: u32 = 32;

/// Spins for a moment (on a single processor nobody can answer meanwhile: not there), then gives the
/// processor away a number of times, then says "sleep".
fn relax(round: u32) -> bool {
    if round < SPINS && !os::is_single_processor() {
        for _ in 0..FIRST_SPIN << round {
            spin_loop();
        }
        true
    } else if round < SPINS + YIELDS {
        std::thread::yield_now();
        true
    } else {
        false
    }
}

/// The two grounds differ in who can sleep on a word, and in nothing else.
macro_rules! ground {
    ($ground:ident, $scope:expr, $shared:literal) => {
        impl Platform for $ground {
            const SHARED: bool = $shared;

            fn now() -> u64 {
                os::now()
            }

            fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Wake {
                #[cfg(feature = "diagnose")]
                let _asleep = crate::diagnose::asleep(&raw const *word as usize);
                os::wait(word, expected, deadline, $scope)
            }

            #[cfg(feature = "diagnose")]
            fn watch(
                lock: *const (),
                step: inkle_core::platform::Step,
                place: &'static std::panic::Location<'static>,
            ) {
                crate::diagnose::step(lock, step, place);
            }

            fn wake(word: *const AtomicU32, count: u32) {
                os::wake(word, count, $scope);
            }

            #[inline]
            fn current() -> usize {
                os::native_id() as usize
            }

            fn relax(round: u32) -> bool {
                relax(round)
            }
        }
    };
}

ground!(Private, os::Scope::Private, false);
#[cfg(all(target_os = "linux", not(feature = "portable")))]
ground!(Shared, os::Scope::Shared, true);

#[cfg(all(target_os = "linux", not(feature = "portable")))]
impl inkle_core::robust::Mortal for Shared {
    #[inline]
    fn life() -> inkle_core::robust::Life {
        os::life::life()
    }

    fn is_alive(life: inkle_core::robust::Life) -> bool {
        os::life::is_alive(life)
    }
}

/// The deadline `timeout` from now; saturates to [`Deadline::NEVER`].
///
/// ```
/// use std::time::Duration;
///
/// assert!(inkle::platform::after(Duration::from_secs(1)) < inkle::platform::Deadline::NEVER);
/// assert_eq!(inkle::platform::after(Duration::MAX), inkle::platform::Deadline::NEVER);
/// ```
#[must_use]
pub fn after(timeout: Duration) -> Deadline {
    Deadline::after::<Private>(timeout)
}

/// The deadline at a moment of the standard library's clock. A moment in the past has passed.
///
/// ```
/// use std::time::{Duration, Instant};
/// use inkle::platform::{Deadline, until};
///
/// assert_eq!(until(Instant::now() - Duration::from_millis(1)), Deadline::PASSED);
/// assert!(until(Instant::now() + Duration::from_secs(1)) > Deadline::PASSED);
/// ```
#[must_use]
pub fn until(moment: Instant) -> Deadline {
    after(moment.saturating_duration_since(Instant::now()))
}
