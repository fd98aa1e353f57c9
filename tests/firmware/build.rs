//! The memory map of the board that the target stands for (`tests/tests/firmware.rs` starts it).

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The stack lies below everything else, so that an overflow faults instead of corrupting.
fn cortex_m(stack: u32, ram: u32) -> String {
    let start = 0x2000_0000;
    format!(
        "MEMORY {{
            FLASH (rx) : ORIGIN = 0, LENGTH = 256K
            RAM (rwx) : ORIGIN = {:#x}, LENGTH = {:#x}
        }}
        _stack_start = {:#x};
        _stack_end = {start:#x};\n",
        start + stack,
        ram - stack,
        start + stack,
    )
}

/// QEMU's `virt`: plenty of memory, started at its beginning. Behind each region is room to fall into.
const VIRT: &str = r#"
    MEMORY {
        TEXT (rx) : ORIGIN = 0x80000000, LENGTH = 1M
        RAM (rw) : ORIGIN = 0x80200000, LENGTH = 1M
        STACK (rw) : ORIGIN = 0x80800000, LENGTH = 256K
    }
    REGION_ALIAS("REGION_TEXT", TEXT);
    REGION_ALIAS("REGION_RODATA", TEXT);
    REGION_ALIAS("REGION_DATA", RAM);
    REGION_ALIAS("REGION_BSS", RAM);
    REGION_ALIAS("REGION_HEAP", RAM);
    REGION_ALIAS("REGION_STACK", STACK);
    _max_hart_id = 3;
    _hart_stack_size = 64K;
"#;

fn link(argument: &str) {
    for kind in ["bins", "examples"] {
        println!("cargo::rustc-link-arg-{kind}={argument}");
    }
}

/// Writes a memory map that these images are linked by.
fn place(folder: &Path, memory: &str, images: &[&str]) {
    fs::create_dir_all(folder).expect("its parent is ours");
    fs::write(folder.join("memory.x"), memory).expect("the folder is there");
    for images in images {
        println!("cargo::rustc-link-arg-{images}=-L{}", folder.display());
    }
}

fn main() {
    let target = env::var("TARGET").expect("cargo sets it");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let (memory, scripts): (String, &[&str]) = match target.as_str() {
        // QEMU's `microbit`, 16 KiB: the cases need them for the stack, the interrupts for statics.
        "thumbv6m-none-eabi" => {
            place(&out.join("statics"), &cortex_m(0x2000, 0x4000), &["bin=interrupts"]);
            (cortex_m(0x2800, 0x4000), &["link.x"])
        }
        // QEMU's `lm3s6965evb`, 64 KiB.
        "thumbv7m-none-eabi" => (cortex_m(0x4000, 0x1_0000), &["link.x"]),
        _ if target.starts_with("riscv32") => (VIRT.into(), &["memory.x", "link.x"]),
        _ => panic!("there is no board for {target}"),
    };
    // The first folder that has a map counts.
    place(&out.join("default"), &memory, &["bins", "examples"]);
    for script in scripts {
        link(&format!("-T{script}"));
    }
    link("--nmagic");
    println!("cargo::rerun-if-changed=build.rs");
}
