//! What `cargo metadata` knows. Three strings are wanted of a large JSON text, in the one-line form
//! in which cargo prints it, so this looks for them instead of parsing it all.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Result;

/// The text.
pub(super) struct Metadata(String);

impl Metadata {
    /// Asks the cargo program at `cargo` about the workspace around `folder`.
    pub(super) fn read(cargo: &Path, folder: &Path) -> Result<Self> {
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1"])
            .current_dir(folder)
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        Ok(Self(String::from_utf8(output.stdout)?))
    }

    /// The path with the name `key` outside any package.
    pub(super) fn path(&self, key: &str) -> Result<PathBuf> {
        string_after(&self.0, key)
    }

    /// The folder of a package's sources.
    pub(super) fn package(&self, name: &str, version: &str) -> Result<PathBuf> {
        let start = format!(r#"{{"name":"{name}","version":"{version}","#);
        let (_, package) = self
            .0
            .split_once(&start)
            .ok_or_else(|| format!("the workspace does not use {name} {version}"))?;
        let mut manifest: PathBuf = string_after(package, "manifest_path")?;
        manifest.pop();
        Ok(manifest)
    }
}

/// The value of the first `"key":"value"`.
fn string_after(json: &str, key: &str) -> Result<PathBuf> {
    let missing = || format!("no `{key}` in the output of cargo metadata");
    let (_, rest) = json.split_once(&format!(r#""{key}":""#)).ok_or_else(missing)?;
    let (value, _) = rest.split_once('"').ok_or_else(missing)?;
    // The one escape that a path is likely to need.
    Ok(value.replace(r"\\", r"\").into())
}
