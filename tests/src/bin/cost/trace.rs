//! An image under QEMU, told to say before each instruction where it is: exact, and the same each time.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use inkle_tests::toolchain;

use crate::elf::Image;

/// `mov r10, r10`, or `mov r9, r9` if it is to be refused, and `mov r11, r11`: the marks around an
/// operation.
const BEGIN: u16 = 0x46D2;
const BEGIN_REFUSED: u16 = 0x46C9;
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
    /// The same of a `put` that finds no room, and of a `take` that finds nothing.
    pub(crate) refused: Option<[u32; 2]>,
    /// Instructions one after the other with interrupts off, the one that lets them in again included.
    pub(crate) window: u32,
    /// Bytes of stack below the call.
    pub(crate) stack: u32,
}

/// Runs the image at `file`; fails if it does, or if its instructions cannot be understood.
pub(crate) fn run(machine: &str, file: &Path, image: &Image) -> Result<Counts, String> {
    let log = file.with_extension("trace");
    let output = Command::new("qemu-system-arm")
        .args(["-M", machine, "-display", "none", "-monitor", "none", "-serial", "none"])
        .args(["-semihosting-config", "enable=on,target=native", "-d", "exec,cpu,nochain"])
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

/// One instruction of a trace: where it is, and the stack pointer before it.
struct Step {
    address: u32,
    stack: u32,
}

/// All steps of a trace; an error is a step that cannot be read.
fn steps(mut lines: impl Iterator<Item = String>) -> impl Iterator<Item = Result<Step, String>> {
    std::iter::from_fn(move || {
        let place = lines.find(|line| line.starts_with("Trace "))?;
        // The registers follow.
        let stack = lines.find_map(|line| hex(line.split("R13=").nth(1)?.get(..8)?));
        let step = address(&place).zip(stack).map(|(address, stack)| Step { address, stack });
        Some(step.ok_or_else(|| format!("no trace of an instruction: {place}")))
    })
}

/// `Trace 0: 0x7f... [00800400/0000041c/...] name`: the second in brackets.
fn address(line: &str) -> Option<u32> {
    hex(line.split('[').nth(1)?.split('/').nth(1)?)
}

fn hex(digits: &str) -> Option<u32> {
    u32::from_str_radix(digits, 16).ok()
}

/// The operation that is under way.
struct Operation {
    is_refused: bool,
    instructions: u32,
    /// The stack pointer at its begin.
    stack: u32,
}

fn count(lines: impl Iterator<Item = String>, image: &Image) -> Result<Counts, String> {
    let mut worst = Counts::default();
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    let mut operation: Option<Operation> = None;
    // Instructions with interrupts off, and sections that have begun.
    let (mut masked, mut depth) = (0, 0);
    for step in steps(lines) {
        let Step { address, stack } = step?;
        let Some(instruction) = image.instruction(address) else {
            return Err(format!("there is no instruction at {address:#x}"));
        };
        let Some(now) = &mut operation else {
            if let BEGIN | BEGIN_REFUSED = instruction {
                let is_refused = instruction == BEGIN_REFUSED;
                operation = Some(Operation { is_refused, instructions: 0, stack });
            }
            continue;
        };
        worst.stack = worst.stack.max(now.stack - stack);
        masked += u32::from(depth > 0);
        match instruction {
            END => {
                if depth != 0 {
                    return Err("an operation leaves interrupts off".into());
                }
                // Without the call.
                let counts = if now.is_refused { &mut refused } else { &mut done };
                counts.push(now.instructions - 1);
                operation = None;
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
        now.instructions += 1;
    }
    if done.is_empty() || done.len() % 2 != 0 {
        return Err(format!("{} operations", done.len()));
    }
    for pair in done.chunks_exact(2) {
        worst.put = worst.put.max(pair[0]);
        worst.take = worst.take.max(pair[1]);
    }
    worst.refused = match refused[..] {
        [] => None,
        // An image asks when it is empty first.
        [empty, full] => Some([full, empty]),
        _ => return Err(format!("{} refused operations", refused.len())),
    };
    Ok(worst)
}
