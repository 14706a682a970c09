"""Says what a Python runtime is made of, so that a cell holds that and nothing else.

Runs once at start, outside any cell, before hostile code exists. Prints lines of `kind<TAB>path`:
executable, file (to be mounted alone), link (a symbolic link beside a file), tree (a directory of the
standard library), version.
"""

import importlib
import os
import sys
import sysconfig

trees = {os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
executable = os.path.realpath(sys.executable)
for tree in trees:
    extensions = os.path.join(tree, "lib-dynload")
    for name in sorted(os.listdir(extensions)) if os.path.isdir(extensions) else []:
        module = name.split(".", 1)[0]
        # A test module may call back into the interpreter's internals, and Tk wants a display.
        if "test" in module or module in ("_tkinter", "_xxsubinterpreters"):
            continue
        try:
            importlib.import_module(module)
        except Exception:
            # Its library is not installed here: it will not be importable in the cell either.
            continue

with open("/proc/self/maps", encoding="utf-8") as maps:
    mapped = {line.split(maxsplit=5)[5].strip() for line in maps if line.count("/")}
files = {executable}
for path in mapped:
    real = os.path.realpath(path)
    is_library = ".so" in os.path.basename(real) and os.path.isfile(real)
    if is_library and not any(real.startswith(tree + os.sep) for tree in trees):
        files.add(real)

print("version", "%d.%d.%d" % sys.version_info[:3], sep="\t")
print("executable", executable, sep="\t")
for tree in sorted(trees):
    print("tree", tree, sep="\t")
for path in sorted(files):
    print("file", path, sep="\t")
    directory = os.path.dirname(path)
    # A library is asked for by its soname, which is a symbolic link beside it.
    for entry in os.scandir(directory) if path != executable else []:
        if entry.is_symlink() and os.path.realpath(entry.path) == path:
            print("link", entry.path, sep="\t")
