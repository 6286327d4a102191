"""Builds a wheel for each of the named platforms, or for this machine's; `--all` means every one in platforms.py.

    build_wheels.py [--all] [--profile PROFILE] [PLATFORM ...]

`make wheel` and `make wheels` call it, with the Python of build/wheel-tools. zig is the linker: it knows which symbols
old C libraries have. For Windows it is mingw's, and for macOS the one that Rust brings along. What is built goes to
build/wheels.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import sbom
import ziglang
from platforms import PLATFORMS, Platform, own

PROJECT = Path(__file__).resolve().parent.parent
TARGET = PROJECT / "target" / "wheel"
WHEELS = PROJECT / "build" / "wheels"
WORK = PROJECT / "build" / "wheel-work"
TOOLS = Path(sys.executable).parent
MINGW = "x86_64-w64-mingw32-gcc"
MACOS_SDK = PROJECT / "build" / "macos-sdk"


def environment(**more: str) -> dict[str, str]:
    """The caller's, with the tools of the wheels' venv. Cargo does not need make's job server."""
    kept = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    return dict(kept, PATH=f"{TOOLS}{os.pathsep}{os.environ['PATH']}", **more)


def linker_flags(platform: Platform) -> list[str]:
    """- libgcc_s unwinds when a thread ends or a C++ exception is thrown. The library has to use the process's too,
      instead of zig's own unwinder. musl's threads end without unwinding, and its systems may lack libgcc_s.
    - With -z defs, a symbol that the C library lacks is an error at build time and not when the wheel is used.
    """
    if platform.is_macos:
        return macos_linker_flags(platform)
    if not platform.is_linux:
        return []
    flags = ["-C", "link-arg=-Wl,-z,defs"]
    if platform.is_manylinux:
        return [*flags, "-C", "link-arg=" + libgcc_s(platform)]
    return [*flags, "-C", "target-feature=-crt-static"]


def libgcc_s(platform: Platform) -> str:
    compilers = [platform.gcc, *([os.environ.get("CC", "cc")] if platform == own() else [])]
    for compiler in filter(shutil.which, compilers):
        found = subprocess.check_output([compiler, "-print-file-name=libgcc_s.so.1"], text=True).strip()
        if os.path.isabs(found):
            return found
    sys.exit(f"build_wheels.py: {platform.gcc} is missing: apt install gcc-{platform.architecture}-linux-gnu")


def macos_linker_flags(platform: Platform) -> list[str]:
    """zig's own linker would export every symbol. The install name is how programs linked with the library find it."""
    name = ["-C", "link-arg=-install_name", "-C", f"link-arg=@rpath/{platform.library}"]
    return ["-C", "linker=rust-lld", "-C", "linker-flavor=ld64.lld", *name]


def macos_sdk() -> str:
    """A folder with what the linker takes from Apple's: the list of the system library's symbols, which zig has."""
    symbols = Path(ziglang.__file__).parent / "lib" / "libc" / "darwin" / "libSystem.tbd"
    libraries = MACOS_SDK / "usr" / "lib"
    shutil.rmtree(MACOS_SDK, ignore_errors=True)
    libraries.mkdir(parents=True)
    for name in ("libSystem", "libc", "libm", "libiconv"):  # Rust names all of them
        (libraries / f"{name}.tbd").symlink_to(symbols)
    return str(MACOS_SDK)


def mingw() -> str:
    """The linker that Rust's target for Windows is made for."""
    if not shutil.which(MINGW):
        sys.exit(f"build_wheels.py: {MINGW} is missing: apt install gcc-mingw-w64-x86-64")
    return MINGW


def build_library(platform: Platform, profile: str) -> Path:
    if shutil.which("rustup"):
        subprocess.check_call(["rustup", "--quiet", "target", "add", platform.target])
    flags = " ".join([os.environ.get("RUSTFLAGS", ""), *linker_flags(platform)])
    settings = environment(RUSTFLAGS=flags, CARGO_TARGET_DIR=str(TARGET))
    subcommand = "zigbuild"
    if platform.is_windows:
        subcommand, settings["CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER"] = "build", mingw()
    if platform.is_macos:
        subcommand = "build"
        settings.update(SDKROOT=macos_sdk(), MACOSX_DEPLOYMENT_TARGET=platform.oldest_macos)
    command = ["cargo", subcommand, "--profile", profile, "--lib", "--locked", "--quiet"]
    subprocess.check_call([*command, "--target", platform.target + platform.zig_suffix], cwd=PROJECT, env=settings)
    return TARGET / platform.target / profile / platform.library


def build_wheel(platform: Platform, library: Path) -> Path:
    """The wheel. This machine's has the tag that it has before auditwheel has seen it."""
    work = WORK / platform.tag
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    components = work / "ungil.cdx.json"
    components.write_text(sbom.text(platform.target), "utf-8")
    tag = "linux_" + platform.architecture if platform == own() else platform.tag
    settings = environment(UNGIL_WHEEL_LIBRARY=str(library), UNGIL_WHEEL_PLATFORM=tag, UNGIL_WHEEL_SBOM=str(components))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.check_call([*pip, "--wheel-dir", str(work), "."], cwd=PROJECT, env=settings)
    (wheel,) = work.glob("*.whl")
    return wheel


def publish(platform: Platform, wheel: Path) -> Path:
    """Puts the wheel into build/wheels, in place of older ones for the platform.

    auditwheel knows this machine's C library. tests/wheel/test_libraries.py checks the others.
    """
    WHEELS.mkdir(parents=True, exist_ok=True)
    for old in WHEELS.glob(f"*{platform.tag}*.whl"):
        old.unlink()
    if platform == own():
        repair = ["auditwheel", "repair", "--plat", platform.tag, "-w", str(WHEELS), str(wheel)]
        done = subprocess.run(repair, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(done.stdout)
    else:
        shutil.copy(wheel, WHEELS)
    (found,) = WHEELS.glob(f"*{platform.tag}*.whl")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--profile", default="release", help="cargo's; quick is for tests of what is in the wheels")
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM")
    arguments = parser.parse_args()
    wanted = [each for each in PLATFORMS if arguments.all or each.tag in arguments.platforms]
    if unknown := set(arguments.platforms) - {each.tag for each in PLATFORMS}:
        parser.error(f"{unknown.pop()} is none of {' '.join(each.tag for each in PLATFORMS)}")
    for platform in wanted or [own()]:
        library = build_library(platform, arguments.profile)
        print(publish(platform, build_wheel(platform, library)).relative_to(PROJECT), flush=True)


if __name__ == "__main__":
    main()
