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

/// The compiler beside our own.
const OTHER: &str = "/usr/bin/rustc";

impl Toolchain {
    /// Finds a toolchain for these targets, or says in a line what is missing.
    pub fn find(targets: &[&str]) -> Result<Self, String> {
        let linker = || {
            let versions = (14..30).rev().map(|version| format!("ld.lld-{version}"));
            versions.chain(["ld.lld".into()]).find_map(|name| program(&name))
        };
        Self::choose(targets, sysroot(&own()).as_deref(), sysroot(OTHER).as_deref(), linker)
    }

    /// The choice between our own compiler and the other one, by what lies in their folders.
    fn choose(
        targets: &[&str],
        own: Option<&Path>,
        other: Option<&Path>,
        linker: impl FnOnce() -> Option<PathBuf>,
    ) -> Result<Self, String> {
        let installed = |own: &Path| {
            targets.iter().all(|target| own.join("lib/rustlib").join(target).join("lib").is_dir())
        };
        if own.is_some_and(installed) {
            return Ok(Self::Own);
        }
        let sources = "lib/rustlib/src/rust/library/core/Cargo.toml";
        if !other.is_some_and(|root| root.join(sources).exists()) {
            return Err(format!(
                "neither are the targets installed (rustup target add {}) nor are the library's \
                 sources there for {OTHER}",
                targets.join(" ")
            ));
        }
        let linker = linker().ok_or("there is no ld.lld")?;
        Ok(Self::FromSources { rustc: OTHER, linker })
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
        let mut cargo = self.cargo(manifest, targets, folder, options);
        let output = cargo.output().map_err(|error| format!("cargo: {error}"))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// The command of [`build`](Self::build).
    fn cargo(&self, manifest: &str, targets: &[&str], folder: &Path, options: &[&str]) -> Command {
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
        cargo
    }

    /// Name and version of the compiler.
    pub fn compiler(&self) -> String {
        let rustc = match self {
            Self::Own => own(),
            Self::FromSources { rustc, .. } => (*rustc).into(),
        };
        answer(&rustc, &["--version"]).unwrap_or_else(|| "a compiler without a version".into())
    }
}

/// Where a program of this name is.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.exists())
}

/// The compiler that cargo takes when nobody chooses for it.
fn own() -> String {
    env::var("RUSTC").unwrap_or_else(|_| "rustc".into())
}

fn sysroot(rustc: &str) -> Option<PathBuf> {
    answer(rustc, &["--print", "sysroot"]).map(PathBuf::from)
}

/// What a program prints.
pub fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const TARGETS: [&str; 2] = ["thumbv6m-none-eabi", "riscv32imc-unknown-none-elf"];

    /// A compiler's folder with the libraries of these targets in it.
    fn with_targets(name: &str, targets: &[&str]) -> PathBuf {
        let root = folder(name);
        for target in targets {
            let library = root.join("lib/rustlib").join(target).join("lib");
            fs::create_dir_all(library).expect("our own folder");
        }
        root
    }

    /// A compiler's folder with the sources of the library in it.
    fn with_sources(name: &str) -> PathBuf {
        let root = folder(name);
        let core = root.join("lib/rustlib/src/rust/library/core");
        fs::create_dir_all(&core).expect("our own folder");
        fs::write(core.join("Cargo.toml"), "").expect("our own folder");
        root
    }

    /// An empty folder; each test has its own.
    fn folder(name: &str) -> PathBuf {
        let folder = env::temp_dir().join(format!("inkle-toolchain-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for temporary files");
        folder
    }

    fn remove(folders: [PathBuf; 2]) {
        for folder in folders {
            fs::remove_dir_all(folder).expect("our own folder");
        }
    }

    fn lld() -> Option<PathBuf> {
        Some("/somewhere/ld.lld".into())
    }

    #[test]
    fn installed_targets_come_first() {
        let folders = [with_targets("all", &TARGETS), with_sources("beside")];
        let [own, other] = folders.each_ref().map(|folder| Some(folder.as_path()));
        let found = Toolchain::choose(&TARGETS, own, other, || panic!("no linker is needed"));
        assert!(matches!(found, Ok(Toolchain::Own)), "{found:?}");
        remove(folders);
    }

    #[test]
    fn with_one_target_missing_all_are_built_from_sources() {
        let folders = [with_targets("some", &TARGETS[..1]), with_sources("instead")];
        let [own, other] = folders.each_ref().map(|folder| Some(folder.as_path()));
        let found = Toolchain::choose(&TARGETS, own, other, lld);
        let Ok(Toolchain::FromSources { rustc: OTHER, linker }) = found else {
            panic!("{found:?}");
        };
        assert_eq!(Some(linker), lld());
        let missing = Toolchain::choose(&TARGETS, own, other, || None);
        assert_eq!(missing.map(|_| ()), Err("there is no ld.lld".into()));
        remove(folders);
    }

    #[test]
    fn what_is_missing_is_said() {
        let folders = [with_targets("none", &[]), folder("empty")];
        let [own, other] = folders.each_ref().map(|folder| Some(folder.as_path()));
        for (own, other) in [(own, other), (None, None)] {
            let missing = Toolchain::choose(&TARGETS, own, other, lld).map(|_| ());
            let missing = missing.expect_err("there is nothing");
            assert!(
                missing.contains("rustup target add thumbv6m-none-eabi riscv32imc"),
                "{missing}"
            );
            assert!(missing.contains(OTHER) && !missing.contains('\n'), "{missing}");
        }
        remove(folders);
    }

    /// Our own compiler takes its own library and its own linker; the other one gets what it lacks.
    #[test]
    fn only_the_other_compiler_needs_help() {
        let arguments = |toolchain: Toolchain| {
            let cargo = toolchain.cargo("Cargo.toml", &TARGETS, Path::new("built"), &["--bins"]);
            let set = cargo.get_envs().filter_map(|(name, value)| Some((name, value?)));
            let set = set.map(|(name, value)| format!("{name:?}={value:?}").replace('"', ""));
            let arguments =
                cargo.get_args().map(|argument| argument.to_string_lossy().into_owned());
            (arguments.collect::<Vec<_>>().join(" "), set.collect::<Vec<_>>().join(" "))
        };
        let line = "build --release --locked --manifest-path Cargo.toml --target-dir built --bins \
            --target thumbv6m-none-eabi --target riscv32imc-unknown-none-elf";
        assert_eq!(arguments(Toolchain::Own), (line.into(), String::new()));
        let linker = lld().expect("it is somewhere");
        assert_eq!(
            arguments(Toolchain::FromSources { rustc: OTHER, linker }),
            (
                format!("{line} -Zbuild-std=core"),
                "CARGO_TARGET_RISCV32IMC_UNKNOWN_NONE_ELF_LINKER=/somewhere/ld.lld \
                 CARGO_TARGET_THUMBV6M_NONE_EABI_LINKER=/somewhere/ld.lld RUSTC=/usr/bin/rustc \
                 RUSTC_BOOTSTRAP=1"
                    .into()
            )
        );
    }
}
