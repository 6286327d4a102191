"""The module `_ungil` of each interpreter. It runs first; the other files here become its submodules, by `load`."""
import sys
import types

FILE = "<ungil bootstrap: %s>"
package = sys.modules["_ungil"] = types.ModuleType("_ungil", "The isolated interpreter that this code runs in.")
# The names of the files in tracebacks, which leave them out.
package.FILES = {FILE % "__init__"}


def load(name, source):
    """Runs the file `name`.py as a submodule, and returns its namespace."""
    name = name.decode()
    module = types.ModuleType("_ungil." + name)
    package.FILES.add(FILE % name)
    exec(compile(source, FILE % name, "exec", dont_inherit=True), module.__dict__)
    setattr(package, name, module)
    return module.__dict__
