"""The software bill of materials of a wheel, in CycloneDX's format: the crates that are linked into the library.

sbom.py TARGET        (a target of Rust; with the Python of build/wheel-tools)
"""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import datetime, timezone
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from third_party_licenses import PROJECT, cargo_metadata, linked_packages

# The time that hatchling gives the files of a wheel: the same source gives the same wheel.
TIME = datetime(2020, 2, 2, tzinfo=timezone.utc)


def checksums() -> dict[tuple[str, str], str]:
    """The SHA-256 of each crate's archive, by its name and version, from Cargo.lock."""
    lock = (PROJECT / "Cargo.lock").read_text("utf-8")
    entry = r'name = "(.*)"\nversion = "(.*)"\nsource = .*\nchecksum = "(.*)"'
    return {(name, version): checksum for name, version, checksum in re.findall(entry, lock)}


def component(package: dict[str, Any], kind: str = "cargo", **more: Any) -> Component:
    name, version = package["name"], package["version"]
    url = PackageURL(kind, None, name, version)
    licenses = [LicenseFactory().make_from_string(package["license"])]
    return Component(name=name, version=version, bom_ref=str(url), purl=url, licenses=licenses, **more)


def standard_library() -> Component:
    """Rust's, which has no package: it belongs to the toolchain."""
    version = subprocess.check_output(["rustc", "--version"], cwd=PROJECT, text=True).split()[1]
    return component({"name": "rust-std", "version": version, "license": "MIT OR Apache-2.0"}, kind="generic")


def text(target: str) -> str:
    metadata = cargo_metadata(target)
    root = next(package for package in metadata["packages"] if package["id"] == metadata["resolve"]["root"])
    packages, hashes = linked_packages(metadata), checksums()
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"{root['repository']}#{root['version']}-{target}"))
    bom.metadata.timestamp = TIME
    bom.metadata.component = component(root, kind="pypi", type=ComponentType.LIBRARY)
    found = {root["id"]: bom.metadata.component}
    for package in packages:
        archive = HashType(alg=HashAlgorithm.SHA_256, content=hashes[package["name"], package["version"]])
        found[package["id"]] = component(package, type=ComponentType.LIBRARY, hashes=[archive])
    std = standard_library()
    bom.components.update([*(found[package["id"]] for package in packages), std])
    for node in metadata["resolve"]["nodes"]:
        if node["id"] in found:
            uses = [found[each] for each in node["dependencies"] if each in found]
            bom.register_dependency(found[node["id"]], [*uses, std])
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


if __name__ == "__main__":
    print(text(sys.argv[1]), end="")
