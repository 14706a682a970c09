"""Compiles the modules named on stdin, one path a line, into the folder given as the argument.

A module that was compiled at another time does not count as compiled in an image, where all files have the same
time, and a program would spend its own time on compiling it. These say that they are not to be compared. What is
written depends on the sources and on nothing else, as long as all are compiled by one process in one order.
"""

import importlib.util
import py_compile
import sys

folder = sys.argv[1]
for line in sys.stdin:
    source = line.rstrip("\n")
    try:
        py_compile.compile(
            source,
            cfile=folder + importlib.util.cache_from_source(source),
            dfile=source,
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    except py_compile.PyCompileError:
        # Standard libraries hold files that are wrong on purpose.
        continue
