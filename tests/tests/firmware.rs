//! The images of `tests/firmware`, built and run under QEMU: the core on processors.
//!
//! The examples of Cortex-M are among them.
//!
//! Needs a toolchain with the targets (see [`inkle_tests::toolchain`]) and QEMU. What is missing is said in
//! one line, and the test passes; with `INKLE_FIRMWARE=required` that is a failure.

use std::env;
use std::fmt::Write;
use std::io::Read;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use inkle_tests::toolchain::{self, Toolchain};

/// A target, the machine that stands for it, and its images.
struct Machine {
    target: &'static str,
    qemu: &'static [&'static str],
    images: &'static [Image],
}

/// An image and how QEMU runs it.
type Image = (&'static str, &'static [&'static str]);

/// In real time: the clock is real.
const REAL: &[&str] = &[];
/// Time is instructions: 8 ns each, or what makes each longer than a tick of the timer.
const COUNTED: &[&str] = &["-icount", "shift=3,sleep=off"];
const STEPPED_CORTEX: &[&str] = &["-icount", "shift=7,sleep=off"];
const STEPPED_RISCV: &[&str] = &["-icount", "shift=8,sleep=off"];
const FOUR_HARTS: &[&str] = &["-smp", "4", "-accel", "tcg,thread=multi"];

const ARM: &[Image] = &[
    ("steps", STEPPED_CORTEX),
    ("interrupts", COUNTED),
    ("queues_spinning", REAL),
    ("queues_resting", REAL),
    ("others_spinning", REAL),
    ("others_resting", REAL),
    ("examples/sensor", COUNTED),
    ("examples/embassy", COUNTED),
];
const RISCV: &[Image] = &[
    ("steps", STEPPED_RISCV),
    ("interrupts", COUNTED),
    ("queues_spinning", REAL),
    ("queues_resting", REAL),
    ("others_spinning", REAL),
    ("others_resting", REAL),
];
const RISCV_WITH_ATOMICS: &[Image] = &[
    ("steps", STEPPED_RISCV),
    ("interrupts", COUNTED),
    ("queues_spinning", REAL),
    ("queues_resting", REAL),
    ("others_spinning", REAL),
    ("others_resting", REAL),
    ("harts", FOUR_HARTS),
];

/// The slowest first.
const MACHINES: &[Machine] = &[
    Machine {
        target: "thumbv6m-none-eabi",
        qemu: &["qemu-system-arm", "-M", "microbit"],
        images: ARM,
    },
    Machine {
        // An atomic instruction would trap here.
        target: "riscv32imc-unknown-none-elf",
        qemu: &["qemu-system-riscv32", "-M", "virt", "-bios", "none", "-cpu", "rv32,a=off"],
        images: RISCV,
    },
    Machine {
        target: "riscv32imac-unknown-none-elf",
        qemu: &["qemu-system-riscv32", "-M", "virt", "-bios", "none"],
        images: RISCV_WITH_ATOMICS,
    },
    Machine {
        target: "thumbv7m-none-eabi",
        qemu: &["qemu-system-arm", "-M", "lm3s6965evb"],
        images: ARM,
    },
];

/// An image that runs so long does not end: ten times what the slowest takes.
const PATIENCE: Duration = Duration::from_secs(600);

#[test]
fn every_image_passes() {
    let toolchain = match toolchain() {
        Ok(toolchain) => toolchain,
        Err(missing) => {
            let required = env::var_os("INKLE_FIRMWARE").is_some_and(|value| value == "required");
            assert!(!required, "the firmware cannot be run: {missing}");
            println!("firmware: not run: {missing}");
            return;
        }
    };
    let folder = target_folder("firmware");
    // One after the other: their features differ, and cargo would unite them.
    build(&toolchain, &folder, "thumb", &["--bins", "--examples"]);
    build(&toolchain, &folder, "riscv", &["--features", "harts"]);
    let images = MACHINES
        .iter()
        .flat_map(|machine| machine.images.iter().map(move |image| (machine, image)));
    // Two at a time, the slowest first.
    let images = Mutex::new(images);
    let next = || images.lock().expect("nothing panics here").next();
    let failed: Vec<String> = thread::scope(|scope| {
        let runners = [(); 2].map(|()| {
            scope.spawn(|| {
                iter::from_fn(next)
                    .filter_map(|(machine, image)| run(machine, image, &folder).err())
                    .collect::<Vec<_>>()
            })
        });
        runners.into_iter().flat_map(|runner| runner.join().expect("it runs the images")).collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The way of rustup's users, where `every_image_passes` had a library from sources: one image, the
/// largest, for each target.
#[test]
#[cfg(feature = "installed-targets")]
fn an_image_each_passes_with_installed_targets() {
    let toolchain = toolchain().expect("all is there");
    assert!(matches!(toolchain, Toolchain::Own), "the compiler has no targets: {toolchain:?}");
    let folder = target_folder("firmware-installed");
    for family in ["thumb", "riscv"] {
        build(&toolchain, &folder, family, &["--bin", "others_resting"]);
    }
    for machine in MACHINES {
        run(machine, &("others_resting", REAL), &folder).expect("it passes");
    }
}

/// Inside the workspace's own, so that it is cached and cleaned with it.
fn target_folder(name: &str) -> PathBuf {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tmp.parent().expect("it lies in the target folder").join(name)
}

/// Finds a toolchain and the machines, or says what is missing.
fn toolchain() -> Result<Toolchain, String> {
    for machine in MACHINES {
        let qemu = machine.qemu[0];
        toolchain::program(qemu).ok_or_else(|| format!("there is no {qemu}"))?;
    }
    Toolchain::find(&targets(""))
}

/// All targets of a family.
fn targets(family: &str) -> Vec<&'static str> {
    let targets = MACHINES.iter().map(|machine| machine.target);
    targets.filter(|target| target.starts_with(family)).collect()
}

/// Builds for all targets of a family.
fn build(toolchain: &Toolchain, folder: &Path, family: &str, options: &[&str]) {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/Cargo.toml");
    if let Err(messages) = toolchain.build(manifest, &targets(family), folder, options) {
        panic!("the images do not build:\n{messages}");
    }
}

/// Runs an image; fails with its output.
fn run(machine: &Machine, (name, options): &Image, folder: &Path) -> Result<(), String> {
    let start = Instant::now();
    let mut qemu = Command::new(machine.qemu[0])
        .args(&machine.qemu[1..])
        .args(*options)
        .args(["-display", "none", "-monitor", "none", "-serial", "none"])
        .args(["-semihosting-config", "enable=on,target=native", "-kernel"])
        .arg(folder.join(machine.target).join("release").join(name))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("QEMU starts");
    let end = loop {
        match qemu.try_wait().expect("QEMU is ours") {
            Some(status) => break status.to_string(),
            None if start.elapsed() > PATIENCE => {
                qemu.kill().expect("QEMU is ours");
                break "it does not end".into();
            }
            None => thread::sleep(Duration::from_millis(20)),
        }
    };
    let mut output = String::new();
    // Short: it fits into the pipes.
    let pipes: [Option<Box<dyn Read>>; 2] = [
        qemu.stdout.take().map(|pipe| Box::new(pipe) as _),
        qemu.stderr.take().map(|pipe| Box::new(pipe) as _),
    ];
    for mut pipe in pipes.into_iter().flatten() {
        pipe.read_to_string(&mut output).expect("what it prints is text");
    }
    let mut report = format!("{name} on {}: {end}", machine.target);
    let passed = end == "exit status: 0" && output.contains("passed");
    let _ = write!(report, ", {:.1} s\n{output}", start.elapsed().as_secs_f32());
    println!("{report}");
    if passed { Ok(()) } else { Err(report) }
}
