"""Runs every benchmark, each in a process of its own: `make bench`. Prints figures, judges none."""

from __future__ import annotations

import platform
import subprocess
import sys

PARTS = ("overhead", "start", "facts", "spool", "merge", "report")


def main() -> int:
    """0 if every part ran."""
    print(f"Python {platform.python_version()} on {platform.machine()}; compare within one run, not between machines.")
    failed = 0
    for part in PARTS:
        print(f"\n--- {part}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"tests.bench.{part}"], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
