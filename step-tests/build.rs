//! Tells the compiler that this package is the mirror whose steps are counted.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=inkle_steps");
}
