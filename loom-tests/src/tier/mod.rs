//! The package of the exact tier: the models against an edited copy of loom.
//!
//! Nothing of loom lives in this repository. The copy that cargo has downloaded for the stock tier
//! is copied into the target folder, our edits (`exact/*.diff`) are applied, and a package is
//! written beside it that names the same sources as this one. It has its own lock file and its own
//! target folder, so the workspace does not notice.

mod metadata;
mod patch;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use metadata::Metadata;

/// The released version that the edits are written for.
const LOOM: &str = "0.7.3";

/// Our edits, in the order in which they are applied.
const EDITS: [(&str, &str); 5] = [
    ("1-dpor-loads.diff", include_str!("../../exact/1-dpor-loads.diff")),
    ("2-stack-pool.diff", include_str!("../../exact/2-stack-pool.diff")),
    ("3-seqcst-view.diff", include_str!("../../exact/3-seqcst-view.diff")),
    ("4-hooks.diff", include_str!("../../exact/4-hooks.diff")),
    ("5-fence-points.diff", include_str!("../../exact/5-fence-points.diff")),
];

const BUILD_SCRIPT: &str = r#"fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(inkle_loom, inkle_exact, inkle_section, inkle_steps)");
    println!("cargo::rustc-cfg=inkle_loom");
    println!("cargo::rustc-cfg=inkle_exact");
}
"#;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The package, written.
pub(crate) struct Package {
    /// Its folder, in the target folder.
    pub(crate) folder: PathBuf,
    /// The workspace's folder.
    pub(crate) root: PathBuf,
}

impl Package {
    /// Writes what is not there yet.
    pub(crate) fn prepare() -> Result<Self> {
        // Asked now and not when this was compiled: the sources may have moved since.
        let package = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| ".".into(), PathBuf::from);
        let metadata = Metadata::read(&cargo(), &package)?;
        let root = metadata.path("workspace_root")?;
        let folder = metadata.path("target_directory")?.join("exact");
        let lock = fs::read_to_string(root.join("Cargo.lock"))?;
        let edits: String = EDITS.iter().map(|(_, text)| *text).collect();
        let stamp = format!("loom {LOOM}\n{edits}\n{lock}");

        fs::create_dir_all(&folder)?;
        let stamp_file = folder.join("stamp");
        if fs::read_to_string(&stamp_file).ok().as_deref() != Some(&*stamp) {
            let loom = folder.join("loom");
            if loom.exists() {
                fs::remove_dir_all(&loom)?;
            }
            copy_folder(&metadata.package("loom", LOOM)?, &loom)?;
            for (name, text) in EDITS {
                patch::apply(text, &loom)
                    .map_err(|error| format!("{name} is written for loom {LOOM}: {error}"))?;
            }
            // A start with the workspace's versions; cargo drops what is not needed.
            fs::write(folder.join("Cargo.lock"), lock)?;
            fs::write(stamp_file, stamp)?;
        }
        write_if_new(&folder.join("build.rs"), BUILD_SCRIPT)?;
        write_if_new(&folder.join("Cargo.toml"), &manifest(&root)?)?;
        Ok(Self { folder, root })
    }

    /// A cargo command about the models, to be given its last arguments: `build`, or `run`.
    pub(crate) fn cargo(&self, command: &str) -> Command {
        let mut cargo = Command::new(cargo());
        cargo
            .args([command, "--quiet", "--release", "--bin", "models", "--manifest-path"])
            .arg(self.folder.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(self.folder.join("target"));
        cargo
    }
}

/// The package: this one's sources under the edited loom, optimised and with all checks.
fn manifest(root: &Path) -> Result<String> {
    let workspace = fs::read_to_string(root.join("Cargo.toml"))?;
    let dependency = |name: &str| {
        let start = format!("{name} = ");
        let line = workspace.lines().find(|line| line.starts_with(&start));
        line.ok_or_else(|| format!("the workspace has no dependency `{name}`"))
    };
    let source = |path: &str| format!("{:?}", root.join(path).display().to_string());
    Ok(format!(
        r#"[package]
name = "exact"
version = "0.0.0"
edition = "2024"
publish = false

[workspace]

[lib]
name = "inkle_core"
path = {lib}

[[bin]]
name = "models"
path = {models}

[features]
compact = []
watch = []
narrow = []
critical-section = []

[dependencies]
{heapless}
{loom}
{spin}

[patch.crates-io]
loom = {{ path = "loom" }}

[profile.release]
debug = "line-tables-only"
debug-assertions = true
overflow-checks = true

# The checker itself is checked by the stock tier and by its self-test.
[profile.release.package."*"]
debug-assertions = false
overflow-checks = false
"#,
        lib = source("core/src/lib.rs"),
        models = source("loom-tests/models/main.rs"),
        heapless = dependency("heapless")?,
        loom = dependency("loom")?,
        spin = dependency("spin")?,
    ))
}

/// The cargo that runs us, or the one on the path.
fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            // Not `copy`, which would also copy that the file may not be written.
            fs::write(target, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

/// Leaves the file's time alone when nothing changes, so that cargo builds nothing again.
fn write_if_new(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::write(path, text)?;
    }
    Ok(())
}
