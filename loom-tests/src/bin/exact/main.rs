//! The exact tier: runs the models against an edited copy of loom.
//!
//! ```text
//! cargo run --release -p loom-tests --bin exact [-- FILTER | --bless | --weak N | --fences]
//! ```

#[path = "../../tier/mod.rs"]
mod tier;

use std::env;
use std::process::ExitCode;

use tier::{Package, Result};

fn main() -> ExitCode {
    match Package::prepare().and_then(|package| run(&package)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("exact tier: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(package: &Package) -> Result<ExitCode> {
    let status = package
        .cargo("run")
        .arg("--")
        .args(env::args_os().skip(1))
        .env("INKLE_FLOORS", package.root.join("loom-tests/floors.txt"))
        .status()?;
    // Ended by a signal, it has no code.
    Ok(ExitCode::from(status.code().and_then(|code| code.try_into().ok()).unwrap_or(1)))
}
