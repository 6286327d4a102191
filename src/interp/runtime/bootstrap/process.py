"""Functions that would affect the whole process: they are refused, or what they change is restored."""
import os
import posix

from _ungil import fork


def refused(original, name, error=RuntimeError, instead=""):
    def function(*args, **kwargs):
        if fork.is_child:
            return original(*args, **kwargs)
        raise error(
            "%s is not supported in an isolated interpreter: it would affect the whole process%s" % (name, instead)
        )

    function.__name__ = function.__qualname__ = name.rpartition(".")[2]
    return function


def refuse(package, modules, name, *args):
    if hasattr(modules[0], name):
        replace(modules, name, refused(getattr(modules[0], name), package + "." + name, *args))


def replace(modules, name, function):
    original = getattr(modules[0], name)
    for module in modules:
        setattr(module, name, function)
    for group in (os.supports_fd, os.supports_follow_symlinks, os.supports_dir_fd, os.supports_effective_ids):
        if original in group:
            group.add(function)


refuse("os", [posix, os], "fork", RuntimeError, "; subprocess and multiprocessing's \"spawn\" work")
refuse("os", [posix, os], "forkpty")
for name in ("execv", "execve"):
    refuse("os", [posix, os], name, RuntimeError, "; subprocess works")


# The process's working directory before this interpreter changed it.
original_directory = None


def restorable(change):
    def chdir(path):
        global original_directory
        before = posix.getcwd() if original_directory is None else original_directory
        change(path)
        original_directory = before

    chdir.__name__ = chdir.__qualname__ = change.__name__
    chdir.__doc__ = change.__doc__
    return chdir


def restore_directory():
    global original_directory
    if original_directory is not None:
        os.chdir(original_directory)
        original_directory = None


for name in ("chdir", "fchdir"):
    replace([posix, os], name, restorable(getattr(posix, name)))
