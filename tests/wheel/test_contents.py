"""Each wheel has what it needs and nothing else: files, tag, metadata, licences, bill of materials."""

import configparser
import glob
import json
import os
import re
import unittest

from built import PROJECT, from_project, of_each, version
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

LICENSES = ("LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY-LICENSES")


def source_files():
    """The package's own files, by their names in a wheel."""
    root = os.path.join(PROJECT, "python")
    paths = glob.glob(os.path.join(root, "ungil", "**", "*.py"), recursive=True)
    return {os.path.relpath(path, root) for path in paths} | {"ungil/py.typed"}


def crates_by_panic_messages(library):
    """(the crates, the crates of the standard library) whose source files are named in panic messages.

    Those of crates lie in cargo's registry, those of the standard library in a directory of its own.
    """
    found = re.findall(rb"registry[/\\]src[/\\][^/\\]+[/\\]([a-z0-9_-]+-\d[\d.]*)[/\\]src[/\\]", library)
    of_std = re.findall(rb"/rust/deps[/\\]([a-z0-9_-]+)-\d[\d.]*[/\\]src[/\\]", library)
    return {tuple(crate.decode().rsplit("-", 1)) for crate in found}, {crate.decode() for crate in of_std}


class Contents(unittest.TestCase):
    @of_each()
    def test_the_package_is_complete_and_nothing_else_is_in_it(self, wheel):
        package = {name for name in wheel.files if not name.startswith(wheel.info + "/") and not name.endswith("/")}
        self.assertEqual(package, source_files() | {wheel.library_name, "ungil/include/ungil.h"})
        self.assertEqual(wheel.files["ungil/include/ungil.h"], from_project("include", "ungil.h"))

    @of_each()
    def test_one_wheel_is_for_every_python_3(self, wheel):
        name = r"^ungil-[\d.]+-py3-none-(manylinux2014_\w+\.)?%s(\.manylinux2014_\w+)?\.whl$" % wheel.tag
        self.assertRegex(os.path.basename(wheel.path), name)

    @of_each()
    def test_the_command(self, wheel):
        entry_points = configparser.ConfigParser()
        entry_points.read_string(wheel.files[wheel.info + "/entry_points.txt"].decode())
        self.assertEqual(dict(entry_points["console_scripts"]), {"ungil": "ungil.__main__:main"})

    @of_each()
    def test_the_licences(self, wheel):
        for name in LICENSES:
            self.assertEqual(wheel.files[wheel.info + "/licenses/" + name], from_project(name), name)
        self.assertEqual(wheel.metadata["License-Expression"], "MIT OR Apache-2.0")
        self.assertEqual(sorted(wheel.metadata.get_all("License-File")), sorted(LICENSES))

    @of_each()
    def test_every_crate_in_the_library_has_its_licence(self, wheel):
        crates, of_std = crates_by_panic_messages(wheel.library)
        for crate in crates:
            self.assertIn("\n%s %s\n" % crate, wheel.third_party)
        (listed,) = re.findall("^The Rust standard library, with the crates (.*)$", wheel.third_party, re.MULTILINE)
        own = re.findall(
            r"^(\S+) \S+\nLicence: ", wheel.third_party, re.MULTILINE
        )  # the standard library may use them too
        self.assertLessEqual(of_std, {*listed.split(", "), *own})

    @of_each()
    def test_the_bill_of_materials_has_the_crates_and_their_licences(self, wheel):
        text = wheel.files[wheel.info + "/sboms/ungil.cdx.json"].decode()
        self.assertIsNone(JsonStrictValidator(SchemaVersion.V1_6).validate_str(text))
        bill = json.loads(text)
        about = bill["metadata"]["component"]
        self.assertEqual((about["name"], about["version"]), ("ungil", version()))
        listed = {(part["name"], part["version"]): part for part in bill["components"]}
        self.assertLessEqual(crates_by_panic_messages(wheel.library)[0], set(listed))
        for (name, number), part in listed.items():
            self.assertTrue(part["licenses"][0], name)
            if name != "rust-std":
                self.assertIn("\n%s %s\n" % (name, number), wheel.third_party)
                self.assertIn(part["hashes"][0]["content"], from_project("Cargo.lock").decode())

    @of_each()
    def test_the_metadata(self, wheel):
        self.assertEqual(wheel.metadata["Version"], version())
        self.assertEqual(wheel.metadata["Requires-Python"], ">=3.9")
        self.assertEqual(wheel.metadata["Description-Content-Type"], "text/markdown")
        self.assertIn("Typing :: Typed", wheel.metadata.get_all("Classifier"))


if __name__ == "__main__":
    unittest.main()
