//! How processes come to be.

use std::sync::atomic::{AtomicBool, Ordering};

/// How a process comes to be. (MP001, MP004)
///
/// There is no fork of this process: what its other threads hold would be held in the child for ever. (FK002)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StartMethod {
    /// The program is started again: the child has nothing of this process but what it is given.
    #[default]
    Spawn,
    /// A helper process makes a copy of itself: quicker, for the program is loaded and linked already.
    ///
    /// The helper is this program, started once by the first process that needs it, or by
    /// [`start_fork_server`](super::start_fork_server). It stops before `main` and has no threads, so that nothing is
    /// held in its copies. It ends when this process does, and is started again if it has ended before.
    ///
    /// A child is this process's all the same, as one that was spawned: its parent, its end and its death with the
    /// parent are the same. It has this process's standard output, folder, mask for new files and variables of the
    /// environment as they are when it is started. If users, groups, capabilities, system call filters, limits,
    /// signals that are ignored, or the group or session of processes have changed since the helper was started, so
    /// that a child would have the old ones, the helper is replaced. What else a process has from its parent, as its
    /// priority, processors, control group, namespaces and root folder, is of the time when the helper was started.
    ///
    /// All children of one helper have their code and data at the same addresses, and the same secret against
    /// overflows of buffers; those that are spawned each have their own.
    ForkServer,
}

/// Whether it is the fork server. Nothing goes with it: relaxed.
static FORK_SERVER: AtomicBool = AtomicBool::new(false);

/// How processes come to be that are not told otherwise: [`StartMethod::Spawn`], unless that was set. Does not block.
/// (MP001, MP002)
///
/// ```
/// use inkle::multiprocessing::{StartMethod, start_method};
///
/// assert_eq!(start_method(), StartMethod::Spawn);
/// ```
pub fn start_method() -> StartMethod {
    if FORK_SERVER.load(Ordering::Relaxed) { StartMethod::ForkServer } else { StartMethod::Spawn }
}

/// Has this be [`start_method`], for processes that are started from now on, here and by them. May be called again,
/// which Python refuses. Does not block. (MP001)
///
/// ```standalone_crate
/// use inkle::multiprocessing::{Process, StartMethod, set_start_method, start_method};
///
/// fn look() -> bool {
///     start_method() == StartMethod::ForkServer
/// }
///
/// set_start_method(StartMethod::ForkServer);
/// assert!(Process::spawn(look, ()).unwrap().join().unwrap());
/// ```
pub fn set_start_method(method: StartMethod) {
    FORK_SERVER.store(method == StartMethod::ForkServer, Ordering::Relaxed);
}
