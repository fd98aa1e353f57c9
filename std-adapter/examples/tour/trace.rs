//! `--trace FILE`: who did what when in the whole run, for trace viewers and as a picture. What records is behind
//! a feature of the library; without it there is only the hint how to get it.

#[cfg(not(feature = "timeline"))]
pub(crate) use hint::{Trace, span};
#[cfg(feature = "timeline")]
pub(crate) use recorded::{Trace, span};

#[cfg(feature = "timeline")]
mod recorded {
    use std::path::PathBuf;
    use std::{fs, io};

    use inkle::timeline::{self, Recorder, Span};

    use crate::report::count;

    pub(crate) struct Trace {
        file: PathBuf,
        recorder: Recorder,
    }

    impl Trace {
        pub(crate) fn begin(file: PathBuf) -> Result<Self, String> {
            if file.extension().is_some_and(|kind| kind == "svg") {
                return Err(
                    "--trace names the trace, as run.json; the picture comes beside it".into()
                );
            }
            // A file that cannot be is told of now, not when all is done.
            fs::write(&file, "").map_err(|error| format!("{}: {error}", file.display()))?;
            let recorder = timeline::record().map_err(|error| error.to_string())?;
            Ok(Self { file, recorder })
        }

        /// Writes both; says where.
        pub(crate) fn end(self) -> io::Result<String> {
            let (timeline, picture) = (self.recorder.stop(), self.file.with_extension("svg"));
            fs::write(&self.file, timeline.to_trace())?;
            fs::write(&picture, timeline.to_svg())?;
            let bars = timeline.lanes.iter().map(|lane| lane.bars.len()).sum();
            Ok(format!(
                "{} of {} in {} and {}",
                count(bars, "bar"),
                count(timeline.lanes.len(), "thread"),
                self.file.display(),
                picture.display()
            ))
        }
    }

    /// A bar in the lane of this thread, until it is dropped.
    pub(crate) fn span(name: &'static str) -> Span {
        timeline::span(name)
    }
}

#[cfg(not(feature = "timeline"))]
mod hint {
    use std::io;
    use std::path::PathBuf;

    pub(crate) enum Trace {}

    impl Trace {
        pub(crate) fn begin(file: PathBuf) -> Result<Self, String> {
            Err(format!(
                "nothing records without a feature; try\n  \
                 cargo run --release --features timeline --example tour -- --trace {}",
                file.display()
            ))
        }

        pub(crate) fn end(self) -> io::Result<String> {
            match self {}
        }
    }

    pub(crate) fn span(_: &'static str) -> impl Sized {}
}
