//! Functions that are found by a name, in whatever program it is registered.
//!
//! Each [`register!`](crate::register) puts an address into a section of the program, of which the linker makes one
//! row with a symbol at either end. So nothing has to be called before a name can be found, and nothing runs before
//! `main` for it.

use std::ptr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::call::{Call, Task, signature};

/// Registers a function under a name, by which [`Process::spawn_named`](crate::multiprocessing::Process::spawn_named)
/// finds it in a program of another build. To be written outside of functions.
///
/// The name is for the whole program: two functions that have the same one are both not found. It is best to begin
/// it with the crate's.
///
/// ```
/// use inkle::multiprocessing::Process;
///
/// fn double(number: u32) -> u32 {
///     2 * number
/// }
///
/// inkle::register!("docs.double", double);
///
/// let process = Process::<u32>::spawn_named("docs.double", (21_u32,)).unwrap();
/// assert_eq!(process.join().unwrap(), 42);
/// ```
#[macro_export]
macro_rules! register {
    ($name:expr, $function:expr) => {
        const _: () = {
            // SAFETY: what lies in the section are addresses of this type, by this macro, and nothing else.
            #[used]
            #[unsafe(link_section = "inkle_names_1")]
            static NAMED: &$crate::multiprocessing::Named =
                &$crate::multiprocessing::Named::new($name, $function);
        };
    };
}

/// What [`register!`](crate::register) makes.
#[doc(hidden)]
pub struct Named {
    name: &'static str,
    types: fn() -> String,
    task: Option<&'static Task>,
}

impl Named {
    /// For the macro.
    pub const fn new<F, A>(name: &'static str, function: F) -> Self
    where
        F: Call<A, Output: Serialize>,
        A: DeserializeOwned + 'static,
    {
        Self { name, types: signature::<A, F::Output>, task: Some(Task::of(function)) }
    }
}

/// Without any the section would not be there, nor its symbols.
#[used]
#[unsafe(link_section = "inkle_names_1")]
static NOBODY: &Named = &Named { name: "", types: String::new, task: None };

unsafe extern "C" {
    #[link_name = "__start_inkle_names_1"]
    static START: [usize; 0];
    #[link_name = "__stop_inkle_names_1"]
    static STOP: [usize; 0];
}

/// Why there is none.
pub(super) enum NotFound {
    Unknown,
    /// There are several.
    Ambiguous,
    /// It is of these types.
    OtherTypes(String),
}

/// The function of this name, if it is of these types.
pub(super) fn find(name: &str, types: &str) -> Result<&'static Task, NotFound> {
    let (start, stop) =
        (ptr::addr_of!(START).cast::<&Named>(), ptr::addr_of!(STOP).cast::<&Named>());
    let count = (stop as usize - start as usize) / size_of::<&Named>();
    // SAFETY: the linker has put all addresses of the section between the two symbols, without gaps: they are of one
    // size and as aligned as that; and only `register!` and `NOBODY` put some there.
    let all = unsafe { std::slice::from_raw_parts(start, count) };
    let mut found = None;
    for named in all.iter().filter(|named| named.name == name) {
        let Some(task) = named.task else { continue };
        if found.replace((named, task)).is_some() {
            return Err(NotFound::Ambiguous);
        }
    }
    let (named, task) = found.ok_or(NotFound::Unknown)?;
    let theirs = (named.types)();
    if theirs == types { Ok(task) } else { Err(NotFound::OtherTypes(theirs)) }
}
