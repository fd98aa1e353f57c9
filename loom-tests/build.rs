//! Tells the compiler that this package is the mirror under loom.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=inkle_loom");
}
