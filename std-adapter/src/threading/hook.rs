//! Who hears of a panic that ended a thread's function.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use super::panic::drop_quietly;
use super::{Panic, ThreadInfo, locked};

type Hook = Arc<dyn Fn(&ThreadInfo, &Panic) + Send + Sync>;

static HOOK: Mutex<Option<Hook>> = Mutex::new(None);

/// Has `hook` called, in the thread itself, each time a panic has left the function of a thread or a
/// timer, with who that was and the panic. Replaces the hook before. Does not block. (TH006, LT003)
///
/// The panic is not lost by that: [`join`](super::Thread::join) gives it afterwards. A panic that the
/// function has caught itself is none of this hook's business, and [`thread::exit`](crate::thread::exit)
/// is no panic (TH007).
///
/// The standard library's own hook has spoken before, at the place of the panic: by default it prints
/// name, message and place on stderr, and that is all that happens without a hook of yours. Silence
/// it with [`std::panic::set_hook`].
///
/// A panic in `hook` is reported by the standard library's and goes no further (TH008). The thread
/// ends, and whoever joins it waits, only after `hook` has returned.
///
/// ```
/// use inkle::threading::{self, Builder, Event};
/// use std::sync::Mutex;
///
/// static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
///
/// threading::set_panic_hook(|thread, panic| {
///     SEEN.lock().unwrap().push(format!("{}: {panic}", thread.name()));
/// });
/// let thread = Builder::new().name("weaver").spawn(|| panic!("out of yarn")).unwrap();
/// assert!(thread.join().is_err());
/// assert_eq!(*SEEN.lock().unwrap(), ["weaver: out of yarn"]);
/// threading::reset_panic_hook();
/// ```
pub fn set_panic_hook(hook: impl Fn(&ThreadInfo, &Panic) + Send + Sync + 'static) {
    replace(Some(Arc::new(hook)));
}

/// Takes back what [`set_panic_hook`] has set; the standard library's hook remains. Does not block.
/// (TH008)
///
/// ```
/// inkle::threading::reset_panic_hook();
/// ```
pub fn reset_panic_hook() {
    replace(None);
}

fn replace(hook: Option<Hook>) {
    let old = std::mem::replace(&mut *locked(&HOOK), hook);
    // Not under the lock: it may own anything.
    drop(old);
}

pub(crate) fn report(thread: &ThreadInfo, panic: &Panic) {
    let Some(hook) = locked(&HOOK).clone() else { return };
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| hook(thread, panic))) {
        drop_quietly(payload);
    }
    drop_quietly(hook);
}
