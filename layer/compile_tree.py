"""Compiles a folder to bytecode with unchecked hashes. Run by the target's interpreter, never imported.

CDK gives every file the time 1980, so Python would take ordinary bytecode for stale. Standard library only:
the interpreter may be the WebAssembly CPython that compile.mjs starts.
"""

import os
import py_compile
import sys


def compile_tree(root: str) -> int:
    """Compile every module below `root`, in sorted order, to `__pycache__`; returns how many there were.

    The bytecode names its source as Lambda will see it, below /opt, so that it is the same wherever it is
    built.
    """
    count = 0
    for folder, names, files in os.walk(root):
        names.sort()
        for name in sorted(files):
            if name.endswith(".py"):
                source = os.path.join(folder, name)  # noqa: PTH118 -- pathlib triples the start of the WebAssembly Python
                py_compile.compile(
                    source,
                    dfile="/opt/" + os.path.relpath(source, root).replace(os.sep, "/"),
                    doraise=True,
                    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
                    optimize=0,
                )
                count += 1
    return count


if __name__ == "__main__":
    compile_tree(sys.argv[1])
