//! Counts the system calls of a million uncontended operations: there must be none.
//!
//! ```text
//! cargo run --release -p inkle-benches --bin syscalls
//! ```
//!
//! Runs itself as a child under `ptrace`, which stops the child at each system call. The child marks
//! the beginning and the end of the work by sending itself a signal. A control subject that makes
//! ten calls on purpose shows that the counting works. Exit code 1 if any subject makes one.

#[cfg(target_os = "linux")]
mod subjects;
#[cfg(target_os = "linux")]
mod tracer;

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<std::process::ExitCode> {
    use std::process::ExitCode;
    use subjects::{COUNT, SUBJECTS};

    if let Some(subject) = std::env::args().nth(1) {
        let subject = subject.parse::<usize>().ok().and_then(|index| SUBJECTS.get(index));
        let Some(subject) = subject else {
            eprintln!("usage: syscalls");
            return Ok(ExitCode::from(2));
        };
        let pid = std::process::id() as libc::pid_t;
        (subject.work)(&|| tracer::mark(pid));
        return Ok(ExitCode::SUCCESS);
    }

    let mut as_expected = true;
    for (index, subject) in SUBJECTS.iter().enumerate() {
        let calls = tracer::count(tracer::child(index)?)?;
        as_expected &= calls == subject.expected;
        if subject.expected == 0 {
            println!("{}: {calls} syscalls in {COUNT} {}", subject.name, subject.operation);
        } else {
            println!("{}: {calls} syscalls, {} made", subject.name, subject.expected);
        }
    }
    Ok(if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("counts system calls on Linux only");
}
