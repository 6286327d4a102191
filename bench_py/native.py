"""The measured native code: ungil at each CPU level, the C baselines, FLINT."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import tempfile
from ctypes import POINTER, c_double, c_int, c_int32, c_int64, c_long, c_size_t, c_uint8, c_uint64, c_void_p
from pathlib import Path
from typing import Any

from ungil._native import signatures
from ungil._native.library import path as library_path

HERE = Path(__file__).parent
LEVELS = ("scalar", "neon") if platform.machine() == "aarch64" else ("scalar", "avx2", "avx512")

MARCH = {"scalar": "x86-64", "avx2": "x86-64-v3"}  # gcc's names of the levels

IsPrime = ctypes.CFUNCTYPE(c_int, ctypes.c_ulong)


class Native:
    """Copies of libraries for one process, deleted at its end."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ungil-bench-")

    def ungil(self, level: str) -> Any | None:
        """A copy of the library that works at this CPU level; None if the processor lacks the level.

        The level is chosen once in a library's life. A copy of the file is a library of its own, so that levels can
        take turns in one process.
        """
        copy = Path(self._folder.name, f"libungil-{level}.so")
        shutil.copyfile(library_path, copy)
        before = os.environ.get("UNGIL_CPU")
        os.environ["UNGIL_CPU"] = level
        try:
            library = signatures.declare(ctypes.CDLL(str(copy)))  # type: ignore[no-untyped-call]
            return library if library.ungil_cpu_active().decode() == level else None
        finally:
            if before is None:
                del os.environ["UNGIL_CPU"]
            else:
                os.environ["UNGIL_CPU"] = before

    def compiled(self, name: str, *flags: str) -> Any:
        """Compiles baseline/<name>.c with gcc, for the level if UNGIL_CPU has one. Raises CannotCompile."""
        source, compiled = HERE / "baseline" / f"{name}.c", Path(self._folder.name, f"{name}{''.join(flags)}.o")
        library = compiled.with_suffix(".so")
        march = MARCH.get(os.environ.get("UNGIL_CPU", ""), "native")
        _gcc("-O3", f"-march={march}", "-fopenmp", "-fPIC", *flags, "-c", str(source), "-o", str(compiled))
        # Without the flags: with -ffast-math the linker adds code that changes the arithmetic of the whole process.
        _gcc("-fopenmp", "-shared", str(compiled), "-o", str(library), "-lm")
        return _declared(ctypes.CDLL(str(library)), name)


def _gcc(*arguments: str) -> None:
    try:
        subprocess.run(["gcc", *arguments], check=True, capture_output=True)
    except FileNotFoundError:
        raise CannotCompile("no gcc: install it, for example apt install gcc") from None
    except subprocess.CalledProcessError as error:
        raise CannotCompile(f"gcc failed: {error.stderr.decode()[:200]}") from None


class CannotCompile(Exception):
    """The C baselines are missing."""


_SIGNATURES: dict[str, dict[str, tuple[Any, ...]]] = {
    "loops": {
        "sum_loop": (c_int32, c_int32, c_int32),
        "sum_openmp": (c_int32, c_int32, c_int32, c_int),
        "sum_pthreads": (c_int32, c_int32, c_int32, c_int),
        "count_loop": (c_int32, c_int32, POINTER(c_int32)),
        "count_openmp": (c_int32, c_int32, POINTER(c_int32), c_int),
        "count_pthreads": (c_int32, c_int32, POINTER(c_int32), c_int),
        "pi_loop": (c_double, c_int32),
        "pi_openmp": (c_double, c_int32, c_int),
        "pi_pthreads": (c_double, c_int32, c_int),
        "each_is_prime": (None, IsPrime, POINTER(c_uint64), c_int64, POINTER(c_uint8), c_int),
        "count_is_prime": (c_int64, IsPrime, POINTER(c_int32), c_int64, c_int),
    },
    "overheads": {
        "map_openmp": (None, c_void_p, POINTER(c_double), POINTER(c_double), c_size_t, c_int),
        "launch_openmp": (None, c_int, c_int),
        "launch_ungil": (c_int32, c_void_p, c_int, c_int),
        "nothing": (c_int32, c_int32, c_int32),
    },
    "lock": {
        "start_ticks": (c_int, c_void_p, c_void_p, c_long),
        "stop_ticks": (c_int, POINTER(c_long), POINTER(c_long)),
    },
}


def _declared(library: ctypes.CDLL, name: str) -> ctypes.CDLL:
    for function, (result, *arguments) in _SIGNATURES[name].items():
        getattr(library, function).restype, getattr(library, function).argtypes = result, arguments
    return library


def flint_is_prime() -> Any | None:
    """FLINT's n_is_prime as a C function, from the library in the package python-flint.

    Errors: ImportError.
    """
    import flint

    folder = Path(flint.__file__).parent.parent / "python_flint.libs"
    for path in folder.glob("libflint*.so*"):
        function = ctypes.CDLL(str(path)).n_is_prime
        return ctypes.cast(function, IsPrime)
    return None
