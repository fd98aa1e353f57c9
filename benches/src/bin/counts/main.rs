//! Counts system calls and instructions of operations that meet nobody: no system call, and what the
//! sleeping path costs those who never sleep.
//!
//! ```text
//! cargo run --release -p inkle-benches --bin counts
//! ```
//!
//! Runs itself as a child under `ptrace`, which stops the child at each system call, and in a second
//! run after each instruction. The child marks the beginning and the end of the work by sending itself
//! a signal. A control subject that makes ten calls on purpose shows that the counting works. Exit code
//! 1 if one of ours makes a system call, or carries out a fence that is nothing else.

#[cfg(target_os = "linux")]
mod subjects;
#[cfg(target_os = "linux")]
mod tracer;

/// Operations for the count of system calls.
#[cfg(target_os = "linux")]
const MANY: u64 = 1_000_000;
/// Operations for the count of instructions, which is a thousand times slower.
#[cfg(target_os = "linux")]
const FEW: u64 = 200;

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<std::process::ExitCode> {
    use std::process::ExitCode;
    use subjects::SUBJECTS;

    let mut arguments = std::env::args().skip(1);
    if let Some(subject) = arguments.next() {
        let subject = subject.parse::<usize>().ok().and_then(|index| SUBJECTS.get(index));
        let times = arguments.next().and_then(|times| times.parse().ok());
        let (Some(subject), Some(times)) = (subject, times) else {
            eprintln!("usage: counts");
            return Ok(ExitCode::from(2));
        };
        let pid = std::process::id() as libc::pid_t;
        (subject.work)(times, &|| tracer::mark(pid));
        return Ok(ExitCode::SUCCESS);
    }

    println!(
        "{:<24} {:>13} {:>13} {:>8} {:>8}",
        "", "system calls", "instructions", "locked", "fences"
    );
    println!("{:<24} {:>13} {:>13} {:>8} {:>8}", "", "in a million", "each", "each", "each");
    let mut as_expected = true;
    for (index, subject) in SUBJECTS.iter().enumerate() {
        let calls = tracer::system_calls(tracer::child(index, MANY)?)?;
        let counted = tracer::instructions(tracer::child(index, FEW)?)?;
        let each = |count: u64| count as f64 / FEW as f64;
        as_expected &= subject
            .expected
            .is_none_or(|expected| calls == expected && (expected != 0 || counted.fences < FEW));
        println!(
            "{:<24} {calls:>13} {:>13.1} {:>8.1} {:>8.1}",
            subject.name,
            each(counted.all),
            each(counted.locked),
            each(counted.fences)
        );
    }
    println!(
        "\nEach: a put and a get, an acquire and a release, alone on one thread, the empty loop \
         included. Locked and fences: x86 only."
    );
    Ok(if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("counts on Linux only");
}
