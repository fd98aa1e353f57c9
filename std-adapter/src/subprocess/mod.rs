//! Python's `subprocess`: other programs, without the traps. Linux only, so far.
//!
//! | Python | here |
//! |---|---|
//! | `run(args, input=…, capture_output=…, timeout=…, check=…)` | [`run`], [`Command::run`] |
//! | `call`, `check_call`, `check_output`, `getoutput`, `getstatusoutput` | [`call`], [`check_call`], [`check_output`], [`getoutput`], [`getstatusoutput`] |
//! | `Popen(args, …)` | [`Command::spawn`], which gives a [`Child`] |
//! | `shell=True` | [`Command::shell`] |
//! | `poll`, `wait`, `communicate` | [`poll`](Child::poll), [`wait`](Child::wait), [`communicate`](Child::communicate) |
//! | `send_signal`, `terminate`, `kill` | [`send_signal`](Child::send_signal), [`terminate`](Child::terminate), [`kill`](Child::kill); [`stop`](Child::stop) |
//! | `returncode` | [`Status`], [`returncode`](Status::returncode) |
//! | `PIPE`, `STDOUT`, `DEVNULL`, a file, a descriptor | [`Stdio`] |
//! | `text`, `encoding`, `errors` | [`Output::stdout_text`]; [`Output::stdout_in`] an [`Encoding`] |
//! | `CalledProcessError`, `TimeoutExpired`, `OSError` | the same, [`StartError`] |
//! | none | [`communicate_to`](Child::communicate_to) a [`Sink`]: lines, tee, limits |
//! | `asyncio.subprocess` | `(&child).await`, [`communicate_async`](Child::communicate_async): a [`Conversation`] |
//! | `resource.getrusage`, of all children together | [`usage`](Child::usage), of each |
//! | none | [`kill_tree`](Child::kill_tree) |
//! | none: `a \| b \| c` | [`Pipeline`] |
//! | `preexec_fn`, `bufsize` | none: what the former is used for, a [`Command`] can say; a pipe is a descriptor |
//! | `with Popen(…)`, `communicate` once more | [dropping](Child) waits for nobody; what was read is given once |
//! | `list2cmdline` | [`list2cmdline`] |
//!
//! A program is started without a copy of this process, however large that is, and stands behind a
//! descriptor of its own: no signal reaches another process, nobody else's children are waited for, no
//! handler is installed, and nothing waits by asking again and again.

mod alarm;
mod awaited;
mod cgroup;
mod child;
mod command;
mod conversation;
mod error;
mod identity;
mod lasting;
mod options;
mod output;
mod pipeline;
mod quote;
mod reaper;
mod run;
mod sink;
mod status;
mod stdio;
mod talk;
mod text;
mod tree;

pub use awaited::Ended;
pub use child::Child;
pub use command::Command;
pub use conversation::Conversation;
pub use error::{
    CalledProcessError, CheckError, CommunicateError, StartCause, StartError, TimeoutExpired,
    WaitError,
};
pub use identity::Identity;
pub use output::Output;
pub use pipeline::{Pipeline, PipelineError, Stages};
pub use quote::list2cmdline;
pub use run::{Completed, call, check_call, check_output, getoutput, getstatusoutput, run};
pub use sink::Sink;
pub use status::{Signal, Status, Usage};
pub use stdio::Stdio;
pub use text::{Encoding, Errors, TextError, UnknownEncoding};
pub use tree::Reach;

// For `multiprocessing`, whose children are children too.
#[cfg(all(not(feature = "portable"), feature = "multiprocessing"))]
pub(crate) use child::ended;
#[cfg(all(not(feature = "portable"), feature = "multiprocessing"))]
pub(crate) use lasting::start as start_for_good;
#[cfg(all(not(feature = "portable"), feature = "multiprocessing"))]
pub(crate) use reaper::{Ward, look_after};
