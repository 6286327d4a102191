"""Renders the conda recipe, as rattler-build does, and compares it with Cargo.toml and pyproject.toml."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from rattler_build import Stage0Recipe, VariantConfig

PROJECT = Path(__file__).parent.parent
COMPILERS = "c_compiler: [gcc]\nc_stdlib: [sysroot]\nrust_compiler: [rust]\n"


def problems(recipe: Path, cargo: str, pyproject: str) -> Iterator[str]:
    """What the recipe has that the project has not."""
    (variant,) = Stage0Recipe.from_file(str(recipe)).render(VariantConfig.from_yaml(COMPILERS))
    package, run = variant.recipe.package, [re.sub(r"\s+", "", needed) for needed in variant.recipe.requirements.run]
    version = re.search(r'^version = "(.*)"', cargo, re.MULTILINE)
    if not version or str(package.version) != version.group(1):
        yield f"the version is {package.version}, and that of Cargo.toml another"
    python = re.search(r'^requires-python = "(.*)"', pyproject, re.MULTILINE)
    needed = re.search(r"^dependencies = \[(.*)\]", pyproject, re.MULTILINE)
    expected = [
        "python" + (python.group(1) if python else ""),
        *re.findall(r'"([^"]+)"', needed.group(1) if needed else ""),
    ]
    if sorted(run) != sorted(expected):
        yield f"it needs {run}, and pyproject.toml {expected}"


def main() -> None:
    cargo, pyproject = (PROJECT / "Cargo.toml").read_text(), (PROJECT / "pyproject.toml").read_text()
    found = list(problems(PROJECT / "packaging/conda/recipe.yaml", cargo, pyproject))
    if found:
        sys.exit("packaging/conda/recipe.yaml: " + "; ".join(found))


if __name__ == "__main__":
    main()
