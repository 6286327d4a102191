"""What an interpreter takes of memory, compared with a spawned process that has imported the same modules.

`python -m bench_py.memory [MODULE ...]` prints a table. Each case is measured in a process of its own, where four
processes and then four interpreters are alive at once. The figures are proportional set sizes (Pss): a page that
several mappings show counts in equal parts for each. That of an interpreter is what the process grows by.
"""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path

COUNT = 4
MODULES = ["numpy", "pandas", "sklearn.ensemble", "torch"]


def pss(process: str | int = "self") -> int:
    """Bytes."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))


def import_and_wait(module: str, connection: Connection) -> None:
    if module:
        importlib.import_module(module)
    connection.send(None)
    connection.recv()


def of_interpreters(module: str) -> float:
    import ungil

    source = f"import {module}" if module else "pass"
    interpreters = [ungil.Interpreter()]  # the first one brings in what is shared
    interpreters[0].exec(source)
    before = pss()
    for _ in range(COUNT):
        interpreters.append(ungil.Interpreter())
        interpreters[-1].exec(source)
    return (pss() - before) / COUNT


def of_processes(module: str) -> float:
    spawn = multiprocessing.get_context("spawn")
    pipes = [spawn.Pipe() for _ in range(COUNT)]
    processes = [spawn.Process(target=import_and_wait, args=(module, there)) for _, there in pipes]
    for process in processes:
        process.start()
    for here, _ in pipes:
        here.recv()
    sizes = [pss(process.pid or 0) for process in processes]
    for (here, _), process in zip(pipes, processes):
        here.send(None)
        process.join()
    return sum(sizes) / COUNT


def measure(module: str) -> dict[str, float]:
    """In a new process."""
    program = f"from bench_py import memory; memory.print_case({module!r})"
    output = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {name: float(size) for name, size in json.loads(output.splitlines()[-1]).items()}


def print_case(module: str) -> None:
    print(json.dumps({"processes": of_processes(module), "interpreters": of_interpreters(module)}))


def main(modules: list[str]) -> None:
    print(f"{'MiB for each of ' + str(COUNT):20} {'interpreter':>12} {'process':>12}")
    for module in ["", *modules]:
        if module and importlib.util.find_spec(module.partition(".")[0]) is None:
            print(f"{module:20} SKIP: it is not installed")
            continue
        sizes = measure(module)
        print(f"{module or 'no imports':20} {sizes['interpreters'] / 2**20:12.1f} {sizes['processes'] / 2**20:12.1f}")


if __name__ == "__main__":
    main(sys.argv[1:] or MODULES)
