"""The library in each wheel is one for the wheel's platform: its format, what it exports, and what it needs there."""

import re
import unittest

import lief
from built import from_project, of_each

# What each system has wherever the wheel may be installed, by the rules for such wheels.
NEEDED = {
    "manylinux": {"libc.so.6", "libdl.so.2", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0", "librt.so.1"},
    "musllinux": {"libc.so"},
    "win": {
        "kernel32.dll",
        "msvcrt.dll",
        "ntdll.dll",
        "ws2_32.dll",
        "userenv.dll",
        "bcryptprimitives.dll",
        "api-ms-win-*.dll",
    },
    "macosx": {"/usr/lib/libSystem.B.dylib"},
}
LOADERS = {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
OLDEST_GLIBC = 2, 17


def declared():
    code = re.sub(r"/\*.*?\*/|//[^\n]*|#[^\n]*", "", from_project("include", "ungil.h").decode(), flags=re.DOTALL)
    return set(re.findall(r"(\w+)\s*\([^()]*\)\s*;", code))


def parsed(wheel):
    return lief.parse(list(wheel.library))


class Libraries(unittest.TestCase):
    def assert_needs(self, tag, names):
        allowed = NEEDED[tag.split("_")[0].rstrip("0123456789")] | LOADERS
        patterns = [re.escape(name).replace(r"\*", ".*") for name in allowed]
        extra = {name for name in names if not re.fullmatch("|".join(patterns), name, re.IGNORECASE)}
        self.assertEqual(extra, set())

    @of_each("manylinux", "musllinux")
    def test_linux(self, wheel):
        machines = {"x86_64": lief.ELF.ARCH.X86_64, "aarch64": lief.ELF.ARCH.AARCH64}
        library = parsed(wheel)
        self.assertEqual(library.header.machine_type, machines[re.search("x86_64|aarch64", wheel.tag).group()])
        self.assertEqual({symbol.name for symbol in library.exported_symbols}, declared())
        self.assertEqual(library[lief.ELF.DynamicEntry.TAG.SONAME].name, "libungil.so.0")
        self.assert_needs(wheel.tag, library.libraries)

    @of_each("manylinux")
    def test_the_oldest_glibc_is_enough(self, wheel):
        library = parsed(wheel)
        needed = [each for file in library.symbols_version_requirement for each in file.get_auxiliary_symbols()]
        versions = [tuple(map(int, re.findall(r"\d+", each.name))) for each in needed if "GLIBC_" in each.name]
        self.assertLessEqual(max(versions), OLDEST_GLIBC)

    @of_each("win")
    def test_windows(self, wheel):
        library = parsed(wheel)
        self.assertEqual(library.header.machine, lief.PE.Header.MACHINE_TYPES.AMD64)
        self.assertTrue(library.header.has_characteristic(lief.PE.Header.CHARACTERISTICS.DLL))
        self.assertEqual({function.name for function in library.exported_functions}, declared())
        self.assert_needs(wheel.tag, [each.name for each in library.imports])

    @of_each("macosx")
    def test_macos(self, wheel):
        library = parsed(wheel)
        kinds = {"arm64": lief.MachO.Header.CPU_TYPE.ARM64, "x86_64": lief.MachO.Header.CPU_TYPE.X86_64}
        kind = re.search("x86_64|arm64", wheel.tag).group()
        self.assertEqual(library.header.cpu_type, kinds[kind])
        self.assertEqual(library.header.file_type, lief.MachO.Header.FILE_TYPE.DYLIB)
        self.assertEqual({symbol.name for symbol in library.exported_symbols}, {"_" + name for name in declared()})
        own, *needed = (each.name for each in library.libraries)
        self.assertEqual(own, "@rpath/libungil.dylib")
        self.assert_needs(wheel.tag, needed)
        self.assertEqual(library.rpaths or [], [])

    @of_each("macosx")
    def test_it_says_which_macos_it_needs(self, wheel):
        library = parsed(wheel)
        oldest = library.build_version.minos if library.has_build_version else library.version_min.version
        self.assertEqual(oldest[:2], [int(each) for each in wheel.tag.split("_")[1:3]])

    @of_each("macosx_11_0_arm64")
    def test_it_has_a_signature_as_arm64_wants_it(self, wheel):
        library = parsed(wheel)
        self.assertTrue(library.has_code_signature)


if __name__ == "__main__":
    unittest.main()
