//! An image under QEMU, told to say before each instruction where it is: exact, and the same each time.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use inkle_tests::toolchain;

use crate::elf::Image;

/// `mov r10, r10` and `mov r11, r11`: the marks around an operation.
const BEGIN: u16 = 0x46D2;
const END: u16 = 0x46DB;
/// `cpsid i`, and `msr primask, ...`, which ends the section that it began. They nest.
const MASK: u16 = 0xB672;
const RESTORE: (std::ops::RangeInclusive<u16>, u16) = (0xF380..=0xF38F, 0x8810);
/// `cpsie i`, of which that cannot be said.
const UNMASK: u16 = 0xB662;

/// What the operations take, the worst of all rounds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Instructions of `put`, from its first to its return.
    pub(crate) put: u32,
    /// The same of `take`.
    pub(crate) take: u32,
    /// Instructions one after the other with interrupts off, the one that lets them in again included.
    pub(crate) window: u32,
}

/// Runs the image at `file`; fails if it does, or if its instructions cannot be understood.
pub(crate) fn run(machine: &str, file: &Path, image: &Image) -> Result<Counts, String> {
    let log = file.with_extension("trace");
    let output = Command::new("qemu-system-arm")
        .args(["-M", machine, "-display", "none", "-monitor", "none", "-serial", "none"])
        .args(["-semihosting-config", "enable=on,target=native", "-d", "exec,nochain"])
        .args(one_at_a_time())
        .arg("-D")
        .arg(&log)
        .arg("-kernel")
        .arg(file)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("QEMU: {error}"))?;
    if !output.success() {
        return Err(format!("it fails: {output}"));
    }
    let lines = BufReader::new(File::open(&log).map_err(|error| error.to_string())?).lines();
    let counts = count(lines.map_while(Result::ok), image);
    fs::remove_file(&log).map_err(|error| error.to_string())?;
    counts
}

/// The option that makes every instruction a block of its own; it was renamed in version 8.1.
fn one_at_a_time() -> &'static [&'static str] {
    let version = toolchain::answer("qemu-system-arm", &["--version"]).unwrap_or_default();
    let number = version.split("version ").nth(1).unwrap_or_default();
    let major: u32 = number.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    if major < 9 { &["-singlestep"] } else { &["-accel", "tcg,one-insn-per-tb=on"] }
}

fn count(lines: impl Iterator<Item = String>, image: &Image) -> Result<Counts, String> {
    let mut worst = Counts::default();
    let mut operations = 0;
    // Instructions since the mark, those with interrupts off, and sections that have begun.
    let (mut since_mark, mut masked, mut depth) = (None, 0, 0);
    for line in lines {
        let address =
            address(&line).ok_or_else(|| format!("no trace of an instruction: {line}"))?;
        let Some(instruction) = image.instruction(address) else {
            return Err(format!("there is no instruction at {address:#x}"));
        };
        let Some(count) = &mut since_mark else {
            since_mark = (instruction == BEGIN).then_some(0);
            continue;
        };
        masked += u32::from(depth > 0);
        match instruction {
            END => {
                if depth != 0 {
                    return Err("an operation leaves interrupts off".into());
                }
                // Without the call.
                let side = if operations % 2 == 0 { &mut worst.put } else { &mut worst.take };
                *side = (*side).max(*count - 1);
                operations += 1;
                since_mark = None;
                continue;
            }
            MASK => depth += 1,
            UNMASK => return Err("interrupts are let in by `cpsie`".into()),
            first
                if RESTORE.0.contains(&first)
                    && image.instruction(address + 2) == Some(RESTORE.1) =>
            {
                if depth == 0 {
                    return Err("a section ends that has not begun".into());
                }
                depth -= 1;
                if depth == 0 {
                    worst.window = worst.window.max(masked);
                    masked = 0;
                }
            }
            _ => (),
        }
        *count += 1;
    }
    if operations == 0 || operations % 2 != 0 {
        Err(format!("{operations} operations"))
    } else {
        Ok(worst)
    }
}

/// `Trace 0: 0x7f... [00800400/0000041c/...] name`: the second in brackets.
fn address(line: &str) -> Option<u32> {
    let place = line.strip_prefix("Trace ")?.split('[').nth(1)?.split('/').nth(1)?;
    u32::from_str_radix(place, 16).ok()
}
