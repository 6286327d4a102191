//! What cargo has no key for: the SONAME, a library that stays mapped, and whether there can be interpreters.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    let target_os = target("OS");
    // Isolated interpreters are made of ELF files, and of what glibc's loader does with them.
    let is_known = matches!(target("ARCH").as_str(), "x86_64" | "aarch64") && target("ENDIAN") == "little";
    if is_known && target_os == "linux" && target("ENV") == "gnu" {
        println!("cargo:rustc-cfg=supports_interpreters");
    }
    if target_os == "linux" {
        let abi = env::var("CARGO_PKG_VERSION_MAJOR").expect("cargo sets CARGO_PKG_VERSION_MAJOR");
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libungil.so.{abi}");
        // Threads and thread-local destructors may outlive a dlclose: never unmap their code.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
