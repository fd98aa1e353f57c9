//! Other programs: what they print, how they end, a pipeline, and one that takes too long.
//!
//! ```text
//! cargo run -p inkle --example subprocess
//! ```

use std::error::Error;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn Error>> {
    use std::time::Duration;

    use inkle::subprocess::{CheckError, Command, check_call};

    let done = Command::new("uname").arg("-s").capture_output().run()?;
    println!("{} on {}", done.status, done.output.stdout_text()?.trim());

    let sorted = Command::new("printf")
        .arg("weft\nwarp\nweft\n")
        .pipe(Command::new("sort"))
        .pipe(Command::new("uniq"))
        .capture_output()
        .run()?;
    if let Some(last) = sorted.last() {
        print!("{}", last.output.stdout_text()?);
    }

    if let Err(error) = check_call(["sh", "-c", "exit 3"]) {
        println!("{error}");
    }

    // It is ended, and so is what it has started.
    match Command::new("sleep").arg("60").timeout(Duration::from_millis(50)).run() {
        Err(CheckError::TimedOut(error)) => println!("{error}"),
        other => println!("{other:?}"),
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() -> Result<(), Box<dyn Error>> {
    Err("on Linux only".into())
}
