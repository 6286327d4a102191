"""Changes libraries for the tests: their symbols' names, their functions, their texts."""

import platform
import struct

# A function that returns 0 at once.
RETURN_0 = {"x86_64": b"\x31\xc0\xc3", "aarch64": b"\x00\x00\x80\x52\xc0\x03\x5f\xd6"}.get(platform.machine())

DYNAMIC_SYMBOLS, NO_CONTENT, DYNAMIC = 11, 8, 6  # types of sections
NEEDED, IGNORED = 1, 0x6000000F  # tags of dynamic entries


class SharedObject(object):
    """The content of an ELF file of 64 bits, with section headers."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.original = file.read()
        self.content = bytearray(self.original)
        start, (size, count) = self.unpack("<Q", 0x28)[0], self.unpack("<HH", 0x3A)
        headers = [self.unpack("<IIQQQQIIQQ", start + i * size) for i in range(count)]
        # (address, offset, size) of those that have a content in the file
        self.sections = [header[3:6] for header in headers if header[1] != NO_CONTENT]
        self.dynamic = next(header[4:6] for header in headers if header[1] == DYNAMIC)
        symbols = next(header for header in headers if header[1] == DYNAMIC_SYMBOLS)
        self.names = names = headers[symbols[6]][4]
        self.symbols = {}  # the offset of the name, and the address, of each symbol that is defined
        for at in range(symbols[4], symbols[4] + symbols[5], 24):
            name, _, _, section, address, _ = self.unpack("<IBBHQQ", at)
            if section != 0:
                end = self.original.index(b"\0", names + name)
                self.symbols[self.original[names + name:end].decode()] = names + name, address

    def unpack(self, layout, at):
        return struct.unpack_from(layout, self.original, at)

    def rename(self, name):
        """No symbol has this name any more. (Longer names that end with it change, too.)"""
        self.content[self.symbols[name][0]] = ord("Q")

    def disable(self, name):
        """The function of this name does nothing, and returns 0."""
        address = self.symbols[name][1]
        at = next(offset + address - start for start, offset, size in self.sections if 0 <= address - start < size and start)
        self.content[at:at + len(RETURN_0)] = RETURN_0

    def forget_needed(self, name):
        """It does not say any more that it needs the library of this name."""
        for at in range(self.dynamic[0], sum(self.dynamic), 16):
            tag, value = self.unpack("<QQ", at)
            start = self.names + value
            if tag == NEEDED and self.original[start:start + len(name) + 1] == name + b"\0":
                struct.pack_into("<Q", self.content, at, IGNORED)

    def replace(self, old, new):
        """Replaces a text that has a NUL after it."""
        assert len(old) == len(new) and old + b"\0" in self.original
        self.content[:] = self.content.replace(old + b"\0", new + b"\0")

    def write(self, path):
        """Writes it with the changes, and undoes them."""
        with open(path, "wb") as file:
            file.write(self.content)
        self.content[:] = self.original
        return path
