"""Owns what a query may name: relations that are meant to be seen and functions that reach nothing outside.

Works on the tree that DuckDB's own parser makes of the text, so that what is judged is what is run. Whatever the tree
holds beyond the known kinds is walked through like everything else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

from .protocol import Problem
from .statements import CATALOG, INFORMATION

# What may stand after `from` besides relations. Everything else that is called there reads files, settings, other
# databases or SQL out of a string.
_TABLE_FUNCTIONS: Final = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree", "repeat_row"})
# They wait, write, tell about the process, or run what the guard has not seen.
_REFUSED_FUNCTIONS: Final = frozenset(
    {
        "getenv", "pg_sleep", "write_log", "nextval", "currval", "getvariable", "current_query", "query", "query_table",
        "json_execute_serialized_sql", "json_serialize_plan", "read_text", "read_blob", "glob", "in_search_path",
        "parse_duckdb_log_message",
    }
)  # fmt: skip
_QUALIFIERS: Final = frozenset({CATALOG, INFORMATION})
_PLAIN_NAME: Final = re.compile(r"[^./\\\0]{1,200}\Z")
_HIDDEN: Final = frozenset({"content", "prompt_versions", "prompts", "kept_records", "task_edits"})


@dataclass(frozen=True, slots=True)
class Visible:
    """The relations that exist for a client: schema -> names; the first schema needs no qualifier."""

    database: str
    schemas: dict[str, frozenset[str]]
    # Relations with arguments, unqualified.
    figures: frozenset[tuple[str, ...]] = frozenset()

    def holds(self, path: tuple[str, ...]) -> bool:
        """True if the name, qualified or not, is one of them."""
        if len(path) == 3 and path[0] == self.database:
            path = path[1:]
        if len(path) == 1:
            return any(path[0] in names for names in self.schemas.values())
        return len(path) == 2 and path[1] in self.schemas.get(path[0], frozenset())


def check(con: Any, query: str, visible: Visible) -> None:
    """Raises a Problem unless the text is one query that reads nothing but visible relations."""
    row = con.execute(
        "select json_serialize_sql(?, skip_null := true, skip_empty := true, skip_default := true)", [query]
    ).fetchone()
    tree: dict[str, Any] = json.loads(row[0])
    if tree.get("error"):
        text = str(tree.get("error_message", "syntax error"))
        if "Only SELECT" in text:
            raise Problem("0A000", "only queries are answered, and PIVOT is not one of them here")
        raise Problem("42601", text)
    if len(tree.get("statements", ())) != 1:
        raise Problem("42601", "cannot insert multiple commands into a prepared statement")
    named = set(_own_names(tree))
    for node in _nodes(tree):
        _check_node(con, node, named, visible)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            node = cast("dict[str, Any]", value)
            yield node
            waiting.extend(node.values())
        elif isinstance(value, list):
            waiting.extend(cast("list[Any]", value))


def _own_names(tree: Any) -> Iterator[str]:
    """Names that the query gives to parts of itself."""
    for node in _nodes(tree):
        parts = node.get("cte_map", {})
        for entry in cast("list[dict[str, Any]]", parts.get("map", []) if isinstance(parts, dict) else []):
            name = str(entry.get("key", "")).lower()
            # A name that could be a file's would be looked for on disk where it is out of scope.
            if not _PLAIN_NAME.match(name):
                raise Problem("42602", "a name inside the query has characters that it may not have")
            yield name


def _path(node: dict[str, Any], fallback: str) -> tuple[str, ...]:
    qualified = node.get("qualified_name", {})
    path = cast("list[Any]", qualified.get("path", []) if isinstance(qualified, dict) else [])
    return tuple(str(part).lower() for part in path) or (str(node.get(fallback, "")).lower(),)


def _check_node(con: Any, node: dict[str, Any], named: set[str], visible: Visible) -> None:
    kind = node.get("type")
    if kind == "BASE_TABLE":
        path = _path(node, "table_name")
        if not (len(path) == 1 and path[0] in named) and not visible.holds(path):
            raise _unknown(path)
    elif kind == "SHOW_REF":
        if "query" not in node:
            raise Problem("0A000", "SHOW is not answered here", "Ask information_schema.tables.")
    elif kind == "TABLE_FUNCTION":
        path = _path(cast("dict[str, Any]", node.get("function", {})), "function_name")
        if (
            path[-1] not in _TABLE_FUNCTIONS
            and path not in visible.figures
            and not (len(path) == 2 and path[0] in _QUALIFIERS)
        ):
            raise _refused(con, path)
    elif node.get("class") == "FUNCTION":
        path = _path(node, "function_name")
        if path[-1] in _REFUSED_FUNCTIONS or (len(path) > 1 and path[-2] not in _QUALIFIERS):
            raise Problem("42501", f"permission denied for function {'.'.join(path)}")


def _refused(con: Any, path: tuple[str, ...]) -> Problem:
    """A function that is not answered: there is none of the name, or it reaches what nobody may."""
    name = ".".join(path)
    known = con.execute(
        "select count(*) from duckdb_functions() where lower(function_name) = $1", [path[-1]]
    ).fetchone()
    if known[0]:
        return Problem("42501", f"permission denied for function {name}")
    return Problem("42883", f"function {name} does not exist")


def _unknown(path: tuple[str, ...]) -> Problem:
    name = ".".join(path)
    if path[-1] in _HIDDEN:
        return Problem(
            "42501",
            f'permission denied for relation "{name}": it holds content',
            "Start `llmwatch serve --expose-content` to show it in the schema store.",
        )
    return Problem("42P01", f'relation "{name}" does not exist', "Relations are listed in information_schema.tables.")
