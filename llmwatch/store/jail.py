"""Owns the outside of the jail: asks a process with limits to run a user's own SQL, and reads what it may say.

`read_only` is no sandbox and DuckDB's memory limit bounds no single function (store measurements of 2026-11), so the
query runs where a limit of the kernel ends it.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast

from ..errors import StoreError, UsageError

_CELL: Final = Path(__file__).with_name("cell.py")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may cost."""

    rows: int = 10_000
    memory_bytes: int = 1 << 30
    # What DuckDB keeps its buffers to; the rest of the memory is for what it does not count.
    duckdb_memory: str = "400MB"
    cpu_s: int = 5
    wall_s: float = 10.0
    answer_bytes: int = 32 << 20
    cell_characters: int = 32_768


@dataclass(frozen=True, slots=True)
class Answer:
    """Columns and rows of a query; `is_truncated` if rows or texts beyond the limits are left out."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    is_truncated: bool


def run(path: Path, query: str, limits: Limits) -> Answer:
    """The query's answer; UsageError if it is wrong or asks too much, StoreError if the store cannot be read."""
    request = {
        "path": str(path),
        "query": query,
        "sys_path": sys.path,
        "memory_bytes": limits.memory_bytes,
        "duckdb_memory": limits.duckdb_memory,
        "cpu_s": limits.cpu_s,
        "max_rows": limits.rows,
        "max_bytes": limits.answer_bytes,
        "max_cell": limits.cell_characters,
    }
    command = [sys.executable, "-I", "-S", str(_CELL)]
    try:
        done = subprocess.run(
            command, input=json.dumps(request).encode(), capture_output=True, timeout=limits.wall_s, check=False
        )
    except subprocess.TimeoutExpired as e:
        raise UsageError(
            f"The query took longer than {limits.wall_s:g} s and was ended.", "Ask for a shorter period."
        ) from e
    return _read(done, path, limits)


def _read(done: subprocess.CompletedProcess[bytes], path: Path, limits: Limits) -> Answer:
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise UsageError(
            f"The query used more than {limits.cpu_s} s of computing time and was ended.", "Ask for a shorter period."
        )
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        # A process that ran out of memory may not have had enough left to say so.
        answer = {"memory": True}
    problem = str(answer.get("error", ""))
    if answer.get("memory") or "out of memory" in problem.lower() or "bad_alloc" in problem:
        raise UsageError(
            f"The query needs more than {limits.memory_bytes >> 20} MiB of memory and was ended.",
            "Ask for fewer rows or a shorter period.",
        )
    if "refused" in answer:
        raise UsageError(f"The query was refused: {answer['refused']}.", "Write one select.")
    if "error" in answer:
        text = " ".join(problem.split())
        if "Could not set lock" in text:
            raise StoreError(f"{path} is open in another process: {text}.", "Repeat the command in a moment.")
        raise UsageError(f"The query failed: {text}.")
    return Answer(answer["columns"], [tuple(map(_value, row)) for row in answer["rows"]], answer["truncated"])


def _map(pairs: Any) -> dict[str, Any]:
    return {key: _value(value) for key, value in pairs}


_TYPES: Final[Mapping[str, Callable[[Any], Any]]] = {
    "$decimal": Decimal,
    "$timestamp": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$float": float,
    "$map": _map,
}


def _value(value: Any) -> Any:
    """What `cell` made of a value, made back."""
    if isinstance(value, list):
        return [_value(v) for v in cast("list[Any]", value)]
    if isinstance(value, dict):
        ((name, text),) = cast("dict[str, Any]", value).items()
        return _TYPES[name](text)
    return value
