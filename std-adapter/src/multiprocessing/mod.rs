//! Python's `multiprocessing`: Rust functions in other processes. Linux only, so far.
//!
//! | Python | here |
//! |---|---|
//! | `Process(target=f, args=(a, b), name=…, daemon=…).start()` | [`Process::spawn`]`(f, (a, b))`, [`Builder`] |
//! | `join()`, `join(timeout)` | [`join`](Process::join), [`join_timeout`](Process::join_timeout): gives the result, which Python has no place for |
//! | `is_alive()`, `name`, `pid`, `daemon`, `sentinel` | methods of [`ChildProcess`] |
//! | `exitcode` | [`status`](ChildProcess::status), [`ProcessError`] |
//! | `terminate()`, `kill()`, `interrupt()` | [the](ChildProcess::terminate) [same](ChildProcess::kill) [three](ChildProcess::interrupt) |
//! | `close()` | dropping the handle |
//! | `active_children()`, `current_process()`, `parent_process()`, `cpu_count()` | [the](active_children) [same](current_process) [four](parent_process) [functions](cpu_count) |
//! | `set_executable(path)` | [`Builder::executable`] |
//! | `if __name__ == '__main__':`, `freeze_support()` | nothing: a child does not come to `main` |

mod bulk;
mod call;
mod entry;
mod error;
mod frame;
mod image;
pub mod memory;
mod parcel;
mod pool;
mod process;

pub use call::Call;
pub use error::{DecodeError, EncodeError, RecvError, SendError};
pub use pool::{
    BadProcessPool, BrokenProcessPool, Counters, Pool, ProcessPoolBuilder, ProcessPoolExecutor,
    WorkerLost,
};
pub use process::{
    Builder, ChildProcess, PanicReport, Process, ProcessError, ProcessInfo, SpawnCause, SpawnError,
    active_children, cpu_count, current_process, parent_process,
};
