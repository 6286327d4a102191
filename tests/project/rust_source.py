"""What the architecture test reads of Rust sources: modules, the paths that they use, functions and their lengths.

It is no compiler. It knows comments, strings, attributes, `use` trees and brackets: enough for formatted sources.
"""
import re

# Comments, strings and characters (but no lifetimes).
COMMENT = r"//[^\n]*|/\*.*?\*/"
TEXT = r"""\bb?r(#*)".*?"\1|"(?:\\.|[^"\\])*"|'(?:\\.[^'\n]*|[^\\'\n])'"""
OPAQUE = re.compile("%s|%s" % (COMMENT, TEXT), re.DOTALL)
FOR_TESTS = re.compile(r"#\[cfg\((?:all\()?test\b")
ATTRIBUTE = re.compile(r"\s*#!?\[")
MODULE = re.compile(r"\bmod (\w+)\s*([;{])")
USE = re.compile(r"\buse ([^;]+);")
PATH = re.compile(r"(?<![\w:])(\w+(?:::\w+)+)")
FUNCTION = re.compile(r"\bfn (\w+)\s*[(<]")
VISIBILITY = re.compile(r"\bpub\([^)]*\)")


def spaces(match):
    """Spaces in place of what was matched; lines stay lines."""
    return re.sub(r"[^\n]", " ", match.group())


def blanked(text, pattern):
    """The text with spaces in place of what the pattern matches."""
    return pattern.sub(spaces, text)


def closing(code, start):
    """The position after the bracket that closes the one at `start`."""
    depth = 0
    for i in range(start, len(code)):
        if code[i] in "([{":
            depth += 1
        elif code[i] in ")]}":
            depth -= 1
            if depth == 0:
                return i + 1
    raise ValueError("a bracket is not closed: %r" % code[start:start + 40])


def end_of_item(code, start):
    """The position after an item: a block that closes, or a semicolon."""
    i = start
    is_use = re.match(r"\s*(pub\s+)?use\b", code[start:])
    while code[i] != ";":
        if code[i] in "([{":
            is_block = code[i] == "{" and not is_use
            i = closing(code, i)
            if is_block:
                return i
        else:
            i += 1
    return i + 1


def without_tests(code):
    """The code with spaces in place of items that only tests have, and the names of the modules among those."""
    modules = set()
    while True:
        attribute = FOR_TESTS.search(code)
        if not attribute:
            return code, modules
        start = closing(code, code.index("[", attribute.start()))
        while ATTRIBUTE.match(code[start:]):
            start = closing(code, code.index("[", start))
        end = end_of_item(code, start)
        modules.update(name for name, kind in MODULE.findall(code[start:end]) if kind == ";")
        code = code[:attribute.start()] + re.sub(r"[^\n]", " ", code[attribute.start():end]) + code[end:]


def parts_of_tree(tree):
    """The parts of a use tree's braces, split at its own commas."""
    parts, depth = [""], 0
    for character in tree:
        depth += (character == "{") - (character == "}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def paths_of_tree(tree, prefix=()):
    """Each path of a use tree as a tuple of names, with the name that it introduces."""
    brace = tree.find("{")
    if brace >= 0:
        prefix += tuple(name for name in tree[:brace].strip().split("::") if name)
        inner = tree[brace + 1:tree.rindex("}")]
        return [path for part in parts_of_tree(inner) for path in paths_of_tree(part, prefix)]
    path, _, alias = tree.partition(" as ")
    names = prefix + tuple(path.strip().split("::"))
    if names[-1] == "self":
        names = names[:-1]
    return [(names, alias.strip() or names[-1])]


class Module:
    """A file of a crate."""

    def __init__(self, name, text):
        self.name = name  # a tuple: ("pool", "call"); () for the crate's root
        code = blanked(blanked(text, OPAQUE), VISIBILITY)
        self.code, self.test_modules = without_tests(code)
        self.inline = [(match.start(), closing(self.code, match.end() - 1))
                       for match in MODULE.finditer(self.code) if match.group(2) == "{"]

    def depth(self, position):
        """How many inline modules a position is inside of."""
        return sum(start <= position < end for start, end in self.inline)

    def absolute(self, path, position, modules, aliases):
        """A path as seen from the crate's root; None if it leads out of the crate."""
        if path[0] == "crate":
            return path[1:]
        if path[0] in ("self", "super"):
            supers = path.count("super")
            up = max(0, supers - self.depth(position))
            return self.name[:len(self.name) - up] + path[max(supers, 1):]
        if self.name + path[:1] in modules:
            return self.name + path
        return aliases[path[0]] + path[1:] if path[0] in aliases else None

    def used(self, modules):
        """The other modules that this one uses, each with the line where it first does."""
        aliases, found = {}, []
        for use in USE.finditer(self.code):
            tree = re.sub(r"\s+", " ", use.group(1))
            for path, alias in paths_of_tree(tree):
                absolute = self.absolute(path, use.start(), modules, {})
                if absolute is not None:
                    found.append((absolute, use.start()))
                    if absolute in modules:
                        aliases[alias] = absolute
        for match in PATH.finditer(USE.sub(lambda use: " " * len(use.group()), self.code)):
            absolute = self.absolute(tuple(match.group(1).split("::")), match.start(), modules, aliases)
            if absolute is not None:
                found.append((absolute, match.start()))
        edges = {}
        for path, position in found:
            target = next(path[:n] for n in range(len(path), -1, -1) if path[:n] in modules)
            if target != self.name:
                edges.setdefault(target, self.code.count("\n", 0, position) + 1)
        return edges


def module_name(path):
    """The module in a file, by its path below src."""
    names = path[:-len(".rs")].split("/")
    return tuple(names[:-1] if names[-1] in ("mod", "lib") else names)


def graph(files):
    """The modules of a crate, each with those that it uses; `files` has texts by paths below src. Without tests."""
    modules = {module_name(path): Module(module_name(path), text) for path, text in files.items()}
    tests = [module.name + (name,) for module in modules.values() for name in module.test_modules]
    modules = {name: module for name, module in modules.items()
               if not any(name[:len(test)] == test for test in tests)}
    return {name: module.used(modules) for name, module in modules.items()}


def functions(text):
    """Each function that has a body: its name, its first line and the one after its last, counted from 0."""
    code = blanked(text, OPAQUE)
    for match in FUNCTION.finditer(code):
        i = match.end() - 1
        while code[i] not in ";{":
            i = closing(code, i) if code[i] in "([" else i + 1
        if code[i] == "{":
            yield match.group(1), code.count("\n", 0, match.start()), code.count("\n", 0, closing(code, i)) + 1


def code_lines(text):
    """The numbers of the lines that are neither empty nor a comment; from 0."""
    code = OPAQUE.sub(lambda match: spaces(match) if match.group()[0] == "/" else match.group(), text)
    return {number for number, line in enumerate(code.split("\n")) if line.strip()}
