"""Each panel, by each filter, over three ranges, says what the test's own arithmetic says of the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from llmwatch.dashboards.expand import interval_ms
from llmwatch.dashboards.queries import Query, queries
from llmwatch.store.file import connect, set_meta
from llmwatch.wire.engine import Engine
from tests.stores import MOMENT, empty_store, fill

from . import oracle

RANGES = {"12h": timedelta(hours=12), "7d": timedelta(days=7), "30d": timedelta(days=30)}
FILTERS: dict[str, dict[str, Sequence[str]]] = {
    "all": {},
    "task": {"task": ["triage", "it's"]},
    "task of a name that means all": {"task": ["All (name)"]},
    "task, with quotes": {"task": ['say "so"', "long\\one"]},
    "no task": {"task": ["(none)"]},
    "model": {"model": ["gpt-5-mini"]},
    "service": {"service": ["*"]},
    "feature": {"feature": ["search", "(none)"]},
    "customer": {"customer": ["customer 1", "customer 5"]},
    "customer without revenue": {"customer": ["customer 7"]},
    "customer without prices": {"customer": ["customer 8"]},
    "no customer": {"customer": ["(none)"]},
    "nobody": {"customer": ["nobody"]},
    "several": {"customer": [f"customer {n}" for n in range(6)], "task": ["reply", "triage"], "service": ["web", "*"]},
}
LISTS: dict[str, dict[str, Sequence[str]]] = {
    **{status: {"status": [status]} for status in ("failed", "left", "cut off", "unpriced", "complete")},
    "session": {"session": ["session 3"]},
    "search": {"search": ["IT'S"]},
    "all of them": {"status": ["left"], "session": ["session 3"], "search": ["web"], "task": ["triage", "reply"]},
}
# The others take as long each; the slow lane has them.
QUICK = {("all", "30d"), ("task, with quotes", "7d"), ("customer", "7d"), ("several", "30d"), ("all of them", "30d")}
# Of the analysis, which the rows of calls alone do not have; another test has them.
NOT_OF_CALLS = {"tasks": {3, 4, 5, 6, 7, 16}, "downgrade": {3, 4, 5, 6, 7, 8, 9, 10, 11}, "calls": {10, 11}}
QUIET = {"Models that stop answering"}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """What answers the wire, over the invented rows."""
    home: Path = tmp_path_factory.mktemp("filters") / "home"
    settings = empty_store(home)
    fill(settings, oracle.invented_calls())
    fill(settings, sorted([*oracle.invented_revenue(), *oracle.invented_outcomes()], key=sorted), "revenue")
    shared = [
        {"name": by, "cost_usd": a_day, "per": "day", "divided_by": by, "starts_at": datetime(2026, 1, 1)}  # noqa: DTZ001
        for by, a_day in oracle.SHARED.items()
    ]
    fill(settings, shared, "shared_costs")
    with connect(settings.store_path, settings.home, read_only=False) as con:
        set_meta(con, "target_margin", str(oracle.TARGET_MARGIN))
    made = Engine(home, settings.store_path, "1GB", shows_content=False)
    yield made
    made.release()


def rows_of(engine: Engine, text: str) -> list[dict[str, Any]]:
    """The answer as mappings."""
    with engine.lease() as con:
        result = con.execute(text)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def near(value: Any) -> Any:
    """Equal but for the order of a sum and parts of a nano-dollar."""
    return None if value is None else pytest.approx(float(value), rel=1e-6, abs=1e-8)


def number(value: Any) -> Any:
    """A number of any kind, or none."""
    return None if value is None else float(value)


def of_chart(rows: list[dict[str, Any]]) -> dict[Any, Any]:
    """{(start, series): value}; what a step does not have is left out."""
    found: dict[Any, Any] = {}
    for row in rows:
        at = row["time"]
        if "metric" in row:
            found[at, row["metric"]] = row["value"]
        else:
            found |= {(at, name): value for name, value in row.items() if name != "time"}
    return found


def compare(query: Query, expected: Any, rows: list[dict[str, Any]], place: Any) -> None:
    """The panel's rows against what they have to be."""
    title, kind = query.panel["title"], query.panel["type"]
    if title == "Revenue, LLM cost and margin":
        assert {row["metric"] for row in rows} - {"margin", "margin before refunds"} == set(expected), place
        for name, total in expected.items():
            values = [row["value"] for row in rows if row["metric"] == name and row["value"] is not None]
            assert (sum(values) if values else None) == near(total), (place, name)
    elif kind == "timeseries":
        shown = of_chart(rows)
        assert {k for k, v in shown.items() if v} == {k for k, v in expected.items() if v}, place
        for key, value in expected.items():
            assert number(shown.get(key)) == near(value) or not value, (place, key)
    elif kind == "stat" and query.format == "time_series":
        assert sum(row["value"] for row in rows) == near(expected or 0), place
        assert len({row["time"] for row in rows}) == len(rows), place
    elif kind == "stat":
        (value,) = rows[0].values()
        if isinstance(expected, str):
            assert str(value).startswith(expected), place
        else:
            assert number(value) == near(expected), place
    else:
        lines(title, expected, rows, place)


def lines(title: str, expected: Mapping[str, Mapping[str, Any]], rows: list[dict[str, Any]], place: Any) -> None:
    """A table's lines, by their first column; of a board that cuts its list those it has."""
    columns = list(rows[0]) if rows else []
    key = "id" if title == "Calls" else columns[0] if columns else ""
    named = {f"{row['kind']} {row['name']}" if title == "What moved most" else row[key]: row for row in rows}
    if title == "Outcomes":
        named = {row["outcome"]: row for row in rows}
    if title not in (
        "Money, against the time before",
        "What may have been paid for nothing",
        "What the money was paid for",
    ):
        limit = 8 if title.startswith("Spend of these") else 12
        assert set(named) == set(expected) or (len(named) == limit and set(named) < set(expected)), place
    for name, row in expected.items():
        if name in named:
            for column, value in row.items():
                tolerance = (
                    pytest.approx(value, rel=1e-6) if column.startswith("P") and value is not None else near(value)
                )
                assert number(named[name][column]) == tolerance, (place, name, column)


def asked(board: str = "") -> list[Query]:
    """Every panel that calls, revenue and outcomes alone decide."""
    return [
        q
        for q in queries()
        if q.kind == "panel" and q.panel["id"] not in NOT_OF_CALLS.get(q.board, ()) and board in ("", q.board)
    ]


def check(engine: Engine, query: Query, span: timedelta, filters: Mapping[str, Sequence[str]]) -> None:
    """One panel, by these filters, over the range."""
    panel = query.panel
    since = MOMENT - span
    step = 0
    if panel["type"] == "timeseries":
        step = interval_ms(since, MOMENT, int(panel["maxDataPoints"]), str(panel["interval"])) // 1000
    chosen = {k: v if k in oracle.DIMENSIONS else v[0] for k, v in filters.items()}
    rows = rows_of(engine, query.text(since, MOMENT, chosen))
    left = oracle.Left(since, MOMENT, filters, CALLS, REVENUE, OUTCOMES, step)
    answer = oracle.listed if panel["type"] == "table" and panel["title"] == "Calls" else oracle.ANSWERS[panel["title"]]
    expected = answer(left)
    # Which of two models answers most is not told where they are alike.
    if not (panel["title"].startswith("Models") and not expected):
        compare(query, expected, rows, (query.board, panel["title"], dict(filters), span))


CALLS, REVENUE, OUTCOMES = oracle.invented_calls(), oracle.invented_revenue(), oracle.invented_outcomes()


def test_every_panel_has_an_answer_of_its_own() -> None:
    """None is left out without a word."""
    titles = {query.panel["title"] for query in asked()} - QUIET

    assert titles == set(oracle.ANSWERS)


def each(names: Mapping[str, Any]) -> list[Any]:
    """Every filter over every range."""
    return [
        pytest.param(name, span, marks=() if (name, span) in QUICK else pytest.mark.slow)
        for name in names
        for span in RANGES
    ]


@pytest.mark.parametrize(("name", "span"), each(FILTERS))
def test_each_panel_says_what_the_rows_say(engine: Engine, name: str, span: str) -> None:
    """Every board, by the filters that all have."""
    for query in asked():
        if query.panel["title"] not in QUIET:
            check(engine, query, RANGES[span], FILTERS[name])


@pytest.mark.parametrize(("name", "span"), each(LISTS))
def test_the_call_explorer_counts_what_it_lists(engine: Engine, name: str, span: str) -> None:
    """Ended, Session and Search, in the figures and the chart over the list as in the list."""
    for query in asked("calls"):
        check(engine, query, RANGES[span], LISTS[name])
