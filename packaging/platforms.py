"""The platforms that wheels are built for: docs/platforms.md says what is tested on each."""

from __future__ import annotations

import platform
from typing import NamedTuple


class Platform(NamedTuple):
    tag: str
    """The platform in the wheel's name."""
    target: str
    """Rust's name of it."""
    library: str
    """The name of the library's file."""
    zig_suffix: str = ""
    """What cargo-zigbuild adds to `target`: the version of glibc."""
    gcc: str = ""
    """A compiler for it, whose libgcc_s the library is linked with."""

    @property
    def architecture(self) -> str:
        return self.target.partition("-")[0]

    @property
    def is_manylinux(self) -> bool:
        return self.tag.startswith("manylinux")

    @property
    def is_windows(self) -> bool:
        return self.tag.startswith("win")

    @property
    def is_macos(self) -> bool:
        return self.tag.startswith("macosx")

    @property
    def oldest_macos(self) -> str:
        major, minor = self.tag.split("_")[1:3]
        return f"{major}.{minor}"

    @property
    def is_linux(self) -> bool:
        return "linux" in self.tag


PLATFORMS = [
    Platform("manylinux_2_17_x86_64", "x86_64-unknown-linux-gnu", "libungil.so", ".2.17", "x86_64-linux-gnu-gcc"),
    Platform("manylinux_2_17_aarch64", "aarch64-unknown-linux-gnu", "libungil.so", ".2.17", "aarch64-linux-gnu-gcc"),
    Platform("musllinux_1_2_x86_64", "x86_64-unknown-linux-musl", "libungil.so"),
    Platform("musllinux_1_2_aarch64", "aarch64-unknown-linux-musl", "libungil.so"),
    Platform("win_amd64", "x86_64-pc-windows-gnu", "ungil.dll"),
    Platform("macosx_11_0_arm64", "aarch64-apple-darwin", "libungil.dylib"),
    Platform("macosx_10_12_x86_64", "x86_64-apple-darwin", "libungil.dylib"),
]


def own() -> Platform:
    """The one of this machine, which has to be Linux with glibc."""
    (found,) = (each for each in PLATFORMS if each.is_manylinux and each.architecture == platform.machine())
    return found
