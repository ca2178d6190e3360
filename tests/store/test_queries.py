"""Every query and view is on disk, in the registry, opens with what a row is, and binds against today's schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmwatch.store import Store, queries
from tests.stores import MOMENT, empty_store

QUERY_FILES = sorted(Path(queries.__file__).parent.glob("*.sql"))
MACRO_FILES = sorted((Path(queries.__file__).parent.parent / "macros").glob("*.sql"))
VIEW_FILES = sorted((Path(queries.__file__).parent.parent / "views").glob("*.sql"))


def test_the_registry_and_the_directory_name_the_same_queries() -> None:
    """No file without a name, no name without a file."""
    assert [path.stem for path in QUERY_FILES] == sorted(queries.QUERIES)
    assert sorted(queries.VIEWS) == [path.stem for path in VIEW_FILES]
    assert sorted(queries.MACROS) == [path.stem for path in MACRO_FILES]


@pytest.mark.parametrize("path", [*QUERY_FILES, *VIEW_FILES], ids=lambda path: path.stem)
def test_a_file_opens_with_what_a_row_is_and_stays_readable(path: Path) -> None:
    """The first line is a comment about rows; at most 120 lines; keywords are lower case."""
    text = path.read_text("utf-8")

    assert text.startswith("-- One row")
    assert text.count("\n") <= 140
    assert re.search(r"\b(SELECT|FROM|WHERE|GROUP|ORDER|WITH|JOIN)\b", text) is None


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An empty store that is read."""
    with Store(empty_store(tmp_path_factory.mktemp("queries") / "home")).read() as con:
        queries.create_views(con)
        yield con


@pytest.mark.parametrize("name", queries.QUERIES)
def test_every_query_binds_against_todays_schema(name: str, con: Any) -> None:
    """EXPLAIN knows every column and relation of it, with every parameter given."""
    sql = queries.query_sql(name)
    given = {
        "since": MOMENT, "until": MOMENT, "previous_since": MOMENT, "dimension": "task", "revenue_by": "calls",
        "names": ["a"],
        "top": 10, "limit": 10, "kind": None, "step_seconds": 86400, "steps": 7,
         "paying": ["acme"], "id": "abcd", "span_id": "abcd",
        "key": "abcd", "rate": 0.01, "floor": 5, "task": "a", "model": "a", "rubric_hash": "a", "span_ids": ["a"],
        "tasks": ["a"], "evidences": ["label"], "series": [""],
    }  # fmt: skip
    parameters = {key: given[key] for key in set(re.findall(r"\$(\w+)", re.sub(r"--.*", "", sql)))}

    plan = con.execute(f"explain {sql}", parameters).fetchall()

    assert plan
