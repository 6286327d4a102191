"""The wheels in build/wheels: this machine's, or those of all platforms if UNGIL_TEST_WHEELS is "all"."""

import email
import functools
import glob
import os
import platform
import re
import zipfile

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

# The platform of each wheel, and the library in it.
PLATFORMS = {
    "manylinux_2_17_x86_64": "libungil.so",
    "manylinux_2_17_aarch64": "libungil.so",
    "musllinux_1_2_x86_64": "libungil.so",
    "musllinux_1_2_aarch64": "libungil.so",
    "win_amd64": "ungil.dll",
    "macosx_11_0_arm64": "libungil.dylib",
    "macosx_10_12_x86_64": "libungil.dylib",
}
OWN = "manylinux_2_17_" + platform.machine()


def from_project(*path):
    with open(os.path.join(PROJECT, *path), "rb") as file:
        return file.read()


class Wheel:
    """One wheel's name, files and metadata."""

    def __init__(self, tag):
        paths = glob.glob(os.path.join(PROJECT, "build", "wheels", "*%s*.whl" % tag))
        assert len(paths) == 1, "there is not exactly one wheel for %s in build/wheels: run make wheels" % tag
        self.tag, (self.path,) = tag, paths
        self.library_name = "ungil/" + PLATFORMS[tag]
        with zipfile.ZipFile(self.path) as wheel:
            self.files = {name: wheel.read(name) for name in wheel.namelist()}
        (self.info,) = {name.split("/")[0] for name in self.files if ".dist-info/" in name}
        self.metadata = email.message_from_bytes(self.files[self.info + "/METADATA"])

    @property
    def library(self):
        return self.files[self.library_name]

    @property
    def third_party(self):
        return self.files[self.info + "/licenses/THIRD-PARTY-LICENSES"].decode()


@functools.cache
def wheels():
    tags = PLATFORMS if os.environ.get("UNGIL_TEST_WHEELS") == "all" else [OWN]
    return [Wheel(tag) for tag in tags]


def of_each(*starts):
    """Has a test run for each wheel whose platform begins like one of these; for all without any."""

    def decorated(test):
        @functools.wraps(test)
        def run(self):
            for wheel in wheels():
                if wheel.tag.startswith(starts or ""):
                    with self.subTest(wheel.tag):
                        test(self, wheel)

        return run

    return decorated


def version():
    return re.search(r'^version = "(.*)"', from_project("Cargo.toml").decode(), re.MULTILINE).group(1)
