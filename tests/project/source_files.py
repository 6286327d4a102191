"""The texts of source files."""
import os


def read(directory, ending):
    """The texts of the files below a directory whose names have this ending, by their paths. Without build outputs."""
    texts = {}
    for parent, children, names in os.walk(directory):
        children[:] = [child for child in children if child != "target"]
        for name in names:
            if name.endswith(ending):
                path = os.path.join(parent, name)
                with open(path, encoding="utf-8") as file:
                    texts[os.path.relpath(path, directory).replace(os.sep, "/")] = file.read()
    return texts
