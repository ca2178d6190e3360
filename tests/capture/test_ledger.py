"""What a program says beside its calls: written once, found by the call, never an exception."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Generator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAI
from opentelemetry import trace as trace_api
from opentelemetry.sdk.trace import TracerProvider

import llmwatch
from llmwatch.capture import ledger
from llmwatch.capture.recorder import state
from llmwatch.spool import EVENT, FEEDBACK, REVENUE, list_segments
from llmwatch.standin import StandinServer
from tests.spooled import calls, records


@pytest.fixture
def home(tmp_path: Path) -> Generator[Path]:
    """A home that capture writes to."""
    llmwatch.init(home=tmp_path / "home", service_name="web")
    ledger._refused.clear()
    try:
        yield tmp_path / "home"
    finally:
        llmwatch.shutdown()
        state.settings = None


def revenue_of(home: Path) -> list[dict[str, Any]]:
    """All records of revenue and outcomes."""
    return records(home, REVENUE)


def scores_of(home: Path) -> list[dict[str, Any]]:
    """All records of scores."""
    return records(home, FEEDBACK)


def test_revenue_takes_whom_it_is_from_out_of_the_tags_in_force(home: Path) -> None:
    """What is given wins over the tags; what is not given comes from them."""
    with llmwatch.customer("acme"), llmwatch.task("reply.draft"), llmwatch.feature("inbox"):
        assert llmwatch.revenue("49.90", feature="api", plan="pro", event_id="inv-1", note="October")

    [record] = revenue_of(home)
    assert {k: v for k, v in record.items() if not k.endswith("_us")} == {
        "customer_id": "acme", "task": "reply.draft", "feature": "api", "plan": "pro", "event_id": "inv-1",
        "amount_usd": "49.900000000", "kind": "revenue", "note": "October", "source": "code",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "stored"),
    [
        (0.1, "0.100000000"),
        (0.1 + 0.2, "0.300000000"),
        (-12, "-12.000000000"),
        (Decimal("0.0000000015"), "0.000000002"),
        ("1e3", "1000.000000000"),
    ],
)
def test_an_amount_is_exact_to_the_nano_dollar(home: Path, amount: Any, stored: str) -> None:
    """Floats by their repr; refunds are negative."""
    llmwatch.revenue(amount, customer="acme")

    assert [r["amount_usd"] for r in revenue_of(home)] == [stored]


def test_a_period_and_a_moment_are_utc(home: Path) -> None:
    """Dates begin at midnight UTC; revenue over a period without a moment occurs where the period begins."""
    llmwatch.revenue(30, customer="acme", period=(date(2026, 11, 1), "2026-12-01T00:00:00+00:00"))
    llmwatch.revenue(1, customer="acme", at=datetime(2026, 11, 1, 12, tzinfo=UTC))

    over, once = revenue_of(home)
    november = 1_793_491_200_000_000
    assert (over["occurred_us"], over["recognised_from_us"]) == (november, november)
    assert over["recognised_until_us"] - november == 30 * 86_400_000_000
    assert once["occurred_us"] == november + 43_200_000_000


def test_feedback_finds_the_call_by_its_answer(home: Path) -> None:
    """By the SDK's object, by its id, from the record of the call itself."""
    with StandinServer() as server:
        client = OpenAI(base_url=server.base_url, api_key="k")
        answer = client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}])
        client.close()

    assert llmwatch.feedback(True, call=answer)
    assert llmwatch.feedback(0.25, call=answer.id, scorer="ann", evidence="label", false_facts=2)

    [call] = calls(home)
    first, second = scores_of(home)
    assert first["response_id"] == second["response_id"] == call["response_id"]
    assert (first["value"], second["value"], second["false_facts"]) == (1.0, 0.25, 2)
    assert "trace_id" not in first


def test_a_changed_mind_is_the_same_score(home: Path) -> None:
    """One scorer, answer and name are one score id; another scorer is another."""
    llmwatch.feedback(True, response_id="r-1", scorer="ann")
    llmwatch.feedback(False, response_id="r-1", scorer="ann")
    llmwatch.feedback(False, response_id="r-1", scorer="bob")

    first, second, third = (record["score_id"] for record in scores_of(home))
    assert first == second != third


def test_the_trace_in_force_says_which_request_it_was(home: Path) -> None:
    """Without a call, the current OpenTelemetry trace; with one, the call alone."""
    tracer = TracerProvider().get_tracer("app")
    with tracer.start_as_current_span("request") as span:
        llmwatch.outcome("ticket.resolved", customer="acme", value_usd=2)
        llmwatch.outcome("ticket.resolved", success=False, call="resp_1")

    trace_id = trace_api.format_trace_id(span.get_span_context().trace_id)
    ambient, named = revenue_of(home)
    assert (ambient["trace_id"], ambient["outcome"], ambient["is_success"]) == (trace_id, "ticket.resolved", True)
    assert (named["response_id"], named["is_success"], named.get("trace_id")) == ("resp_1", False, None)


def test_comments_are_redacted_and_where_no_content_is_kept_they_are_not(home: Path, tmp_path: Path) -> None:
    """As content is: redacted by default, left out inside no_content() and in metadata mode."""
    llmwatch.feedback(False, response_id="r-1", comment="write to ann@example.org")
    with llmwatch.no_content():
        llmwatch.feedback(False, response_id="r-2", comment="secret")
    llmwatch.init(home=tmp_path / "bare", content="metadata")
    llmwatch.feedback(False, response_id="r-3", comment="secret")

    first, second = scores_of(home)
    assert "ann@example.org" not in first["comment"]
    assert "comment" not in second
    assert "comment" not in scores_of(tmp_path / "bare")[0]


WRONG: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("revenue", ("ten",), {}),
    ("revenue", (True,), {}),
    ("revenue", (float("nan"),), {}),
    ("revenue", (10**9,), {}),
    ("revenue", (), {}),
    ("revenue", (1,), {"custmer": "acme"}),
    ("revenue", (1,), {"at": "yesterday"}),
    ("revenue", (1,), {"at": 5}),
    ("revenue", (1,), {"period": ("2026-11-02", "2026-11-01")}),
    ("revenue", (1,), {"period": ("2026-11-02", None)}),
    ("revenue", (1,), {"customer": ["acme"]}),
    ("revenue", (1,), {"call": object()}),
    ("outcome", ("",), {}),
    ("outcome", ("won",), {"success": "yes"}),
    ("feedback", (7,), {"response_id": "r"}),
    ("feedback", ("good",), {"response_id": "r"}),
    ("feedback", (True,), {}),
    ("feedback", (), {"response_id": "r"}),
    ("feedback", (True,), {"response_id": "r", "evidence": "judge"}),
    ("feedback", (True,), {"response_id": "r", "false_facts": -1}),
]


def _id(value: object) -> str:
    """The same in every process: without an address."""
    return repr(value).partition(" object at")[0][:40]


@pytest.mark.parametrize(("name", "arguments", "keywords"), WRONG, ids=_id)
def test_a_wrong_argument_is_dropped_and_counted(
    home: Path, caplog: pytest.LogCaptureFixture, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    """Never raised: an event each time, one line of log, no record."""
    with caplog.at_level(logging.WARNING, "llmwatch"):
        assert not getattr(llmwatch, name)(*arguments, **keywords)
        assert not getattr(llmwatch, name)(*arguments, **keywords)

    events = records(home, EVENT)
    assert [event["kind"] for event in events] == ["argument_refused", "argument_refused"]
    assert (revenue_of(home), scores_of(home), len(caplog.records)) == ([], [], 1)


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), st.text(max_size=20), st.binary(max_size=5),
    st.datetimes(), st.dates(), st.lists(st.integers(), max_size=3), st.tuples(st.dates(), st.dates()),
)  # fmt: skip
KEYS = ("customer", "task", "call", "response_id", "event_id", "at", "period", "note", "plan", "comment", "label", "x")


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(["revenue", "outcome", "feedback"]),
    first=ANYTHING,
    keywords=st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=4),
)
def test_nothing_that_is_handed_over_raises(
    tmp_path_factory: pytest.TempPathFactory, name: str, first: Any, keywords: dict[str, Any]
) -> None:
    """Whatever the arguments, the answer is True or False."""
    state.settings = None
    os.environ["LLMWATCH_HOME"] = str(tmp_path_factory.getbasetemp() / "anything")
    try:
        assert getattr(llmwatch, name)(first, **keywords) in (True, False)
    finally:
        del os.environ["LLMWATCH_HOME"]


def test_another_process_needs_no_init(tmp_path: Path) -> None:
    """A worker that never calls init() writes by the environment, and loads neither the store nor the SDK."""
    code = (
        "import sys, llmwatch; assert llmwatch.feedback(True, response_id='r-1');"
        "assert not {'duckdb', 'polars', 'openai', 'typer'} & set(sys.modules)"
    )
    environment = {**os.environ, "LLMWATCH_HOME": str(tmp_path / "home")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
    assert [record["response_id"] for record in scores_of(tmp_path / "home")] == ["r-1"]


def test_after_shutdown_the_same_home_is_written_to_and_a_disabled_one_is_not(tmp_path: Path) -> None:
    """The settings of the last init() hold, also the one that says to record nothing."""
    try:
        llmwatch.init(home=tmp_path / "home")
        llmwatch.shutdown()
        assert llmwatch.revenue(1, customer="acme")
        llmwatch.init(home=tmp_path / "off", disabled=True)
        assert not llmwatch.revenue(1, customer="acme")
    finally:
        state.settings = None

    assert len(revenue_of(tmp_path / "home")) == 1
    assert not (tmp_path / "off").exists()


def test_a_forked_child_and_its_parent_both_write(home: Path) -> None:
    """Each to a segment of its own; none twice, none lost."""
    llmwatch.revenue(1, customer="parent")
    child = os.fork()
    if not child:
        os._exit(0 if llmwatch.revenue(2, customer="child") else 1)
    _, status = os.waitpid(child, 0)
    llmwatch.revenue(3, customer="parent")

    assert status == 0
    assert sorted(r["amount_usd"][0] for r in revenue_of(home)) == ["1", "2", "3"]
    assert len(list_segments(home / "spool")) == 2


def test_a_home_that_cannot_be_written_costs_the_record_and_nothing_else(tmp_path: Path) -> None:
    """A file where the folder should be: False, no exception."""
    (tmp_path / "home").write_text("mine", "utf-8")
    try:
        llmwatch.init(home=tmp_path / "home")
        assert not llmwatch.revenue(1, customer="acme")
        assert not llmwatch.feedback(True, response_id="r")
    finally:
        llmwatch.shutdown()
        state.settings = None
