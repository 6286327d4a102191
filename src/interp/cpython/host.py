"""Runs in the host's Python and describes its settings: lines of options for an interpreter that is to be like it."""
import sys

lines = []


def add(name, value):
    if isinstance(value, str) and "\n" not in value:
        try:
            lines.append((name + "=" + value).encode(sys.getfilesystemencoding(), "surrogateescape"))
        except UnicodeEncodeError:  # neither a path nor an option that anybody gave
            pass


add("executable", sys.executable)
add("home", getattr(sys, "base_prefix", sys.prefix))
add("pycache_prefix", sys.pycache_prefix)
for name, values in (("path", sys.path), ("argv", getattr(sys, "argv", [])), ("warnoption", sys.warnoptions)):
    for value in list(values):  # a copy, as other threads may change it
        add(name, value)
for name, value in list(sys._xoptions.items()):
    add("xoption", name if value is True else name + "=" + value)
for name in (
    "optimize",
    "no_user_site",
    "no_site",
    "ignore_environment",
    "isolated",
    "bytes_warning",
    "verbose",
    "quiet",
    "debug",
    "utf8_mode",
    "dev_mode",
    "safe_path",
    "warn_default_encoding",
):
    if hasattr(sys.flags, name):
        add(name, str(int(getattr(sys.flags, name))))
add("dont_write_bytecode", str(int(sys.dont_write_bytecode)))  # the program may have changed it
if hasattr(sys, "get_int_max_str_digits"):
    add("int_max_str_digits", str(sys.get_int_max_str_digits()))



def pattern(it):
    """None, a text that is compared, or a regular expression with its flags."""
    return it if it is None or type(it) is str else (it.pattern, it.flags)


filters = list(getattr(sys.modules.get("warnings"), "filters", [None]))
for entry in filters:
    try:
        action, message, category, module, line = entry
        category = category.__module__, category.__qualname__
        add("warningfilter", ascii((str(action), pattern(message), category, pattern(module), int(line))))
    except Exception:  # it was made by other means than those of the module
        pass
if not filters:
    add("warningfilter", "")

settings = b"\n".join(lines)
