//! The size of a new thread's stack, where its builder says none.

use std::error::Error;
use std::fmt;
use std::sync::Mutex;

use super::locked;

/// The least size that [`set_stack_size`] takes: 32 KiB, as in Python. (TH011)
///
/// ```
/// use inkle::threading::{MIN_STACK_SIZE, set_stack_size};
///
/// assert!(set_stack_size(MIN_STACK_SIZE - 1).is_err());
/// ```
pub const MIN_STACK_SIZE: usize = 32 * 1024;

static STACK_SIZE: Mutex<usize> = Mutex::new(0);

/// The size in bytes of the stacks of threads that are started from now on and whose
/// [`Builder`](super::Builder) says no other; 0 is the standard library's choice (2 MiB, or what the
/// environment's `RUST_MIN_STACK` says). Does not block. (TH011)
///
/// ```
/// assert_eq!(inkle::threading::stack_size(), 0);
/// ```
#[must_use]
pub fn stack_size() -> usize {
    *locked(&STACK_SIZE)
}

/// Sets what [`stack_size`] says, for the whole process, and returns the old value. 0 goes back to
/// the standard library's choice. A size that no memory can hold is taken, and refused when a thread
/// starts. Does not block. (TH011)
///
/// Errors: [`StackTooSmall`], and the value stays.
///
/// ```
/// use inkle::threading::{self, set_stack_size, stack_size};
///
/// assert_eq!(set_stack_size(256 * 1024), Ok(0));
/// assert!(set_stack_size(100).is_err());
/// assert_eq!(stack_size(), 256 * 1024);
/// assert_eq!(threading::spawn(|| 7).unwrap().join().unwrap(), 7);
/// assert_eq!(set_stack_size(0), Ok(256 * 1024));
/// ```
pub fn set_stack_size(bytes: usize) -> Result<usize, StackTooSmall> {
    if bytes != 0 && bytes < MIN_STACK_SIZE {
        return Err(StackTooSmall { asked: bytes });
    }
    Ok(std::mem::replace(&mut *locked(&STACK_SIZE), bytes))
}

/// No stack is that small: [`MIN_STACK_SIZE`].
///
/// ```
/// let error = inkle::threading::set_stack_size(1).unwrap_err();
/// assert_eq!(error.to_string(), "a stack of 1 bytes is too small: 32768 is the least");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackTooSmall {
    asked: usize,
}

impl fmt::Display for StackTooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = self.asked;
        write!(f, "a stack of {asked} bytes is too small: {MIN_STACK_SIZE} is the least")
    }
}

impl Error for StackTooSmall {}
