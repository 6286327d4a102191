"""Makes roots of Debian sid: build/sid, whose Pythons and C library are newer than the machine's, or one of another
architecture, build/sid-ARCHITECTURE, whose programs run in qemu.

    python3 tests/newest/root.py [ARCHITECTURE]        (as root, with mmdebstrap)

A root is made again when its packages change here. Remove it to get newer versions of them.

Nothing is ever mounted in it that other processes see, because mmdebstrap and `enter` have mount namespaces of their
own. So `rm -r build` is safe at any time.
"""
import fcntl
import os
import re
import shutil
import subprocess
import sys

import emulation

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(os.path.dirname(HERE))
LIST = os.path.join("etc", "ungil-packages")  # in the root: what it was made with

VERSIONS = ("3.14", "3.15")
PARTS = ("python%s", "libpython%s", "python%s-venv", "libpython%s-testsuite")
PACKAGES = [part % version for version in VERSIONS for part in PARTS]
PACKAGES += ["pypy3", "pypy3-venv", "ca-certificates", "gcc", "libc6-dev"]

# For another architecture packages are extracted and not set up, which would take many minutes in qemu: so what others
# need of them is named, too.
FOREIGN = ["python3.14", "libpython3.14", "python3-numpy", "python3-cloudpickle"]
FOREIGN += ["base-files", "bash", "coreutils", "dash", "libc-bin"]

UNUSED = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")
UNSHARE = ["unshare", "--mount", "--propagation", "private"]


class Root:
    """The root for an architecture of Debian, or for the machine's own."""

    def __init__(self, architecture=None):
        self.architecture = architecture
        self.name = "sid-%s" % architecture if architecture else "sid"
        self.path = os.path.join(PROJECT, "build", self.name)
        self.packages = FOREIGN if architecture else PACKAGES

    def obstacle(self):
        """Why there can be no such root on this machine, or None; and whether that can be mended here."""
        if os.geteuid() != 0:
            return "a root of Debian sid can be made only by root", False
        if not shutil.which("unshare") or subprocess.call(UNSHARE + ["true"], stderr=subprocess.DEVNULL):
            return "this machine allows no mount namespaces", False
        if not shutil.which("mmdebstrap"):
            return "apt install mmdebstrap", shutil.which("apt-get") is not None
        return emulation.obstacle(self.architecture) if self.architecture else (None, False)

    def ensure(self):
        """Makes the root if there is none, or an old one. Waits while another process does that."""
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.is_ready():
                print("making build/%s" % self.name, flush=True)
                self.make()

    def is_ready(self):
        try:
            with open(os.path.join(self.path, LIST)) as file:
                return file.read() == self.wanted()
        except OSError:
            return False

    def wanted(self):
        return "\n".join(self.packages) + "\n"

    def make(self):
        """Makes the root under another name first: an interrupted run leaves no half of it."""
        partial, old = self.path + ".partial", self.path + ".old"
        remove(partial, old)
        command = UNSHARE + ["mmdebstrap", "--quiet", "--mode=root", "--include=" + ",".join(self.packages)]
        if self.architecture:
            command += ["--variant=extract", "--architectures=" + self.architecture]
        else:
            command += ["--variant=essential", "--dpkgopt=force-unsafe-io"]
        command += ["--aptopt=" + line for line in settings_of_apt()]
        command += ["--dpkgopt=path-exclude=" + path for path in UNUSED]
        subprocess.check_call(command + ["sid", partial] + mirror())
        if self.architecture:
            link_alternatives(partial)
        with open(os.path.join(partial, LIST), "w") as file:
            file.write(self.wanted())
        if os.path.exists(self.path):
            os.rename(self.path, old)
        os.rename(partial, self.path)
        remove(old)


def mirror():
    """The mirror of Debian that the machine's apt uses, as a list; empty on other systems: mmdebstrap has a default."""
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian"]
    return subprocess.check_output(targets, text=True).split()[:1]


def settings_of_apt():
    """The machine's settings for downloads, such as a proxy. The lists of a mirror may be older than they allow."""
    dump = subprocess.check_output(["apt-config", "dump"], text=True)
    return re.findall(r'^Acquire::https?::.*".+";$', dump, re.MULTILINE) + ['Acquire::Check-Valid-Until "false";']


def link_alternatives(root):
    """The links that setting up numpy's BLAS and LAPACK would make."""
    for triplet in os.listdir(os.path.join(root, "usr", "lib")):
        for name in ("blas", "lapack"):
            library = "lib%s.so.3" % name
            if os.path.exists(os.path.join(root, "usr", "lib", triplet, name, library)):
                os.symlink(os.path.join(name, library), os.path.join(root, "usr", "lib", triplet, library))


def remove(*directories):
    for directory in directories:
        if os.path.exists(directory):
            shutil.rmtree(directory)


def main():
    root = Root(*sys.argv[1:])
    reason, _ = root.obstacle()
    if reason:
        sys.exit(reason)
    root.ensure()


if __name__ == "__main__":
    main()
