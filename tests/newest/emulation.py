"""Programs of another architecture, which the kernel hands to qemu (binfmt_misc)."""
import os
import shutil
import subprocess

PACKAGE = "qemu-user-static"
FORMATS = "/proc/sys/fs/binfmt_misc"

MACHINES = {"arm64": "aarch64"}

# The beginning of the programs: an ELF file of 64 bits, little-endian, executable or shared, for the machine.
MAGIC = {"aarch64": "7f454c460201010000000000000000000200b700"}
MASK = "ffffffffffffff00fffffffffffffffffeffffff"


def escaped(digits):
    return "".join("\\x" + digits[i : i + 2] for i in range(0, len(digits), 2))


def is_registered(machine):
    """Whether such programs start, also in a root that has no qemu: flag F says that the kernel keeps it open."""
    try:
        with open("%s/qemu-%s" % (FORMATS, machine)) as file:
            lines = file.read().splitlines()
    except OSError:
        return False
    return lines[0] == "enabled" and any(line.startswith("flags:") and "F" in line for line in lines)


def register(machine, emulator):
    """Packages do this where they are set up in a running system. It lasts until the machine is started again."""
    if not os.path.exists(FORMATS + "/register"):
        subprocess.call(["mount", "-t", "binfmt_misc", "binfmt_misc", FORMATS], stderr=subprocess.DEVNULL)
    entry = ":qemu-%s:M::%s:%s:%s:F" % (machine, escaped(MAGIC[machine]), escaped(MASK), emulator)
    try:
        with open(FORMATS + "/register", "w") as file:
            file.write(entry)
    except OSError:
        pass


def obstacle(architecture):
    """Why programs of an architecture of Debian cannot run, or None; and whether that can be mended here."""
    machine = MACHINES[architecture]
    if os.uname().machine == machine or is_registered(machine):
        return None, False
    emulator = shutil.which("qemu-%s-static" % machine)
    if emulator is None:
        return "apt install " + PACKAGE, shutil.which("apt-get") is not None
    register(machine, emulator)
    if is_registered(machine):
        return None, False
    return "this machine allows no other program formats (binfmt_misc)", False
