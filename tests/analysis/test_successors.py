"""A task that ended where another began may be the next version of its prompt: who is proposed, and who is not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from llmwatch.analysis.successors import successors

DAY = timedelta(days=1)
START = datetime(2026, 10, 1)  # noqa: DTZ001 - stored times are UTC without a zone


def lived(task: str, first: float, last: float, a_day: float = 10, **fields: Any) -> dict[str, Any]:
    """A row of the query tasks: from a day to a day."""
    return {"task": task, "source": "", "call_site": "app:draft", "all_calls": round(a_day * (last - first)),
            "first_at": START + first * DAY, "last_at": START + last * DAY, **fields}  # fmt: skip


OTHER = lived("newest", 0, 60, call_site="app:other")


def proposed(*rows: dict[str, Any]) -> list[tuple[str, str]]:
    """(former, later) of what is proposed."""
    return [(one.old, one.new) for one in successors([*rows, OTHER], frozenset(("tag", "header")))]


@pytest.mark.parametrize(
    ("later", "is_proposed"),
    [
        (lived("b", 30, 60), True),
        (lived("b", 28, 60), True),  # a rollout of two days
        (lived("b", 33, 60), True),  # a long weekend
        (lived("b", 30, 60, a_day=30), True),
        (lived("b", 20, 60), False),  # side by side for ten days: variants
        (lived("b", 40, 60), False),  # ten days of nothing
        (lived("b", 30, 60, a_day=60), False),  # another job
        (lived("b", 30, 60, a_day=0.5), False),  # hardly a call
        (lived("b", 30, 60, call_site="app:sort"), False),
        (lived("b", 30, 60, source="tag"), False),
        (lived("f / other prompts", 30, 60), False),
    ],
)
def test_what_began_where_another_ended_is_proposed(later: dict[str, Any], is_proposed: bool) -> None:
    """The former from day 0 to day 30, ten calls a day."""
    assert proposed(lived("a", 0, 30), later) == ([("a", str(later["task"]))] if is_proposed else [])


def test_only_one_that_fits_alone_is_proposed() -> None:
    """Of two that began where one ended either may be it; of a chain each is the next of the one before."""
    assert proposed(lived("a", 0, 30), lived("b", 30, 60), lived("c", 31, 60)) == []
    assert proposed(lived("a", 0, 20), lived("b", 20, 40), lived("c", 40, 60)) == [("b", "c"), ("a", "b")]


def test_what_was_called_yesterday_has_not_ended() -> None:
    """The newest call of the store is of day 60."""
    assert proposed(lived("a", 0, 59), lived("b", 58, 60, a_day=11)) == []
