//! Finds out whether this compiler has the AVX-512 intrinsics (Rust 1.89): `group::lanes` is left out where not.

use std::process::Command;

const FIRST_WITH_AVX512: u32 = 89;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(has_lanes)");
    let is_x86_64 = std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64");
    if is_x86_64 && minor_version().is_some_and(|minor| minor >= FIRST_WITH_AVX512) {
        println!("cargo::rustc-cfg=has_lanes");
    }
}

/// Reads N of "rustc 1.N.P ...".
fn minor_version() -> Option<u32> {
    let output = Command::new(std::env::var_os("RUSTC")?).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().nth(1)?.split('.').nth(1)?.parse().ok()
}
