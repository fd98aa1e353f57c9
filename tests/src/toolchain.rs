//! What builds images for bare metal and runs them: a compiler with the targets, and QEMU.
//!
//! With rustup's targets installed it takes them, else a compiler with the library's sources, as
//! Debian's `rustc-web` and `rust-web-src`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What builds for some targets.
#[derive(Debug)]
pub enum Toolchain {
    /// The one that runs this.
    Own,
    /// Another compiler, its library from sources, and a linker.
    FromSources {
        /// The compiler.
        rustc: &'static str,
        /// The linker.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// Finds a toolchain for these targets, or says in a line what is missing.
    pub fn find(targets: &[&str]) -> Result<Self, String> {
        let installed = |own: PathBuf| {
            targets.iter().all(|target| own.join("lib/rustlib").join(target).join("lib").is_dir())
        };
        if sysroot("rustc").is_some_and(installed) {
            return Ok(Self::Own);
        }
        let rustc = "/usr/bin/rustc";
        let sources = "lib/rustlib/src/rust/library/core/Cargo.toml";
        if !sysroot(rustc).is_some_and(|root| root.join(sources).exists()) {
            return Err(format!(
                "neither are the targets installed (rustup target add {}) nor are the library's \
                 sources there for {rustc}",
                targets.join(" ")
            ));
        }
        let linker = (14..30).rev().find_map(|version| program(&format!("ld.lld-{version}")));
        let linker = linker.or_else(|| program("ld.lld")).ok_or("there is no ld.lld")?;
        Ok(Self::FromSources { rustc, linker })
    }

    /// `cargo build --release` of the workspace at `manifest` for the targets, into `folder`.
    /// Fails with what the compiler says.
    pub fn build(
        &self,
        manifest: &str,
        targets: &[&str],
        folder: &Path,
        options: &[&str],
    ) -> Result<(), String> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .args(["build", "--release", "--locked", "--manifest-path", manifest, "--target-dir"])
            .arg(folder)
            .args(options)
            // Meant for the host.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        for target in targets {
            cargo.args(["--target", target]);
        }
        if let Self::FromSources { rustc, linker } = self {
            cargo.arg("-Zbuild-std=core").env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1");
            for target in targets {
                let name = target.to_uppercase().replace('-', "_");
                cargo.env(format!("CARGO_TARGET_{name}_LINKER"), linker);
            }
        }
        let output = cargo.output().map_err(|error| format!("cargo: {error}"))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// Name and version of the compiler.
    pub fn compiler(&self) -> String {
        let rustc = match self {
            Self::Own => "rustc",
            Self::FromSources { rustc, .. } => rustc,
        };
        answer(rustc, &["--version"]).unwrap_or_else(|| "a compiler without a version".into())
    }
}

/// Where a program of this name is.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.exists())
}

fn sysroot(rustc: &str) -> Option<PathBuf> {
    answer(rustc, &["--print", "sysroot"]).map(PathBuf::from)
}

/// What a program prints.
pub fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim_end().to_owned())
}
