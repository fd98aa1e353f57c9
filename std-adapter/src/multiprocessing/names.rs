//! Functions that are found by a name, in whatever program it is registered.
//!
//! Each [`register!`](crate::register) puts an address into a section of the program, of which the linker
//! makes one row with a symbol at either end. So nothing has to be called before a name can be found, and
//! nothing runs before `main` for it.

use std::any::TypeId;
use std::fmt;
use std::ptr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::call::{Call, Task, signature};

/// Registers a function under a name, by which
/// [`Process::spawn_named`](crate::multiprocessing::Process::spawn_named) finds it in a program of another
/// build. To be written outside of functions.
///
/// The name is for the whole program: two functions that have the same one are both not found. It is best
/// to begin it with the crate's.
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
///
/// With its type as a function pointer it is also found by its address. Executors on other machines need
/// that for a `fn(A) -> R`, which is all that [`Submit`](crate::concurrent::Submit) gives them:
///
/// ```
/// fn half(number: u32) -> u32 {
///     number / 2
/// }
///
/// inkle::register!("docs.half", half as fn(u32) -> u32);
/// ```
#[macro_export]
macro_rules! register {
    (@ $named:expr) => {
        const _: () = {
            // SAFETY: what lies in the section are addresses of this type, by this macro, and nothing else.
            #[used]
            #[unsafe(link_section = "inkle_names_2")]
            static NAMED: &$crate::multiprocessing::Named = &$named;
        };
    };
    ($name:expr, $function:path as $pointer:ty) => {
        $crate::register!(@ $crate::multiprocessing::Named::new($name, $function).at(|| {
            let pointer: $pointer = $function;
            pointer as usize
        }));
    };
    ($name:expr, $function:expr) => {
        $crate::register!(@ $crate::multiprocessing::Named::new($name, $function));
    };
}

/// What [`register!`](crate::register) makes.
#[doc(hidden)]
pub struct Named {
    name: &'static str,
    types: fn() -> String,
    task: Option<&'static Task>,
    #[cfg_attr(
        not(feature = "remote"),
        allow(dead_code, reason = "only executors on other machines ask")
    )]
    function: fn() -> TypeId,
    /// Of its code, if it was registered with its type.
    address: Option<fn() -> usize>,
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Named {
    /// For the macro.
    pub const fn new<F, A>(name: &'static str, function: F) -> Self
    where
        F: Call<A, Output: Serialize>,
        A: DeserializeOwned + 'static,
    {
        let task = Some(Task::of(function));
        let types = signature::<A, F::Output>;
        Self { name, types, task, function: TypeId::of::<F>, address: None }
    }

    /// For the macro: whose code is there.
    pub const fn at(mut self, address: fn() -> usize) -> Self {
        self.address = Some(address);
        self
    }
}

/// Without any the section would not be there, nor its symbols.
#[used]
#[unsafe(link_section = "inkle_names_2")]
static NOBODY: &Named =
    &Named { name: "", types: String::new, task: None, function: TypeId::of::<()>, address: None };

unsafe extern "C" {
    #[link_name = "__start_inkle_names_2"]
    static START: [usize; 0];
    #[link_name = "__stop_inkle_names_2"]
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

/// All that are registered.
fn all() -> impl Iterator<Item = (&'static Named, &'static Task)> {
    let (start, stop) =
        (ptr::addr_of!(START).cast::<&Named>(), ptr::addr_of!(STOP).cast::<&Named>());
    let count = (stop as usize - start as usize) / size_of::<&Named>();
    // SAFETY: the linker has put all addresses of the section between the two symbols, without gaps: they
    // are of one size and as aligned as that; and only `register!` and `NOBODY` put some there.
    let all = unsafe { std::slice::from_raw_parts::<&'static Named>(start, count) };
    all.iter().filter_map(|named| named.task.map(|task| (*named, task)))
}

/// The function of this name, if it is of these types.
pub(super) fn find(name: &str, types: &str) -> Result<&'static Task, NotFound> {
    let mut found = all().filter(|(named, _)| named.name == name);
    let (named, task) = found.next().ok_or(NotFound::Unknown)?;
    if found.next().is_some() {
        return Err(NotFound::Ambiguous);
    }
    let theirs = (named.types)();
    if theirs == types { Ok(task) } else { Err(NotFound::OtherTypes(theirs)) }
}

/// The names of this function of these types.
#[cfg(feature = "remote")]
pub(super) fn of(function: TypeId, types: &str) -> Vec<&'static str> {
    let same = |named: &Named| (named.function)() == function && (named.types)() == types;
    all().filter(|(named, _)| same(named)).map(|(named, _)| named.name).collect()
}

/// The names of the functions of these types whose code is here.
#[cfg(feature = "remote")]
pub(super) fn at(address: usize, types: &str) -> Vec<&'static str> {
    let is_here = |named: &Named| named.address.is_some_and(|theirs| theirs() == address);
    let same = |named: &Named| is_here(named) && (named.types)() == types;
    all().filter(|(named, _)| same(named)).map(|(named, _)| named.name).collect()
}
