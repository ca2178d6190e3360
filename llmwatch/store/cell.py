"""Owns the inside of the jail: runs one query of a user's own with every way out closed, then ends.

Started as a script with a request on standard input, so that it shares nothing with the process that asks. Imports
nothing of llmwatch; lowers its own limits before it opens anything.
"""

from __future__ import annotations

import json
import resource
import sys
from datetime import date, datetime
from decimal import Decimal
from typing import Any


def _lower_limits(request: dict[str, Any]) -> None:
    for name, value in (
        (resource.RLIMIT_AS, request["memory_bytes"]),
        (resource.RLIMIT_CPU, request["cpu_s"]),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(name, (value, value))


def _cell(value: Any, longest: int, cut: list[bool]) -> Any:
    """A value that JSON can carry, types it lacks as a single-entry object; a long text is cut, which is noted."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else {"$float": str(value)}
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, datetime):
        return {"$timestamp": value.isoformat()}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    if isinstance(value, list | tuple):
        return [_cell(v, longest, cut) for v in value[:longest]]
    if isinstance(value, dict):
        return {"$map": [[str(k), _cell(v, longest, cut)] for k, v in value.items()]}
    text = str(value)
    if len(text) > longest:
        cut.append(True)
        text = text[:longest]
    return text


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    import duckdb

    config = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "python_enable_replacements": "false",
        "memory_limit": request["duckdb_memory"],
        "threads": "1",
        "temp_directory": "",
    }
    con = duckdb.connect(request["path"], read_only=True, config=config)
    con.execute("set enable_progress_bar = false")
    con.execute("set TimeZone = 'UTC'")
    con.execute("set lock_configuration = true")
    statements = con.extract_statements(request["query"])
    allowed = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
    if len(statements) != 1 or statements[0].type not in allowed:
        return {"refused": "only one query that reads is answered"}
    result = con.execute(statements[0])
    columns = [column[0] for column in result.description or ()]
    rows: list[list[Any]] = []
    room = request["max_bytes"]
    cut: list[bool] = []
    while len(rows) <= request["max_rows"] and room > 0:
        values = result.fetchone()
        if values is None:
            break
        row = [_cell(value, request["max_cell"], cut) for value in values]
        room -= len(json.dumps(row))
        rows.append(row)
    is_cut = bool(cut) or room <= 0 or len(rows) > request["max_rows"]
    return {"columns": columns, "rows": rows[: request["max_rows"]], "truncated": is_cut}


def main() -> None:
    """Writes one JSON object, whatever happens short of the limits' own signals."""
    request = json.load(sys.stdin)
    sys.path[:] = request["sys_path"]
    _lower_limits(request)
    try:
        answer = _answer(request)
    except MemoryError:
        answer = {"memory": True}
    except Exception as e:
        answer = {"error": str(e), "kind": type(e).__name__}
    try:
        text = json.dumps(answer)
    except MemoryError:
        text = '{"memory": true}'
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
