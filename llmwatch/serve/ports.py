"""Owns finding out who listens on a port of this machine, to say it to somebody who wants it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_LISTEN: Final = "0A"


def port_holder(port: int) -> int | None:
    """The process that listens on the TCP port; None where that cannot be seen."""
    inodes = _inodes(port)
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            for entry in os.scandir(folder):
                if str(Path(entry.path).readlink()) in wanted:
                    return int(folder.parent.name)
        except OSError:
            # Another user's process, or one that has ended.
            continue
    return None


def _inodes(port: int) -> set[str]:
    found: set[str] = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{table}").read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found
