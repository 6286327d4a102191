"""Tries the quick cases, and runs the tests of this directory, on the machine's Pythons, each in a venv.

    run.py                                          quick cases, in 4 interpreters, Pythons side by side
    run.py --all [--python 3.12] [CASE ...]         all cases, in 4 and 8 interpreters, one after the other

With --all, the packages are those of the cases: those of them that pip finds wheels of for the Python. That is for the
table in docs/packages.md, which page.py writes.
"""

import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)

import cases  # noqa: E402
import side_by_side  # noqa: E402
import stress  # noqa: E402
import tested  # noqa: E402
import trials  # noqa: E402
import venvs  # noqa: E402

pythons = venvs.pythons

QUICK, ALL = (4,), (4, 8)


def quick_cases():
    return [case for case in cases.find().values() if case.quick]


def test(job, executable, name):
    python = venvs.with_packages(job, executable, name)
    # Imports everything once: otherwise the interpreters would compile the same modules to bytecode at the same time.
    use_all = """
import cases
for case in cases.find().values():
    try:
        if case.quick: case.function()
    except Exception:
        pass  # the case is tried below, and tells what is wrong
"""
    job.run([python, "-c", use_all], cwd=HERE)
    venv = trials.Venv(python, name)
    failed = []
    for case in quick_cases():
        for count in QUICK:
            note, output = venv.try_case(case, count)
            if note["outcome"] == trials.ABSENT:
                job.say("SKIP %s: %s" % (case.name, note["reason"]))
            elif note["outcome"] != trials.OK:
                failed.append(case.name)
                job.say("%s\n%s in %d interpreters: %s" % (output, case.name, count, note["reason"]))
    job.run([python, "-m", "unittest", "discover", "-s", HERE], env=venvs.environment(), cwd=venvs.PROJECT)
    if failed:
        raise OSError("failed: " + ", ".join(failed))


def jobs(found):
    """A job for each Python of those found that can have interpreters."""
    return [
        tested.Job("packages: " + name, lambda job, it=(executable, name): test(job, *it), name, "packages")
        for executable, name in found.items()
        if pythons.have_interpreters(*pythons.split(name))
    ]


def venv_of(executable, name, requirements):
    """A venv with all that pip finds a wheel of. What is in it already is kept: remove the venv for newer versions."""
    folder = venvs.folder("packages-all", name)
    python, ready = os.path.join(folder, "bin", "python"), os.path.join(folder, "requirements")
    wanted = "\n".join(requirements)
    if os.path.exists(ready) and open(ready).read() == wanted:
        return python
    if not os.path.exists(python):
        subprocess.check_call([executable, "-m", "venv", folder])
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    if subprocess.call([*pip, *requirements]):
        for requirement in requirements:
            subprocess.call([*pip, requirement])
    with open(ready, "w") as file:
        file.write(wanted)
    return python


def run_all(found, names, counts):
    """Returns how many trials failed."""
    chosen = [case for name, case in cases.find().items() if not names or name in names]
    failed = 0
    for executable, name in found.items():
        python = venv_of(executable, name, ["cloudpickle", *cases.requirements(cases.find().values())])
        venv = trials.Venv(python, name)
        for case in chosen:
            for count in counts:
                note, output = venv.try_case(case, count)
                told = "%s, %s, %d: %s %s" % (name, case.name, count, note["outcome"], note["reason"])
                print(told, flush=True)
                if note["outcome"] == trials.FAILS:
                    failed += 1
                    print(output, flush=True)
    print("%d failed" % failed)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--python", action="append", help="a version, such as 3.12; with --all")
    parser.add_argument("--interpreters", type=int, action="append", help="how many; with --all")
    parser.add_argument("names", nargs="*", metavar="CASE")
    options = parser.parse_args()
    found = venvs.find(pythons.have_interpreters)
    if not found:
        print("SKIP packages in interpreters: there is no CPython from %s" % pythons.WITH_INTERPRETERS)
    if options.all:
        one_of_each = pythons.of_each_version(found)
        wanted = {
            executable: found[executable]
            for executable in one_of_each
            if not options.python or tested.series(found[executable]).split()[1] in options.python
        }
        return run_all(wanted, options.names, options.interpreters or ALL) != 0
    chosen = stress.chosen(list(found))
    for executable, name in found.items():
        if executable not in chosen:
            print("SKIP packages in interpreters on %s: %s=full runs it on all" % (name, stress.NAME))
    return side_by_side.run(jobs({executable: found[executable] for executable in found if executable in chosen}))


if __name__ == "__main__":
    sys.exit(main())
