//! What the kernel costs on a microcontroller, beside its peers: builds the images of
//! `tests/firmware/cost`, runs them under QEMU and writes `tests/firmware/COST.md`.
//!
//! `--check`: writes nothing; fails if that page does not say what is so, but for a small difference.

mod elf;
mod figures;
mod rows;
mod table;
mod trace;

use std::env;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use inkle_tests::toolchain::Toolchain;

use figures::{GROUNDS, TARGETS};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => run(false),
        ["--check"] => run(true),
        _ => Err("usage: cost [--check]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(is_check: bool) -> Result<(), String> {
    let toolchain = Toolchain::find(&TARGETS)?;
    let here = env::current_exe().map_err(|error| error.to_string())?;
    // Beside the profile's folder, where this program lies.
    let folder = here.ancestors().nth(2).ok_or("a program without a folder")?.join("cost");
    let measured = GROUNDS
        .iter()
        .map(|ground| figures::measure(ground, &toolchain, &folder))
        .collect::<Result<Vec<_>, _>>()?;
    let page = table::page(&toolchain.compiler(), &measured)?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/COST.md");
    if is_check {
        let committed = fs::read_to_string(&file).map_err(|error| error.to_string())?;
        table::compare(&page, &committed)
            .map_err(|rows| format!("tests/firmware/COST.md is not so any more:\n{rows}"))
    } else {
        fs::write(&file, page).map_err(|error| error.to_string())
    }
}
