"""C programs, and the package on Windows' own Python, in wine."""
import glob
import os
import shutil
import sys
import tarfile
import tempfile
import zipfile

import programs

MINGW = "x86_64-w64-mingw32-gcc"
TAG = "win_amd64"
FOLDER = os.path.join(programs.BUILD, TAG)
HERE = os.path.dirname(os.path.abspath(__file__))

# The others fork, or need what only Unix has.
NAMES = ("functions", "control", "inboxes")

SETTINGS = {
    "WINEARCH": "win64",
    "WINEDEBUG": "-all",
    "WINEDLLOVERRIDES": "mscoree=;mshtml=",  # neither .NET nor a browser, which wine would offer to install
}


def missing_package():
    missing = {"wine": "wine wine64", MINGW: "gcc-mingw-w64-x86-64"}
    return " ".join(package for program, package in missing.items() if not shutil.which(program)) or None


# Windows' Python can write to a pipe, but not to the file that a job's output goes to.
THROUGH_A_PIPE = ["bash", "-c", 'set -o pipefail; "$@" 2>&1 | cat', "bash"]


def wine(job, *command, **more):
    job.run([*THROUGH_A_PIPE, "wine", *command], env=dict(os.environ, **SETTINGS, **more), cwd=FOLDER)


def prepare(job):
    """Makes wine's Windows, with what it lacks of a current one."""
    wine(job, "wineboot", "--init")
    path = os.path.join(SETTINGS["WINEPREFIX"], "drive_c", "windows", "system32", "bcryptprimitives.dll")
    if not os.path.exists(path):
        job.run([MINGW, "-shared", "-O1", os.path.join(HERE, "process_prng.c"), "-o", path, "-ladvapi32"])


def python(job):
    """Windows' Python, from PyPI: the path of python.exe."""
    folder = os.path.join(programs.BUILD, "python-windows")
    executable = os.path.join(folder, "cp313", "python.exe")
    if not os.path.exists(executable):
        os.makedirs(folder, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--dest", folder]
        pip += ["--no-deps", "--no-binary", ":all:", "--require-hashes"]
        job.run(pip + ["-r", os.path.join(HERE, "requirements.txt")])
        (archive,) = glob.glob(os.path.join(folder, "*.tar.gz"))
        with tarfile.open(archive) as files:
            (name,) = [name for name in files.getnames() if name.endswith("/data.zip")]
            with zipfile.ZipFile(files.extractfile(name)) as inner:
                inner.extractall(folder)
        os.remove(os.path.join(folder, "cp313", "python313._pth"))  # it would ignore PYTHONPATH
    return executable


def install(job):
    """The wheel and what it requires, as pip installs them for Windows; the folder."""
    site = os.path.join(FOLDER, "site")
    shutil.rmtree(site, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--target", site]
    pip += ["--platform", TAG, "--python-version", "3.13", "--only-binary", ":all:"]
    job.run(pip + [programs.wheel(TAG)])
    return site


def forwarders(job):
    """The folder with test.dll and the others, which scripts find on PATH."""
    folder = os.path.join(programs.BUILD, "forwarders")
    job.run([sys.executable, os.path.join(programs.PROJECT, "packaging", "forwarders.py"), folder])
    return folder


def use(job):
    library = os.path.join(FOLDER, "ungil.dll")
    programs.unpack(TAG, "ungil/ungil.dll", library)
    for path in programs.compiled(job, [MINGW, "-static"], library, NAMES):
        wine(job, path)
    executable, site = python(job), install(job)
    more = {"PYTHONPATH": "Z:" + site, "PYTHONUTF8": "1"}
    more.update(WINEPATH="Z:" + forwarders(job), UNGIL_TEST_FORWARDERS="1")
    wine(job, executable, "Z:" + os.path.join(HERE, "without_interpreters.py"), **more)


def run(job):
    os.makedirs(FOLDER, exist_ok=True)
    # Not below the project: wine's folder has links to the root, which cargo would follow.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as SETTINGS["WINEPREFIX"]:
        try:
            prepare(job)
            use(job)
        finally:
            wine(job, "wineboot", "--kill")


JOBS = {"Windows: C programs and the package, in wine": run}
