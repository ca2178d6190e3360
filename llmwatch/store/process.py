"""Owns how a process of ours is started: wherever it runs, it sees the modules that this one sees and no others."""

from __future__ import annotations

import sys


def command_of(module: str, *arguments: str) -> list[str]:
    """The command line that runs `main` of the module; neither its folder nor variables change what that is."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from {module} import main; main()"
    return [sys.executable, "-I", "-c", code, *arguments]
