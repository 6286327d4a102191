"""Makes build/sid: a root of Debian sid, whose Pythons and C library are newer than the machine's.

    python3 tests/newest/root.py        (as root, with mmdebstrap)

It is made again when PACKAGES changes. Remove it to get newer versions of them.

Nothing is ever mounted in it that other processes see, because mmdebstrap and `enter` have mount namespaces of their
own. So `rm -r build` is safe at any time.
"""
import fcntl
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(os.path.dirname(HERE))
ROOT = os.path.join(PROJECT, "build", "sid")
LIST = os.path.join("etc", "ungil-packages")  # in the root: what it was made with

VERSIONS = ("3.14", "3.15")
PARTS = ("python%s", "libpython%s", "python%s-venv", "libpython%s-testsuite")
PACKAGES = [part % version for version in VERSIONS for part in PARTS]
PACKAGES += ["pypy3", "pypy3-venv", "ca-certificates", "gcc", "libc6-dev"]

UNUSED = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")
UNSHARE = ["unshare", "--mount", "--propagation", "private"]


def obstacle():
    """Why there can be no root on this machine, or None; and whether that can be mended here."""
    if os.geteuid() != 0:
        return "a root of Debian sid can be made only by root", False
    if not shutil.which("unshare") or subprocess.call(UNSHARE + ["true"], stderr=subprocess.DEVNULL):
        return "this machine allows no mount namespaces", False
    if not shutil.which("mmdebstrap"):
        return "apt install mmdebstrap", shutil.which("apt-get") is not None
    return None, False


def mirror():
    """The mirror of Debian that the machine's apt uses, as a list; empty on other systems: mmdebstrap has a default."""
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian"]
    return subprocess.check_output(targets, text=True).split()[:1]


def settings_of_apt():
    """The machine's settings for downloads, such as a proxy. The lists of a mirror may be older than they allow."""
    dump = subprocess.check_output(["apt-config", "dump"], text=True)
    return re.findall(r'^Acquire::https?::.*".+";$', dump, re.MULTILINE) + ['Acquire::Check-Valid-Until "false";']


def wanted():
    return "\n".join(PACKAGES) + "\n"


def is_ready():
    try:
        with open(os.path.join(ROOT, LIST)) as file:
            return file.read() == wanted()
    except OSError:
        return False


def ensure():
    """Makes the root if there is none, or an old one. Waits while another process does that."""
    os.makedirs(os.path.dirname(ROOT), exist_ok=True)
    with open(ROOT + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_ready():
            print("making build/sid", flush=True)
            make()


def make():
    """Makes the root under another name first: an interrupted run leaves no half of it."""
    partial, old = ROOT + ".partial", ROOT + ".old"
    remove(partial, old)
    command = UNSHARE + ["mmdebstrap", "--quiet", "--mode=root", "--variant=essential"]
    command += ["--include=" + ",".join(PACKAGES)]
    command += ["--aptopt=" + line for line in settings_of_apt()]
    command += ["--dpkgopt=force-unsafe-io"] + ["--dpkgopt=path-exclude=" + path for path in UNUSED]
    subprocess.check_call(command + ["sid", partial] + mirror())
    with open(os.path.join(partial, LIST), "w") as file:
        file.write(wanted())
    if os.path.exists(ROOT):
        os.rename(ROOT, old)
    os.rename(partial, ROOT)
    remove(old)


def remove(*directories):
    for directory in directories:
        if os.path.exists(directory):
            shutil.rmtree(directory)


def main():
    reason, _ = obstacle()
    if reason:
        sys.exit(reason)
    ensure()


if __name__ == "__main__":
    main()
