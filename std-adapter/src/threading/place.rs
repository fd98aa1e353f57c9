//! Where a panic began.

use std::cell::RefCell;
use std::fmt;
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::Once;

use super::Panic;
use super::panic::message;

/// Has each [`Panic`] from now on know the [place](Panic::place) in the source where it began. Does not
/// block.
///
/// Unwinding does not carry the place; only the standard library's panic hook is told. So this puts a hook
/// before the one that is set, and calls that one too. A hook that is set later replaces both, unless it
/// does the same. Called again it does nothing.
///
/// ```
/// use inkle::threading::{self, JoinError};
///
/// threading::locate_panics();
/// let thread = threading::spawn(|| panic!("out of yarn")).unwrap();
/// match thread.join() {
///     Err(JoinError::Panicked(panic)) => assert!(panic.place().unwrap().line > 0),
///     _ => unreachable!(),
/// }
/// ```
pub fn locate_panics() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            note(info);
            before(info);
        }));
    });
}

/// A place in the source; see [`locate_panics`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PanicPlace {
    /// The file, as the compiler names it.
    pub file: String,
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1.
    pub column: u32,
}

impl fmt::Display for PanicPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

thread_local! {
    /// The last panic that the hook was told of: its message and its place.
    static LAST: RefCell<Option<(Option<String>, PanicPlace)>> = const { RefCell::new(None) };
}

fn note(info: &PanicHookInfo<'_>) {
    let Some(place) = info.location() else { return };
    let message = message(info.payload());
    let (line, column) = (place.line(), place.column());
    let place = PanicPlace { file: place.file().to_owned(), line, column };
    // At the end of the thread the place for it may be gone.
    let _ = LAST.try_with(|last| last.replace(Some((message, place))));
}

/// The place of a panic that this thread has just caught. One with another message than the hook was told
/// of began elsewhere, and was passed on.
pub(super) fn of(message: Option<&str>) -> Option<PanicPlace> {
    let last = LAST.try_with(|last| last.take()).ok().flatten();
    last.and_then(|(told, place)| (told.as_deref() == message).then_some(place))
}

impl Panic {
    /// Where it began; `None` unless [`locate_panics`] was called before, and for a payload that was not
    /// panicked with but passed on ([`resume_unwind`](std::panic::resume_unwind)).
    pub fn place(&self) -> Option<&PanicPlace> {
        self.place.as_ref()
    }
}
