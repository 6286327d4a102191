"""The ctypes signatures match the header, compared by a C parser that is independent of their common source."""
import copy
import ctypes
import os
import re
import sys
import types
import unittest

from pycparser import c_ast, c_parser

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.append(os.path.join(PROJECT, "python", "ungil", "_native"))

import signatures  # noqa: E402

# Types, of C and of ctypes, are compared as text or tuples: "void", "char", ("signed", bytes), ("unsigned", bytes),
# ("float", bytes), ("pointer", target), ("function", result, parameters), ("structure", fields with their names).
C_TYPES = {"void": "void", "char": "char", "float": ("float", 4), "double": ("float", 8)}
C_TYPES["size_t"] = ("unsigned", ctypes.sizeof(ctypes.c_void_p))
C_TYPES.update({"int%d_t" % bits: ("signed", bits // 8) for bits in (8, 16, 32, 64)})
C_TYPES.update({"uint%d_t" % bits: ("unsigned", bits // 8) for bits in (8, 16, 32, 64)})

# The parser has to know which words are types; what they are says C_TYPES.
PRELUDE = "".join("typedef int %s;\n" % name for name in C_TYPES if name.endswith("_t"))


class Header:
    """The constants, callback types, structures and functions of a header's text."""

    def __init__(self, text):
        defined = re.findall(r"^#define (UNGIL_\w+) (.+)$", text, flags=re.MULTILINE)
        self.constants = {name: float(value) for name, value in defined}
        text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
        text = re.sub(r"#ifdef __cplusplus.*?#endif", "", text, flags=re.DOTALL)
        text = re.sub(r"^#.*", "", text, flags=re.MULTILINE)
        self.aliases, self.functions = {}, {}
        declarations = c_parser.CParser().parse(PRELUDE + text).ext
        for declaration in declarations[PRELUDE.count("\n"):]:
            self.read(declaration)
        named = self.aliases.items()
        self.callbacks = {name: kind[1] for name, kind in named if kind[0] == "pointer" and kind[1][0] == "function"}
        self.structures = {name: kind for name, kind in named if kind[0] == "structure"}

    def read(self, declaration):
        if isinstance(declaration, c_ast.Typedef):
            self.aliases[declaration.name] = self.kind(declaration.type)
        else:
            names = [parameter.name for parameter in self.parameters(declaration.type)]
            self.functions[declaration.name] = self.kind(declaration.type), names

    def kind(self, node):
        if isinstance(node, c_ast.PtrDecl):
            return "pointer", self.kind(node.type)
        if isinstance(node, c_ast.FuncDecl):
            parameters = [self.kind(parameter.type) for parameter in self.parameters(node)]
            return "function", self.kind(node.type), parameters
        if isinstance(node.type, c_ast.Struct) and node.type.decls is None:
            return self.aliases[node.type.name]
        if isinstance(node.type, c_ast.Struct):
            return "structure", [(field.name, self.kind(field.type)) for field in node.type.decls]
        (name,) = node.type.names
        return self.aliases[name] if name in self.aliases else C_TYPES[name]

    @staticmethod
    def parameters(function):
        """f(void) has none: its single parameter is void, without a name or a pointer."""
        return [one for one in function.args.params if getattr(one.type.type, "names", None) != ["void"]]


class Module:
    """The same contents of the generated module."""

    def __init__(self, module):
        names = vars(module)
        self.constants = {name: value for name, value in names.items() if name.startswith("UNGIL_")}
        self.callbacks = {name: function_kind(kind) for name, kind in names.items() if is_prototype(kind)}
        structures = [(name, kind) for name, kind in names.items() if is_structure(kind)]
        self.structures = {name: ctypes_kind(kind) for name, kind in structures}
        self.functions = {}
        for name, (result, parameters) in module.SIGNATURES.items():
            kinds = [ctypes_kind(kind) for _, kind in parameters]
            self.functions[name] = ("function", ctypes_kind(result), kinds), [name for name, _ in parameters]


def is_prototype(kind):
    return isinstance(kind, type) and issubclass(kind, ctypes._CFuncPtr) and kind is not ctypes._CFuncPtr


def is_structure(kind):
    return isinstance(kind, type) and issubclass(kind, ctypes.Structure) and kind is not ctypes.Structure


def function_kind(prototype):
    return "function", ctypes_kind(prototype._restype_), [ctypes_kind(kind) for kind in prototype._argtypes_]


def ctypes_kind(kind):
    if kind is None:
        return "void"
    if isinstance(kind, signatures.FunctionPointer):
        return "pointer", function_kind(kind.prototype)
    if is_prototype(kind):
        return "pointer", function_kind(kind)
    if is_structure(kind):
        return "structure", [(name, ctypes_kind(field)) for name, field in kind._fields_]
    if kind is ctypes.c_void_p:
        return "pointer", "void"
    if kind is ctypes.c_char_p:
        return "pointer", "char"
    if issubclass(kind, ctypes._Pointer):
        return "pointer", ctypes_kind(kind._type_)
    return number_kind(kind)


def number_kind(kind):
    value, size = kind().value, ctypes.sizeof(kind)
    if isinstance(value, bytes):
        return "char"
    if isinstance(value, float):
        return "float", size
    return "signed" if kind(-1).value < 0 else "unsigned", size


def differences(header, module):
    """Each name that differs, with what it is in the header and in the module (None: missing)."""
    header, module = Header(header), Module(module)
    for part in ("constants", "callbacks", "structures", "functions"):
        ours, theirs = getattr(header, part), getattr(module, part)
        for name in sorted(set(ours) | set(theirs)):
            if ours.get(name) != theirs.get(name):
                yield name, ours.get(name), theirs.get(name)


with open(os.path.join(PROJECT, "include", "ungil.h")) as file:
    HEADER = file.read()

CALLBACKS = """
typedef double (*UngilExampleMap)(double);
void ungil_example(UngilExampleMap f, int32_t (*g)(const double *x, void *any), size_t size, uint8_t **out);
"""


def with_callbacks():
    """The module that would be generated from CALLBACKS."""
    module = types.ModuleType("signatures")
    module.FunctionPointer = pointer = signatures.FunctionPointer
    module.UngilExampleMap = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
    other = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.POINTER(ctypes.c_double), ctypes.c_void_p)
    module.SIGNATURES = {"ungil_example": (None, [
        ("f", pointer(module.UngilExampleMap)),
        ("g", pointer(other)),
        ("size", ctypes.c_size_t),
        ("out", ctypes.POINTER(ctypes.POINTER(ctypes.c_uint8))),
    ])}
    return module


class Signatures(unittest.TestCase):
    def test_the_header_and_the_signatures_say_the_same(self):
        self.assertEqual(list(differences(HEADER, signatures)), [])
        self.assertIn("num_primes", Header(HEADER).functions)
        self.assertIn("UNGIL_E_NULL", Header(HEADER).constants)

    def assert_reported(self, header, module, name):
        self.assertEqual([difference[0] for difference in differences(header, module)], [name])

    def assert_each_reported(self, header, module, changes):
        for old, new, name in changes:
            self.assertEqual(header.count(old), 1, old)
            self.assert_reported(header.replace(old, new), module, name)

    def test_a_header_that_differs_is_reported(self):
        self.assert_each_reported(HEADER, signatures, [
            ("int64_t k,", "int32_t k,", "ungil_sum_multiples"),
            ("int64_t k,", "uint64_t k,", "ungil_sum_multiples"),
            ("int64_t k,", "double k,", "ungil_sum_multiples"),
            ("int64_t k,", "", "ungil_sum_multiples"),
            ("int64_t k,", "int64_t divisor,", "ungil_sum_multiples"),
            ("int64_t *out);", "int64_t out);", "ungil_sum_multiples"),
            ("int64_t *out);", "int32_t *out);", "ungil_sum_multiples"),
            ("int64_t *out);", "int64_t **out);", "ungil_sum_multiples"),
            ("double compPi_ctypes(", "float compPi_ctypes(", "compPi_ctypes"),
            ("const char *ungil_version(void);", "", "ungil_version"),
            ("const char *ungil_version(void);", "void *ungil_version(void);", "ungil_version"),
            ("#endif  /* UNGIL_H */", "void another(void);\n#endif", "another"),
            ("#define UNGIL_E_INVALID -2", "#define UNGIL_E_INVALID 2", "UNGIL_E_INVALID"),
            ("#define UNGIL_E_INVALID -2", "", "UNGIL_E_INVALID"),
            ("#define UNGIL_OK 0", "#define UNGIL_OK 0\n#define UNGIL_MORE 1", "UNGIL_MORE"),
        ])

    def test_a_missing_signature_is_reported(self):
        module = types.ModuleType("signatures")
        vars(module).update(vars(signatures), SIGNATURES=copy.copy(signatures.SIGNATURES))
        del module.SIGNATURES["num_primes"]
        self.assert_reported(HEADER, module, "num_primes")
        del module.UNGIL_E_NULL
        self.assertEqual([name for name, _, _ in differences(HEADER, module)], ["UNGIL_E_NULL", "num_primes"])

    def test_callbacks_are_compared_too(self):
        module = with_callbacks()
        self.assertEqual(list(differences(CALLBACKS, module)), [])
        self.assert_each_reported(CALLBACKS, module, [
            ("int32_t (*g)", "int64_t (*g)", "ungil_example"),
            ("int32_t (*g)", "void (*g)", "ungil_example"),
            ("const double *x", "const float *x", "ungil_example"),
            ("void *any", "void **any", "ungil_example"),
            ("UngilExampleMap f", "void *f", "ungil_example"),
            ("size_t size", "int64_t size", "ungil_example"),
            ("uint8_t **out", "uint8_t *out", "ungil_example"),
        ])
        changed = CALLBACKS.replace("(double);", "(float);")
        reported = [name for name, _, _ in differences(changed, module)]
        self.assertEqual(reported, ["UngilExampleMap", "ungil_example"])


if __name__ == "__main__":
    unittest.main()
