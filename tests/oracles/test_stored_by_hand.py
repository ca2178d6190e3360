"""What is stored of an answer and read back, by its names and on its sides."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llmwatch.analysis.activity import Activity, together
from llmwatch.analysis.spend import Period
from llmwatch.errors import UsageError
from llmwatch.figures.beside import Beside
from llmwatch.figures.quality import load_quality
from llmwatch.figures.reading import Reading
from llmwatch.settings import Settings
from llmwatch.store import file
from llmwatch.store.file import connect, get_meta, set_meta
from llmwatch.store.kept_money import KEPT_UNTIL
from llmwatch.store.plans import subscriptions
from llmwatch.store.queries import create_views, rows
from tests.store.records import STARTED_US, call, merged, query

from .random_store import SINCE, UNTIL


def test_a_price_in_use_is_named_by_who_bills_it_and_what(tmp_path: Path) -> None:
    """Provider, model, host and tier stand under their own heads, with the price of the newest call."""
    tuned = {"response_model": None, "request_model": "gpt-4o-mini", "service_tier": None}
    opened = merged(tmp_path, call(), call(started_us=STARTED_US + 10**9), call(**tuned))

    with opened.read() as con:
        create_views(con)
        found = rows(con, "prices_used")

    heads = ("provider_name", "model", "host", "service_tier", "is_batch", "input_per_mtok", "output_per_mtok")
    assert [tuple(row[head] for head in heads) for row in found] == [
        ("openai", model, "api.openai.com", tier, False, Decimal("0.15"), Decimal("0.6"))
        for model, tier in (("gpt-4o-mini", None), ("gpt-4o-mini-2024-07-18", "default"))
    ]


@pytest.mark.parametrize(
    ("evidences", "is_asked"),
    [((), False), (("label",), False), (("judge",), True), (("label", "judge"), True), (("review", "label"), False)],
)
def test_a_judge_is_held_to_people_where_there_is_one(evidences: tuple[str, ...], is_asked: bool) -> None:
    """Audits are asked for if any score is a judge's."""
    known: dict[str, list[dict[str, Any]]] = {
        "quality_scores": [{"evidence": evidence} for evidence in evidences],
        "judge_audits": [{"n": 1}], "answer_checks": [], "unresolved_scores": [{"unresolved": 0}],
    }  # fmt: skip
    reading: Any = SimpleNamespace(rows=lambda name, **_: known[name], hindrances=())

    assert list(load_quality(reading, SINCE, UNTIL).audits) == (known["judge_audits"] if is_asked else [])


BATCH = {
    "operation_name": "fetch_batch", "endpoint": "/batches/{id}", "http_request_method": "GET", "is_batch": True,
    "response_id": "batch_1", "batch_requests": 1, "input_tokens": 1000, "output_tokens": 100,
    "usage_raw": '{"input_tokens": 1000, "output_tokens": 100}',
}  # fmt: skip
LINE = {"operation_name": "chat", "is_batch": True, "response_id": "line_1", "input_tokens": 1000, "output_tokens": 100}


@pytest.mark.parametrize(
    ("files", "read", "sources"),
    [
        (["out", ""], "out", ["repeated", "response"]),
        (["out", "err"], "out", ["repeated", "response"]),
        (["out", "err"], "err", ["response", "response"]),
        (["", "err"], "err", ["response", "response"]),
        (["out", "err"], "other", ["response", "response"]),
    ],
)
@pytest.mark.parametrize("order", ["batch first", "line first", "together"])
def test_the_lines_of_an_output_file_stand_for_their_batch(
    tmp_path: Path, files: list[str], read: str, sources: list[str], order: str
) -> None:
    """Whichever arrives first; lines of its error file alone do not stand for it, nor those of another batch."""
    batch, line = call(**BATCH, batch_files=files), call(**LINE, batch_file=read)
    batches = {"batch first": ([batch], [line]), "line first": ([line], [batch]), "together": ([batch, line],)}
    for several in batches[order]:
        opened = merged(tmp_path, *several)

    found = query(opened, "select usage_source from calls order by response_id")
    assert [source for (source,) in found] == sources


@pytest.mark.parametrize(
    ("days_later", "until"), [(-3, "2026-11-18 00:00:00"), (-1, "2026-11-20 00:00:00"), (9, "2026-11-25 00:00:00")]
)
def test_days_are_kept_up_to_the_first_call_that_arrives(tmp_path: Path, days_later: int, until: str) -> None:
    """Kept until 25 November; a call of the 18th, the 20th, or the 30th."""
    merged(tmp_path, call())
    with connect(tmp_path / "store.duckdb", tmp_path, read_only=False) as con:
        set_meta(con, KEPT_UNTIL, "2026-11-25 00:00:00")

    opened = merged(tmp_path, call(started_us=STARTED_US + days_later * 86_400_000_000))

    with opened.read() as con:
        assert get_meta(con, KEPT_UNTIL) == until


@pytest.mark.parametrize("has_pipe", [True, False])
def test_a_second_process_is_asked_where_there_is_one(tmp_path: Path, has_pipe: bool) -> None:
    """It is told the file, the period and the moment; without a process nothing is."""
    opened, sent = merged(tmp_path, call()), []
    pipe: Any = SimpleNamespace(send=sent.append) if has_pipe else None
    period = Period(SINCE, UNTIL)

    with opened.read() as con:
        is_asked = Beside(pipe, None, lambda: None).ask(Reading(con), period)

    assert is_asked is has_pipe
    assert sent == ([(tmp_path / "store.duckdb", period, None)] if has_pipe else [])


@pytest.mark.parametrize(
    ("usd", "is_known"), [(0, True), (999_999_999, True), (999_999_999.99, True), (10**9, False), (-1, False)]
)
def test_a_plan_costs_less_than_a_billion(usd: float, is_known: bool) -> None:
    """From nothing on; anything else is a slip."""
    settings = Settings(
        plans={"pro": {"price_usd": usd}}, subscriptions=({"customer": "a", "plan": "pro", "from": "2026-11-01"},)
    )

    if is_known:
        assert [one.amount_usd for one in subscriptions(settings)] == [Decimal(str(usd))]
    else:
        with pytest.raises(UsageError, match="price_usd"):
            subscriptions(settings)


def test_a_model_under_several_names_ran_from_its_first_call_to_its_last() -> None:
    """Of each the earliest or latest, and the longest pause."""
    day = timedelta(days=1)
    names = [Activity(SINCE + day, SINCE + 2 * day, day, UNTIL), Activity(SINCE, SINCE + day, 3 * day, UNTIL + day),
             Activity(SINCE + 2 * day, SINCE + 5 * day, 2 * day, UNTIL)]  # fmt: skip

    assert together(names) == Activity(SINCE, SINCE + 5 * day, 3 * day, UNTIL + day)
    assert together([]) is None


def test_a_replay_that_failed_for_now_is_no_pair(tmp_path: Path) -> None:
    """Only an answer, or a refusal for good, has facts; the later one of an input counts."""
    con = file.connect(":memory:", tmp_path, read_only=False)
    file.migrate(con, 0)
    facts = '{"is_same": true}'
    for n, (state, said) in enumerate((("answered", facts), ("failed", None), ("failed", facts), ("sent", None))):
        for at, one, known in ((0, "sent", None), (1, state, said)):
            con.execute(
                "insert into replays by name select $id as replay_id, 'r' as run_id, $state as state, $at::timestamp as"
                " recorded_at, 'x' as span_id, 'draft' as task_name, 'm' as model, $facts as facts",
                {"id": f"p{n}", "state": one, "at": SINCE + timedelta(seconds=2 * n + at), "facts": known},
            )

    assert [(row["replay_id"], row["state"]) for row in rows(con, "replayed", task="draft", model="m")] == [
        ("p0", "answered"), ("p2", "failed"),
    ]  # fmt: skip
