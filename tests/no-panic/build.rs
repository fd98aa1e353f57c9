//! The program brings its own entry.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A bare linker has none to leave out.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system != "none") {
        println!("cargo::rustc-link-arg-bins=-nostartfiles");
    }
}
