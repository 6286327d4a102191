"""C programs for another platform, with the library out of that platform's wheel."""
import glob
import os
import sys
import zipfile

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(PROJECT, "build", "platforms")
SOURCES = os.path.join(PROJECT, "tests", "c")


def wheel(platform):
    found = glob.glob(os.path.join(PROJECT, "build", "wheels", "*%s*.whl" % platform))
    if len(found) != 1:
        sys.exit("there is not exactly one wheel for %s in build/wheels: run make wheels" % platform)
    return found[0]


def unpack(platform, name, path):
    """Puts the library out of the wheel there."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with zipfile.ZipFile(wheel(platform)) as files, open(path, "wb") as file:
        file.write(files.read(name))


def compiled(job, compiler, library, names, *link):
    """Compiles programs of tests/c, and puts them next to the library; their paths."""
    for name in names:
        path = os.path.join(os.path.dirname(library), name + (".exe" if library.endswith(".dll") else ""))
        command = [*compiler, "-std=c11", "-O1", "-pthread", "-I" + os.path.join(PROJECT, "include")]
        job.run(command + [os.path.join(SOURCES, name + ".c"), "-o", path, library, *link])
        yield path
