"""Erasure: what was purged is in no row and no byte of spool and store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from llmwatch.call import encode_record
from llmwatch.errors import UsageError
from llmwatch.pseudonym import load_key, pseudonym
from llmwatch.settings import Settings
from llmwatch.spool import CALL, list_segments
from llmwatch.store import Store
from llmwatch.store.task_edits import TaskEdit, load_edits
from tests.stores import fill

from .records import STARTED_US, attempt, call, merged, query, spool, store

CANARY = "canary-customer-8f2e"
MONDAY = datetime(2026, 11, 30)  # noqa: DTZ001 - stored times are UTC without a zone


def bytes_under(home: Path) -> bytes:
    """Every byte of every file of the home folder."""
    return b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def test_a_purged_customer_is_in_no_byte_of_the_home_folder(tmp_path: Path) -> None:
    """Rows, sampled texts, attempts, texts of others that name him, and what a live writer's segment still held."""
    theirs = call(customer_id=CANARY, input_messages=f'["I am {CANARY}"]', session_id=f"s-{CANARY}")
    other = call(
        customer_id="other", output_messages=f'["about {CANARY}"]', attributes={"note": CANARY}, input_characters=1
    )
    writer = spool(tmp_path, theirs, other, *[call() for _ in range(50)], attempts=(attempt(theirs),), seal=False)
    opened = store(tmp_path)
    opened.merge()
    assert CANARY.encode() in bytes_under(tmp_path)

    result = opened.purge(customer=CANARY)

    assert (result.calls, result.content, result.attempts, result.mentions) == (1, 1, 1, 1)
    assert result.is_verified, result.remaining
    assert CANARY.encode() not in bytes_under(tmp_path)
    assert query(opened, "select count(*), count(attributes) from calls") == [(51, 0)]
    assert writer.append(CALL, encode_record(call()))
    assert opened.merge().damaged_records == 0
    assert query(opened, "select count(*) from calls") == [(52,)]
    assert (tmp_path / "store.duckdb").stat().st_mode & 0o777 == 0o600


def test_a_purged_user_is_found_by_the_pseudonym(tmp_path: Path) -> None:
    """The plain id a person gives is turned into what the store holds."""
    key = load_key(tmp_path / "user.key", create=True)
    assert key is not None
    hashed = pseudonym(key, "user@example.org")
    opened = merged(tmp_path, call(user_id=hashed), call(user_id="user@example.org"), call(user_id="someone else"))

    result = opened.purge(user="user@example.org")

    assert result.calls == 2
    assert result.is_verified, result.remaining
    assert query(opened, "select user_id from calls") == [("someone else",)]
    assert hashed.encode() not in bytes_under(tmp_path)


def test_purging_by_age_keeps_what_is_younger(tmp_path: Path) -> None:
    """The moment itself stays; a moment with a time zone is understood."""
    opened = merged(tmp_path, call(started_us=STARTED_US - 1), call(started_us=STARTED_US))

    assert opened.purge(older_than=datetime(2026, 11, 21, tzinfo=UTC)).calls == 1
    assert query(opened, "select count(*) from calls") == [(1,)]


def test_a_purge_of_nothing_is_refused(tmp_path: Path) -> None:
    """An empty name must not mean everybody, and nothing is deleted."""
    opened = merged(tmp_path, call())

    with pytest.raises(UsageError, match="Nothing to purge"):
        opened.purge(customer="")

    assert query(opened, "select count(*) from calls") == [(1,)]
    assert list_segments(tmp_path / "spool") == []


def test_calls_merged_before_a_purge_are_not_merged_again(tmp_path: Path) -> None:
    """The rewritten file remembers how far each live segment was merged, and keys, views and prices."""
    writer = spool(tmp_path, call(customer_id=CANARY), call(), seal=False)
    opened = store(tmp_path)

    opened.purge(customer=CANARY)
    opened.merge()
    writer.close()
    opened.merge()

    assert query(opened, "select count(*), count(cost_usd) from calls") == [(1, 1)]
    assert query(opened, "select count(*) from call_facts") == [(1,)]


def test_what_is_said_beside_a_purged_customers_calls_goes_with_them(tmp_path: Path) -> None:
    """Scores, money, replays and judgements of the customer, and words of others that name him; others' stay."""
    theirs, other = call(customer_id=CANARY), call(customer_id="other")
    opened = merged(tmp_path, theirs, other)
    rows = {
        "scores": ("score_id, scored_at, response_id, comment", "'{}', now()::timestamp, '{}', '{}'"),
        "revenue": ("event_id, occurred_at, recorded_at, kind, customer_id", "'{}', now(), now(), 'revenue', '{}'"),
        "replays": ("replay_id, state, recorded_at, span_id, output_messages", "'{}', 'ok', now(), '{}', '{}'"),
        "judgements": ("judgement_id, state, recorded_at, span_id, reason", "'{}', 'ok', now(), '{}', '{}'"),
    }
    with opened.changing() as con:
        for number, (record, customer) in enumerate(((theirs, CANARY), (other, "other"))):
            reference = {"scores": record["response_id"], "revenue": customer}
            for table, (columns, values) in rows.items():
                text = values.format(number, reference.get(table, record["span_id"]), f"of {CANARY}")
                con.execute(f"insert into {table} ({columns}) values ({text})")

    result = opened.purge(customer=CANARY)

    assert (result.beside, result.calls) == (4, 1)
    assert result.is_verified, result.remaining
    assert CANARY.encode() not in bytes_under(tmp_path)
    left = {table: query(opened, f"select count(*) from {table}") for table in rows}
    assert left == {table: [(1,)] for table in rows}


# Tables that a purge leaves nothing of a customer in, by the columns that name him; every one is not null or a text.
NAMED = {
    "tasks": {"task_key": "k", "task_name": f"reply {CANARY}", "bucket": "b", "call_site": f"app:{CANARY}"},
    "task_members": {"task_key": "k", "prompt_hash": "", "task_name": f"reply {CANARY}", "bucket": "b"},
    "task_renames": {"given_name": f"a {CANARY}", "task_name": f"b {CANARY}"},
    "prompts": {"task_name": f"reply {CANARY}", "prompt_hash": "h", "prompt_version": "v"},
    "prompt_versions": {"task_name": f"reply {CANARY}", "prompt_version": "v", "number": 1, "text": f"Of {CANARY}"},
    "drift": {"task_name": f"reply {CANARY}", "week": MONDAY, "evidence": "label", "verdict": "fell", "detail": CANARY},
    "drift_alarms": {
        "task_name": f"reply {CANARY}", "said_of": CANARY, "evidence": "label", "week": MONDAY, "raised_at": MONDAY,
        "since_week": MONDAY, "earliest_week": MONDAY, "latest_week": MONDAY, "loss": 0.1,
    },
    "drift_acknowledgements": {
        "task_name": f"reply {CANARY}", "week": MONDAY, "acknowledged_at": MONDAY, "note": CANARY, "is_undone": False,
    },
    "downgrade": {
        "task_name": f"reply {CANARY}", "model": "a", "candidate_model": "b", "decided_at": MONDAY, "verdict": "keep",
        "sentence": CANARY,
    },
    "quality": {"task_name": f"reply {CANARY}", "period": "7d", "since": MONDAY, "until": MONDAY},
    "revenue_withdrawn": {"event_id": CANARY, "occurred_at": MONDAY, "recorded_at": MONDAY, "customer_id": CANARY},
    "pipeline_events": {"event_id": "e", "happened_at": MONDAY, "kind": "x", "detail": f"of {CANARY}"},
    "kept_records": {"kind": "Z", "payload": CANARY},
    "task_edits": {
        "edit_id": "1", "edited_at": MONDAY, "action": "rename", "is_undone": False,
        "arguments": f'{{"names": ["a {CANARY}"], "into": "reply {CANARY}"}}',
    },
}  # fmt: skip


@pytest.mark.parametrize("is_alone", [True, False])
def test_a_purged_customer_is_in_no_table_under_any_name(is_alone: bool, tmp_path: Path) -> None:
    """Names of tasks, edits, verdicts, alarms and prompts, whether or not calls of others are left under them."""
    theirs = call(customer_id=CANARY, task=f"a {CANARY}", prompt_hash="h", tool_calls=[CANARY])
    others = [call(customer_id="other", task=None if is_alone else f"a {CANARY}", prompt_hash="h", tool_names=[CANARY])]
    opened = merged(tmp_path, theirs, *others)
    for table, row in NAMED.items():
        fill(Settings(home=tmp_path), [row], table)
    assert CANARY.encode() in bytes_under(tmp_path)

    result = opened.purge(customer=CANARY)

    assert result.is_verified, result.remaining
    assert CANARY.encode() not in bytes_under(tmp_path)
    assert query(opened, "select count(*) from calls") == [(1,)]
    assert [edit.names for edit in load_edits_of(opened)] == [("a purged",)]
    assert opened.merge().blocked is None


def load_edits_of(opened: Store) -> list[TaskEdit]:
    """The edits as the store reads them."""
    with opened.read() as con:
        return load_edits(con)


def test_texts_and_names_worked_out_of_purged_calls_go_with_the_last_of_them(tmp_path: Path) -> None:
    """By age: the prompt that only they had, the task that only they were, what was judged and scored of them."""
    old = call(started_us=STARTED_US - 1, task_key="k" * 16, call_site="app:old", prompt_hash="old",
               system_instructions='"Speak like a pirate."', input_messages="[]")  # fmt: skip
    opened = merged(tmp_path, old, call(task="kept", prompt_hash="new"))
    rows = {
        "prompts": {"prompt_hash": "old", "prompt_version": "v", "task_name": "old"},
        "prompt_versions": {"task_name": "old", "prompt_version": "v", "number": 1, "text": "Speak like a pirate."},
        "replays": {"replay_id": "r", "state": "answered", "recorded_at": MONDAY, "span_id": old["span_id"]},
        "judgements": {"judgement_id": "j", "state": "answered", "recorded_at": MONDAY, "replay_id": "r"},
        "scores": {"score_id": "s", "scored_at": MONDAY, "name": "pair", "replay_id": "r", "comment": "pirate"},
        "task_moves": {"span_id": old["span_id"], "moved_at": MONDAY, "task_origin": "pirates"},
    }
    for table, row in rows.items():
        fill(Settings(home=tmp_path), [row], table)

    assert opened.purge(older_than=datetime(2026, 11, 21, tzinfo=UTC)).calls == 1

    assert {table: query(opened, f"select count(*) from {table}")[0][0] for table in rows} == dict.fromkeys(rows, 0)
    assert query(opened, "select task_name from tasks") == []
    assert b"pirate" not in bytes_under(tmp_path)
