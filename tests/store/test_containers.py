"""Containers are billed by the session: once per 20 minutes of a container, to the call that is the first in them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmwatch.settings import Settings
from llmwatch.store import Store
from llmwatch.store.file import connect
from llmwatch.store.repricing import reprice

from .records import STARTED_US, call, merged, query

MINUTE = 60_000_000
TERMS = "tool_cost_usd, container_sessions, cost_grade"


def used(minute: float, *containers: str, **more: Any) -> dict[str, Any]:
    """A response that ran code in these containers, so many minutes after the first."""
    known = {"endpoint": "/responses", "container_ids": list(containers), "container_calls": 1}
    return call(started_us=int(STARTED_US + minute * MINUTE), **{**known, "container_memory": "1g", **more})


def fees(opened: Store) -> list[Decimal]:
    """What each call paid for containers, in the order of their starts."""
    return [row[0] for row in query(opened, "select tool_cost_usd from calls order by started_at")]


def cents(*amounts: int) -> list[Decimal]:
    """Dollars."""
    return [Decimal(amount) / 100 for amount in amounts]


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        # the same container for a quarter of an hour, and again after its 20 minutes
        ([used(0, "c"), used(5, "c"), used(15, "c")], cents(3, 0, 0)),
        ([used(0, "c"), used(19.9, "c"), used(20, "c"), used(39, "c")], cents(3, 0, 3, 0)),
        ([used(0, "c"), used(15, "c"), used(30, "c"), used(45, "c")], cents(3, 0, 3, 3)),
        # each container pays for itself
        ([used(0, "c"), used(1, "d"), used(2, "c", "d")], cents(3, 3, 0)),
        ([used(0, "c", "d")], cents(6)),
        # sizes
        ([used(0, "c", container_memory="4g")], cents(12)),
        ([used(0, "c", container_memory="16g")], cents(48)),
        ([used(0, "c", container_memory="64g"), used(25, "c", container_memory=None)], cents(192, 192)),
    ],
)
@pytest.mark.parametrize("order", ["together", "apart"])
def test_a_session_is_paid_once(tmp_path: Path, calls: list[dict[str, Any]], expected: list[Decimal], order: str):
    """The same in one batch and in several."""
    batches = [calls] if order == "together" else [[record] for record in calls]
    for batch in batches:
        opened = merged(tmp_path, *batch)

    assert fees(opened) == expected


def test_a_call_that_arrives_late_pays_no_second_time(tmp_path: Path):
    """Whoever arrived first has paid for the session that both used."""
    for minute in (15, 5, 0):
        opened = merged(tmp_path, used(minute, "c"))

    assert fees(opened) == cents(0, 0, 3)


def test_an_unknown_size_is_taken_as_the_smallest_and_said(tmp_path: Path):
    """Grade B with the reason; a call that only uses the session again is none the wiser and owes nothing."""
    opened = merged(tmp_path, used(0, "c", container_memory=None), used(1, "c", container_memory=None))

    note = "the memory limit of the container was not reported, taken as 1g"
    rows = query(opened, f"select {TERMS}, cost_note from calls order by started_at")
    assert rows == [(Decimal("0.03"), 1, "B", note), (0, 0, "A", None)]


def test_the_size_is_known_from_the_call_that_made_the_container(tmp_path: Path):
    """A later session of it costs the same."""
    merged(tmp_path, used(0, "c", container_memory="4g"))
    opened = merged(tmp_path, used(21, "c", container_memory=None))

    rows = query(opened, f"select {TERMS} from calls order by started_at")
    assert rows == [(Decimal("0.12"), 1, "A"), (Decimal("0.12"), 1, "A")]


def test_an_answer_read_again_pays_no_container(tmp_path: Path):
    """The call that made it did, in whichever order both arrive."""
    made = used(0, "c", response_id="r")
    read = used(3, "c", response_id="r", operation_name="fetch_response")
    merged(tmp_path, read)
    opened = merged(tmp_path, made)

    assert fees(opened) == cents(3, 0)


def test_a_code_run_without_a_named_container_is_not_free(tmp_path: Path):
    """Its container time is named as missing."""
    opened = merged(tmp_path, used(0, container_ids=None))

    (row,) = query(opened, f"select {TERMS}, cost_note from calls")
    assert row == (0, None, "B", "container time is billed per container and is not in this cost")


def test_repricing_changes_no_session(tmp_path: Path):
    """Who pays was decided when the call arrived."""
    opened = merged(tmp_path, *(used(minute, "c", container_memory="16g") for minute in (0, 5, 25)))
    before = fees(opened)
    with connect(tmp_path / "store.duckdb", tmp_path, read_only=False) as con:
        con.execute("update calls set tool_cost_usd = 7, cost_usd = 7")
        reprice(con, Settings(home=tmp_path), None, None, is_dry=False)

    assert fees(opened) == before == cents(48, 0, 48)
