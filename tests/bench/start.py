"""What `import llmwatch` and `init()` cost a process in time and memory, against a process that only imports openai."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time

_PROBE = """
import json, resource, sys, time
def rss():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20
{before}
memory, started, cpu = rss(), time.perf_counter(), time.process_time()
{measured}
print(json.dumps([(time.perf_counter() - started) * 1e3, (time.process_time() - cpu) * 1e3, rss() - memory,
    [m for m in ("duckdb", "polars", "typer", "rich", "numpy", "openai") if m in sys.modules]]))
"""
_CALLS = """
import openai, httpx2
from tests.bench.overhead import _client, shapes
call = shapes(_client())["chat, not streamed"][0]
call()
"""


def probe(before: str, measured: str, rounds: int = 5) -> tuple[float, float, float, list[str]]:
    """(wall ms, CPU ms, MiB of resident memory, heavy modules loaded) of `measured`, the median of fresh processes."""
    rows = []
    for _ in range(rounds):
        code = _PROBE.format(before=before, measured=measured)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout))
    wall, cpu, memory = (statistics.median(row[i] for row in rows) for i in range(3))
    return wall, cpu, memory, rows[0][3]


def ending_ms(setup: str, rounds: int = 5) -> float:
    """Milliseconds from a program's last line to its end, the median of fresh processes."""
    code = f"{setup}\n{_CALLS}\nimport time; print(time.monotonic(), flush=True)"
    found = []
    for _ in range(rounds):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        found.append((time.monotonic() - float(done.stdout)) * 1e3)
    return statistics.median(found)


def main() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as home:
        init = f"import llmwatch; llmwatch.init(home={home!r})"
        rows = {
            "import openai (baseline)": probe("", "import openai"),
            "import llmwatch": probe("", "import llmwatch"),
            "import llmwatch and init(), openai not imported": probe("", init),
            "init() alone, openai imported before": probe(
                f"import openai, llmwatch; llmwatch.init(home={home!r}, attempts='off'); llmwatch.shutdown()",
                f"llmwatch.init(home={home!r})",
            ),
            "init() and its imports, openai imported before": probe("import openai", init),
            "1,000 chat calls, bare": probe(_CALLS, "for _ in range(1000): call()"),
            "1,000 chat calls, llmwatch": probe(f"{init}\n{_CALLS}", "for _ in range(1000): call()"),
        }
        bare, ours = ending_ms(""), ending_ms(init)
    print(f"{'process':<50}{'wall ms':>10}{'CPU ms':>10}{'MiB':>8}  heavy modules")
    for name, (wall, cpu, memory, modules) in rows.items():
        print(f"{name:<50}{wall:>10.1f}{cpu:>10.1f}{memory:>8.1f}  {', '.join(modules) or '-'}")
    print(f"from the last line to the end: bare {bare:.0f} ms, llmwatch {ours:.0f} ms ({ours - bare:+.0f} ms)")


if __name__ == "__main__":
    main()
