//! Who did what when: a recording of the threads' tasks, as a picture and for trace viewers. With the
//! feature `timeline`; without it nothing of this exists and nothing is paid for it.
//!
//! While something is [recorded](record), every task of [`concurrent`](crate::concurrent) leaves a bar in the
//! lane of the thread that does it: when it was submitted, begun and ended, and how. Any other code may
//! leave bars too ([`span`]). [`Recorder::stop`] gives the [`Timeline`], which is plain data, and that
//! writes itself as a trace ([`to_trace`](Timeline::to_trace)) for viewers such as Perfetto and
//! `chrome://tracing`, and as an SVG picture ([`to_svg`](Timeline::to_svg)).
//!
//! ```
//! use inkle::concurrent::{Spawn, ThreadPoolExecutor};
//! use inkle::timeline;
//!
//! let recorder = timeline::record()?;
//! let executor = ThreadPoolExecutor::new(2)?;
//! let named = executor.named("sum");
//! let sums = named.map(|n: u64| (0..n).sum::<u64>(), [10, 20, 30]);
//! assert_eq!(sums.into_iter().flatten().sum::<u64>(), 45 + 190 + 435);
//! executor.shutdown_with(inkle::concurrent::Halt::WAIT);
//! let timeline = recorder.stop();
//!
//! let bars = timeline.lanes.iter().flat_map(|lane| &lane.bars);
//! assert_eq!(bars.filter(|bar| bar.name == "sum").count(), 3);
//! let folder = std::env::temp_dir();
//! # let folder = folder.join(format!("inkle-timeline-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! std::fs::write(folder.join("run.json"), timeline.to_trace())?;
//! std::fs::write(folder.join("run.svg"), timeline.to_svg())?;
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Cost
//!
//! Not recording: one load of a word that nobody writes, when a task is submitted and when it is done.
//! Recording: three looks at the clock and two pushes into a queue of the thread's own a task, and no lock,
//! but for a thread's first bar. Nothing is written or thrown away before the end: about 150 bytes a task.
//!
//! # Other processes
//!
//! A [`Timeline`] of another process of this machine can be [added](Timeline::add) to one of this: both have
//! the time from the same clock.

mod model;
mod recorder;
mod svg;
mod trace;

pub use model::{Bar, Lane, State, Timeline};
pub use recorder::{AlreadyRecording, Recorder, Span, record, span};
pub(crate) use recorder::{begin, cancelled, now};
