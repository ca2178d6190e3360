"""The adapters of tests/README.md: its examples run, and every kind of input it names is read or refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmwatch.analysis.discovery import PromptRecord, discover
from llmwatch.analysis.downgrade import Stakes, paired_verdict
from llmwatch.analysis.drift import weekly_alarms
from llmwatch.errors import UsageError

BLOCKS = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[1] / "README.md").read_text("utf-8"), re.DOTALL)
# 12 good weeks of 20 scores, 3 bad ones; the same ones of 20 fail.
ROWS = [("t", week, "en", float(i >= (2 if week < 12 else 12))) for week in range(15) for i in range(20)]
ITEMS = [(f"a{i}", "en", 1.0, 1.0, None) for i in range(400)]
SYSTEM = "You are the classifier of incoming tickets of a small shop and answer with one word of the list."
MESSAGES = [("system", SYSTEM), ("user", "Hello")]


@pytest.mark.parametrize("code", BLOCKS, ids=lambda code: code.splitlines()[0])
def test_every_example_of_the_tests_readme_runs(code: str) -> None:
    """As printed, in a namespace of its own."""
    exec(code, {})


def test_the_readme_has_an_example_of_every_adapter() -> None:
    """A block lost is a test lost."""
    assert len(BLOCKS) == 3


@pytest.mark.parametrize(
    "convert",
    [
        lambda t, w, s, x: (t, np.int64(w), s, np.float32(x)),
        lambda t, w, s, x: (t, float(w), s, Decimal(str(x))),
        lambda t, w, s, x: [t, w, None, bool(x)],
        lambda t, w, s, x: (t, w, 7, np.bool_(x)),
    ],
)
def test_numbers_of_any_kind_give_the_same_alarms(convert: Callable[..., Any]) -> None:
    """numpy, Decimal, bool and whole floats, backwards and from a generator."""

    def seen(rows: Any) -> list[Any]:
        return [(d.task, d.week, d.since_week, d.loss) for d in weekly_alarms(rows)]

    assert seen(ROWS)
    assert seen(convert(*row) for row in reversed(ROWS)) == seen(ROWS)


@pytest.mark.parametrize("kind", [date.fromisoformat, np.datetime64, str])
def test_days_of_any_kind_are_named_by_their_monday(kind: Callable[[str], Any]) -> None:
    """Whichever day of the week they are."""
    monday = date(2026, 8, 3)
    rows = [(t, kind((monday + timedelta(7 * w + w % 7)).isoformat()), s, x) for t, w, s, x in ROWS]
    since = {str(d.since_week) for d in weekly_alarms(rows)}
    assert since == {str(monday + timedelta(7 * 12))}


def test_strata_with_and_without_a_name_and_a_numbered_task_are_read() -> None:
    """The task comes back as the number it was."""
    rows = [(7, w, "en" if i % 2 else None, x) for i, (_, w, _, x) in enumerate(ROWS)]
    assert {d.task for d in weekly_alarms(rows)} == {7}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("t", 1, "en")], "four parts"),
        ([("t", 1.5, "en", 1)], "neither a whole number nor a date"),
        ([("t", None, "en", 1)], "neither a whole number nor a date"),
        ([("t", "2026-13-01", "en", 1)], "is no date"),
        ([("t", 1, "en", 1), ("t", date(2026, 1, 1), "en", 1)], "two kinds"),
        ([("t", 1, "en", None)], "is None"),
        ([("t", 1, "en", "1")], "Scores lie between 0 and 1"),
        ([("t", 20260101, "en", 1), ("t", 20270101, "en", 1)], "10,001 weeks"),
        ("rows", "list or a generator"),
    ],
)
def test_rows_that_are_none_are_refused_in_one_sentence(rows: Any, said: str) -> None:
    """With what was wrong in it."""
    with pytest.raises(UsageError, match=said):
        weekly_alarms(rows)


@pytest.mark.parametrize(
    "convert",
    [
        lambda i, s, a, b, j: [np.str_(i), None, np.float64(a), np.bool_(b), j],
        lambda i, s, a, b, j: (int(i[1:]), 3, Decimal(1), True, float("nan")),
    ],
)
def test_items_of_any_kind_give_the_same_verdict(convert: Callable[..., Any]) -> None:
    """And after the same number of replays."""
    answer, plain = paired_verdict(convert(*item) for item in ITEMS), paired_verdict(ITEMS)
    assert (answer.verdict.kind, answer.replays) == (plain.verdict.kind, plain.replays) == ("move", 148)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (("a", "en", 1.0, 1.0), "five parts"),
        (("a", "en", None, None, "loses"), "judge verdict"),
        (("a", "en", "1", 1.0, None), "not from 0 to 1"),
    ],
)
def test_items_that_are_none_are_refused_in_one_sentence(item: Any, said: str) -> None:
    """With what was wrong in it."""
    with pytest.raises(ValueError, match=said):
        paired_verdict([item])


@pytest.mark.parametrize("margin", [0, 1, float("nan")])
def test_a_margin_that_is_no_share_is_refused(margin: float) -> None:
    """Neither 0 nor 1 can be tested."""
    with pytest.raises(ValueError, match="margin"):
        paired_verdict(ITEMS, stakes=Stakes("scores", margin))


def test_strata_of_several_kinds_stand_side_by_side() -> None:
    """Told apart by how they print."""
    items: Any = [(i, k if (k := n % 3) else "x", a, b, j) for n, (i, _, a, b, j) in enumerate(ITEMS)]
    assert set(paired_verdict(items).verdict.strata) == {"x", "1", "2"}


def test_records_as_requests_hold_them_are_the_same_task() -> None:
    """Dicts, parts, None and schema objects beside plain records."""
    parts = [{"type": "text", "text": SYSTEM}, {"type": "image_url", "image_url": {"url": "u"}}]
    asked = {"type": "json_schema", "json_schema": {"name": "Ticket"}}
    messages = [{"role": "system", "content": parts}, {"role": "assistant", "content": None}, MESSAGES[1]]
    plain = [PromptRecord(f"p{i}", "s", ("a", "b"), "Ticket", MESSAGES) for i in range(8)]
    dicts = [
        {"id": i, "call_site": "s", "tool_names": ["b", None, "a"], "response_format": asked, "messages": messages}
        for i in range(8)
    ]
    found = discover([*plain, *dicts])
    assert set(found) == {*(f"p{i}" for i in range(8)), *range(8)}
    assert len(set(found.values())) == 1


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (("a", None, (), None, MESSAGES), "type tuple"),
        ({"id": "a", "tools": ()}, "fields id, tools"),
        ({"id": "a", "messages": b"Hello"}, "no list"),
        ({"id": "a", "messages": [("user", b"Hello")]}, "type bytes"),
        ({"id": "a", "response_format": 3}, "response format"),
    ],
)
def test_records_that_are_none_are_refused_in_one_sentence(record: Any, said: str) -> None:
    """With what was wrong in it."""
    with pytest.raises(UsageError, match=said):
        discover([record])


def test_repeated_ids_are_refused() -> None:
    """Also where only their kind differs."""
    with pytest.raises(UsageError, match="Two records"):
        discover([{"id": 1}, {"id": "1"}])


@pytest.mark.parametrize("items", [None, 5, "abc", b"abc"])
def test_items_that_are_no_list_are_refused_in_one_sentence(items: Any) -> None:
    """What was given is named, and what an item is."""
    with pytest.raises(ValueError, match=rf"the items {items!r} are no list of items: "):
        paired_verdict(items)
