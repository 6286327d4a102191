"""The wheel in build/wheels has what it needs and nothing else: files, tag, metadata, licences."""

import configparser
import email
import glob
import os
import re
import unittest
import zipfile

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
LICENSES = ("LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY-LICENSES")


def from_project(*path):
    with open(os.path.join(PROJECT, *path), "rb") as file:
        return file.read()


def source_files():
    """The package's own files, by their names in the wheel."""
    root = os.path.join(PROJECT, "python")
    paths = glob.glob(os.path.join(root, "ungil", "**", "*.py"), recursive=True)
    return {os.path.relpath(path, root) for path in paths} | {"ungil/py.typed"}


class Contents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        wheels = glob.glob(os.path.join(PROJECT, "build", "wheels", "*.whl"))
        assert len(wheels) == 1, "there is not exactly one wheel in build/wheels: run make wheel"
        cls.path = wheels[0]
        with zipfile.ZipFile(cls.path) as wheel:
            cls.files = {name: wheel.read(name) for name in wheel.namelist()}
        (info,) = {name.split("/")[0] for name in cls.files if ".dist-info/" in name}
        cls.info = info
        cls.metadata = email.message_from_bytes(cls.files[info + "/METADATA"])

    def test_the_package_is_complete_and_nothing_else_is_in_it(self):
        package = {name for name in self.files if not name.startswith(self.info + "/") and not name.endswith("/")}
        self.assertEqual(package, source_files() | {"ungil/libungil.so", "ungil/include/ungil.h"})
        self.assertEqual(self.files["ungil/include/ungil.h"], from_project("include", "ungil.h"))

    def test_one_wheel_is_for_every_python_3(self):
        self.assertRegex(os.path.basename(self.path), r"^ungil-[\d.]+-py3-none-.*manylinux_2_17_\w+\.whl$")

    def test_the_command(self):
        entry_points = configparser.ConfigParser()
        entry_points.read_string(self.files[self.info + "/entry_points.txt"].decode())
        self.assertEqual(dict(entry_points["console_scripts"]), {"ungil": "ungil.__main__:main"})

    def test_the_licences(self):
        for name in LICENSES:
            self.assertEqual(self.files[self.info + "/licenses/" + name], from_project(name), name)
        self.assertEqual(self.metadata["License-Expression"], "MIT OR Apache-2.0")
        self.assertEqual(sorted(self.metadata.get_all("License-File")), sorted(LICENSES))

    def test_every_crate_in_the_library_has_its_licence(self):
        """Panic messages name the crates' source files, in cargo's registry or in the standard library's directory."""
        library = self.files["ungil/libungil.so"]
        third_party = self.files[self.info + "/licenses/THIRD-PARTY-LICENSES"].decode()
        crates = {found.decode() for found in re.findall(rb"registry/src/[^/]+/([a-z0-9_-]+-\d[\d.]*)/src/", library)}
        for crate in crates:
            self.assertIn("\n%s %s\n" % tuple(crate.rsplit("-", 1)), third_party)
        (listed,) = re.findall("^The Rust standard library, with the crates (.*)$", third_party, re.MULTILINE)
        contained = {found.decode() for found in re.findall(rb"/rust/deps/([a-z0-9_-]+)-\d[\d.]*/src/", library)}
        self.assertGreater(len(contained), 0)
        self.assertLessEqual(contained, set(listed.split(", ")))

    def test_the_metadata(self):
        version = re.search(r'^version = "(.*)"', from_project("Cargo.toml").decode(), re.MULTILINE).group(1)
        self.assertEqual(self.metadata["Version"], version)
        self.assertEqual(self.metadata["Requires-Python"], ">=3.9")
        self.assertEqual(self.metadata["Description-Content-Type"], "text/markdown")
        self.assertIn("Typing :: Typed", self.metadata.get_all("Classifier"))


if __name__ == "__main__":
    unittest.main()
