"""Describes the machine, the installed packages, and the load from other processes."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import resource
import shutil
import subprocess
from pathlib import Path
from time import monotonic

PEERS = ("numpy", "numba", "gmpy2", "python-flint", "loky", "cloudpickle", "joblib", "scikit-learn")
DESCRIBE = ("describe", "--always", "--dirty", "--abbrev=12")
PROJECT = Path(__file__).parent.parent


def processors() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0))


def threads() -> list[int]:
    """The numbers of threads to measure with, above one: powers of two, and all processors."""
    most = processors()
    return sorted({2**i for i in range(1, 10) if 2**i < most} | {max(2, most)})


def about(level: str, library: str, commit: str | None = None) -> dict[str, object]:
    """The machine as a dict for the result.

    `level` is the CPU level in use, `library` the library's version, `commit` what is measured; None asks git.
    """
    return {
        "processor": _processor(),
        "processors": os.cpu_count(),
        "affinity": sorted(os.sched_getaffinity(0)),
        "governor": _governor(),
        "cpu_level": level,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}, {' '.join(platform.libc_ver())}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "compiler": _first_line("gcc", "--version"),
        "ungil": library,
        "commit": commit or _first_line("git", "-C", str(PROJECT), *DESCRIBE),
        "load_average": [round(number, 2) for number in os.getloadavg()],
        "versions": {name: _version(name) for name in PEERS},
    }


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text()
    found = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    return found.group(1) if found else platform.machine()


def _governor() -> str:
    try:
        return Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").read_text().strip()
    except OSError:
        return "unknown: the system does not tell"


def _first_line(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return f"unknown: no {command[0]}"
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    return lines[0] if lines else "unknown"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


class Load:
    """Measures how much of the processors other programs, and other guests of the host, use meanwhile."""

    def __init__(self) -> None:
        self._start = monotonic(), *self._ticks(), self._own()

    @staticmethod
    def _ticks() -> tuple[float, float]:
        """Seconds of all processors since the system started: (busy, stolen by the host)."""
        with open("/proc/stat") as file:
            user, nice, system, _, _, irq, softirq, steal = (int(text) for text in file.readline().split()[1:9])
        tick = os.sysconf("SC_CLK_TCK")
        return (user + nice + system + irq + softirq) / tick, steal / tick

    @staticmethod
    def _own() -> float:
        """Processor seconds of this process, and of its children that have ended."""
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    def so_far(self) -> dict[str, float]:
        """Shares of all processors' time in percent: {"others": ..., "stolen": ...}."""
        start, busy, stolen, own = self._start
        now_busy, now_stolen = self._ticks()
        available = (monotonic() - start) * (os.cpu_count() or 1)
        others = max(0.0, now_busy - busy - (self._own() - own))
        return {
            "others": round(100 * others / available, 1),
            "stolen": round(100 * (now_stolen - stolen) / available, 1),
        }
