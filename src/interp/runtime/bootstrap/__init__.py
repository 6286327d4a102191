"""The module `_ungil` of each interpreter. It runs first; the other files here become its submodules, by `load`."""
import gc
import sys
import types

import marshal

FILE = "<ungil bootstrap: %s>"
package = sys.modules["_ungil"] = types.ModuleType("_ungil", "The isolated interpreter that this code runs in.")
package.collects_garbage = gc.isenabled()
gc.disable()  # until `settings.configure`: there is next to no garbage yet, and to look for it takes time
# The names of the files in tracebacks, which leave them out.
package.FILES = {FILE % "__init__"}


def compiled(name, source):
    """The code of the file `name`.py, for `load` in all interpreters of this libpython: to compile it takes much longer."""
    return marshal.dumps(compile(source, FILE % name.decode(), "exec", dont_inherit=True, optimize=0))


def load(name, code):
    """Runs the file `name`.py as a submodule, and returns its namespace."""
    name = name.decode()
    module = types.ModuleType("_ungil." + name)
    package.FILES.add(FILE % name)
    exec(marshal.loads(code), module.__dict__)
    setattr(package, name, module)
    return module.__dict__
