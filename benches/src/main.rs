//! Side by side with the peers, in one process, ratios only. See `README.md` beside this package.
//!
//! ```text
//! cargo run --release -p inkle-benches [-- --quick] [FILTER]
//! ```

mod harness;
mod machine;
mod pipe;
mod report;
mod rows;
mod stats;
mod svg;
mod threads;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use harness::{Effort, Figures, measure};

/// 21 rounds, so that the 10th and 90th percentile leave two rounds out on each side.
const FULL: Effort = Effort { rounds: 21, slice: Duration::from_millis(20) };
/// For a look while working on the code.
const QUICK: Effort = Effort { rounds: 5, slice: Duration::from_millis(5) };

fn main() -> ExitCode {
    // Its children come by here, and go no further.
    #[cfg(target_os = "linux")]
    procspawn::init();
    let mut effort = FULL;
    let mut filter = None;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => effort = QUICK,
            text if !text.starts_with('-') && filter.is_none() => filter = Some(argument),
            _ => {
                eprintln!("usage: inkle-benches [--quick] [FILTER]");
                return ExitCode::from(2);
            }
        }
    }

    // Before we are the load ourselves.
    let load = machine::load();
    let mut all = Vec::new();
    for row in rows::all() {
        let name = format!("{}, {}", row.group, row.shape);
        if filter.as_ref().is_some_and(|filter| !name.contains(filter.as_str())) {
            continue;
        }
        let figures = measure(row, &effort);
        print!("{}", report::console(&figures));
        all.push(figures);
    }

    // A part of the table, or a hasty one, must not replace the whole.
    if filter.is_none() && effort == FULL {
        return match write(&all, &effort, &load) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("cannot write the report: {error}");
                ExitCode::FAILURE
            }
        };
    }
    ExitCode::SUCCESS
}

fn write(all: &[Figures], effort: &Effort, load: &str) -> std::io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::write(here.join("REPORT.md"), report::markdown(all, effort, load))?;
    fs::write(here.join("report.svg"), svg::picture(all))
}
